/* SPDX-License-Identifier: BSD-2-Clause */
/* A 64-bit guest's first words: start_info, shared_info, and the registers it starts with. */
#include "dom0-tools/builder/builder.h"

#include <string.h>

#include <xen/xen.h>

#define PTE_P  1u
#define PTE_RW 2u
#define PTE_US 4u
#define PTE_A  32u
#define PTE_D  64u

static void start_info_64(const struct build *b, void *page)
{
	const struct layout *at = &b->at;
	struct start_info *si = page;

	strcpy(si->magic, "xen-3.0-x86_64");
	si->nr_pages = b->spec.nr_pages;
	si->shared_info = b->shared_frame << HOST_PAGE_SHIFT;
	si->flags = SIF_VIRT_P2M_4TOOLS;
	si->store_mfn = b->store_frame;
	si->store_evtchn = b->store_port;
	si->console.domU.mfn = b->console_frame;
	si->console.domU.evtchn = b->console_port;
	si->pt_base = layout_vaddr(at, at->tables.pfn);
	si->nr_pt_frames = at->tables.count;
	si->mfn_list = at->p2m_vaddr;
	if (at->ramdisk.count) {
		si->mod_len = b->ramdisk_size;
		if (b->image.mod_start_pfn) {
			si->mod_start = at->ramdisk.pfn;
			si->flags |= SIF_MOD_START_PFN;
		} else {
			si->mod_start = layout_vaddr(at, at->ramdisk.pfn);
		}
	}
	if (at->list_tables.count) { /* the list's tables and the list, side by side */
		si->first_p2m_pfn = at->list_tables.pfn;
		si->nr_p2m_frames = at->list_tables.count + at->p2m.count;
	}
	strncpy((char *)si->cmd_line, b->spec.cmdline, MAX_GUEST_CMDLINE - 1);
}

static void shared_info_64(void *page)
{
	struct shared_info *s = page;

	for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		s->vcpu_info[i].evtchn_upcall_mask = 1;
}

static size_t context_64(const struct build *b, void *buf)
{
	struct vcpu_guest_context *c = buf;
	const struct layout *at = &b->at;

	memset(c, 0, sizeof(*c));
	c->flags = VGCF_in_kernel | VGCF_online;
	c->user_regs.rip = b->image.entry;
	c->user_regs.rsp = layout_vaddr(at, at->stack) + HOST_PAGE_SIZE;
	c->user_regs.rsi = layout_vaddr(at, at->start_info);
	c->user_regs.rflags = 1u << 9;
	c->user_regs.cs = FLAT_KERNEL_CS64;
	c->user_regs.ss = FLAT_KERNEL_SS64;
	c->user_regs.ds = FLAT_KERNEL_DS64;
	c->user_regs.es = FLAT_KERNEL_DS64;
	c->user_regs.fs = FLAT_KERNEL_DS64;
	c->user_regs.gs = FLAT_KERNEL_DS64;
	c->kernel_ss = c->user_regs.ss;
	c->kernel_sp = c->user_regs.rsp;
	c->ctrlreg[3] = xen_pfn_to_cr3(b->p2m[at->tables.pfn]);
	return sizeof(*c);
}

const struct pv_kind pv_kind_64 = {
	.levels = 4,
	.word = 8,
	.leaf = PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D,
	.leaf_readonly = PTE_P | PTE_US | PTE_A,
	.table = { 0, 0, PTE_P | PTE_RW | PTE_US | PTE_A, PTE_P | PTE_RW | PTE_US | PTE_A,
		   PTE_P | PTE_RW | PTE_US | PTE_A },
	.start_info = start_info_64,
	.shared_info = shared_info_64,
	.context = context_64,
};
