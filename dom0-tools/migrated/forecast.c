/* SPDX-License-Identifier: BSD-2-Clause */
/* See forecast.h. Every part of the pause is in exactly one of these numbers, or is measured in the
 * migration itself: the map, the state, and what a page takes. */
#include "dom0-tools/migrated/forecast.h"

#define WEIGHT 16u /* so many pages say what one costs */

void forecast(struct mig_send_opts *o, const struct costs *own, const struct costs *theirs)
{
	const struct costs *guest = own->of_guest || !theirs->left_pages ? own : theirs;
	/* what this guest took to leave the other host says more than what others took to leave
	 * this */
	uint64_t leave_ns = guest->leave_ns ? guest->leave_ns : own->leave_ns;

	o->table_ns = theirs->table_ns ? theirs->table_ns : own->table_ns;
	/* one without the other would be too short for certain */
	o->other_ns =
		leave_ns ? leave_ns + (theirs->arrive_ns ? theirs->arrive_ns : own->arrive_ns) : 0;
	o->extra_pages = guest->extra_pages;
	o->left_pages = guest->left_pages;
	o->left_of = guest->left_of;
	o->last_page_ns = guest->last_page_ns;
	o->of_page_ns = guest->of_page_ns;
	o->known = own->of_guest || theirs->left_pages;
}

void forecast_departed(struct costs *seen, const struct mig_outcome *o, const struct mig_parts *all)
{
	*seen = (struct costs){ .leave_ns = all->ns[PART_STOPPED] + all->ns[PART_DRAIN] +
					    all->ns[PART_HANDED] + all->ns[PART_WIRE] };
	if (o->seen_running_ns) { /* it was chased */
		seen->left_pages = o->last_round_pages;
		seen->left_of = o->decided_pages;
	}
	if (o->chased_pages + o->last_round_pages > o->decided_pages)
		seen->extra_pages = o->chased_pages + o->last_round_pages - o->decided_pages;
	if (o->page_ns >= 1 && o->last_round_pages >= WEIGHT) {
		seen->last_page_ns = all->ns[PART_PAGES] / o->last_round_pages + 1;
		seen->of_page_ns = (uint64_t)o->page_ns;
	}
}

void forecast_arrived(struct costs *seen, const struct mig_parts *own, uint64_t tables)
{
	const uint64_t *ns = own->ns;

	*seen = (struct costs){ .table_ns = tables ? (ns[PART_TABLES] + ns[PART_PINS]) / tables : 0,
				.arrive_ns = ns[PART_LISTS] + ns[PART_VCPUS] + ns[PART_NODES] +
					     ns[PART_READY] + ns[PART_RUN] };
}
