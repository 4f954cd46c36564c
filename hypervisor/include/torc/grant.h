/* SPDX-License-Identifier: BSD-2-Clause */
/* Grant tables: the verbs behind grant_table_op, with arguments already copied in; each returns a
 * GNTST_* status (pv/grant.c). */
#ifndef TORC_GRANT_H
#define TORC_GRANT_H

#include <torc/domain.h>

/* fills handle and dev_bus_addr */
int16_t grant_map(struct vcpu *v, struct gnttab_map_grant_ref *op);

/* Unmapping is in two steps, so that one TLB flush serves a batch: clear entries, flush, then let
 * the frames go. */
#define GRANT_BATCH 16
struct grant_batch {
	struct vcpu *v;
	unsigned int n;
	uint32_t handle[GRANT_BATCH];
};
int16_t grant_unmap(struct grant_batch *b, const struct gnttab_unmap_grant_ref *op);
int16_t grant_unmap_and_replace(struct grant_batch *b, const struct gnttab_unmap_and_replace *op);
void grant_batch_finish(struct grant_batch *b); /* when it is full, and at the end */

/* Copies of one call: each end stays in use until the next wants another, since requests in a row
 * mostly share one. */
struct grant_end {
	struct domain *rd; /* NULL: not in use */
	uint64_t ref_or_mfn;
	mfn_t mfn;
	domid_t domid;
	bool gref, readonly;
};
struct grant_copies {
	struct vcpu *v;
	struct grant_end from, to;
};
int16_t grant_copy(struct grant_copies *c, const struct gnttab_copy *op);
void grant_copies_finish(struct grant_copies *c);
int16_t grant_swap(struct domain *d, uint32_t a, uint32_t b);
int16_t grant_grow(struct domain *d, unsigned int nr_frames);
void grant_size(struct domain *d, unsigned int *frames, unsigned int *max);
bool grant_frame(struct domain *d, unsigned int idx, mfn_t *out); /* only if it exists */
void grant_mark_written(struct domain *d); /* dirty: what others may write to through grants now */
bool grant_in_use(struct domain *d);
void grant_retire(struct domain *d); /* the domain dies: its table is no longer read */

/* maptrack.c: what a domain has mapped of others, by handle. */
struct maptrack {
	struct domain *granter; /* with a reference; NULL: free */
	mfn_t mfn;		/* with a general reference */
	uint32_t ref;
	uint16_t flags; /* GNTMAP_* still in force */
	bool busy;	/* a vcpu works on it: others find no such handle */
	uint32_t next;	/* free ones */
};
struct maptrack_table;
struct maptrack_table *maptrack_create(unsigned int max_frames);
void maptrack_destroy(struct maptrack_table *t);
/* busy; 0 or -XEN_ENOSPC/-XEN_ENOMEM */
int maptrack_alloc(struct maptrack_table *t, uint32_t *handle);
/* makes it busy; NULL: none such, or busy */
struct maptrack *maptrack_get(struct maptrack_table *t, uint32_t handle);
/* one that the caller has made busy */
struct maptrack *maptrack_busy(struct maptrack_table *t, uint32_t handle);
void maptrack_put(struct maptrack_table *t, uint32_t handle); /* no longer busy */
void maptrack_free(struct maptrack_table *t, uint32_t handle);
uint32_t maptrack_limit(struct maptrack_table *t); /* handles are below */

#endif
