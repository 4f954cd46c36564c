/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Time as guests see it: pvclock (the processor's counter and how to scale it), the wall clock in
 * shared_info, and each vcpu's two timers, which raise VIRQ_TIMER. Timers belong to the CPU the
 * vcpu runs on, and move with it when it is next chosen.
 */
#include <torc/guestmem.h>
#include <torc/pv.h>
#include <torc/shared.h>
#include <torc/why.h>
#include <torc/x86.h>

#define DEFAULT_PERIOD \
	(10 * NS_PER_MS) /* ABI: a vcpu ticks while it runs until it says that it needs no tick */
#define LEAST_PERIOD NS_PER_MS

static void time_area_write(struct vcpu *v)
{
	struct vcpu_time_info t = *vcpu_time(v);
	gaddr_t a = GADDR(v->time_area);
	uint32_t odd = v->time_version - 1;

	if (guest_write(a, &odd, sizeof(odd)))
		return;
	wmb();
	if (guest_write(GADDR(a.n + 4), (char *)&t + 4, sizeof(t) - 4))
		return;
	wmb();
	guest_write(a, &v->time_version, sizeof(v->time_version));
}

/* Version odd while it changes. Called on v's CPU, whose scale it is; v is current, or has not
 * started yet. */
void pv_vcpu_time_update(struct vcpu *v)
{
	struct vcpu_time_info *t = vcpu_time(v);
	struct clock_scale s;

	clock_scale_get(&s);
	v->time_version += 2;
	WRITE_ONCE(t->version, v->time_version - 1);
	wmb();
	t->tsc_timestamp = s.tsc_base;
	t->system_time = (uint64_t)s.ns_base;
	t->tsc_to_system_mul = s.mul;
	t->tsc_shift = s.shift;
	t->flags = cpu_features.tsc_invariant ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
	wmb();
	WRITE_ONCE(t->version, v->time_version);
	v->scale_seen = s.tsc_base;
	v->scale_cpu = this_cpu();
	if (v->time_area && v == current)
		pv_in_kernel_root(v, time_area_write);
}

static void wallclock_write(struct domain *d)
{
	int64_t ns = clock_wall_at_boot(), sec = ns / NS_PER_SEC + d->time_offset_s;
	uint32_t *version = d->is_32bit ? &shared32(d)->wc_version : &d->shared->wc_version;

	ns %= NS_PER_SEC;
	d->wc_version += 2;
	WRITE_ONCE(*version, d->wc_version - 1);
	wmb();
	if (d->is_32bit) {
		shared32(d)->wc_sec = (uint32_t)sec;
		shared32(d)->arch.wc_sec_hi = (uint32_t)(sec >> 32);
		shared32(d)->wc_nsec = (uint32_t)ns;
	} else {
		d->shared->wc_sec = (uint32_t)sec;
		d->shared->wc_sec_hi = (uint32_t)(sec >> 32);
		d->shared->wc_nsec = (uint32_t)ns;
	}
	wmb();
	WRITE_ONCE(*version, d->wc_version);
}

/* Any domain's, which may be dying: its shared_info goes under the same lock (pv_domain_kill()). */
void time_update_wallclock(struct domain *d)
{
	spin_lock(&d->lock);
	if (d->shared)
		wallclock_write(d);
	spin_unlock(&d->lock);
}

/* --- timers --------------------------------------------------------------- */

static void singleshot_fired(void *arg)
{
	evtchn_virq(arg, VIRQ_TIMER);
}

static void periodic_fired(void *arg)
{
	struct vcpu *v = arg;
	ns_t period = READ_ONCE(v->period), now = clock_now();

	evtchn_virq(v, VIRQ_TIMER);
	v->period_last = now;
	if (period && v->running)
		timer_set(&v->periodic, now + period);
}

static void periodic_start(struct vcpu *v)
{
	if (v->period && v->virq_port[VIRQ_TIMER])
		timer_set(&v->periodic, MAX(v->period_last + v->period, clock_now()));
}

void pv_time_switch_from(struct vcpu *v)
{
	if (v->period)
		timer_stop(&v->periodic);
}

void pv_time_switch_to(struct vcpu *v)
{
	struct clock_scale s;

	if (unlikely(v->timer_cpu != this_cpu())) {
		v->timer_cpu = this_cpu();
		timer_migrate(&v->singleshot, v->timer_cpu);
		timer_migrate(&v->periodic, v->timer_cpu);
		timer_migrate(&v->poll_timer, v->timer_cpu);
	}
	clock_scale_get(&s);
	/* also when the tools have written over it, as a restore does */
	if (v->scale_seen != s.tsc_base || v->scale_cpu != this_cpu() ||
	    READ_ONCE(vcpu_time(v)->tsc_timestamp) != s.tsc_base)
		pv_vcpu_time_update(v);
	periodic_start(v);
}

void pv_time_init(struct vcpu *v)
{
	v->period = DEFAULT_PERIOD;
	timer_init(&v->singleshot, 0, singleshot_fired, v);
	timer_init(&v->periodic, 0, periodic_fired, v);
}

void pv_time_kill(struct vcpu *v)
{
	v->period = 0;
	timer_kill(&v->singleshot);
	timer_kill(&v->periodic);
}

/* 0 stops it. One that is past fires at once; guests ask so when they are late. */
long time_set_timer(struct vcpu *v, ns_t deadline)
{
	if (deadline == 0)
		timer_stop(&v->singleshot);
	else
		timer_set(&v->singleshot, MAX(deadline, 1));
	return 0;
}

long time_vcpu_op(struct vcpu *v, unsigned int cmd, unsigned int vcpuid, gaddr_t arg)
{
	struct vcpu_set_periodic_timer periodic;
	struct vcpu_set_singleshot_timer once;
	struct vcpu *t = vcpuid < v->domain->max_vcpus ?
				 v->domain->vcpus[index_nospec(vcpuid, v->domain->max_vcpus)] :
				 NULL;

	if (!t)
		return refuse(v, -XEN_ENOENT, "timer: no vcpu %u", vcpuid);
	switch (cmd) {
	case VCPUOP_set_periodic_timer:
		if (guest_get(&periodic, arg))
			return refuse(v, -XEN_EFAULT, "timer: period at %#lx is not readable",
				      arg.n);
		if (periodic.period_ns < (uint64_t)LEAST_PERIOD || periodic.period_ns > 1ull << 62)
			return refuse(v, -XEN_EINVAL, "timer: a period of %lu ns; %lld is the least",
				      periodic.period_ns, LEAST_PERIOD);
		t->period = (ns_t)periodic.period_ns;
		if (t == v)
			periodic_start(t);
		return 0;
	case VCPUOP_stop_periodic_timer:
		t->period = 0;
		timer_stop(&t->periodic);
		return 0;
	case VCPUOP_set_singleshot_timer:
		if (t != v)
			return refuse(v, -XEN_EINVAL, "timer: vcpu %u is another", vcpuid);
		if (guest_get(&once, arg))
			return refuse(v, -XEN_EFAULT, "timer: deadline at %#lx is not readable",
				      arg.n);
		/* VCPU_SSHOTTMR_future may be ignored (ABI), and the reference does: a late timer
		 * that fires beats one refused */
		timer_set(&v->singleshot, (ns_t)MIN(MAX(once.timeout_abs_ns, 1ull), 1ull << 62));
		return 0;
	case VCPUOP_stop_singleshot_timer:
		if (t != v)
			return refuse(v, -XEN_EINVAL, "timer: vcpu %u is another", vcpuid);
		timer_stop(&v->singleshot);
		return 0;
	default: return refuse(v, -XEN_ENOSYS, "vcpu_op %u is none of timers", cmd);
	}
}
