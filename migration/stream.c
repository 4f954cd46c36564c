/* SPDX-License-Identifier: BSD-2-Clause */
/* See stream.h. Every number is written and read by itself: no structure goes out as it lies in
 * memory. */
#include "migration/stream.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "migration/delta.h"

#define MARKER	       UINT64_MAX
#define ID	       0x58454e46u /* "XENF" */
#define VERSION	       3u
#define BIG_ENDIAN_BIT 1u
#define TYPE_X86_PV    1u
#define MAX_CONTEXT    (64u << 10) /* of a processor: XSAVE areas are the longest, some KiB */
#define MAX_P2M	       (8u << 20)  /* bytes of P2M_FRAMES: a guest of 2 TiB */
#define PAGES_MAX      (8 + STREAM_BATCH * (8 + STREAM_PAGE))
#define DELTAS_MAX     (8 + STREAM_BATCH * (STREAM_DELTA_HEAD + DELTA_MOST))
#define BIT(type)      (1u << (type))

/* --- writing */

static void put16(uint8_t *at, uint16_t v)
{
	v = htole16(v);
	memcpy(at, &v, sizeof(v));
}

static void put32(uint8_t *at, uint32_t v)
{
	v = htole32(v);
	memcpy(at, &v, sizeof(v));
}

static void put64(uint8_t *at, uint64_t v)
{
	v = htole64(v);
	memcpy(at, &v, sizeof(v));
}

int stream_write_head(struct mig_io *io, uint32_t xen_major, uint32_t xen_minor)
{
	uint8_t h[40] = { 0 };
	uint32_t id = htobe32(ID), version = htobe32(VERSION);

	put64(h, MARKER);
	memcpy(h + 8, &id, 4); /* the image header is big-endian, whatever follows */
	memcpy(h + 12, &version, 4);
	put32(h + 24, TYPE_X86_PV);
	put16(h + 28, 12);
	put32(h + 32, xen_major);
	put32(h + 36, xen_minor);
	return mig_write(io, h, sizeof(h));
}

static const uint8_t zeros[8];

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

int stream_write(struct mig_io *io, uint32_t type, const void *head, size_t head_len,
		 const void *body, size_t len)
{
	uint8_t h[8];
	struct iovec v[4] = {
		{ h, sizeof(h) },
		{ (void *)(uintptr_t)head, head_len },
		{ (void *)(uintptr_t)body, len },
		{ (void *)(uintptr_t)zeros, -(head_len + len) & 7 },
	};

	put32(h, type);
	put32(h + 4, (uint32_t)(head_len + len));
	return mig_writev(io, v, 4);
}

int stream_write_pages(struct mig_io *io, const uint64_t *words, unsigned int count,
		       void *const *data, unsigned int with_data)
{
	struct iovec v[2 + STREAM_BATCH];
	uint8_t h[16] = { 0 };

	if (!count || count > STREAM_BATCH || with_data > count)
		return -EINVAL;
	put32(h, STREAM_PAGE_DATA);
	put32(h + 4, 8 + count * 8 + with_data * STREAM_PAGE);
	put32(h + 8, count);
	v[0] = (struct iovec){ h, sizeof(h) };
	/* this machine is little-endian */
	v[1] = (struct iovec){ (void *)(uintptr_t)words, count * sizeof(*words) };
	for (unsigned int i = 0; i < with_data; i++)
		v[2 + i] = (struct iovec){ data[i], STREAM_PAGE };
	return mig_writev(io, v, (int)(2 + with_data));
}

size_t stream_delta_size(size_t len)
{
	return STREAM_DELTA_HEAD + padded(len);
}

