/* SPDX-License-Identifier: BSD-2-Clause */
/* Pure C without state: strings, printing to a buffer, bits, lists. Also built on the host. */
#ifndef TORC_LIB_H
#define TORC_LIB_H

#include <stdarg.h>
#include <torc/types.h>

void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
/* always terminates; returns strlen(src) */
size_t str_copy(char *dst, const char *src, size_t size);

/* As C's; also %pS: a code address as symbol+offset. Returns what the whole would need. */
int vformat(char *buf, size_t size, const char *fmt, va_list ap);
int format(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* Lists: circular, a head is a node. */
struct list {
	struct list *next, *prev;
};
#define LIST_INIT(l)       \
	{                  \
		&(l), &(l) \
	}
static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_insert(struct list *n, struct list *prev, struct list *next)
{
	n->next = next;
	n->prev = prev;
	prev->next = n;
	next->prev = n;
}
static inline void list_add(struct list *head, struct list *n)
{
	list_insert(n, head, head->next);
}
static inline void list_add_tail(struct list *head, struct list *n)
{
	list_insert(n, head->prev, head);
}
static inline void list_del(struct list *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}
#define list_entry(p, t, m) container_of(p, t, m)
#define list_for(p, head)   for (p = (head)->next; p != (head); p = p->next)
#define list_for_safe(p, q, head) \
	for (p = (head)->next, q = p->next; p != (head); p = q, q = p->next)

/* Bits of an array of longs, not atomic (atomic.h has the others). */
#define BITS_TO_LONGS(n) (((n) + 63) / 64)
static inline bool bit_get(const unsigned long *map, unsigned int n)
{
	return map[n / 64] >> (n % 64) & 1;
}
static inline void bit_set(unsigned long *map, unsigned int n)
{
	map[n / 64] |= 1ul << (n % 64);
}
static inline void bit_clear(unsigned long *map, unsigned int n)
{
	map[n / 64] &= ~(1ul << (n % 64));
}

/* A hole in the hypervisor or what no guest can cause; message, backtrace, halt. Never reachable
 * from a guest's input. */
void panic(const char *fmt, ...) __printf(1, 2) __noreturn;
#define BUG() panic("bug at %s:%d", __FILE__, __LINE__)
#define BUG_ON(c)                                                     \
	do {                                                          \
		if (unlikely(c))                                      \
			panic("%s at %s:%d", #c, __FILE__, __LINE__); \
	} while (0)
#ifdef NDEBUG
#define ASSERT(c)               \
	do {                    \
		if (0 && (c)) { \
		}               \
	} while (0)
#else
#define ASSERT(c)                                                               \
	do {                                                                    \
		if (unlikely(!(c)))                                             \
			panic("assertion %s at %s:%d", #c, __FILE__, __LINE__); \
	} while (0)
#endif

/* An index below n, also under speculation (Spectre v1): 0 when i >= n. */
static inline unsigned long index_nospec(unsigned long i, unsigned long n)
{
	unsigned long mask;

	__asm__("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(i), "rm"(n) : "cc");
	return i & mask;
}

#endif
