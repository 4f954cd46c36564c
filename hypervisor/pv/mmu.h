/* SPDX-License-Identifier: BSD-2-Clause */
/* Direct paging, between its own files: entries (validate.c), walks (walk.c), updates (mmu.c). */
#ifndef TORC_PV_MMU_H
#define TORC_PV_MMU_H

#include <torc/pv.h>
#include <torc/sched.h>

/* validate.c */
unsigned int table_level(enum frame_type t); /* 0: it is no page table */
bool table_slot_is_guests(const struct domain *d, enum frame_type t, unsigned int slot);
uint64_t pte_adjust(const struct domain *d, unsigned int level,
		    uint64_t pte); /* bits the guest does not decide */
/* An entry's references: of a table of d of type t, its flags checked, pte adjusted (and lowered
 * further). Frames are pg's. */
int entry_get(struct domain *d, struct domain *pg, enum frame_type t, unsigned int slot,
	      uint64_t *pte);
int entry_put(struct domain *d, enum frame_type t,
	      uint64_t pte); /* -XEN_ERESTART: the child's reference is kept */

/* walk.c: the path to an address in v's present root. Only a hint about tables that other vcpus may
 * change: take references. */
struct walk {
	uint64_t l1e;	   /* 0 if the path ends before */
	mfn_t l1;	   /* the level 1 table, MFN_NONE */
	unsigned int slot; /* in it */
	bool rw;	   /* all levels allow writing */
};
void walk(const struct vcpu *v, unsigned long va, struct walk *w);

/* mmu.c: puts an entry into a table that the caller holds a typed reference to. With expect, only
 * if it is still that (-XEN_EAGAIN). */
int table_update(struct vcpu *v, struct frame *f, enum frame_type t, unsigned int slot,
		 uint64_t pte, const struct mmu_who *w, const uint64_t *expect, bool keep_ad);

/* dirty.c */
mfn_t dirty_root(struct vcpu *v,
		 mfn_t root); /* what to run on instead of root while log-dirty is on */

#endif