int stream_write_deltas(struct mig_io *io, const struct stream_delta *deltas, unsigned int count)
{
	uint8_t h[16] = { 0 }, heads[STREAM_BATCH][STREAM_DELTA_HEAD] = { 0 };
	struct iovec v[1 + 3 * STREAM_BATCH];
	size_t length = 8;
	int n = 1;

	if (!count || count > STREAM_BATCH)
		return -EINVAL;
	for (unsigned int i = 0; i < count; i++) {
		const struct stream_delta *d = &deltas[i];

		if (d->len > DELTA_MOST)
			return -EINVAL;
		put64(heads[i], d->pfn);
		put32(heads[i] + 8, (uint32_t)d->len);
		v[n++] = (struct iovec){ heads[i], STREAM_DELTA_HEAD };
		v[n++] = (struct iovec){ (void *)(uintptr_t)d->bytes, d->len };
		v[n++] = (struct iovec){ (void *)(uintptr_t)zeros, padded(d->len) - d->len };
		length += stream_delta_size(d->len);
	}
	put32(h, STREAM_PAGE_DELTAS);
	put32(h + 4, (uint32_t)length);
	put32(h + 8, count);
	v[0] = (struct iovec){ h, sizeof(h) };
	return mig_writev(io, v, n);
}

int stream_write_pv_info(struct mig_io *io, bool is_32bit)
{
	uint8_t b[8] = { is_32bit ? 4 : 8, is_32bit ? 3 : 4 };

	return stream_write(io, STREAM_PV_INFO, b, sizeof(b), NULL, 0);
}

int stream_write_p2m_frames(struct mig_io *io, uint32_t first, uint32_t last, const uint64_t *pfns,
			    size_t count)
{
	uint8_t b[8];

	put32(b, first);
	put32(b + 4, last);
	return stream_write(io, STREAM_P2M_FRAMES, b, sizeof(b), pfns, count * sizeof(*pfns));
}

int stream_write_vcpu(struct mig_io *io, enum stream_type type, uint32_t vcpu, const void *context,
		      size_t size)
{
	uint8_t b[8] = { 0 };

	put32(b, vcpu);
	return stream_write(io, type, b, sizeof(b), context, size);
}

int stream_write_tsc(struct mig_io *io, const struct stream_tsc *t)
{
	uint8_t b[24] = { 0 };

	put32(b, t->mode);
	put32(b + 4, t->khz);
	put64(b + 8, t->nsec);
	put32(b + 16, t->incarnation);
	return stream_write(io, STREAM_TSC_INFO, b, sizeof(b), NULL, 0);
}

/* --- reading */

static uint32_t get32(const uint8_t *at)
{
	uint32_t v;

	memcpy(&v, at, sizeof(v));
	return le32toh(v);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t v;

	memcpy(&v, at, sizeof(v));
	return le64toh(v);
}

static int bytes_in(struct stream_reader *r, void *to, size_t len, struct why *why)
{
	int rc = mig_read(r->io, to, len);

	if (rc == -ENODATA || rc == -EPIPE)
		return why_set(why, TE_STREAM, "the stream ends in the middle");
	if (rc == -ETIMEDOUT)
		return why_set(why, TE_TIMEOUT, "the stream has stopped");
	return rc ? why_set(why, TE_STREAM, "cannot read the stream: %s", strerror(-rc)) : 0;
}

int stream_read_head(struct stream_reader *r, struct mig_io *io, struct why *why)
{
	uint8_t h[40];
	uint16_t options;
	uint32_t id, version;
	int rc;

	*r = (struct stream_reader){ .io = io };
	rc = bytes_in(r, h, sizeof(h), why);
	if (rc)
		return rc;
	memcpy(&id, h + 8, 4);
	memcpy(&version, h + 12, 4);
	memcpy(&options, h + 16, 2);
	if (get64(h) != MARKER || be32toh(id) != ID)
		return why_set(why, TE_STREAM,
			       "this is no domain image: it does not begin with its marker");
	r->version = be32toh(version);
	if (r->version != 2 && r->version != VERSION)
		return why_set(why, TE_STREAM, "the image is of version %u; 2 and 3 are understood",
			       r->version);
	if (be16toh(options) & BIG_ENDIAN_BIT)
		return why_set(why, TE_STREAM, "the image is of a big-endian machine");
	if (get32(h + 24) != TYPE_X86_PV || h[28] != 12 || h[29])
		return why_set(
			why, TE_STREAM,
			"the image is of a domain of type %u with pages of 2^%u bytes; x86 PV (1) and 12 are expected",
			get32(h + 24), h[28] | h[29] << 8);
	r->xen_major = get32(h + 32);
	r->xen_minor = get32(h + 36);
	return 0;
}

