/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a domain's image from a hostile peer: taken apart or refused with a reason, every
 * byte within its record. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/stream.h"

struct memory {
	const uint8_t *at;
	size_t left;
};

static int memory_read(struct mig_io *io, void *buf, size_t len)
{
	struct memory *m = io->priv;

	if (m->left < len)
		return m->left ? -EPIPE : -ENODATA;
	memcpy(buf, m->at, len);
	m->at += len;
	m->left -= len;
	return 0;
}

static volatile uint8_t sink;

static void touch(const uint8_t *p, size_t len)
{
	for (size_t i = 0; i < len; i += 64)
		sink += p[i];
	if (len)
		sink += p[len - 1];
}

static int decode(struct stream_reader *r, const struct stream_record *rec, struct why *why)
{
	static struct stream_delta deltas[STREAM_BATCH];
	struct stream_pages p;
	struct stream_p2m m;
	struct stream_vcpu v;
	struct stream_tsc t;
	unsigned int n;
	int rc = 0;

	switch (rec->type) {
	case STREAM_PAGE_DATA:
		rc = stream_pages(rec, &p, why);
		if (!rc)
			touch(p.data, (size_t)p.with_data * STREAM_PAGE);
		break;
	case STREAM_PAGE_DELTAS:
		rc = stream_deltas(rec, deltas, &n, why);
		for (unsigned int i = 0; !rc && i < n; i++)
			touch(deltas[i].bytes, deltas[i].len);
		break;
	case STREAM_P2M_FRAMES:
		rc = stream_p2m(r, rec, &m, why);
		if (!rc)
			touch(m.pfns, m.count * 8);
		break;
	case STREAM_VCPU_BASIC:
	case STREAM_VCPU_EXTENDED:
	case STREAM_VCPU_XSAVE:
	case STREAM_VCPU_MSRS:
		rc = stream_vcpu(rec, &v, why);
		if (!rc)
			touch(v.context, v.size);
		break;
	case STREAM_TSC_INFO: rc = stream_tsc(rec, &t, why); break;
	default: touch(rec->body, rec->length);
	}
	return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct mig_io_ops ops = { .read = memory_read };
	struct memory m = { data, size };
	struct mig_io io = { .ops = &ops, .priv = &m };
	struct stream_reader r;
	struct stream_record rec = { 0 };
	struct why why = { 0 };
	int rc = stream_read_head(&r, &io, &why);

	r.deltas = true; /* as between hosts */
	while (!rc) {
		rc = stream_read(&r, &rec, &why);
		if (!rc)
			rc = decode(&r, &rec, &why);
		if (!rc && rec.type == STREAM_END)
			break;
	}
	if (rc && (!why.text[0] || why.error == TE_NONE))
		abort(); /* a refusal without a reason */
	stream_reader_free(&r);
	return 0;
}
