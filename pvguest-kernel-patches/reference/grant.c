/* SPDX-License-Identifier: BSD-2-Clause */
/* The grant table's own side: entries handed out and taken back without a hypercall. */
#include "grant.h"
#include "lib.h"
#include "mm.h"
#include "print.h"

#define FRAMES	2
#define ENTRIES (FRAMES * PAGE_SIZE / sizeof(struct grant_entry_v1))

static char table_pages[FRAMES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint16_t next_free[ENTRIES];
static unsigned int head, count;

struct grant_entry_v1 *grant_entry(grant_ref_t ref)
{
	return (struct grant_entry_v1 *)table_pages + ref;
}

int grant_access(domid_t dom, const void *page, bool readonly)
{
	struct grant_entry_v1 *e;
	grant_ref_t ref = head;

	if (!count)
		return -XEN_ENOSPC;
	head = next_free[ref];
	count--;
	e = grant_entry(ref);
	e->frame = virt_to_mfn(page);
	e->domid = dom;
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the rest before the flags that make it valid */
	WRITE_ONCE(e->flags, GTF_permit_access | (readonly ? GTF_readonly : 0));
	return ref;
}

int grant_end(grant_ref_t ref)
{
	struct grant_entry_v1 *e = grant_entry(ref);
	uint16_t flags = READ_ONCE(e->flags);

	do {
		if (flags & (GTF_reading | GTF_writing))
			return -XEN_EBUSY;
	} while (!__atomic_compare_exchange_n(&e->flags, &flags, 0, false, __ATOMIC_SEQ_CST,
					      __ATOMIC_SEQ_CST));
	next_free[ref] = head;
	head = ref;
	count++;
	return 0;
}

unsigned int grants_free(void)
{
	return count;
}

void grant_map_table(void)
{
	xen_pfn_t frames[FRAMES];
	struct gnttab_setup_table op = { .dom = DOMID_SELF, .nr_frames = FRAMES };

	set_xen_guest_handle(op.frame_list, frames);
	if (hc_grant_table_op(GNTTABOP_setup_table, &op, 1) || op.status != GNTST_okay)
		panic("grant table of %u frames refused: status %d", FRAMES, op.status);
	for (int i = 0; i < FRAMES; i++)
		if (hc_update_va_mapping((unsigned long)table_pages[i],
					 (uint64_t)frames[i] * PAGE_SIZE | PTE_KERNEL,
					 UVMF_INVLPG | UVMF_LOCAL))
			panic("cannot map grant frame %d", i);
}

/* The pages' own frames come back in its place. */
void grant_unmap_table(void)
{
	for (int i = 0; i < FRAMES; i++)
		if (page_protect(table_pages[i], true))
			panic("cannot unmap grant frame %d", i);
}

void grant_forget(void)
{
	head = count = 0;
	for (unsigned int ref = ENTRIES; ref-- > GNTTAB_NR_RESERVED_ENTRIES;) {
		next_free[ref] = head;
		head = ref;
		count++;
	}
}

void grant_init(void)
{
	grant_map_table();
	grant_forget();
}
