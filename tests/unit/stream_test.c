/* SPDX-License-Identifier: BSD-2-Clause */
/* A stream as it is written and read back, and what a hostile one is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "migration/stream.h"

struct memory {
	uint8_t bytes[1 << 20];
	size_t len, at;
};
static struct memory mem;

static int memory_writev(struct mig_io *io, struct iovec *v, int n)
{
	(void)io;
	for (int i = 0; i < n; i++) {
		assert_true(mem.len + v[i].iov_len <= sizeof(mem.bytes));
		if (v[i].iov_len)
			memcpy(mem.bytes + mem.len, v[i].iov_base, v[i].iov_len);
		mem.len += v[i].iov_len;
	}
	return 0;
}

static int memory_read(struct mig_io *io, void *buf, size_t len)
{
	(void)io;
	if (mem.at + len > mem.len)
		return -EPIPE;
	memcpy(buf, mem.bytes + mem.at, len);
	mem.at += len;
	return 0;
}

static const struct mig_io_ops memory_ops = { .read = memory_read, .writev = memory_writev };
static struct mig_io io = { .ops = &memory_ops };
static uint8_t page[STREAM_PAGE];

static void clear(void)
{
	mem.len = mem.at = 0;
}

static void write_front(bool is_32bit)
{
	uint64_t frames[2] = { 7, 8 };

	clear();
	assert_int_equal(stream_write_head(&io, 4, 17), 0);
	assert_int_equal(stream_write_pv_info(&io, is_32bit), 0);
	assert_int_equal(stream_write(&io, STREAM_STATIC_DATA_END, NULL, 0, NULL, 0), 0);
	assert_int_equal(stream_write_p2m_frames(&io, 0, is_32bit ? 1500 : 1000, frames, 2), 0);
}

static void write_whole(bool with_unknown)
{
	uint64_t words[3] = { 5, 6 | (uint64_t)(STREAM_PINNED | STREAM_L4) << 60,
			      9 | (uint64_t)STREAM_ALLOCATE << 60 };
	void *data[2] = { page, page };
	struct stream_tsc tsc = { 2, 3000000, 77, 1 };

	write_front(false);
	page[17] = 3;
	assert_int_equal(stream_write_pages(&io, words, 3, data, 2), 0);
	assert_int_equal(stream_write_tsc(&io, &tsc), 0);
	if (with_unknown)
		assert_int_equal(stream_write(&io, STREAM_OPTIONAL | 0x77, NULL, 0, "some", 4), 0);
	assert_int_equal(stream_write(&io, STREAM_SHARED_INFO, NULL, 0, page, STREAM_PAGE), 0);
	assert_int_equal(stream_write_vcpu(&io, STREAM_VCPU_BASIC, 3, page, 100), 0);
	assert_int_equal(stream_write(&io, STREAM_END, NULL, 0, NULL, 0), 0);
}

static void whole(void **state)
{
	struct stream_tsc t;
	struct stream_reader r;
	struct stream_record rec;
	struct stream_pages p;
	struct stream_p2m m;
	struct stream_vcpu v;
	struct why why = { 0 };
	unsigned int records = 0;

	(void)state;
	write_whole(true);
	assert_int_equal(mem.len % 8, 0);

	assert_int_equal(stream_read_head(&r, &io, &why), 0);
	assert_int_equal(r.version, 3);
	assert_int_equal(r.xen_minor, 17);
	do {
		assert_int_equal(stream_read(&r, &rec, &why), 0);
		records++;
		if (rec.type == STREAM_P2M_FRAMES) {
			assert_int_equal(stream_p2m(&r, &rec, &m, &why), 0);
			assert_int_equal(m.count, 2);
			assert_int_equal(stream_word(m.pfns, 1), 8);
		} else if (rec.type == STREAM_PAGE_DATA) {
			assert_int_equal(stream_pages(&rec, &p, &why), 0);
			assert_int_equal(p.count, 3);
			assert_int_equal(p.with_data, 2);
			assert_int_equal(p.data[STREAM_PAGE + 17], 3);
			assert_int_equal(stream_page_type(stream_word(p.words, 1)),
					 STREAM_PINNED | STREAM_L4);
		} else if (rec.type == STREAM_TSC_INFO) {
			assert_int_equal(stream_tsc(&rec, &t, &why), 0);
			assert_int_equal(t.nsec, 77);
		} else if (rec.type == STREAM_VCPU_BASIC) {
			assert_int_equal(stream_vcpu(&rec, &v, &why), 0);
			assert_int_equal(v.id, 3);
			assert_int_equal(v.size, 100);
		}
	} while (rec.type != STREAM_END);
	assert_int_equal(records, 8); /* the optional one is not among them */
	assert_false(r.is_32bit);
	stream_reader_free(&r);
}

