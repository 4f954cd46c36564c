/* SPDX-License-Identifier: BSD-2-Clause */
/* See throttle.h. */
#include "migration/throttle.h"

#include "dom0-tools/host/host.h"

#define KEEP 0xffffu /* the weight stays */

/* The note first: between it and the cap the guest has what the note calls its last one. */
static int set(struct throttle *t, struct host *h, uint32_t domid, unsigned int cap, struct why *why)
{
	int rc;

	t->caps.now = cap;
	rc = t->note ? t->note(t->arg, &t->caps, why) : 0;
	rc = rc ? rc : host_domain_sched_set(h, domid, KEEP, cap, why);
	if (!rc)
		t->caps.last = cap;
	return rc;
}

int throttle_to(struct throttle *t, struct host *h, uint32_t domid, unsigned int percent,
		struct why *why)
{
	struct domain_info info;
	unsigned int weight, full, cap;
	int rc = host_domain_info(h, domid, &info, why);

	rc = rc ? rc : host_domain_sched_get(h, domid, &weight, &t->caps.last, why);
	if (rc)
		return rc;
	if (!t->percent || t->caps.last != t->caps.now)
		t->caps.before = t->caps.last;
	t->percent = percent < THROTTLE_LEAST ? THROTTLE_LEAST : percent;
	full = 100 * (info.vcpus_online ? info.vcpus_online :
					  1); /* a cap is in hundredths of a processor */
	if (t->caps.before && t->caps.before < full)
		full = t->caps.before;
	cap = full * t->percent / 100;
	return set(t, h, domid, cap ? cap : 1, why);
}

int throttle_give_back(const struct throttle_caps *caps, struct host *h, uint32_t domid,
		       struct why *why)
{
	unsigned int weight, cap;
	int rc = caps->now ? host_domain_sched_get(h, domid, &weight, &cap, why) : 0;

	if (rc || !caps->now || (cap != caps->now && cap != caps->last) || cap == caps->before)
		return rc;
	return host_domain_sched_set(h, domid, KEEP, caps->before, why);
}

int throttle_end(struct throttle *t, struct host *h, uint32_t domid, struct why *why)
{
	int rc = throttle_give_back(&t->caps, h, domid, why);

	t->percent = 0;
	if (rc || !t->caps.now)
		return rc;
	t->caps = (struct throttle_caps){ 0 };
	return t->note ? t->note(t->arg, &t->caps, why) : 0;
}
