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

#include "migration/delta.h"
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

/* --- deltas, which no file has */

static const struct stream_delta three[3] = { { 5, page, 12 },
					      { 6, page, 0 },
					      { 90, page, DELTA_MOST } };

static int read_deltas(struct stream_delta *d, unsigned int *n, struct why *why)
{
	struct stream_reader r;
	struct stream_record rec = { 0 };
	int rc = stream_read_head(&r, &io, why);

	r.deltas = true;
	while (!rc && rec.type != STREAM_PAGE_DELTAS)
		rc = stream_read(&r, &rec, why);
	rc = rc ? rc : stream_deltas(&rec, d, n, why);
	for (unsigned int i = 0; !rc && i < *n; i++) {
		assert_true(d[i].bytes + d[i].len <= rec.body + rec.length);
		assert_memory_equal(d[i].bytes, page, d[i].len);
	}
	stream_reader_free(&r);
	return rc;
}

/* Where the record begins. */
static uint8_t *write_deltas(void)
{
	uint64_t word = 5;
	void *data = page;
	size_t at;

	write_front(false);
	stream_write_pages(&io, &word, 1, &data, 1);
	at = mem.len;
	assert_int_equal(stream_write_deltas(&io, three, 3), 0);
	return mem.bytes + at;
}

static void deltas(void **state)
{
	struct stream_delta d[STREAM_BATCH], most[STREAM_BATCH + 1] = { 0 };
	struct why why = { 0 };
	unsigned int n;

	(void)state;
	write_deltas();
	assert_int_equal(mem.len % 8, 0);
	assert_int_equal(read_deltas(d, &n, &why), 0);
	assert_int_equal(n, 3);
	for (unsigned int i = 0; i < 3; i++)
		assert_true(d[i].pfn == three[i].pfn && d[i].len == three[i].len);
	mem.at = 0;
	refused("unknown and not optional"); /* nobody agreed on any */
	/* bounds of what is written */
	for (unsigned int i = 0; i <= STREAM_BATCH; i++)
		most[i] = (struct stream_delta){ i, page, 0 };
	assert_int_not_equal(stream_write_deltas(&io, most, 0), 0);
	assert_int_not_equal(stream_write_deltas(&io, most, STREAM_BATCH + 1), 0);
	most[0].len = DELTA_MOST + 1;
	assert_int_not_equal(stream_write_deltas(&io, most, 1), 0);
	most[0].len = 0;
	mem.len = (size_t)(write_deltas() - mem.bytes);
	assert_int_equal(stream_write_deltas(&io, most, STREAM_BATCH), 0);
	assert_int_equal(read_deltas(d, &n, &why), 0);
	assert_int_equal(n, STREAM_BATCH);
}

static void hostile_deltas(void **state)
{
	static const struct {
		unsigned int at, value; /* a byte of the record: 8 of head, 8, and then 16 and a
					   padded delta for each page */
		const char *words;
	} cases[] = {
		{ 8, 0, "PAGE_DELTAS of 0 pages" },
		{ 8, 2, "has 2064 bytes after its 2 pages" },
		{ 8, 4, "4 pages ends in page 3" },
		{ 9, 5, "PAGE_DELTAS of 1283 pages" },
		{ 24, 13, "" }, /* still within its 16 bytes */
		{ 24, 17, "" }, /* whatever is a page then */
		{ 25, 9, "page 0x5 has 2316 bytes; 2048 at most" },
		{ 27, 255, "at most" },
		{ 28, 1, "bits that do not exist" },
		{ 22, 0x10, "bits that do not exist" },
		{ 23, 0x80, "bits that do not exist" },
		{ 48, 5, "is not the next" },
		{ 48, 91, "is not the next" },
		{ 73, 9, "page 0x5a has 2304 bytes" },
		{ 72, 1, "page 0x5a has 2049 bytes" },
		{ 4, 0x41, "a record PAGE_DELTAS of 2113 bytes" },
		{ 4, 0x40, "page 0x5a has 2048 bytes" },
	};
	struct stream_delta d[STREAM_BATCH];
	unsigned int n;

	(void)state;
	for (unsigned int i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct why why = { 0 };
		int rc;

		write_deltas()[cases[i].at] = (uint8_t)cases[i].value;
		rc = read_deltas(d, &n, &why);
		if (*cases[i].words ? !rc || !strstr(why.text, cases[i].words) : rc && !why.text[0])
			fail_msg("byte %u: got %d \"%s\"", cases[i].at, rc, why.text);
	}
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
		cmocka_unit_test(deltas),	   cmocka_unit_test(hostile_deltas),
		cmocka_unit_test(cut_anywhere),	   cmocka_unit_test(deadline),
	};

	if (argc == 3 && strcmp(argv[1], "--write") == 0)
		return write_out(argv[2]);
	return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
