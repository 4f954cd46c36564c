/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest's structures that hold frame numbers, in both widths. */
#include "migration/guest.h"

#include <string.h>

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define UPCALL_PENDING_BYTE 0 /* of a vcpu_info; the same in both widths */
#define UPCALL_MASK_BYTE    1
#define NONE		    UINT64_MAX

size_t context_size(bool is_32bit)
{
	return is_32bit ? sizeof(struct vcpu_guest_context_x86_32) :
			  sizeof(struct vcpu_guest_context);
}

static bool translate_64(struct vcpu_guest_context *c, bool first,
			 uint64_t (*map)(void *arg, uint64_t frame), void *arg)
{
	for (unsigned int i = 0; i * 512 < c->gdt_ents && i < 14; i++) {
		c->gdt_frames[i] = map(arg, c->gdt_frames[i]);
		if (c->gdt_frames[i] == NONE)
			return false;
	}
	for (unsigned int i = 1; i <= 3; i += 2) { /* user tables in 1, kernel tables in 3 */
		uint64_t frame = c->ctrlreg[i] ? map(arg, xen_cr3_to_pfn(c->ctrlreg[i])) : 0;

		if (frame == NONE)
			return false;
		if (c->ctrlreg[i])
			c->ctrlreg[i] = xen_pfn_to_cr3(frame);
	}
	if (first)
		c->user_regs.rdx = map(arg, c->user_regs.rdx);
	return !first || c->user_regs.rdx != NONE;
}

static bool translate_32(struct vcpu_guest_context_x86_32 *c, bool first,
			 uint64_t (*map)(void *arg, uint64_t frame), void *arg)
{
	uint64_t frame;

	for (unsigned int i = 0; i * 512 < c->gdt_ents && i < 14; i++) {
		frame = map(arg, c->gdt_frames[i]);
		if (frame > UINT32_MAX)
			return false;
		c->gdt_frames[i] = (uint32_t)frame;
	}
	frame = map(arg, xen_cr3_to_pfn_x86_32(c->ctrlreg[3]));
	if (frame > UINT32_MAX)
		return false;
	c->ctrlreg[3] = xen_pfn_to_cr3_x86_32((uint32_t)frame);
	if (!first)
		return true;
	frame = map(arg, c->user_regs.edx);
	c->user_regs.edx = (uint32_t)frame;
	return frame <= UINT32_MAX;
}

bool context_translate(void *context, bool is_32bit, bool first,
		       uint64_t (*map)(void *arg, uint64_t frame), void *arg)
{
	return is_32bit ? translate_32(context, first, map, arg) :
			  translate_64(context, first, map, arg);
}

uint64_t context_start_info(const void *context, bool is_32bit)
{
	const struct vcpu_guest_context_x86_32 *c32 = context;
	const struct vcpu_guest_context *c64 = context;

	return is_32bit ? c32->user_regs.edx : c64->user_regs.rdx;
}

void context_set_suspend_result(void *context, bool is_32bit, unsigned int result)
{
	struct vcpu_guest_context_x86_32 *c32 = context;
	struct vcpu_guest_context *c64 = context;

	if (is_32bit)
		c32->user_regs.eax = result;
	else
		c64->user_regs.rax = result;
}

void start_info_read(const void *page, bool is_32bit, struct start_facts *f)
{
	const struct start_info_x86_32 *s32 = page;
	const struct start_info *s64 = page;

	f->store_pfn = is_32bit ? s32->store_mfn : s64->store_mfn;
	f->console_pfn = is_32bit ? s32->console.domU.mfn : s64->console.domU.mfn;
}

void start_info_write(void *page, bool is_32bit, const struct start_facts *f)
{
	struct start_info_x86_32 *s32 = page;
	struct start_info *s64 = page;

	if (is_32bit) {
		s32->nr_pages = (uint32_t)f->nr_pages;
		s32->shared_info = (uint32_t)(f->shared_frame << HOST_PAGE_SHIFT);
		s32->flags = 0;
		s32->store_mfn = (uint32_t)f->store_frame;
		s32->store_evtchn = f->store_port;
		s32->console.domU.mfn = (uint32_t)f->console_frame;
		s32->console.domU.evtchn = f->console_port;
	} else {
		s64->nr_pages = f->nr_pages;
		s64->shared_info = f->shared_frame << HOST_PAGE_SHIFT;
		s64->flags = 0;
		s64->store_mfn = f->store_frame;
		s64->store_evtchn = f->store_port;
		s64->console.domU.mfn = f->console_frame;
		s64->console.domU.evtchn = f->console_port;
	}
}

void shared_info_restore(void *to, const void *image, bool is_32bit)
{
	struct shared_info_x86_32 *s32 = to;
	struct shared_info *s64 = to;
	const struct shared_info_x86_32 *i32 = image;
	const struct shared_info *i64 = image;

	/* times stay as the hypervisor keeps them here; the guest fills in the rest when it resumes */
	if (is_32bit) {
		memcpy(&s32->arch, &i32->arch, sizeof(s32->arch));
		s32->arch.pfn_to_mfn_frame_list_list = 0;
		s32->arch.p2m_cr3 = 0;
		memset(s32->evtchn_pending, 0, sizeof(s32->evtchn_pending));
		memset(s32->evtchn_mask, 0xff, sizeof(s32->evtchn_mask));
	} else {
		memcpy(&s64->arch, &i64->arch, sizeof(s64->arch));
		s64->arch.pfn_to_mfn_frame_list_list = 0;
		s64->arch.p2m_cr3 = 0;
		memset(s64->evtchn_pending, 0, sizeof(s64->evtchn_pending));
		memset(s64->evtchn_mask, 0xff, sizeof(s64->evtchn_mask));
	}
	for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++) {
		uint8_t *v = (uint8_t *)to + i * 64;
		const uint8_t *from = (const uint8_t *)image + i * 64;

		memset(v, 0, is_32bit ? 8 : 16);
		v[UPCALL_PENDING_BYTE] = 0;
		v[UPCALL_MASK_BYTE] = from[UPCALL_MASK_BYTE];
	}
}
