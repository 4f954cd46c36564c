/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine for the hypervisor's safety core on the host: some frames of memory, domains, CPUs that
 * are threads. What the core asks of hardware and of other parts is answered here; what tests want
 * to know is counted.
 */
#ifndef FAKE_HV_H
#define FAKE_HV_H

#include <torc/domain.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/x86.h>

void fake_reset(unsigned int frames); /* a fresh machine; all frames are free RAM but frame 0 */
struct domain *fake_domain(domid_t id, bool is_32bit, unsigned int max_pages);
struct vcpu *fake_vcpu(struct domain *d);	    /* in its kernel, without a root */
void fake_run_on(unsigned int cpu, struct vcpu *v); /* this thread is that CPU, with v running */
mfn_t fake_page(struct domain *d);		    /* a zeroed frame of d */
uint64_t *fake_table(mfn_t m);			    /* its contents as entries */
struct frame *fake_frame(mfn_t m);

extern __thread unsigned int fake_yield_every; /* must_yield(): 0 never, n: every n-th time */
extern unsigned int fake_refusals;
extern __thread char fake_why[200]; /* of the last refusal */
extern uint64_t fake_flushes;	    /* CPUs flushed for another frame's sake */
void fake_tlb_ticks(uint64_t n);    /* so many flushes of some CPU go by */
/* Others' doing, once: when the next stamp has been read, when the next thing is refused, before
 * the next lock is taken. */
extern void (*fake_after_stamp)(void), (*fake_at_refusal)(void), (*fake_at_lock)(void);
extern unsigned long fake_no_page;   /* guest memory that is not there, by its address; 0: all is */
extern unsigned int fake_window[64]; /* how often each page of a window was mapped */

/* Checks every word of the frame table against the tables themselves: counts, types, and that no
 * table is mapped writable. Nothing may run meanwhile. extra[mfn]: general references, typed[mfn]:
 * typed ones that the test holds. Dies with a message. */
void fake_audit(const unsigned int *extra, const unsigned int *typed);

#endif
