/* SPDX-License-Identifier: BSD-2-Clause */
/* Beside fake_hv.h: what event channels and grants ask of the parts around them. */
#ifndef FAKE_LIFE_H
#define FAKE_LIFE_H

#include "fake_hv.h"

void fake_life_reset(void);	    /* after fake_reset() */
void fake_enlist(struct domain *d); /* domain_get() finds it; with shared_info and event channels */
extern unsigned int fake_kicks[8];  /* upcalls by vcpu id, of any domain */
extern bool fake_kicked_with_irqs_off;			   /* the last time */
extern unsigned int fake_answers;			   /* calls of sched_answered() */
extern unsigned int fake_pirq_port[64], fake_pirq_cpu[64]; /* 0: not bound */

#endif
