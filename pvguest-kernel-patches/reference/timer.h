/* SPDX-License-Identifier: BSD-2-Clause */
/* Time since the machine's start in nanoseconds, wall-clock seconds, and one timer. */
#ifndef TIMER_H
#define TIMER_H

#include <stdint.h>

#define MS     1000000ull
#define SECOND 1000000000ull

void timer_init(void);
void timer_resume(uint64_t before);    /* after a resume: the clock goes on from there, on whatever
					  host */
uint64_t host_deadline(uint64_t when); /* a time of ours as the hypervisor takes it */
uint64_t now(void);
uint32_t wall_clock(void);     /* seconds since 1970 */
void timer_set(uint64_t when); /* an event then; wakes event_wait() */
extern volatile unsigned long timer_events;

#endif
