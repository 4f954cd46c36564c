/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The journal: what a daemon that was killed leaves to its successor.
 *
 * A file mapped into memory, in a directory that lives in RAM (/run). A request's effects are
 * records behind the last ones; they count from the moment the header's length includes them, and
 * only then is the request answered. Writing is copying: no system call, nothing to wait for, and
 * the kernel keeps the pages whatever happens to the process. It does not survive the host going
 * down, nor should it: no domain does either.
 *
 * Two files take turns. When one has grown, the state as it is is written into the other, which
 * then counts.
 *
 * Rings are in it with the positions up to which requests were taken and answers made, so that a
 * successor goes on at the very byte: no request of a guest is lost, none is done twice. Socket
 * clients see their connection end, and what was acknowledged to them is there.
 */
#ifndef XENBUS_STORE_JOURNAL_H
#define XENBUS_STORE_JOURNAL_H

#include "xenbus/store/change.h"
#include "xenbus/store/conn.h"

/* Opens, or makes, the files in dir, and loads what a predecessor left since the host booted. */
int journal_open(struct server *sv, const char *dir, bool fresh);
void journal_close(struct server *sv);
/* the records since the last call count from now on; may switch files */
void journal_commit(struct server *sv);
/* write the whole state into the other file now */
void journal_compact(struct server *sv);
/* room for what one request may record? A full /run refuses changes instead of forgetting them. */
bool journal_has_room(struct server *sv);

void journal_op(struct journal *j, const struct op *op);
void journal_special(struct server *sv, enum special which);
/* introduced, or its ring or target changed */
void journal_domain(struct server *sv, const struct domain *d);
void journal_release(struct server *sv, unsigned domid);
void journal_forget(struct server *sv, unsigned domid);
/* domid -1: for all */
void journal_quota(struct server *sv, int domid, enum quota q, int64_t limit);
/* these do nothing for connections on the socket */
void journal_watch(struct conn *c, const char *path, const char *token);
void journal_unwatch(struct conn *c, const char *path, const char *token);
void journal_reset(struct conn *c); /* its watches and transactions are gone */
void journal_txn(struct conn *c, uint32_t id, bool open);
void journal_out(struct conn *c, const void *p, size_t len);
/* taken from the ring, no whole request yet */
void journal_in(struct conn *c, const void *p, size_t len);
void journal_took(struct conn *c); /* the request in c->in is done, at c->in_pos */

/* records.c: the state as records; the same for the journal and for a handover */
enum record {
	REC_NODE = 1,
	REC_OP,
	REC_SPECIAL,
	REC_DOMAIN,
	REC_RELEASE,
	REC_FORGET,
	REC_QUOTA,
	REC_WATCH,
	REC_UNWATCH,
	REC_RESET,
	REC_TXN,
	REC_OUT,
	REC_IN,
	REC_TOOK,
	REC_COUNTERS,
	REC_SOCKET,
	REC_TXNS,
	REC_END,
};
typedef void emit_fn(void *arg, enum record type, const struct bytes *payload);
void records_dump(struct server *sv, bool sockets, emit_fn *emit, void *arg);

struct loader {
	struct server *sv;
	struct node *way[XENSTORE_ABS_PATH_MAX / 2 + 2]; /* the nodes above the next one */
	uint32_t depth;
	/* handover: make the connection */
	struct conn *(*socket)(struct loader *l, uint32_t index, unsigned domid);
	struct conn *current; /* whose transactions come next */
	void *arg;
};
/* one record; -EPROTO if it cannot be read */
int records_load(struct loader *l, enum record type, struct cut *in);

void op_dump(const struct op *op, struct bytes *out);
bool op_load(struct op *op, struct cut *in); /* op->perms is a reference to be put, or NULL */

#endif
