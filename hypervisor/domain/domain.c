/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains: references, creation, pause, shutdown and resume. They are looked up in index.c; their
 * end is death.c's.
 *
 * References: one from creation until domain_kill() is done, one while the domain has frames, one
 * for each mapping of a grant of its and for each event channel being bound. The struct is freed by
 * WORK_DEATH, in a context without locks.
 */
#include <torc/console.h>
#include <torc/domain.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/why.h>
#include <torc/x86.h>

struct domain *dom0;
struct domain idle_domain = { .id = DOMID_IDLE,
			      .refs = 1,
			      .state = DOM_ALIVE,
			      .weight = 256,
			      .lock = SPINLOCK(RANK_DOMAIN),
			      .pages_lock = SPINLOCK(RANK_PAGES) };
struct domain io_domain = { .id = DOMID_IO,
			    .refs = 1,
			    .state = DOM_ALIVE,
			    .lock = SPINLOCK(RANK_DOMAIN),
			    .pages_lock = SPINLOCK(RANK_PAGES) };
struct domain hyp_domain = { .id = DOMID_XEN,
			     .refs = 1,
			     .state = DOM_ALIVE,
			     .lock = SPINLOCK(RANK_DOMAIN),
			     .pages_lock = SPINLOCK(RANK_PAGES) };

static spinlock_t dead_lock = SPINLOCK(RANK_SMALL);
static struct domain *dead;

static void bury(void);

void domains_init(void)
{
	work_set_handler(WORK_DEATH, bury);
}

/* --- references ----------------------------------------------------------- */

bool domain_get_more(struct domain *d)
{
	uint32_t old = atomic_read(&d->refs);

	do {
		if (old == 0)
			return false;
	} while (!atomic_swap_if(&d->refs, &old, old + 1));
	return true;
}

struct domain *domain_get(domid_t id)
{
	struct domain *d;

	if (id == DOMID_SELF) {
		d = current->domain;
		return domain_get_more(d) ? d : NULL;
	}
	return id < DOMID_FIRST_RESERVED ? index_get(id) : NULL;
}

struct domain *domain_get_for(struct vcpu *v, domid_t id)
{
	if (id == DOMID_SELF || id == v->domain->id)
		return domain_get_more(v->domain) ? v->domain : NULL;
	return v->domain->privileged ? domain_get(id) : NULL;
}

void domain_put(struct domain **pd)
{
	struct domain *d = *pd;
	unsigned long flags;

	*pd = NULL;
	if (!d || atomic_sub(&d->refs, 1))
		return;
	flags = spin_lock_irq(&dead_lock);
	d->next_dead = dead;
	dead = d;
	spin_unlock_irq(&dead_lock, flags);
	work_raise(WORK_DEATH);
}

