/* SPDX-License-Identifier: BSD-2-Clause */
/* Vectors of devices: who has which. A vector means the same on every CPU. */
#include <torc/irq.h>
#include <torc/hooks.h>
#include <torc/spinlock.h>
#include <torc/console.h>

static struct irq *vectors[256];
static spinlock_t lock = SPINLOCK(RANK_SMALL);

static bool usable(unsigned int v)
{
	return v != 0x80 && v != 0x82; /* guests' software interrupts */
}

int irq_alloc_vector(struct irq *irq)
{
	static unsigned int last = VECTOR_FIRST_DEVICE - 1;
	unsigned long flags = spin_lock_irq(&lock);
	unsigned int i, v, n = VECTOR_LAST_DEVICE - VECTOR_FIRST_DEVICE + 1;
	int rc = -XEN_ENOSPC;

	/* In turn rather than the lowest free: a late interrupt of one that was freed then meets
	 * nobody. */
	for (i = 0; i < n; i++) {
		v = VECTOR_FIRST_DEVICE + (last + 1 - VECTOR_FIRST_DEVICE + i) % n;
		if (!usable(v) || vectors[v])
			continue;
		vectors[v] = irq;
		irq->vector = (uint8_t)v;
		last = v;
		rc = 0;
		break;
	}
	spin_unlock_irq(&lock, flags);
	return rc;
}

/* The caller has masked the line and no CPU is still in its handler for it (cpu_call() is a way to
 * be sure). */
void irq_free_vector(struct irq *irq)
{
	unsigned long flags = spin_lock_irq(&lock);

	if (irq->vector && vectors[irq->vector] == irq)
		WRITE_ONCE(vectors[irq->vector], NULL);
	irq->vector = 0;
	spin_unlock_irq(&lock, flags);
}

void irq_eoi(struct irq *irq)
{
	(void)irq;
	apic_eoi();
}

void hook_irq(unsigned int vector)
{
	struct irq *irq = READ_ONCE(vectors[vector]);
	static uint64_t warned[4];
	unsigned int was;

	if (!irq) {
		if (!bit_test_and_set(vector, warned))
			log_warn("interrupt at vector %#x, which nobody has; further ones are not reported",
				 vector);
		apic_eoi();
		return;
	}
	was = spin_ranks_enter();
	irq->handler(irq, irq->arg);
	spin_ranks_leave(was);
}
