/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A live handover to a successor, for upgrades.
 *
 * "torc-stored --takeover" connects and asks for everything. The daemon answers the request, and
 * then on the same socket passes its descriptors (listener, lock, event channels, clients, in the
 * order of the records) and the state as records in a memory file. The successor loads them, takes
 * over the rings and says so with one byte; the daemon then ends. If the successor says nothing in
 * time, or ends, the daemon goes on as if nothing had been.
 */
#ifndef XENBUS_STORE_TAKEOVER_H
#define XENBUS_STORE_TAKEOVER_H

#include <ev.h>

#include "xenbus/store/conn.h"

/* the command: -errno if the connection cannot be a successor's */
int takeover_offer(struct conn *c);
/* once its answer is out: pass everything on. True: the successor has it, end now. */
bool takeover_give(struct server *sv, int listen_fd, int lock_fd);

struct heritage {
	int listen_fd, lock_fd, event_fd; /* event_fd -1: there is no hypervisor */
	int sock;			  /* to say that all is well */
};
/* the other side: connect, ask, load into sv */
int takeover_ask(struct server *sv, struct ev_loop *loop, const char *path, struct heritage *h);
int takeover_done(struct heritage *h);

#endif
