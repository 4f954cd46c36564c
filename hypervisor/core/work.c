/* SPDX-License-Identifier: BSD-2-Clause */
/* Deferred work: bits in each CPU's cpu_info, which the way out and the idle loop look at. */
#include <torc/work.h>
#include <torc/x86.h>

static void (*handlers[NR_WORK])(void);

void work_set_handler(enum work w, void (*fn)(void))
{
	handlers[w] = fn;
}

void work_raise(enum work w)
{
	/* not cpu_info(): an NMI may call on its own stack */
	atomic_or(&cpu_info_of(this_cpu())->work_pending, 1u << w);
}

void work_raise_on(unsigned int cpu, enum work w)
{
	unsigned int old = atomic_or(&cpu_info_of(cpu)->work_pending, 1u << w);

	if (cpu != this_cpu() &&
	    !old) /* with a bit set already the kick is on its way, or the CPU is at it */
		cpu_kick(cpu);
}

/* A bit at a time: a handler that does not return (it chose a vcpu to run) loses nobody's. */
void work_run(void)
{
	unsigned int *pending = &cpu_info()->work_pending, todo, w;

	while ((todo = atomic_read(pending)) != 0) {
		w = (unsigned int)__builtin_ctz(todo);
		atomic_and(pending, ~(1u << w));
		if (handlers[w])
			handlers[w]();
	}
}
