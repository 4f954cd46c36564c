/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A domain's image as bytes: the published libxc migration stream, version 3 written, 2 and 3 read
 * (its documentation is docs/specs/libxc-migration-stream). Here it is taken apart and checked:
 * whoever gets a record from stream_read() and decodes it with the function for its type has
 * numbers within their bounds. What they mean to a domain is the receiver's business.
 */
#ifndef TORC_MIGRATION_STREAM_H
#define TORC_MIGRATION_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"
#include "migration/io.h"

#define STREAM_PAGE	 4096u
#define STREAM_BATCH	 1024u /* pages of one record, at most */
#define STREAM_MAX_VCPUS 8192u

enum stream_type {
	STREAM_END = 0,
	STREAM_PAGE_DATA = 1,
	STREAM_PV_INFO = 2,
	STREAM_P2M_FRAMES = 3,
	STREAM_VCPU_BASIC = 4,
	STREAM_VCPU_EXTENDED = 5,
	STREAM_VCPU_XSAVE = 6,
	STREAM_SHARED_INFO = 7,
	STREAM_TSC_INFO = 8,
	STREAM_VCPU_MSRS = 0xc,
	STREAM_VERIFY = 0xd,
	STREAM_CHECKPOINT = 0xe,
	STREAM_STATIC_DATA_END = 0x10,
	STREAM_CPUID_POLICY = 0x11,
	STREAM_MSR_POLICY = 0x12,
};
#define STREAM_OPTIONAL 0x80000000u /* such a record may be passed over */
/*
 * Ours, in no file: pages that went before, as what differs from that (delta.h). Only from a sender
 * to a receiver that has said that it takes them. A count and four bytes of zeros; for each page
 * its pfn, in rising order, the length of its delta, four bytes of zeros, and the delta, padded to
 * 8 bytes.
 */
#define STREAM_PAGE_DELTAS 0x7fff0001u
#define STREAM_DELTA_HEAD  16u /* bytes in front of each delta */

/* What a page is: bits 60 to 63 of its word in PAGE_DATA. */
enum stream_page_type {
	STREAM_NOTAB = 0,
	STREAM_L1 = 1,
	STREAM_L4 = 4,
	STREAM_PINNED = 8, /* with L1 to L4 */
	STREAM_BROKEN = 0xd,
	STREAM_ALLOCATE = 0xe, /* a page without contents: zeros, to us */
	STREAM_NO_PAGE = 0xf,
};
#define STREAM_PFN_MASK ((1ull << 52) - 1)
static inline unsigned int stream_page_type(uint64_t word)
{
	return (unsigned int)(word >> 60);
}
static inline bool stream_has_data(unsigned int type)
{
	return type < STREAM_BROKEN;
}

/* --- writing; 0 or -errno of the transport */
int stream_write_head(struct mig_io *io, uint32_t xen_major, uint32_t xen_minor);
/* A body in up to two pieces, padded. */
int stream_write(struct mig_io *io, uint32_t type, const void *head, size_t head_len,
		 const void *body, size_t len);
int stream_write_pages(struct mig_io *io, const uint64_t *words, unsigned int count,
		       void *const *data, unsigned int with_data);
struct stream_delta {
	uint64_t pfn;
	const uint8_t *bytes;
	size_t len; /* DELTA_MOST at most */
};
/* Of a page in such a record, head and padding included; len: of its delta. */
size_t stream_delta_size(size_t len);
int stream_write_deltas(struct mig_io *io, const struct stream_delta *deltas, unsigned int count);
int stream_write_pv_info(struct mig_io *io, bool is_32bit);
int stream_write_p2m_frames(struct mig_io *io, uint32_t first, uint32_t last, const uint64_t *pfns,
			    size_t count);
int stream_write_vcpu(struct mig_io *io, enum stream_type type, uint32_t vcpu, const void *context,
		      size_t size);

struct stream_tsc {
	uint32_t mode, khz;
	uint64_t nsec;
	uint32_t incarnation;
};
int stream_write_tsc(struct mig_io *io, const struct stream_tsc *t);

/* --- reading */
struct stream_reader {
	struct mig_io *io;
	uint32_t version, xen_major, xen_minor;
	uint32_t seen; /* a bit for each type below 32 */
	bool is_32bit; /* once PV_INFO is seen */
	bool deltas;   /* were agreed on; after stream_read_head() */
	uint8_t *buf;
	size_t room;
};
struct stream_record {
	uint32_t type, length;
	const uint8_t *body; /* valid until the next is read */
};

int stream_read_head(struct stream_reader *r, struct mig_io *io, struct why *why);
/* Checked for its place and length; a record that is optional and unknown is passed over. */
int stream_read(struct stream_reader *r, struct stream_record *rec, struct why *why);
void stream_reader_free(struct stream_reader *r);

struct stream_pages {
	unsigned int count, with_data;
	const uint8_t *words; /* not aligned: use stream_word() */
	const uint8_t *data;
};
static inline uint64_t stream_word(const uint8_t *at, size_t i)
{
	uint64_t w;

	__builtin_memcpy(&w, at + i * sizeof(w), sizeof(w));
	return w;
}
int stream_pages(const struct stream_record *rec, struct stream_pages *p, struct why *why);

/* All of a record, into STREAM_BATCH of them at most; what they say is not looked at. */
int stream_deltas(const struct stream_record *rec, struct stream_delta *deltas, unsigned int *count,
		  struct why *why);

struct stream_p2m {
	uint32_t first, last; /* the pfns that the list covers */
	size_t count;	      /* of frames */
	const uint8_t *pfns;
};
int stream_p2m(const struct stream_reader *r, const struct stream_record *rec, struct stream_p2m *p,
	       struct why *why);

struct stream_vcpu {
	uint32_t id;
	const uint8_t *context;
	size_t size;
};
int stream_vcpu(const struct stream_record *rec, struct stream_vcpu *v, struct why *why);
int stream_tsc(const struct stream_record *rec, struct stream_tsc *t, struct why *why);

#endif