static void domain_free(struct domain *d)
{
	unsigned int i;

	for (i = 0; i < d->max_vcpus; i++)
		if (d->vcpus && d->vcpus[i])
			vcpu_free(d->vcpus[i]);
	for (i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		timer_kill(&d->watchdog[i]);
	pv_domain_free(d);
	why_free(d);
	zfree(d->vcpus);
	zfree(d->memory_map);
	zfree(d->cpuid);
	zfree(d);
}

/* WORK_DEATH: nobody refers to these any more. */
static void bury(void)
{
	unsigned long flags;
	struct domain *d;

	for (;;) {
		flags = spin_lock_irq(&dead_lock);
		d = dead;
		if (d)
			dead = d->next_dead;
		spin_unlock_irq(&dead_lock, flags);
		if (!d)
			return;
		index_remove(d);
		index_release(d->id);
		log_info("d%u is gone", d->id);
		domain_free(d);
		evtchn_virq_global(VIRQ_DOM_EXC);
	}
}

/* --- creation ------------------------------------------------------------- */

static void watchdog_fired(void *arg)
{
	struct domain *d = arg;

	log_guest(d->id, LOG_WARNING, "watchdog fired");
	domain_shutdown(d, SHUTDOWN_watchdog);
}

int domain_create(domid_t id, const struct xen_domctl_createdomain *c, struct domain **out)
{
	struct domain *d;
	unsigned int i;
	int rc;

	if (id != DOMID_INVALID && id >= DOMID_FIRST_RESERVED)
		return -XEN_EINVAL;
	d = zalloc(sizeof(*d));
	if (!d)
		return -XEN_ENOMEM;
	d->state = DOM_BUILDING;
	d->refs = 1;
	spin_init(&d->lock, RANK_DOMAIN);
	spin_init(&d->pages_lock, RANK_PAGES);
	memcpy(d->handle, c->handle, sizeof(d->handle));
	d->create_flags = c->flags;
	d->ssidref = c->ssidref;
	d->privileged = id == 0;
	d->hv_start_low = M2P32_BASE;
	d->weight = 256;
	d->pause_count = d->paused_by_tools = 1;
	d->created_at = clock_now();
	for (i = 0; i < ARRAY_SIZE(d->watchdog); i++)
		timer_init(&d->watchdog[i], 0, watchdog_fired, d);
	rc = index_claim(&id);
	if (rc)
		goto free;
	d->id = id;
	rc = domain_set_vcpus(d, c->max_vcpus);
	if (rc)
		goto unlist;
	rc = why_init(d);
	if (rc)
		goto unlist;
	rc = pv_domain_init(d, c);
	if (rc)
		goto why;
	d->state = DOM_ALIVE;
	index_add(d); /* from here on others find it */
	*out = d;
	return 0;
why:
	why_free(d);
unlist:
	index_release(d->id);
	zfree(d->vcpus);
free:
	zfree(d);
	return rc;
}

int domain_set_vcpus(struct domain *d, unsigned int n)
{
	struct vcpu **a;

	if (n == 0 || n > 8192)
		return -XEN_EINVAL;
	if (d->vcpus)
		return n == d->max_vcpus ? 0 : -XEN_EEXIST;
	a = zalloc(n * sizeof(*a));
	if (!a)
		return -XEN_ENOMEM;
	d->vcpus = a;
	d->max_vcpus = n;
	return 0;
}

/* --- pause ---------------------------------------------------------------- */

#define for_each_vcpu(d, i, v)               \
	for (i = 0; i < (d)->max_vcpus; i++) \
		if ((v = (d)->vcpus[i]) != NULL)

void domain_pause_nosync(struct domain *d)
{
	struct vcpu *v;
	unsigned int i;

	atomic_add(&d->pause_count, 1);
	for_each_vcpu (d, i, v)
		sched_sleep(v);
}

void domain_pause(struct domain *d)
{
	struct vcpu *v;
	unsigned int i;

	domain_pause_nosync(d);
	for_each_vcpu (d, i, v)
		sched_sleep_sync(v);
}

void domain_unpause(struct domain *d)
{
	struct vcpu *v;
	unsigned int i;

	ASSERT(atomic_read(&d->pause_count) > 0);
	if (atomic_sub(&d->pause_count, 1) == 0)
		for_each_vcpu (d, i, v)
			sched_wake(v);
}

int domain_pause_by_tools(struct domain *d)
{
	if (d == current->domain)
		return -XEN_EINVAL;
	spin_lock(&d->lock);
	if (d->paused_by_tools == 255) {
		spin_unlock(&d->lock);
		return -XEN_E2BIG;
	}
	d->paused_by_tools++;
	spin_unlock(&d->lock);
	domain_pause(d);
	return 0;
}

int domain_unpause_by_tools(struct domain *d)
{
	spin_lock(&d->lock);
	if (d->debug_paused) { /* by a breakpoint, whose debugger may be gone */
		d->debug_paused = false;
	} else if (d->paused_by_tools) {
		d->paused_by_tools--;
	} else {
		spin_unlock(&d->lock);
		return -XEN_EINVAL;
	}
	spin_unlock(&d->lock);
	time_update_wallclock(d); /* a restore has put the old host's there */
	domain_unpause(d);
	return 0;
}

/* --- shutdown ------------------------------------------------------------- */

static void __noreturn machine_follows(uint8_t reason)
{
	log_info("the control domain shuts down, reason %u", reason);
	if (reason == SHUTDOWN_poweroff)
		machine_halt();
	if (reason == SHUTDOWN_crash)
		machine_after_crash();
	machine_reboot();
}

/* All of its vcpus stop (vcpu_runnable() looks at shutting_down); when the last left its CPU the
 * tools are told. */
void domain_shutdown(struct domain *d, uint8_t reason)
{
	struct vcpu *v;
	unsigned int i;

	if (d == dom0)
		machine_follows(reason);
	ASSERT(irqs_are_on()); /* who holds the lock may wait for this CPU to flush */
	spin_lock(&d->lock);
	if (d->shutting_down) {
		spin_unlock(&d->lock);
		return;
	}
	if (d->shutdown_code == 0)
		d->shutdown_code = reason;
	d->shutting_down = true;
	spin_unlock(&d->lock);
	mb();
	for_each_vcpu (d, i, v)
		sched_sleep(v);
	domain_shutdown_settle(d);
}

/* Lock-free, since it is called with interrupts off: every CPU that a vcpu leaves clears 'running'
 * first and looks then, so the last one sees all of them clear. */
void domain_shutdown_settle(struct domain *d)
{
	struct vcpu *v;
	unsigned int i;

	mb();
	if (!atomic_read(&d->shutting_down) || atomic_read(&d->shut_down))
		return;
	for_each_vcpu (d, i, v)
		if (atomic_read(&v->running))
			return;
	if (!atomic_swap(&d->shut_down, true))
		evtchn_virq_global(VIRQ_DOM_EXC);
}

int domain_resume(struct domain *d)
{
	struct vcpu *v;
	unsigned int i;

	domain_pause(d);
	spin_lock(&d->lock);
	d->shutting_down = d->shut_down = false;
	d->shutdown_code = 0;
	spin_unlock(&d->lock);
	domain_unpause(d);
	for_each_vcpu (d, i, v)
		sched_wake(v);
	return 0;
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
	char text[160];
	va_list ap;

	va_start(ap, fmt);
	vformat(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (d->shutting_down && d != dom0)
		return; /* the first cause is the one to tell */
	why_last_words(d, "%s", text);
	log_err("d%u crashes: %s", d->id, text);
	if (current->domain == d) {
		log_err("d%uv%u on CPU %u:", d->id, current->id, this_cpu());
		show_regs(guest_regs());
	}
	d->shutdown_code = SHUTDOWN_crash;
	domain_shutdown(d, SHUTDOWN_crash);
}
