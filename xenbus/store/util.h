/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every file of the store needs: log lines, memory that does not run out quietly, growing byte
 * queues.
 */
#ifndef XENBUS_STORE_UTIL_H
#define XENBUS_STORE_UTIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NR(a) (sizeof(a) / sizeof((a)[0]))

/* log.c. To stderr until log_to_syslog() or log_to_file(); log_debug only when verbose. */
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_fatal(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
extern bool log_verbose;
extern bool log_quiet; /* fuzzing: nothing but what is fatal */
void log_to_syslog(void);
int log_to_file(const char *path);

/*
 * Memory. Limits per domain keep the total small, so running out means that the machine is out of
 * memory: the daemon then ends with a line in the log, and its successor goes on from the journal.
 */
void *mem_alloc(size_t size); /* zeroed */
void *mem_grow(void *p, size_t size);
char *mem_dup(const char *s, size_t len); /* with a NUL behind */

/* A byte queue: written at the tail, read at the head. */
struct bytes {
	char *data;
	size_t head, tail, room;
};

static inline size_t bytes_len(const struct bytes *b)
{
	return b->tail - b->head;
}

static inline char *bytes_at(const struct bytes *b)
{
	return b->data ? b->data + b->head : NULL;
}

/* room for len bytes at the tail; the caller fills them and adds to tail */
char *bytes_room(struct bytes *b, size_t len);
void bytes_add(struct bytes *b, const void *p, size_t len);
/* from the head; frees the memory of an empty queue that was large */
void bytes_drop(struct bytes *b, size_t len);
void bytes_free(struct bytes *b);

/*
 * Records for the journal and for handing over: numbers and byte strings, taken apart again with
 * checks.
 */
void put_u32(struct bytes *b, uint32_t v);
void put_u64(struct bytes *b, uint64_t v);
void put_data(struct bytes *b, const void *p, size_t len); /* length first */
void put_text(struct bytes *b, const char *s);		   /* the same, with its NUL */

struct cut {
	const char *p, *end;
	bool bad; /* something was missing: all that came out since is zero */
};
uint32_t cut_u32(struct cut *c);
uint64_t cut_u64(struct cut *c);
const char *cut_data(struct cut *c, size_t *len);
const char *cut_text(struct cut *c);

#endif
