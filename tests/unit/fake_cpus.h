/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine of simulated CPUs for tests of domain/sched.c and vcpu_unblock(): time goes from one
 * timer to the next, each CPU does its pending work as its way out of the hypervisor would. After
 * every step three things hold: who could run is on a CPU or on a queue, it may use that CPU, and
 * no CPU idles while another's queue has somebody that it may run.
 */
#ifndef FAKE_CPUS_H
#define FAKE_CPUS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/heap.h>
#include <torc/hooks.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/shared.h>
#include <torc/x86.h>

extern struct cpu_info cpus[8];
extern unsigned int my_cpu; /* who acts */
extern ns_t now;
extern ns_t switch_takes;	/* to load a vcpu */
extern unsigned int settled;	/* calls of domain_shutdown_settle() */
extern void (*at_unlock)(void); /* another CPU's doing, once: when a lock is let go */
extern unsigned int delivered;	/* of pv_deliver_pending(), */
extern bool nothing_to_deliver; /* which finds none */

extern struct domain *doms[16]; /* of guest() */
extern unsigned int nr_doms;

int one_cpu(void **s);
int four_cpus(void **s);
int bring_down(void **s);
struct domain *guest(unsigned int vcpus, uint16_t weight); /* which want to run */

void settle(void); /* all CPUs do what is pending */
void run_until(ns_t end);
void one_way_out(unsigned int cpu);
void block(struct vcpu *v); /* as SCHEDOP_block on its own CPU */
bool on_queue(const struct vcpu *v);
long ms_used(struct domain *d);

#define ONE(f)	cmocka_unit_test_setup_teardown(f, one_cpu, bring_down)
#define FOUR(f) cmocka_unit_test_setup_teardown(f, four_cpus, bring_down)

#endif