/* Bounds of a record's body, and what must have come before it. */
struct rule {
	const char *name;
	uint32_t least, most;
	uint32_t after;
	unsigned int flags;
};
#define ONCE   1u
#define UNIT_8 2u /* of 8 bytes each */
#define PV     BIT(STREAM_PV_INFO)
#define P2M    BIT(STREAM_P2M_FRAMES)
static const struct rule rules[32] = {
	[STREAM_END] = { "END", 0, 0, PV | P2M | BIT(STREAM_SHARED_INFO) | BIT(STREAM_VCPU_BASIC),
			 ONCE },
	[STREAM_PAGE_DATA] = { "PAGE_DATA", 16, PAGES_MAX, PV | P2M, 0 },
	[STREAM_PV_INFO] = { "X86_PV_INFO", 8, 8, 0, ONCE },
	[STREAM_P2M_FRAMES] = { "X86_PV_P2M_FRAMES", 16, MAX_P2M, PV, UNIT_8 },
	[STREAM_VCPU_BASIC] = { "X86_PV_VCPU_BASIC", 16, MAX_CONTEXT, PV | P2M, 0 },
	[STREAM_VCPU_EXTENDED] = { "X86_PV_VCPU_EXTENDED", 16, MAX_CONTEXT,
				   PV | BIT(STREAM_VCPU_BASIC), 0 },
	[STREAM_VCPU_XSAVE] = { "X86_PV_VCPU_XSAVE", 8, MAX_CONTEXT, PV | BIT(STREAM_VCPU_BASIC),
				0 },
	[STREAM_SHARED_INFO] = { "SHARED_INFO", STREAM_PAGE, STREAM_PAGE, PV, ONCE },
	[STREAM_TSC_INFO] = { "X86_TSC_INFO", 24, 24, 0, ONCE },
	[STREAM_VCPU_MSRS] = { "X86_PV_VCPU_MSRS", 8, MAX_CONTEXT, PV | BIT(STREAM_VCPU_BASIC), 0 },
	[STREAM_VERIFY] = { "VERIFY", 0, 0, PV | P2M, 0 },
	[STREAM_CHECKPOINT] = { "CHECKPOINT", 0, 0, PV | P2M, 0 },
	[STREAM_STATIC_DATA_END] = { "STATIC_DATA_END", 0, 0, PV, ONCE },
	[STREAM_CPUID_POLICY] = { "X86_CPUID_POLICY", 24, 24 * 4096, 0, ONCE },
	[STREAM_MSR_POLICY] = { "X86_MSR_POLICY", 0, 16 * 4096, 0, ONCE },
};
static const struct rule deltas_rule = { "PAGE_DELTAS", 8 + STREAM_DELTA_HEAD, DELTAS_MAX,
					 PV | P2M | BIT(STREAM_PAGE_DATA), UNIT_8 };

/* NULL: it is not known, or not here. */
static const struct rule *rule_of(const struct stream_reader *r, uint32_t type)
{
	if (type == STREAM_PAGE_DELTAS && r->deltas)
		return &deltas_rule;
	return type < 32 && rules[type].name ? &rules[type] : NULL;
}

