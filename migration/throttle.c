/* SPDX-License-Identifier: BSD-2-Clause */
/* See throttle.h. */
#include "migration/throttle.h"

#define KEEP 0xffffu /* the weight stays */

int throttle_to(struct throttle *t, struct host *h, uint32_t domid, unsigned int percent,
		struct why *why)
{
	struct domain_info info;
	unsigned int weight, full, cap;
	int rc = host_domain_info(h, domid, &info, why);

	if (!rc && !t->percent)
		rc = host_domain_sched_get(h, domid, &weight, &t->before, why);
	if (rc)
		return rc;
	t->percent = percent < THROTTLE_LEAST ? THROTTLE_LEAST : percent;
	full = 100 * (info.vcpus_online ? info.vcpus_online :
					  1); /* a cap is in hundredths of a processor */
	if (t->before && t->before < full)
		full = t->before;
	cap = full * t->percent / 100;
	return host_domain_sched_set(h, domid, KEEP, cap ? cap : 1, why);
}

int throttle_end(struct throttle *t, struct host *h, uint32_t domid, struct why *why)
{
	if (!t->percent)
		return 0;
	t->percent = 0;
	return host_domain_sched_set(h, domid, KEEP, t->before, why);
}
