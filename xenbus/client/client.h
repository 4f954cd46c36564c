/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's client: what the tools and the backends speak to the store with.
 *
 * One connection, one thread at a time. Every call returns 0 or -errno and leaves a sentence for
 * people in store_why(). If the store restarts, the connection is made again and the watches are
 * set again (each of them fires once more, as it did when it was first set), so a caller sees a
 * pause, not an error; only an open transaction is lost, and store_transact() then runs it again.
 */
#ifndef XENBUS_CLIENT_H
#define XENBUS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

typedef uint32_t store_txn_t;
#define STORE_NO_TXN 0u

#define STORE_PATH_MAX 3072 /* XENSTORE_ABS_PATH_MAX; checked against it in client.c */

/*
 * Who may do what with a node. The first entry of a list names the owner and what everybody else
 * may.
 */
enum store_access { STORE_NONE = 0, STORE_READ = 1, STORE_WRITE = 2, STORE_BOTH = 3 };
struct store_perm {
	uint16_t domid;
	uint8_t access; /* enum store_access */
};

/*
 * path NULL: $XENSTORED_PATH, else $XENSTORED_RUNDIR/socket, else /var/run/xenstored/socket, else
 * /dev/xen/xenbus
 */
int store_open(struct store **s, const char *path);
void store_close(struct store **s);
/*
 * What went wrong in the last call that failed: operation, path, reason. Never NULL. For a failed
 * open, pass NULL.
 */
const char *store_why(const struct store *s);

/* Write a path with printf's help into out; -ENAMETOOLONG if it does not fit. */
int store_path(char out[STORE_PATH_MAX], const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* *value is malloced, with a NUL behind its len bytes; len may be NULL */
int store_read(struct store *s, store_txn_t t, const char *path, char **value, size_t *len);
int store_write(struct store *s, store_txn_t t, const char *path, const void *value, size_t len);
/* value by printf */
int store_printf(struct store *s, store_txn_t t, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* -EINVAL unless the value is one number, decimal or 0x..., and nothing else */
int store_read_u64(struct store *s, store_txn_t t, const char *path, uint64_t *value);
int store_mkdir(struct store *s, store_txn_t t, const char *path);
/* removes the node and all below it; no error if only the last part of the path is not there */
int store_rm(struct store *s, store_txn_t t, const char *path);
/* 0 and *yes */
int store_exists(struct store *s, store_txn_t t, const char *path, bool *yes);
/*
 * names: malloced NULL-terminated list, freed as a whole by free(); as many children as there are
 */
int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count);
int store_get_perms(struct store *s, store_txn_t t, const char *path, struct store_perm **perms,
		    size_t *count);
int store_set_perms(struct store *s, store_txn_t t, const char *path,
		    const struct store_perm *perms, size_t count);

/* "n0,r5,b7" or "n0 r5 b7" to a list; -EINVAL, or the number of entries. out has room for max. */
int store_perms_parse(const char *text, struct store_perm *out, size_t max);
/* the other way: "n0,r5" in out */
void store_perms_format(const struct store_perm *perms, size_t count, char *out, size_t size);

/*
 * Transactions. The function runs in a transaction of its own, again from its start whenever
 * somebody else got in between, until it lands; it returns 0, or what store_transact() is to return
 * after throwing the transaction away. It must not keep what it read from an attempt that failed.
 */
typedef int store_txn_fn(struct store *s, store_txn_t t, void *arg);
int store_transact(struct store *s, store_txn_fn *fn, void *arg);
/* the parts, for those who need them; a commit answers -EAGAIN if it has to be done again */
int store_txn_begin(struct store *s, store_txn_t *t);
int store_txn_commit(struct store *s, store_txn_t t);
int store_txn_abort(struct store *s, store_txn_t t);

/*
 * Watches. The descriptor polls readable while an event waits; then call store_next_event() until
 * -EAGAIN. The event is malloced, one block, freed by free(). timeout_ms: 0 does not wait, not even
 * for a store that is away (the descriptor polls readable from time to time until it is back, and
 * store_next_event() finds that out), -1 waits for ever.
 */
struct store_event {
	const char *path;
	const char *token;
};
int store_watch(struct store *s, const char *path, const char *token);
int store_unwatch(struct store *s, const char *path, const char *token);
int store_fd(const struct store *s);
int store_next_event(struct store *s, struct store_event **event, int timeout_ms);

/* Domains: for the toolstack */
int store_introduce(struct store *s, unsigned domid, uint64_t gfn, uint32_t evtchn);
int store_release(struct store *s, unsigned domid);
int store_resume(struct store *s, unsigned domid);
int store_set_target(struct store *s, unsigned domid, unsigned target);
int store_is_introduced(struct store *s, unsigned domid, bool *yes);
int store_domain_path(struct store *s, unsigned domid, char **path);

/*
 * Control commands, as in `xenstore-control`. args is NULL-terminated and may be NULL. The answer
 * is malloced. store_control_list() asks for a list that may be longer than one answer
 * ("connections", "domains"), page by page, and gives one JSON array.
 */
int store_control(struct store *s, const char *command, const char *const *args, char **answer);
int store_control_list(struct store *s, const char *what, char **json);

#endif
