/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Grant operations with a granter that scribbles over its table meanwhile, on the real frames and
 * page tables. At the end the mapper dies (what it holds is let go, its tables fall), and the audit
 * finds no reference too many or too few.
 */
#include <stdlib.h>
#include <torc/grant.h>
#include "fake_life.h"

#define FRAMES 512
#define WINDOW 0x10000000ul

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct domain *granter, *mapper;
static struct vcpu *v;
static mfn_t page[4], own, l4, l3, l2, l1, shared;

static void setup(void)
{
	unsigned int i;

	fake_reset(FRAMES);
	heap_add(16 * PAGE_SIZE, FRAMES * PAGE_SIZE);
	fake_life_reset();
	granter = fake_domain(1, false, 100);
	mapper = fake_domain(2, false, 100);
	fake_enlist(granter);
	fake_enlist(mapper);
	v = fake_vcpu(mapper);
	fake_run_on(0, v);
	if (grant_init(granter, 2, 1, 1) || grant_init(mapper, 1, 1, 1) ||
	    !grant_frame(granter, 0, &shared))
		abort();
	for (i = 0; i < 4; i++)
		page[i] = fake_page(granter);
	own = fake_page(mapper);
	l4 = fake_page(mapper);
	l3 = fake_page(mapper);
	l2 = fake_page(mapper);
	l1 = fake_page(mapper);
	fake_table(l4)[0] = pte_make(l3, PTE_P | PTE_RW | PTE_US);
	fake_table(l3)[WINDOW >> 30] = pte_make(l2, PTE_P | PTE_RW | PTE_US);
	fake_table(l2)[WINDOW >> 21 & 511] = pte_make(l1, PTE_P | PTE_RW | PTE_US);
	if (mmu_new_root(v, l4))
		abort();
}

static uint64_t some_address(uint8_t b, bool by_entry)
{
	if (b >= 0xf8)
		return (uint64_t)b << (b & 63);
	return by_entry ? (l1.n << PAGE_SHIFT) + (b & 15) * 8 + (b >> 7) :
			  WINDOW + (b & 15) * PAGE_SIZE;
}

static uint32_t some_frame(uint8_t b)
{
	return (uint32_t)(b < 128 ? page[b & 3].n : b < 160 ? l1.n : b < 192 ? shared.n : b * 7u);
}

static void audit(void)
{
	static unsigned int typed[FRAMES];
	unsigned int i;
	mfn_t m;

	memset(typed, 0, sizeof(typed));
	for (i = 0; i < 2; i++) {
		if (grant_frame(granter, i, &m))
			typed[m.n]++;
		if (grant_frame(mapper, i, &m))
			typed[m.n]++;
	}
	fake_audit(NULL, typed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct grant_entry_v1 *table;
	struct gnttab_map_grant_ref map;
	struct gnttab_unmap_grant_ref unmap;
	struct gnttab_unmap_and_replace replace;
	struct grant_batch b;
	struct grant_copies copies;
	struct gnttab_copy copy;
	bool retired = false;
	size_t at;

	setup();
	b = (struct grant_batch){ .v = v };
	copies = (struct grant_copies){ .v = v };
	table = (struct grant_entry_v1 *)fake_table(shared);
	for (at = 0; at + 6 <= size; at += 6) {
		const uint8_t *o = data + at;

		switch (o[0] % 10) {
		case 0:
		case 1:
			if (!retired)
				table[o[1] & 7] =
					(struct grant_entry_v1){ .flags = o[2] & 0x1f,
								 .domid = (domid_t)(o[3] & 3),
								 .frame = some_frame(o[4]) };
			break;
		case 2:
		case 3:
			map = (struct gnttab_map_grant_ref){
				.host_addr = some_address(o[1], o[2] & GNTMAP_contains_pte),
				.flags = o[2] & 0x1f,
				.ref = o[3] < 0xf0 ? o[3] & 7 : o[3] * 0x1010101u,
				.dom = o[4] & 1 ? 1 : 2
			};
			grant_batch_finish(&b); /* as the call does at its end */
			grant_map(v, &map);
			break;
		case 4:
		case 5:
			unmap = (struct gnttab_unmap_grant_ref){
				.host_addr = o[2] & 1 ? 0 : some_address(o[1], o[2] & 2),
				.dev_bus_addr =
					o[2] & 4 ? (uint64_t)some_frame(o[4]) << PAGE_SHIFT : 0,
				.handle = o[3] < 0xf0 ? o[3] & 15 : o[3] * 0x1010101u
			};
			grant_unmap(&b, &unmap);
			break;
		case 6:
			replace = (struct gnttab_unmap_and_replace){
				.host_addr = some_address(o[1], false),
				.new_addr = some_address(o[2], false),
				.handle = o[3] & 15
			};
			grant_unmap_and_replace(&b, &replace);
			break;
		case 7:
			copy = (struct gnttab_copy){ .source = { .u.gmfn = o[1] & 7,
								 .domid = o[2] & 1 ? 1 : DOMID_SELF,
								 .offset = o[3] },
						     .dest = { .u.gmfn = o[4] & 7,
							       .domid = o[2] & 2 ? 1 : DOMID_SELF,
							       .offset = (uint16_t)(o[5] << 4) },
						     .len = (uint16_t)(o[5] * 20),
						     .flags = o[2] >> 2 & 3 };
			if (!(copy.flags & GNTCOPY_source_gref))
				copy.source.u.gmfn = o[1] & 8 ? own.n : some_frame(o[1]);
			if (!(copy.flags & GNTCOPY_dest_gref))
				copy.dest.u.gmfn = o[4] & 8 ? own.n : l1.n;
			grant_copy(&copies, &copy);
			if (o[3] & 1)
				grant_copies_finish(&copies);
			break;
		case 8:
			mmu_update_va(v, mapper, some_address(o[1], false),
				      o[2] & 1 ? pte_make(own, PTE_P | (o[2] & PTE_RW)) : 0);
			break;
		default:
			if (o[1] == 0xff) {
				grant_retire(granter);
				retired = true;
			} else {
				grant_swap(granter, o[1] & 7, o[2]);
				grant_grow(granter, o[3] & 3);
			}
		}
	}
	grant_batch_finish(&b);
	grant_copies_finish(&copies);
	while (grant_release_all(mapper))
		;
	if (grant_in_use(granter) || grant_in_use(mapper))
		abort();
	mapper->state = DOM_DYING;
	mmu_drop_roots(v);
	audit();
	return 0;
}
