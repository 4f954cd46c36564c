/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The client's link to the store: one descriptor, requests with their answers, events as they come
 * between. Private to xenbus/client.
 */
#ifndef XENBUS_CLIENT_LINK_H
#define XENBUS_CLIENT_LINK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "xenbus/client/client.h"

struct event;	  /* received, not handed out yet */
struct set_watch; /* to be set again after a reconnection */

struct store {
	int fd;		/* -1: the store went away */
	int poll_fd;	/* epoll over these three: what store_fd() gives */
	int pending_fd; /* eventfd, raised while events is not empty */
	int retry_fd;	/* timerfd, goes off some time after the store went away */
	char *path;
	uint32_t next_id;
	uint32_t epoch; /* counts connections: a transaction belongs to one */
	struct event *events;
	struct set_watch *watches;
	bool resetting; /* setting the watches again: do not do so within */
	char why[512];
};

/* An answer's body: malloced, a NUL behind it. */
struct answer {
	char *data;
	size_t len;
};

#define LINK_MAX_PARTS 8

int link_open(struct store *s);
void link_close(struct store *s);
/*
 * One request made of parts and its answer. 0 or -errno, with why set. -ECONNRESET: the store went
 * away; if retry is set it came back in the meantime and the request was made again.
 */
int link_call(struct store *s, uint32_t type, store_txn_t t, const struct iovec *parts, unsigned nr,
	      struct answer *answer, bool retry);
/* Next event, waiting for up to timeout_ms. -EAGAIN: none. */
int link_event(struct store *s, struct store_event **event, int timeout_ms);
/* Remember a watch for reconnections, or forget it. */
int link_keep_watch(struct store *s, const char *path, const char *token);
void link_drop_watch(struct store *s, const char *path, const char *token);
int link_why(struct store *s, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
