/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A 32-bit guest's first words. Its kernel runs in ring 1 with PAE tables; the structures are
 * the 32-bit forms of the ABI, from foreign/x86_32.h.
 */
#include "dom0-tools/builder/builder.h"

#include <string.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define PTE_P  1u
#define PTE_RW 2u
#define PTE_US 4u
#define PTE_A  32u
#define PTE_D  64u

/* evtchn_upcall_mask is the second byte of a vcpu_info, and the foreign header may name it a pad. */
#define UPCALL_MASK_BYTE 1

_Static_assert(sizeof(struct vcpu_info_x86_32) == 64, "the ABI's vcpu_info is 64 bytes");

static void start_info_32(const struct build *b, void *page)
{
	const struct layout *at = &b->at;
	struct start_info_x86_32 *si = page;

	strcpy(si->magic, "xen-3.0-x86_32p");
	si->nr_pages = (uint32_t)b->spec.nr_pages;
	si->shared_info = (uint32_t)(b->shared_frame << HOST_PAGE_SHIFT);
	si->flags = 0;
	si->store_mfn = (uint32_t)b->store_frame;
	si->store_evtchn = b->store_port;
	si->console.domU.mfn = (uint32_t)b->console_frame;
	si->console.domU.evtchn = b->console_port;
	si->pt_base = (uint32_t)layout_vaddr(at, at->tables.pfn);
	si->nr_pt_frames = (uint32_t)at->tables.count;
	si->mfn_list = (uint32_t)at->p2m_vaddr;
	if (at->ramdisk.count) {
		si->mod_len = (uint32_t)b->ramdisk_size;
		if (b->image.mod_start_pfn) {
			si->mod_start = (uint32_t)at->ramdisk.pfn;
			si->flags |= SIF_MOD_START_PFN;
		} else {
			si->mod_start = (uint32_t)layout_vaddr(at, at->ramdisk.pfn);
		}
	}
	strncpy((char *)si->cmd_line, b->spec.cmdline, MAX_GUEST_CMDLINE_X86_32 - 1);
}

static void shared_info_32(void *page)
{
	uint8_t *bytes = page;

	for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS_X86_32; i++)
		bytes[i * sizeof(struct vcpu_info_x86_32) + UPCALL_MASK_BYTE] = 1;
}

static size_t context_32(const struct build *b, void *buf)
{
	struct vcpu_guest_context_x86_32 *c = buf;
	const struct layout *at = &b->at;

	memset(c, 0, sizeof(*c));
	c->flags = VGCF_in_kernel_X86_32 | VGCF_online_X86_32;
	c->user_regs.eip = (uint32_t)b->image.entry;
	c->user_regs.esp = (uint32_t)(layout_vaddr(at, at->stack) + HOST_PAGE_SIZE);
	c->user_regs.esi = (uint32_t)layout_vaddr(at, at->start_info);
	c->user_regs.eflags = 1u << 9;
	c->user_regs.cs = FLAT_KERNEL_CS_X86_32;
	c->user_regs.ss = FLAT_KERNEL_SS_X86_32;
	c->user_regs.ds = FLAT_KERNEL_DS_X86_32;
	c->user_regs.es = FLAT_KERNEL_DS_X86_32;
	c->user_regs.fs = FLAT_KERNEL_DS_X86_32;
	c->user_regs.gs = FLAT_KERNEL_DS_X86_32;
	c->kernel_ss = c->user_regs.ss;
	c->kernel_sp = c->user_regs.esp;
	c->ctrlreg[3] = xen_pfn_to_cr3_x86_32(b->p2m[at->tables.pfn]);
	if (b->image.extended_cr3)
		c->vm_assist = 1u << VMASST_TYPE_pae_extended_cr3;
	return sizeof(*c);
}

const struct pv_kind pv_kind_32 = {
	.levels = 3,
	.word = 4,
	.leaf = PTE_P | PTE_RW | PTE_A | PTE_D,
	.leaf_readonly = PTE_P | PTE_A,
	/* PAE: entries of the root have the present bit only, the others are reserved */
	.table = { 0, 0, PTE_P | PTE_RW | PTE_A, PTE_P, 0 },
	.start_info = start_info_32,
	.shared_info = shared_info_32,
	.context = context_32,
};