static int check_place(const struct stream_reader *r, const struct rule *k, uint32_t type,
		       uint32_t length, struct why *why)
{
	uint32_t need = k->after;
	bool is_static = type == STREAM_PV_INFO || type == STREAM_CPUID_POLICY ||
			 type == STREAM_MSR_POLICY || type == STREAM_STATIC_DATA_END;
	bool ended = r->seen & BIT(STREAM_STATIC_DATA_END);

	if (length < k->least || length > k->most || (k->flags & UNIT_8 && length % 8))
		return why_set(why, TE_STREAM, "a record %s of %u bytes; %u to %u are right",
			       k->name, length, k->least, k->most);
	if (k->flags & ONCE && r->seen & BIT(type))
		return why_set(why, TE_STREAM, "a second record %s", k->name);
	if (r->version == 2 ? type == STREAM_STATIC_DATA_END : is_static == ended)
		return why_set(why, TE_STREAM, "a record %s on the wrong side of STATIC_DATA_END",
			       k->name);
	for (unsigned int i = 0; i < 32; i++)
		if (need & ~r->seen & BIT(i))
			return why_set(why, TE_STREAM, "a record %s before %s", k->name,
				       rules[i].name);
	if (r->seen & BIT(STREAM_END))
		return why_set(why, TE_STREAM, "a record %s after END", k->name);
	return 0;
}

static int skip(struct stream_reader *r, uint64_t len, struct why *why)
{
	uint8_t piece[4096];
	int rc = 0;

	for (; !rc && len; len -= len < sizeof(piece) ? len : sizeof(piece))
		rc = bytes_in(r, piece, len < sizeof(piece) ? len : sizeof(piece), why);
	return rc;
}

/* Memory follows the bytes that come, not the length that is claimed. */
static int body_in(struct stream_reader *r, size_t len, struct why *why)
{
	for (size_t at = 0; at < len;) {
		size_t step = len - at < (256u << 10) ? len - at : 256u << 10;
		int rc;

		if (r->room < at + step) {
			uint8_t *grown = realloc(r->buf, at + step);

			if (!grown)
				return why_set(why, TE_NO_MEMORY,
					       "no memory for a record of %zu bytes", len);
			r->buf = grown;
			r->room = at + step;
		}
		rc = bytes_in(r, r->buf + at, step, why);
		if (rc)
			return rc;
		at += step;
	}
	return 0;
}

int stream_read(struct stream_reader *r, struct stream_record *rec, struct why *why)
{
	const struct rule *rule;
	uint8_t h[8];
	int rc;

	for (;;) {
		uint32_t type, length;

		rc = bytes_in(r, h, sizeof(h), why);
		if (rc)
			return rc;
		type = get32(h);
		length = get32(h + 4);
		if (type & STREAM_OPTIONAL) {
			rc = skip(r, padded(length), why);
			if (rc)
				return rc;
			continue;
		}
		rule = rule_of(r, type);
		if (!rule)
			return why_set(why, TE_STREAM,
				       "a record of type %#x, which is unknown and not optional",
				       type);
		rc = check_place(r, rule, type, length, why);
		if (!rc)
			rc = body_in(r, padded(length), why);
		if (rc)
			return rc;
		*rec = (struct stream_record){ type, length, r->buf };
		if (type == STREAM_PV_INFO) {
			if (!(r->buf[0] == 8 && r->buf[1] == 4) &&
			    !(r->buf[0] == 4 && r->buf[1] == 3))
				return why_set(why, TE_STREAM,
					       "a guest of %u-byte words and %u levels of tables",
					       r->buf[0], r->buf[1]);
			r->is_32bit = r->buf[0] == 4;
		}
		if (type < 32)
			r->seen |= BIT(type);
		return 0;
	}
}

void stream_reader_free(struct stream_reader *r)
{
	free(r->buf);
	r->buf = NULL;
	r->room = 0;
}

