/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hypercalls: by the page that the domain builder filled in, 32 bytes a call. Five arguments always;
 * unused ones are 0. 64-bit arguments take two registers on PV32, which the wrappers below hide.
 */
#ifndef HYPERCALL_H
#define HYPERCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/callback.h>
#include <xen/errno.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/physdev.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "layout.h"

extern char hypercall_page[PAGE_SIZE];

/* By the trapping instruction itself: for numbers outside the page. */
long hypercall_raw(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3,
		   unsigned long a4, unsigned long a5);

static inline long hypercall(unsigned int nr, unsigned long a1, unsigned long a2, unsigned long a3,
			     unsigned long a4, unsigned long a5)
{
	long rc;
#ifdef __x86_64__
	register unsigned long r10 __asm__("r10") = a4;
	register unsigned long r8 __asm__("r8") = a5;

	__asm__ volatile("call *%[entry]"
			 : "=a"(rc), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
			 : [entry] "a"(hypercall_page + nr * 32)
			 : "rcx", "r11", "memory");
#else
	__asm__ volatile("call *%[entry]"
			 : "=a"(rc), "+b"(a1), "+c"(a2), "+d"(a3), "+S"(a4), "+D"(a5)
			 : [entry] "a"(hypercall_page + nr * 32)
			 : "memory");
#endif
	return rc;
}

#define HC1(nr, a)    hypercall(nr, (unsigned long)(a), 0, 0, 0, 0)
#define HC2(nr, a, b) hypercall(nr, (unsigned long)(a), (unsigned long)(b), 0, 0, 0)
#define HC3(nr, a, b, c) \
	hypercall(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), 0, 0)
#define HC4(nr, a, b, c, d)                                                       \
	hypercall(nr, (unsigned long)(a), (unsigned long)(b), (unsigned long)(c), \
		  (unsigned long)(d), 0)

static inline long hc_set_trap_table(const struct trap_info *t)
{
	return HC1(__HYPERVISOR_set_trap_table, t);
}

static inline long hc_mmu_update(const struct mmu_update *req, unsigned int n, unsigned int *done,
				 domid_t dom)
{
	return HC4(__HYPERVISOR_mmu_update, req, n, done, dom);
}

static inline long hc_mmuext_op(const struct mmuext_op *op, unsigned int n, unsigned int *done,
				domid_t dom)
{
	return HC4(__HYPERVISOR_mmuext_op, op, n, done, dom);
}

static inline long hc_set_gdt(const xen_pfn_t *frames, unsigned int entries)
{
	return HC2(__HYPERVISOR_set_gdt, frames, entries);
}

static inline long hc_stack_switch(unsigned long ss, unsigned long sp)
{
	return HC2(__HYPERVISOR_stack_switch, ss, sp);
}

static inline long hc_memory_op(unsigned int cmd, void *arg)
{
	return HC2(__HYPERVISOR_memory_op, cmd, arg);
}

static inline long hc_multicall(struct multicall_entry *list, unsigned int n)
{
	return HC2(__HYPERVISOR_multicall, list, n);
}

static inline long hc_xen_version(unsigned int cmd, void *arg)
{
	return HC2(__HYPERVISOR_xen_version, cmd, arg);
}

static inline long hc_console_io(unsigned int cmd, unsigned int n, const char *s)
{
	return HC3(__HYPERVISOR_console_io, cmd, n, s);
}

static inline long hc_grant_table_op(unsigned int cmd, void *ops, unsigned int n)
{
	return HC3(__HYPERVISOR_grant_table_op, cmd, ops, n);
}

static inline long hc_vm_assist(unsigned int cmd, unsigned int type)
{
	return HC2(__HYPERVISOR_vm_assist, cmd, type);
}

static inline long hc_vcpu_op(unsigned int cmd, unsigned int vcpu, void *arg)
{
	return HC3(__HYPERVISOR_vcpu_op, cmd, vcpu, arg);
}

static inline long hc_sched_op(unsigned int cmd, void *arg)
{
	return HC2(__HYPERVISOR_sched_op, cmd, arg);
}

static inline long hc_callback_op(unsigned int cmd, void *arg)
{
	return HC2(__HYPERVISOR_callback_op, cmd, arg);
}

static inline long hc_event_channel_op(unsigned int cmd, void *arg)
{
	return HC2(__HYPERVISOR_event_channel_op, cmd, arg);
}

static inline long hc_physdev_op(unsigned int cmd, void *arg)
{
	return HC2(__HYPERVISOR_physdev_op, cmd, arg);
}

static inline long hc_set_debugreg(unsigned int n, unsigned long val)
{
	return HC2(__HYPERVISOR_set_debugreg, n, val);
}

static inline long hc_get_debugreg(unsigned int n)
{
	return HC1(__HYPERVISOR_get_debugreg, n);
}

#ifdef __x86_64__
static inline long hc_update_va_mapping(unsigned long va, uint64_t pte, unsigned long flags)
{
	return HC3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

static inline long hc_update_va_mapping_otherdomain(unsigned long va, uint64_t pte,
						    unsigned long flags, domid_t dom)
{
	return HC4(__HYPERVISOR_update_va_mapping_otherdomain, va, pte, flags, dom);
}

static inline long hc_update_descriptor(uint64_t maddr, uint64_t desc)
{
	return HC2(__HYPERVISOR_update_descriptor, maddr, desc);
}

static inline long hc_set_timer_op(uint64_t when)
{
	return HC1(__HYPERVISOR_set_timer_op, when);
}

static inline long hc_set_segment_base(unsigned int which, unsigned long base)
{
	return HC2(__HYPERVISOR_set_segment_base, which, base);
}
#else
#define LO(x) ((unsigned long)(x))
#define HI(x) ((unsigned long)((x) >> 32))

static inline long hc_update_va_mapping(unsigned long va, uint64_t pte, unsigned long flags)
{
	return HC4(__HYPERVISOR_update_va_mapping, va, LO(pte), HI(pte), flags);
}

static inline long hc_update_va_mapping_otherdomain(unsigned long va, uint64_t pte,
						    unsigned long flags, domid_t dom)
{
	return hypercall(__HYPERVISOR_update_va_mapping_otherdomain, va, LO(pte), HI(pte), flags,
			 dom);
}

static inline long hc_update_descriptor(uint64_t maddr, uint64_t desc)
{
	return HC4(__HYPERVISOR_update_descriptor, LO(maddr), HI(maddr), LO(desc), HI(desc));
}

static inline long hc_set_timer_op(uint64_t when)
{
	return HC2(__HYPERVISOR_set_timer_op, LO(when), HI(when));
}
#endif

#endif
