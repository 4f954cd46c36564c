/* SPDX-License-Identifier: BSD-2-Clause */
/* A client of the store, over the ring that every domain is born with. Relative paths start at the
 * domain's own home. */
#ifndef FRONTEND_STORE_H
#define FRONTEND_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t store_txn_t; /* 0: none */

#define STORE_WATCHES 16

void store_init(void *ring, uint32_t port);
/* After a resume: the page and port that start_info names now. Watches are set again, and each
 * fires once. */
int store_resume(void *ring, uint32_t port);
bool store_ready(void);

/*
 * All return 0 or more, or a negative XEN_ error: the store's own, -XEN_EIO if it does not answer
 * within STORE_PATIENCE_MS or breaks the protocol, -XEN_E2BIG if something does not fit.
 */
#define STORE_PATIENCE_MS 10000

/* The value, with a NUL behind it; its length. */
int store_read(store_txn_t t, const char *path, char *buf, size_t size);
int store_read_number(store_txn_t t, const char *path, uint64_t *val);
int store_write(store_txn_t t, const char *path, const char *val);
int store_writef(store_txn_t t, const char *path, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int store_remove(store_txn_t t, const char *path);
/* The children's names, each with its NUL, into buf; the number of bytes. */
int store_list(store_txn_t t, const char *path, char *buf, size_t size);

int store_begin(store_txn_t *t);
int store_end(store_txn_t t, bool commit); /* -XEN_EAGAIN: somebody else was there, do it again */

/* fn(arg) is called from store_run() when the path, or something below it, has changed, and once at
 * first. */
int store_watch(const char *path, void (*fn)(void *arg), void *arg);
int store_unwatch(const char *path, void (*fn)(void *arg), void *arg);
void store_run(void);
bool store_pending(void *unused); /* has store_run() work to do? fit for os_wait() */

#endif
