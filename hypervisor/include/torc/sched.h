/* SPDX-License-Identifier: BSD-2-Clause */
/* Run queues, one a CPU, ordered by weighted run time; wake-ups, blocking, affinity, caps. Locks:
 * RANK_SCHED of the CPU. */
#ifndef TORC_SCHED_H
#define TORC_SCHED_H

#include <torc/domain.h>

/* What an event that is being sent means to whom it wakes. Of two ends of a channel the one that
 * bound to the other's port serves it: backends, the store, the consoles. */
enum told { TOLD_EVENT, TOLD_REQUEST, TOLD_ANSWER };

void sched_init(void); /* and a CPU's own: */
void sched_init_cpu(unsigned int cpu);
void sched_add(struct vcpu *v); /* choose a CPU for a new vcpu; it stays off the queue until it is
				   runnable */
void sched_remove(struct vcpu *v);
void sched_wake(struct vcpu *v); /* if it is runnable and not queued: queue, and preempt who is less
				    deserving */
void sched_up(struct vcpu *v);	 /* its guest takes it up */
void sched_answered(struct vcpu *v); /* one that waits for its turn is told TOLD_ANSWER */
void sched_sleep(struct vcpu *v); /* became not runnable: leaves the queue; if running, its CPU is
				     told */
void sched_sleep_sync(struct vcpu *v); /* and wait until it is off its CPU with its state saved */
void sched_yield(void);
void sched_block(void); /* the current one; unless an event is pending already */
int sched_set_affinity(struct vcpu *v, cpumask_t hard, cpumask_t soft);
int sched_set_params(struct domain *d, uint16_t weight, uint16_t cap);
bool vcpu_runnable(const struct vcpu *v);
bool must_yield(void); /* long work: something waits for this CPU */
ns_t vcpu_cpu_time(struct vcpu *v);
void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out); /* up to now */
ns_t cpu_idle_time(unsigned int cpu);

#endif
