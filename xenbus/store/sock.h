/* SPDX-License-Identifier: BSD-2-Clause */
/* Clients on the UNIX socket, as a transport. */
#ifndef XENBUS_STORE_SOCK_H
#define XENBUS_STORE_SOCK_H

#include <ev.h>

#include "xenbus/store/conn.h"

struct listener {
	ev_io io;
	struct server *sv;
	struct ev_loop *loop;
	ev_timer pause; /* no descriptors left: accept again later */
};

/* a listening socket at path; only its owner may connect. -errno or the descriptor */
int sock_listen(const char *path);
void sock_serve(struct listener *l, struct server *sv, struct ev_loop *loop, int fd);
/* a connected socket; with a peer that may connect, so with all rights */
struct conn *sock_adopt(struct server *sv, struct ev_loop *loop, int fd);
int sock_fd(const struct conn *c);
extern const struct transport sock_transport;

#endif
