/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequences of memory calls by a guest and another domain, decoded from the input: whatever they
 * are, all counts must be right after them and every frame must come back when the domains die.
 *
 * Input: a byte of flags (1: 32 bits, 2: may map devices), then operations of 6 bytes: code, frame,
 * slot, frame, flags, how soon to be preempted.
 */
#include <stdio.h>
#include "../unit/fake_hv.h"

#define FRAMES 48
#define OWN    20

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n);

static unsigned int slot_of(uint8_t x)
{
	/* The first few, the hypervisor's and their neighbours, the last. */
	static const uint16_t odd[] = { 255, 256, 260, 271, 272, 427, 428, 435, 436, 510, 511 };

	return x < 200 ? x % 6 : odd[x % ARRAY_SIZE(odd)];
}

static void audit(const struct vcpu *v)
{
	unsigned int typed[FRAMES] = { 0 }, i;

	if (!mfn_eq(v->root, MFN_NONE))
		typed[v->root.n]++;
	if (!mfn_eq(v->user_root, MFN_NONE))
		typed[v->user_root.n]++;
	for (i = 0; i < (v->gdt_entries + 511) / 512; i++)
		typed[v->gdt[i].n]++;
	for (i = 0; i < 16; i++)
		if (v->ldt_mapped >> i & 1)
			typed[v->ldt_frame[i].n]++;
	if (v->half_put)
		typed[frame_mfn(v->half_put).n]++;
	for (i = 0; i < ARRAY_SIZE(v->half_put_next); i++)
		if (v->half_put_next[i])
			typed[frame_mfn(v->half_put_next[i]).n]++;
	fake_audit(NULL, typed);
}

int LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	static const enum frame_type types[] = { FT_L1, FT_L2, FT_L3, FT_L4 };
	struct domain *d[2];
	mfn_t pool[2 * OWN], a, b;
	struct mmu_who who;
	struct vcpu *v;
	uint64_t free, pte;
	unsigned int i, slot;

	if (!n || n > 6 * 200)
		return 0;
	fake_reset(FRAMES);
	heap_add(4 * PAGE_SIZE, FRAMES * PAGE_SIZE);
	free = heap_free_frames();
	for (i = 0; i < 2; i++)
		d[i] = fake_domain(i + 1, i ? false : in[0] & 1, OWN);
	d[0]->io_mem_all = in[0] & 2;
	for (i = 0; i < 2 * OWN; i++)
		pool[i] = fake_page(d[i >= OWN]);
	v = fake_vcpu(d[0]);
	fake_run_on(0, v);
	for (in++, n--; n >= 6; in += 6, n -= 6) {
		a = pool[in[1] % (2 * OWN)];
		slot = slot_of(in[2]);
		b = in[3] == 255 ? MFN(0xfee00) : in[3] == 254 ? MFN(2) : pool[in[3] % (2 * OWN)];
		pte = pte_make(b, (in[4] & 1 ? PTE_P : 0) | (in[4] & 2 ? PTE_RW : 0) |
					  (in[4] & 4 ? PTE_US : 0) | (in[4] & 8 ? PTE_PSE : 0) |
					  (in[4] & 16 ? PTE_A | PTE_D : 0) |
					  (in[4] & 32 ? PTE_G | PTE_PCD : 0) |
					  (in[4] & 64 ? PTE_NX : 0));
		who = (struct mmu_who){ d[0], in[4] & 128 ? d[1] : d[0] };
		fake_yield_every = in[5] % 8;
		if (in[0] & 0x80 && mmu_finish_put(v))
			continue;
		switch (in[0] % 14) {
		case 0: mmu_pin(v, d[0], a, types[in[2] % 4]); break;
		case 1: mmu_unpin(v, d[0], a); break;
		case 2: mmu_new_root(v, a); break;
		case 3: mmu_new_user_root(v, in[2] ? a : MFN_NONE); break;
		case 4: mmu_update_va(v, who.pg, (unsigned long)slot << PAGE_SHIFT, pte); break;
		case 5: /* as the guest could by itself */
			if (!frame_get_typed(fake_frame(a), d[0], FT_WRITABLE)) {
				fake_table(a)[slot] = pte;
				frame_put_typed(fake_frame(a));
			}
			break;
		case 6: segment_set_gdt(v, (mfn_t[]){ a, b }, in[2] * 4); break;
		case 7:
			segment_update_descriptor(v, (a.n << PAGE_SHIFT) + slot * 8,
						  (uint64_t)in[3] << 40 | (uint64_t)in[4] << 48);
			break;
		case 8: segment_set_ldt(v, 0, in[2] * 32); break;
		case 9: segment_ldt_fault(v, in[2] * 256ul); break;
		case 10:
			frame_drop_allocated(fake_frame(pool[in[1] % OWN]));
			pool[in[1] % OWN] = pool[0];
			break;
		case 11:
			who.pt = d[1];
			/* fall through */
		default:
			mmu_update_entry(v, &who, (a.n << PAGE_SHIFT) + slot * 8 + (in[2] & 3), pte);
		}
		audit(v);
	}
	for (i = 0; i < 2; i++)
		d[i]->state = DOM_DYING;
	segment_drop(v);
	for (i = 0; i < 2; i++)
		while (mmu_kill(d[i]))
			audit(v);
	mmu_drop_roots(v);
	fake_audit(NULL, NULL);
	if (d[0]->nr_pages || d[1]->nr_pages || heap_free_frames() != free)
		panic("%u and %u frames are left", d[0]->nr_pages, d[1]->nr_pages);
	return 0;
}
