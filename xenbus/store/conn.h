/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: a client on the socket, or a domain's ring. What is common to both: requests come in
 * whole, answers and events go to a queue that the transport empties.
 */
#ifndef XENBUS_STORE_CONN_H
#define XENBUS_STORE_CONN_H

#include "xenbus/store/server.h"

struct transport {
	const char *kind;
	/* empty c->out as far as the other side takes it; may close the connection */
	void (*flush)(struct conn *c);
	/* go on reading: the queue has been emptied, or the connection was parked */
	void (*resume)(struct conn *c);
	/* the connection is going */
	void (*close)(struct conn *c);
};

struct conn {
	struct conn *prev, *next;
	struct server *sv;
	const struct transport *ops;
	void *io; /* the transport's: socket watcher, or domain */
	uint32_t id;
	int pid; /* of a socket's client, for people */
	unsigned domid, target;
	bool privileged;
	bool closing;		      /* dead: freed when nothing is using it any more */
	bool cut;		      /* to be closed at the end of the round */
	bool dirty;		      /* in the server's list of those to flush or to resume */
	bool again;		      /* it has more requests than its share of this round */
	bool parked;		      /* its next request waits for a turn */
	struct conn *d_prev, *d_next; /* that list */
	struct conn *w_prev, *w_next; /* those who wait for the same turn */
	struct turn *waits;
	bool wants_turn; /* waits to hold it, not only for its end */
	struct account *account;
	struct bytes in; /* what came and is not a whole message yet */
	struct bytes out;
	uint32_t out_pos; /* ring: stream position of the end of out, as rsp_prod counts */
	uint32_t in_pos;  /* ring: stream position up to which requests were taken */
	uint32_t replies; /* in out, not taken yet; approximated by counting flushes to empty */
	struct txn *txns;
	uint32_t next_txn;
	struct watch *watches; /* list, oldest first */
	uint32_t losses;       /* transactions in a row that met a conflict */
	char *lost_on;	       /* where the last one did */
	struct turn *turn;     /* held */
	uint64_t nr_requests, nr_refused, nr_conflicts, nr_events;
	char why[256]; /* the last refusal */
};

/* An incoming message: header and a body with a NUL behind it. */
struct request {
	struct xsd_sockmsg h;
	char *body;
	size_t len;
};

#define PARKED 1 /* a command's answer: come back later with the same request */

struct conn *conn_new(struct server *sv, const struct transport *ops, void *io, unsigned domid);
/* Cut: takes effect now for everybody else; the object goes at conn_reap(). */
void conn_close(struct conn *c);
void conn_reap(struct server *sv);
/*
 * Process one whole message (header and body, both in p). PARKED: nothing was done, offer it again.
 */
int conn_message(struct conn *c, const char *p, size_t len);
/* May the connection be given another request, or does it first have to take its answers? */
bool conn_ready(const struct conn *c);
/* Flush and resume everybody who is marked. */
void conn_run(struct server *sv);
void conn_mark(struct conn *c);
void conn_usage(const struct conn *c, unsigned *watches, unsigned *txns);

/* Queue an answer or an event. */
void conn_send(struct conn *c, const struct xsd_sockmsg *h, const void *a, size_t a_len,
	       const void *b, size_t b_len);
void conn_reply(struct conn *c, const struct request *rq, const void *p, size_t len);
void conn_reply_ok(struct conn *c, const struct request *rq);
/* Remember why a request is refused; returns err, for "return refuse(c, -EINVAL, ...)" */
int refuse(struct conn *c, int err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *conn_name(const struct conn *c); /* "d5" or "socket 12 (pid 345)"; a static buffer */

/* commands.c */
int command_run(struct conn *c, struct request *rq);
const char *command_name(uint32_t type);
/* control.c */
int cmd_control(struct conn *c, struct request *rq);

#endif
