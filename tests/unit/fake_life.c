/* SPDX-License-Identifier: BSD-2-Clause */
/* See fake_life.h. */
#include <stdlib.h>
#include <torc/evtchn.h>
#include <torc/sched.h>
#include "fake_life.h"

struct domain *dom0, idle_domain;
unsigned int fake_kicks[8], fake_pirq_port[64], fake_pirq_cpu[64], fake_answers;
static struct domain *listed[8];
static unsigned int nr_listed;

bool spin_trylock(spinlock_t *l)
{
	return !__atomic_exchange_n(&l->owner, 1, __ATOMIC_ACQUIRE);
}
unsigned long spin_lock_irq(spinlock_t *l)
{
	spin_lock(l);
	return 0;
}
void spin_unlock_irq(spinlock_t *l, unsigned long flags)
{
	(void)flags;
	spin_unlock(l);
}

void fake_life_reset(void)
{
	memset(listed, 0, sizeof(listed));
	memset(fake_kicks, 0, sizeof(fake_kicks));
	memset(fake_pirq_port, 0, sizeof(fake_pirq_port));
	nr_listed = 0;
	fake_answers = 0;
	dom0 = NULL;
}

void fake_enlist(struct domain *d)
{
	if (nr_listed == ARRAY_SIZE(listed))
		panic("fake_enlist: at most %zu", ARRAY_SIZE(listed));
	listed[nr_listed++] = d;
	d->shared = page_alloc(0);
	if (!d->shared || evtchn_init(d, ~0u))
		panic("fake_enlist: no memory");
}

struct domain *domain_get(domid_t id)
{
	unsigned int i;

	if (id == DOMID_SELF)
		id = current->domain->id;
	for (i = 0; i < nr_listed; i++)
		if (listed[i]->id == id && domain_get_more(listed[i]))
			return listed[i];
	return NULL;
}

struct domain *domain_get_for(struct vcpu *v, domid_t id)
{
	return id == DOMID_SELF || id == v->domain->id || v->domain->privileged ? domain_get(id) :
										  NULL;
}

static _Thread_local unsigned int irqs_saved;
bool fake_kicked_with_irqs_off;

void fake_irqs_saved(bool off)
{
	irqs_saved += off ? 1 : -1u;
}
void pv_vcpu_kick(struct vcpu *v)
{
	fake_kicked_with_irqs_off = irqs_saved != 0;
	__atomic_add_fetch(&fake_kicks[v->id], 1, __ATOMIC_RELAXED);
}
void sched_answered(struct vcpu *v)
{
	(void)v;
	fake_answers++;
}
void vcpu_unblock(struct vcpu *v)
{
	v->blocked = false;
	if (v->polling) {
		v->polling = false;
		v->domain->nr_polling--;
	}
}

bool io_irq_allowed(const struct domain *d, unsigned int pirq)
{
	return d->privileged && pirq < ARRAY_SIZE(fake_pirq_port);
}
int pirq_bind(struct vcpu *v, int pirq, bool shareable, evtchn_port_t port)
{
	(void)v;
	(void)shareable;
	if (pirq < 0 || pirq >= (int)ARRAY_SIZE(fake_pirq_port))
		return -XEN_EINVAL;
	if (fake_pirq_port[pirq])
		return -XEN_EEXIST;
	fake_pirq_port[pirq] = port;
	return 0;
}
void pirq_unbind(struct domain *d, int pirq)
{
	(void)d;
	fake_pirq_port[pirq] = 0;
}
void pirq_move(struct domain *d, int pirq, unsigned int cpu)
{
	(void)d;
	fake_pirq_cpu[pirq] = cpu;
}
