/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the end of a migration will take, from what earlier ends took, and what an end adds to that
 * knowledge. Pure functions: costs.c keeps what they say.
 */
#ifndef TORC_MIGRATED_FORECAST_H
#define TORC_MIGRATED_FORECAST_H

#include "migration/engine.h"

/* No number here makes more sense: a time, and a page's price */
#define COSTS_MOST_NS 60000000000ull

/* 0: not known */
struct costs {
	/* for each page table of a guest that comes, and for the rest */
	uint64_t table_ns, arrive_ns;
	uint64_t leave_ns;		   /* of one that goes, with all words that cross */
	uint64_t last_page_ns, of_page_ns; /* of the last round, and of those before it */
	uint64_t extra_pages;		   /* that the guest wrote by suspending itself */
	/* of a guest that was chased on its way there: left for the last round, of how many that
	 * were due at the decision */
	uint64_t left_pages, left_of;
	bool of_guest; /* leave_ns and what follows are this very guest's */
};

/* Source: with what this host knows, and what the other has said of itself and of the guest. */
void forecast(struct mig_send_opts *o, const struct costs *own, const struct costs *theirs);

/* What the pause showed, of which all parts are known; the rest of *seen is 0. */
void forecast_departed(struct costs *seen, const struct mig_outcome *o, const struct mig_parts *all);
void forecast_arrived(struct costs *seen, const struct mig_parts *own, uint64_t tables);

#endif
