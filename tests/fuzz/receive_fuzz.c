/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile peer's image, received into a domain of a machine in memory. The input is a list of
 * what the stream is made of, so that it gets past the first record: well-formed records with any
 * contents, in any order, and bytes thrown in.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/delta.h"
#include "migration/engine.h"
#include "migration/guest.h"
#include "migration/stream.h"
#include "tests/unit/fake_machine.h"

#define ROOM  (2u << 20)
#define PAGES 300u

static uint8_t bytes[ROOM];
static size_t len, at;

static int memory_writev(struct mig_io *io, struct iovec *v, int n)
{
	(void)io;
	for (int i = 0; i < n; i++) {
		if (len + v[i].iov_len > ROOM)
			return -ENOSPC;
		if (v[i].iov_len)
			memcpy(bytes + len, v[i].iov_base, v[i].iov_len);
		len += v[i].iov_len;
	}
	return 0;
}

static int memory_read(struct mig_io *io, void *buf, size_t n)
{
	(void)io;
	if (at + n > len)
		return -EPIPE;
	memcpy(buf, bytes + at, n);
	at += n;
	return 0;
}

static const struct mig_io_ops ops = { .read = memory_read, .writev = memory_writev };
static struct mig_io io = { .ops = &ops };

struct input {
	const uint8_t *p;
	size_t left;
};

static uint64_t take(struct input *in, size_t n)
{
	uint64_t v = 0;

	n = n < in->left ? n : in->left;
	memcpy(&v, in->p, n);
	in->p += n;
	in->left -= n;
	return v;
}

/* A page of one kind or another: zeros, ones, a page table, a start_info that names pages. */
static void page_fill(uint64_t *page, unsigned int kind)
{
	for (unsigned int i = 0; i < STREAM_PAGE / 8; i++)
		page[i] = kind < 64  ? 0 :
			  kind < 96  ? UINT64_MAX :
			  kind < 192 ? (uint64_t)(i * kind % (PAGES + 8)) << 12 | 0x61 :
				       kind % PAGES;
}

static void pages(struct input *in)
{
	static uint64_t page[STREAM_PAGE / 8];
	uint64_t words[16];
	void *data[16];
	unsigned int n = 1 + take(in, 1) % 16, with_data = 0;

	page_fill(page, (unsigned int)take(in, 1));
	for (unsigned int i = 0; i < n; i++) {
		uint64_t v = take(in, 2);

		words[i] = (v & 0x1ff) | (v >> 12) << 60;
		if (stream_has_data((unsigned int)(v >> 12)))
			data[with_data++] = page;
	}
	stream_write_pages(&io, words, n, data, with_data);
}

/* What differs in some pages: sound, or any bytes. */
static void deltas(struct input *in)
{
	static uint8_t bytes[16][64];
	struct stream_delta d[16];
	unsigned int n = 1 + take(in, 1) % 16;
	uint64_t pfn = 0;

	for (unsigned int i = 0; i < n; i++) {
		uint64_t v = take(in, 3), run = (v >> 16 & 3) * 8;

		pfn += v & 0x1f;
		memset(bytes[i], (int)(v >> 18), sizeof(bytes[i]));
		if (v & 0x8000) {
			memcpy(bytes[i], (uint8_t[]){ v >> 5 & 255, 0, (uint8_t)(run / 8), 0 }, 4);
			d[i] = (struct stream_delta){ pfn++, bytes[i], run ? 4 + run : 0 };
		} else {
			d[i] = (struct stream_delta){ pfn++, bytes[i], v >> 5 & 63 };
		}
	}
	stream_write_deltas(&io, d, n);
}

static void list(struct input *in, bool is_32bit)
{
	uint64_t pfns[4];
	uint32_t last = (uint32_t)take(in, 2) % 2048, per = is_32bit ? 1024 : 512;

	for (unsigned int i = 0; i < 4; i++)
		pfns[i] = take(in, 2) & 0x1ff;
	stream_write_p2m_frames(&io, 0, last, pfns, last / per + 1);
}

static void vcpu(struct input *in, bool is_32bit)
{
	static uint8_t context[8192];
	unsigned int kind = (unsigned int)take(in, 1), where = (unsigned int)take(in, 2);
	static const enum stream_type types[] = { STREAM_VCPU_BASIC, STREAM_VCPU_EXTENDED,
						  STREAM_VCPU_XSAVE, STREAM_VCPU_MSRS };
	size_t size = kind & 64 ? take(in, 2) % sizeof(context) : context_size(is_32bit);
	uint64_t v = take(in, 8);

	memset(context, kind & 128 ? 0 : (int)(v & 0xff), sizeof(context));
	memcpy(context + where % (sizeof(context) - 8), &v, 8);
	stream_write_vcpu(&io, types[kind % 4], kind >> 2 & 3, context, size);
}

static void make(struct input *in)
{
	static uint8_t blank[STREAM_PAGE];
	bool is_32bit = take(in, 1) & 1;

	len = at = 0;
	stream_write_head(&io, 4, 17);
	stream_write_pv_info(&io, is_32bit);
	stream_write(&io, STREAM_STATIC_DATA_END, NULL, 0, NULL, 0);
	while (in->left) {
		uint8_t what = (uint8_t)take(in, 1);

		if (what < 90) {
			pages(in);
		} else if (what < 120) {
			deltas(in);
		} else if (what < 150) {
			list(in, is_32bit);
		} else if (what < 190) {
			vcpu(in, is_32bit);
		} else if (what < 210) {
			stream_write(&io, STREAM_SHARED_INFO, NULL, 0, blank, sizeof(blank));
		} else if (what < 225) {
			stream_write(&io, STREAM_END, NULL, 0, NULL, 0);
		} else if (what < 240) {
			struct stream_tsc t = { (uint32_t)take(in, 1), (uint32_t)take(in, 4),
						take(in, 8), (uint32_t)take(in, 4) };

			stream_write_tsc(&io, &t);
		} else {
			uint64_t v = take(in, 8);

			mig_write(&io, &v, sizeof(v));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct input in = { p, n < 4096 ? n : 4096 };
	struct mig_receive_opts o = { .domid = TO, .max_pages = PAGES, .deltas = true };
	struct mig_receiver *r;
	struct mig_received got;
	struct mig_head head;
	struct why why = { 0 };
	struct host *h;
	struct machine *m;
	unsigned int owned = 0;

	make(&in);
	h = machine_new(bytes[40 + 8] == 4, PAGES);
	m = machine_of(h);
	m->vcpus = 2;
	if (!mig_receive_begin(&r, &io, &head, &why) && mig_receive(r, h, &o, NULL, &got, &why) &&
	    !why.text[0])
		abort(); /* a refusal without a reason */
	mig_receive_end(&r);
	for (unsigned int i = 0; i < MACHINE_FRAMES; i++)
		owned += m->owner[i] == TO;
	if (m->mapped || owned > PAGES + 1)
		abort();
	machine_free(h);
	return 0;
}