/* Read to the end or to the first refusal, whose text must hold the words. */
static void refused(const char *words)
{
	struct stream_reader r;
	struct stream_record rec = { .type = 1 };
	struct stream_pages p;
	struct stream_p2m m;
	struct why why = { 0 };
	int rc = stream_read_head(&r, &io, &why);

	while (!rc) {
		rc = stream_read(&r, &rec, &why);
		if (!rc && rec.type == STREAM_PAGE_DATA)
			rc = stream_pages(&rec, &p, &why);
		if (!rc && rec.type == STREAM_P2M_FRAMES)
			rc = stream_p2m(&r, &rec, &m, &why);
		if (!rc && rec.type == STREAM_END)
			break;
	}
	stream_reader_free(&r);
	if (!rc || !strstr(why.text, words))
		fail_msg("expected \"%s\", got rc %d \"%s\"", words, rc, why.text);
}

static void hostile_heads(void **state)
{
	(void)state;
	clear();
	mem.len = 40;
	memset(mem.bytes, 0, 40);
	refused("marker");
	clear();
	stream_write_head(&io, 4, 17);
	mem.bytes[15] = 9;
	refused("version 9");
	clear();
	stream_write_head(&io, 4, 17);
	mem.bytes[17] = 1;
	refused("big-endian");
	clear();
	stream_write_head(&io, 4, 17);
	mem.bytes[24] = 2;
	refused("type 2");
	clear();
	stream_write_head(&io, 4, 17);
	refused("ends in the middle");
}

static void hostile_records(void **state)
{
	uint8_t huge[8] = { STREAM_PAGE_DATA, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f };

	(void)state;
	write_front(false);
	stream_write(&io, 0x1f, NULL, 0, NULL, 0);
	refused("unknown and not optional");
	write_front(false);
	stream_write_pv_info(&io, false);
	refused("second record X86_PV_INFO");
	write_front(false);
	mig_write(&io, huge, sizeof(huge));
	refused("PAGE_DATA of 2147483647 bytes");
}

static void hostile_places(void **state)
{
	uint64_t word = 5 | (uint64_t)STREAM_ALLOCATE << 60, bad = 5 | 6ull << 60,
		 reserved = 1ull << 55, data_missing = 5;
	uint64_t frames[1] = { 1 };

	(void)state;
	clear();
	stream_write_head(&io, 4, 17);
	stream_write_pages(&io, &word, 1, NULL, 0);
	refused("wrong side of STATIC_DATA_END");
	clear();
	stream_write_head(&io, 4, 17);
	stream_write_pv_info(&io, false);
	stream_write(&io, STREAM_STATIC_DATA_END, NULL, 0, NULL, 0);
	stream_write_pages(&io, &word, 1, NULL, 0);
	refused("before X86_PV_P2M_FRAMES");
	clear();
	stream_write_head(&io, 4, 17);
	stream_write_pv_info(&io, true);
	stream_write(&io, STREAM_STATIC_DATA_END, NULL, 0, NULL, 0);
	stream_write_p2m_frames(&io, 0, 5000, frames, 1);
	refused("has 1 frames");
	write_front(false);
	stream_write(&io, STREAM_END, NULL, 0, NULL, 0);
	refused("END before");
	write_front(false);
	stream_write_pages(&io, &bad, 1, NULL, 0);
	refused("do not exist");
	write_front(false);
	stream_write_pages(&io, &reserved, 1, NULL, 0);
	refused("do not exist");
	write_front(false);
	stream_write_pages(&io, &data_missing, 1, NULL, 0);
	refused("pages take");
}

static void cut_anywhere(void **state)
{
	size_t whole_len;

	(void)state;
	write_front(true);
	stream_write(&io, STREAM_SHARED_INFO, NULL, 0, page, STREAM_PAGE);
	whole_len = mem.len;
	for (size_t i = 0; i < whole_len; i += i < 200 ? 1 : 97) {
		mem.len = i;
		mem.at = 0;
		refused("ends in the middle");
	}
}

static void deadline(void **state)
{
	struct mig_io_fd f;
	int s[2];
	char c;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
	mig_io_fd(&f, s[0], s[0]);
	f.io.deadline_ns = mig_now_ns() + 20000000;
	assert_int_equal(mig_read(&f.io, &c, 1), -ETIMEDOUT);
	f.io.deadline_ns = 0;
	assert_int_equal(mig_write(&f.io, "ab", 2), 0);
	assert_int_equal(read(s[1], &c, 1), 1);
	assert_int_equal(write(s[1], "x", 1), 1);
	close(s[1]);
	assert_int_equal(mig_read(&f.io, &c, 1), 0);
	assert_int_equal(f.io.bytes_in, 1);
	close(s[0]);
}

/* The whole stream into a file, for another program to read. */
static int write_out(const char *file)
{
	FILE *f = fopen(file, "wb");
	size_t n;

	write_whole(false); /* the published checker knows no optional records */
	n = f ? fwrite(mem.bytes, 1, mem.len, f) : 0;
	return f && !fclose(f) && n == mem.len ? 0 : 1;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),	   cmocka_unit_test(hostile_heads),
		cmocka_unit_test(hostile_records), cmocka_unit_test(hostile_places),
		cmocka_unit_test(cut_anywhere),	   cmocka_unit_test(deadline),
	};

	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_out(argv[2]);
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