int stream_pages(const struct stream_record *rec, struct stream_pages *p, struct why *why)
{
	uint32_t count = get32(rec->body);
	uint64_t need;

	if (!count || count > STREAM_BATCH || rec->length < 8 + (uint64_t)count * 8)
		return why_set(why, TE_STREAM,
			       "PAGE_DATA of %u pages in %u bytes; 1 to %u pages a record", count,
			       rec->length, STREAM_BATCH);
	*p = (struct stream_pages){ .count = count,
				    .words = rec->body + 8,
				    .data = rec->body + 8 + (size_t)count * 8 };
	for (uint32_t i = 0; i < count; i++) {
		uint64_t w = stream_word(p->words, i);
		unsigned int type = stream_page_type(w);

		if ((type > 4 && type < 9) || (w & ~STREAM_PFN_MASK & ~(0xfull << 60)))
			return why_set(
				why, TE_STREAM,
				"PAGE_DATA: page word %#llx has a type or bits that do not exist",
				(unsigned long long)w);
		p->with_data += stream_has_data(type);
	}
	need = 8 + (uint64_t)count * 8 + (uint64_t)p->with_data * STREAM_PAGE;
	if (rec->length != need)
		return why_set(why, TE_STREAM, "PAGE_DATA of %u bytes; its %u pages take %llu",
			       rec->length, count, (unsigned long long)need);
	return 0;
}

int stream_deltas(const struct stream_record *rec, struct stream_delta *deltas, unsigned int *count,
		  struct why *why)
{
	const uint8_t *at = rec->body + 8, *end = rec->body + rec->length;

	*count = get32(rec->body);
	if (!*count || *count > STREAM_BATCH)
		return why_set(why, TE_STREAM, "PAGE_DELTAS of %u pages; 1 to %u a record", *count,
			       STREAM_BATCH);
	for (unsigned int i = 0; i < *count; i++) {
		struct stream_delta *d = &deltas[i];
		size_t left = (size_t)(end - at);

		if (left < STREAM_DELTA_HEAD)
			return why_set(why, TE_STREAM, "PAGE_DELTAS of %u pages ends in page %u",
				       *count, i);
		*d = (struct stream_delta){ get64(at), at + STREAM_DELTA_HEAD, get32(at + 8) };
		if (d->len > DELTA_MOST || padded(d->len) > left - STREAM_DELTA_HEAD)
			return why_set(
				why, TE_STREAM,
				"PAGE_DELTAS: page %#llx has %zu bytes; %u at most, and %zu are left",
				(unsigned long long)d->pfn, d->len, DELTA_MOST,
				left - STREAM_DELTA_HEAD);
		if (d->pfn & ~STREAM_PFN_MASK || get32(at + 12) || (i && d->pfn <= d[-1].pfn))
			return why_set(
				why, TE_STREAM,
				"PAGE_DELTAS: page %#llx is not the next, or has bits that do not exist",
				(unsigned long long)d->pfn);
		at += stream_delta_size(d->len);
	}
	return at == end ? 0 :
			   why_set(why, TE_STREAM, "PAGE_DELTAS has %zu bytes after its %u pages",
				   (size_t)(end - at), *count);
}

int stream_p2m(const struct stream_reader *r, const struct stream_record *rec, struct stream_p2m *p,
	       struct why *why)
{
	uint32_t per_frame = STREAM_PAGE / (r->is_32bit ? 4 : 8);

	*p = (struct stream_p2m){ get32(rec->body), get32(rec->body + 4), (rec->length - 8) / 8,
				  rec->body + 8 };
	if (p->first > p->last || p->last / per_frame - p->first / per_frame + 1ull != p->count)
		return why_set(why, TE_STREAM, "P2M_FRAMES for pages %u to %u has %zu frames",
			       p->first, p->last, p->count);
	return 0;
}

int stream_vcpu(const struct stream_record *rec, struct stream_vcpu *v, struct why *why)
{
	*v = (struct stream_vcpu){ get32(rec->body), rec->body + 8, rec->length - 8 };
	if (v->id >= STREAM_MAX_VCPUS)
		return why_set(why, TE_STREAM, "state of a vCPU %u", v->id);
	return 0;
}

int stream_tsc(const struct stream_record *rec, struct stream_tsc *t, struct why *why)
{
	*t = (struct stream_tsc){ get32(rec->body), get32(rec->body + 4), get64(rec->body + 8),
				  get32(rec->body + 16) };
	if (t->mode > 3)
		return why_set(why, TE_STREAM, "a TSC mode %u", t->mode);
	return 0;
}
