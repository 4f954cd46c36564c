/* SPDX-License-Identifier: BSD-2-Clause */
/* Two hosts find each other for pairing, with the same command on both: whoever is second reaches
 * the first. */
#ifndef TORC_MIGRATION_MEET_H
#define TORC_MIGRATION_MEET_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0-tools/common/why.h"

/* A connected socket; dialled says by whom. Tries and waits by turns until the deadline. */
int meet(const char *address, uint16_t port, uint64_t deadline_ns, int *fd, bool *dialled,
	 struct why *why);

/* Is it one of that address's at the other end? who: which it is. Behind a translation of
 * addresses, or of a host that has several, it need not be one. */
#define MEET_WHO 64
bool meet_is_from(const char *address, int fd, char who[MEET_WHO]);

/* A connected socket to where something listens: at the address's own port ("host:8109") if it has
 * one, or at a UNIX socket of this host ("unix:/path"), from which somebody passes it on. Tried
 * until the deadline. */
#define MEET_UNIX "unix:"
int meet_reach(const char *address, uint16_t port, uint64_t deadline_ns, int *fd, struct why *why);

#endif
