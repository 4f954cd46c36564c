/* SPDX-License-Identifier: BSD-2-Clause */
/* Virtual processors: set up, paused, woken, freed. When they run is sched.c's. */
#include <torc/domain.h>
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>

static void poll_timed_out(void *arg)
{
	vcpu_unblock(arg);
}

int vcpu_create(struct domain *d, unsigned int id)
{
	struct vcpu *v;
	int rc;

	if (id >= d->max_vcpus || d->state >= DOM_DYING) /* the dead have no shared_info */
		return -XEN_EINVAL;
	if (d->vcpus[id])
		return -XEN_EEXIST;
	v = zalloc(sizeof(*v));
	if (!v)
		return -XEN_ENOMEM;
	v->domain = d;
	v->id = id;
	v->down = true;
	v->root = v->user_root = v->info_mfn = MFN_NONE;
	v->cr3 = idle_root;
	v->hard_affinity = v->soft_affinity = ~0ull;
	v->runstate.state = RUNSTATE_offline;
	v->runstate.state_entry_time = clock_now();
	list_init(&v->run_link);
	timer_init(&v->poll_timer, 0, poll_timed_out, v);
	rc = -XEN_ENOMEM;
	v->fpu = fpu_alloc();
	if (!v->fpu)
		goto free;
	rc = pv_vcpu_init(v);
	if (rc)
		goto fpu;
	sched_add(v);
	atomic_set(&d->vcpus[id], v);
	return 0;
fpu:
	fpu_free(v->fpu);
free:
	timer_kill(&v->poll_timer);
	zfree(v);
	return rc;
}

/* The domain has no references left: nobody wakes it any more. */
void vcpu_free(struct vcpu *v)
{
	sched_remove(v);
	timer_kill(&v->poll_timer);
	pv_vcpu_free(v);
	fpu_free(v->fpu);
	v->domain->vcpus[v->id] = NULL;
	zfree(v);
}

/*
 * An event came, or what it waited for is over. Pairs with sched_block() and SCHEDOP_poll: they set
 * 'blocked', then look for what they wait for; we were called after that was made visible. Both
 * sides have a full barrier between.
 */
void vcpu_unblock(struct vcpu *v)
{
	mb();
	if (!atomic_read(&v->blocked) || !atomic_swap(&v->blocked, false))
		return;
	if (atomic_read(&v->polling) && atomic_swap(&v->polling, false)) {
		atomic_sub(&v->domain->nr_polling, 1);
		timer_stop(&v->poll_timer);
	}
	sched_wake(v);
}

void vcpu_pause_nosync(struct vcpu *v)
{
	atomic_add(&v->pause_count, 1);
	sched_sleep(v);
}

void vcpu_pause(struct vcpu *v)
{
	ASSERT(v != current);
	vcpu_pause_nosync(v);
	sched_sleep_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
	ASSERT(atomic_read(&v->pause_count) > 0);
	if (atomic_sub(&v->pause_count, 1) == 0)
		sched_wake(v);
}
