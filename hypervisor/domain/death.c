/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a domain. domain_kill() stops it and gives back all that it has; what others still
 * hold of it (frames mapped through grants or by the tools) stays until they let go. Until then the
 * domain is a zombie: it has an id, frames, and nothing else.
 */
#include <torc/console.h>
#include <torc/domain.h>
#include <torc/pv.h>
#include <torc/sched.h>

/* Called again and again by the tools while it answers -XEN_ERESTART, by one CPU at a time. */
int domain_kill(struct domain *d)
{
	struct domain *me = d;
	unsigned int i;
	int rc;

	if (d == dom0 || d == current->domain)
		return -XEN_EINVAL;
	spin_lock(&d->lock);
	if (d->state == DOM_DEAD) {
		spin_unlock(&d->lock);
		return 0;
	}
	if (d->state != DOM_DYING) {
		d->state = DOM_DYING;
		spin_unlock(&d->lock);
		domain_pause(d); /* for good: this count is never given back */
		for (i = 0; i < ARRAY_SIZE(d->watchdog); i++)
			timer_kill(&d->watchdog[i]);
	} else {
		spin_unlock(&d->lock);
	}
	rc = pv_domain_kill(d);
	if (rc)
		return rc;
	d->state = DOM_DEAD;
	if (domain_held_frames(d))
		log_info("d%u is dead; others still hold %u of its frames", d->id,
			 domain_held_frames(d));
	evtchn_virq_global(VIRQ_DOM_EXC);
	domain_put(&me); /* the reference of its creation */
	return 0;
}

unsigned int domain_held_frames(struct domain *d)
{
	return atomic_read(&d->nr_pages) + atomic_read(&d->nr_own_pages);
}
