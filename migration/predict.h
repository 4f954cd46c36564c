/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What will become of a migration, from what its rounds have shown. A pure function of
 * measurements: no clock, no state.
 */
#ifndef TORC_MIGRATION_PREDICT_H
#define TORC_MIGRATION_PREDICT_H

#include <stdbool.h>
#include <stdint.h>

/* One round as it went. Times in ns. */
struct round_measure {
	uint64_t pages; /* sent in it, those of zeros included */
	uint64_t bytes; /* that took on the wire */
	uint64_t took_ns;
	uint64_t dirtied; /* pages written meanwhile: the next round */
	uint64_t saved;	  /* bytes that it would have been more, had all pages gone in full */
};

enum verdict {
	VERDICT_CONVERGES,  /* the pause asked for is reached in rounds_left more rounds */
	VERDICT_NEEDS_MORE, /* not with the pause asked for: it settles at pause_ns, or with a guest
			       slowed to throttle_percent */
	VERDICT_NEVER, /* no round will be shorter than the one before: pause_ns is what it takes
			  now */
};

struct prediction {
	enum verdict verdict;
	unsigned int rounds_left;      /* of those that the guest runs through */
	uint64_t pause_ns;	       /* of the last round, as it is then */
	uint64_t now_ns;	       /* if the last round came next */
	unsigned int throttle_percent; /* of its speed now, with which the pause asked for is
					  reached; 100: as it is */
};

struct predict_limits {
	uint64_t downtime_ns;
	uint64_t fixed_ns; /* of the pause, whatever is left: suspending, states, an answer from the
			      other side */
	uint64_t left_ns;  /* until the deadline; 0: there is none */
	/* of the last round: what the guest writes by suspending itself; what a page took then, an
	 * earlier time, and what one took in the rounds before (0: as in the rounds); were these
	 * this very guest's; what it takes at least, with a cap */
	uint64_t extra_pages;
	uint64_t last_page_ns, of_page_ns;
	bool known;
	uint64_t least_page_ns;
	/* where what a guest writes on its way to its suspension is sent meanwhile: how many pages
	 * were left for the last round an earlier time, when how many were due at the decision; 0:
	 * not known */
	uint64_t left_pages, left_of;
};

/* What a page with contents takes: of the latest round that has a weight that counts. ns. */
double predict_page_ns(const struct round_measure *rounds, unsigned int count);

/* rounds: oldest first, at least one. */
struct prediction predict(const struct round_measure *rounds, unsigned int count,
			  const struct predict_limits *l);

#endif
