/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Many requests of the store in one go. The client asks and waits, request by request, which is two
 * switches between processes each; here requests are queued, sent together, and their answers read
 * together. On a connection of its own, with at most one transaction, in which all its requests are
 * while it is open.
 */
#ifndef TORC_CLI_BURST_H
#define TORC_CLI_BURST_H

#include "xenbus/client/client.h"

struct burst;

/* 0 or -errno: then the client is to be used. */
int burst_open(struct burst **b);
void burst_close(struct burst **b);

/* Queue a request that has to succeed. */
void burst_write(struct burst *b, const char *path, const void *value, size_t len);
void burst_mkdir(struct burst *b, const char *path);
void burst_set_perms(struct burst *b, const char *path, const struct store_perm *perms,
		     size_t count);
void burst_introduce(struct burst *b, unsigned domid, uint64_t frame, uint32_t port);
/* Queue one that may fail: a removal of what may not be there; a question, whose number is
 * returned. */
void burst_rm(struct burst *b, const char *path);
size_t burst_read(struct burst *b, const char *path);
size_t burst_list(struct burst *b, const char *path);

/* Send what is queued and read all answers. 0, or -errno of the first request that had to succeed,
 * see burst_why(). */
int burst_settle(struct burst *b);
/* After that: 0 or -errno, and the bytes, which are the burst's until it begins, forgets or closes;
 * a NUL behind. */
int burst_answer(const struct burst *b, size_t number, const char **data, size_t *len);
void burst_forget(struct burst *b);

/* begin forgets earlier answers. commit: -EAGAIN if it has to be done again, from begin on. */
int burst_begin(struct burst *b);
int burst_commit(struct burst *b);
void burst_abort(struct burst *b);

const char *burst_why(const struct burst *b);

#endif
