/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One line of TAP a check: "ok 7 - [section] text: what came". The section is docs/hypercalls.md's.
 * Nothing printed may differ from run to run or from machine to machine: the whole output is
 * compared.
 */
#ifndef CHECK_H
#define CHECK_H

#include "hypercall.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "trap.h"

/* Lines that follow belong to this section. */
void section(const char *name);

/* A hypercall's result: 0, a positive number or a negative XEN_ error. */
bool expect(long got, long want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A grant operation's status. */
bool expect_status(int got, int want, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
bool expect_true(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* fn(arg) must end in this trap with this error code (-1: any); vector -1: it must come to its end. */
bool expect_trap(void (*fn)(void *), void *arg, int vector, int error, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void not_here(const char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const char *error_name(long rc);

/* fn called with each address that no guest may pass: want each time. */
void expect_bad_pointers(long (*fn)(void *), long want, const char *what);
/* The same, and a page of the guest's own that it may only read. */
void expect_bad_output(long (*fn)(void *), long want, const char *what);

/* Addresses. */
extern void *const hypervisor_address; /* mapped by the hypervisor, not for guests */
#define UNMAPPED ((void *)0x10)

/* A frame of somebody else's: dom0's, found by way of the machine-to-physical table. */
unsigned long foreign_frame(void);
/* A page of ours that is mapped read-only. */
void *readonly_page(void);

static inline pte_t pte_for(const void *page, pte_t flags)
{
	return (uint64_t)virt_to_mfn(page) * PAGE_SIZE | flags;
}

static inline pte_t pte_frame(uint64_t mfn, pte_t flags)
{
	return mfn * PAGE_SIZE | flags;
}

/* Does a timer event come, or has one come, after that many? Watches the clock and sets no timer. */
bool ticked_since(unsigned long before);

/* Code for expect_trap(). */
void touch_read(void *p);
void touch_write(void *p);

#endif
