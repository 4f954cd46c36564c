/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A debugger in the control domain. While one is attached (XEN_DOMCTL_setdebugging) the breakpoints
 * and single steps of a guest, of its kernel and its users, stop the whole domain in front of
 * whatever its kernel would have made of them: the vcpu keeps the state that the processor left,
 * the debugger is told which vcpu and which vector, and says afterwards whose it was. What it finds
 * to be the guest's own goes to the guest when the vcpu goes on (debug_pass()).
 *
 * The stop is one pause however many vcpus come to one at the same time, and
 * XEN_DOMCTL_unpausedomain ends it like any other: a debugger that died leaves a guest that 'torc
 * unpause' sets running. Switching debugging off lets go of all that a debugger held.
 *
 * Guests without a debugger pay one test in the paths of #BP and #DB, and nothing in any other.
 */
#include <torc/pv.h>
#include <torc/x86.h>

/* v is current, in the guest. False: no debugger wants it. */
bool debug_event(struct vcpu *v, unsigned int vector)
{
	struct domain *d = v->domain;
	bool taken, first;

	if (likely(!READ_ONCE(d->debugged)))
		return false;
	domain_pause_nosync(d);
	spin_lock(&d->lock);
	taken = d->debugged;
	first = taken && !d->debug_paused;
	if (taken) {
		v->debug_event = (uint8_t)vector;
		atomic_and(&v->pending_traps, (uint8_t)~PENDING_STEP);
		d->debug_paused = true;
	}
	spin_unlock(&d->lock);
	if (!first)
		domain_unpause(d);
	if (taken)
		evtchn_virq_global(VIRQ_DEBUGGER);
	return taken;
}

int debug_set(struct domain *d, bool on)
{
	bool paused = false;

	if (d == dom0)
		return -XEN_EINVAL;
	spin_lock(&d->lock);
	if (!on) {
		paused = d->debug_paused;
		d->debug_paused = false;
	}
	WRITE_ONCE(d->debugged, on);
	spin_unlock(&d->lock);
	for (unsigned int i = 0; !on && i < d->max_vcpus; i++)
		if (d->vcpus[i]) {
			d->vcpus[i]->debug_event = 0;
			atomic_and(&d->vcpus[i]->pending_traps, (uint8_t)~PENDING_STEP);
			debug_vcpu_hold(d->vcpus[i], false);
		}
	if (paused)
		domain_unpause(d);
	return 0;
}

/* The next one that nobody has asked for yet. */
bool debug_next(struct domain *d, unsigned int *vcpu, unsigned int *vector)
{
	bool found = false;

	spin_lock(&d->lock);
	for (unsigned int i = 0; i < d->max_vcpus && !found; i++)
		if (d->vcpus[i] && d->vcpus[i]->debug_event) {
			*vcpu = i;
			*vector = d->vcpus[i]->debug_event;
			d->vcpus[i]->debug_event = 0;
			found = true;
		}
	spin_unlock(&d->lock);
	return found;
}

/* One vcpu, while others of the domain may run. Asking twice is refused, so the debugger's count
 * and ours are the same. */
int debug_vcpu_hold(struct vcpu *v, bool hold)
{
	struct domain *d = v->domain;

	spin_lock(&d->lock);
	if (v->debug_held == hold || (hold && !d->debugged)) {
		spin_unlock(&d->lock);
		return -XEN_EINVAL;
	}
	v->debug_held = hold;
	spin_unlock(&d->lock);
	if (hold)
		vcpu_pause(v);
	else
		vcpu_unpause(v);
	return 0;
}

/* With TF in its flags a debugger wants one instruction done. Were an event delivered first, TF
 * would lie on the guest's stack meanwhile, and go wherever the guest takes its task. v is paused.
 */
void debug_context_set(struct vcpu *v)
{
	if (v->domain->debugged && v->regs.rflags & EFLAGS_TF)
		atomic_or(&v->pending_traps, PENDING_STEP);
}

/* The guest gets the exception as if no debugger had been there, as soon as the vcpu runs: frames
 * are built on its own CPU. */
int debug_pass(struct vcpu *v, unsigned int vector)
{
	if (!v->domain->debugged || !v->initialised || (vector != 1 && vector != 3))
		return -XEN_EINVAL;
	domain_pause(v->domain);
	atomic_or(&v->pending_traps, vector == 1 ? PENDING_DB : PENDING_BP);
	domain_unpause(v->domain);
	return 0;
}
