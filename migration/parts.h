/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Of what the pause of a guest is made: each part as it was measured by the host that it was spent
 * on. Durations alone cross the wire, as the two hosts' clocks have nothing to do with each other.
 */
#ifndef TORC_MIGRATION_PARTS_H
#define TORC_MIGRATION_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order in which they come. */
enum mig_part {
	PART_STOPPED, /* source: written down that it stands still */
	PART_MAP,     /* the last map of what was written */
	PART_PAGES,   /* what is due by it */
	PART_STATE,   /* of the processors, and what else goes at the end */
	PART_TABLES,  /* target: page tables that could not be turned before */
	PART_LISTS,   /* the guest's list of its frames, what start_info and shared_info name */
	PART_PINS,    /* the hypervisor checks the page tables */
	PART_VCPUS,   /* and has the processors' state */
	PART_NODES,   /* in the store, and the guest's record */
	PART_READY,   /* written down that all is here */
	PART_DRAIN,   /* source: its backends come to rest */
	PART_HANDED,  /* written down that it is the other host's */
	PART_RUN,     /* target: from that word until it runs */
	PART_WIRE,    /* what is left: the way there and back, and what the target is behind by */
	PARTS
};

struct mig_parts {
	uint64_t ns[PARTS];
};

const char *mig_part_name(enum mig_part p);
bool mig_part_is_targets(enum mig_part p);

/* Adds the time since *since to a part, and begins the next one there. */
void mig_part_end(struct mig_parts *p, enum mig_part part, uint64_t *since);
uint64_t mig_parts_sum(const struct mig_parts *p); /* without what is left */

/*
 * What the target says with its ACK: its parts, and how long after it had been told to go it ran,
 * and answered. As text, for it crosses the wire: "NAME=NS ..." Reading takes what it knows; a
 * number that cannot be is 0.
 */
struct mig_target_figures {
	struct mig_parts parts;
	uint64_t answered_ns; /* after the word; 0: not known */
	uint64_t released_ns; /* that its devices took after that it ran */
};
size_t mig_target_figures_write(const struct mig_target_figures *f, char *text, size_t room);
void mig_target_figures_read(struct mig_target_figures *f, const char *text, size_t len);

#endif
