/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers of different things are different types, so that mixing them does not compile. */
#ifndef TORC_TYPES_H
#define TORC_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
	uint64_t n;
} mfn_t; /* machine frame number: a real 4 KiB frame */
typedef struct {
	uint64_t n;
} pfn_t; /* a guest's own numbering of its frames */
typedef struct {
	unsigned long n;
} gaddr_t;		  /* a virtual address of the current guest, unchecked */
typedef uint64_t maddr_t; /* machine byte address */
typedef int64_t ns_t;	  /* nanoseconds of system time (since boot) */

#define MFN(x)	 ((mfn_t){ (x) })
#define PFN(x)	 ((pfn_t){ (x) })
#define GADDR(x) ((gaddr_t){ (unsigned long)(x) })
#define MFN_NONE MFN(~0ull)
static inline bool mfn_eq(mfn_t a, mfn_t b)
{
	return a.n == b.n;
}

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096ul
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define KB(n)	   ((n) << 10)
#define MB(n)	   ((uint64_t)(n) << 20)
#define GB(n)	   ((uint64_t)(n) << 30)
#define NS_PER_SEC 1000000000ll
#define NS_PER_MS  1000000ll
#define NS_PER_US  1000ll

#define MAX_CPUS 64
typedef uint64_t cpumask_t; /* one bit a physical CPU; MAX_CPUS is what fits */

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/* Arguments are evaluated once: they may read a clock, or what others write to. */
#define MIN(a, b)                                                             \
	({                                                                    \
		__typeof__((a) < (b) ? (a) : (b)) min_a_ = (a), min_b_ = (b); \
		min_a_ < min_b_ ? min_a_ : min_b_;                            \
	})
#define MAX(a, b)                                                             \
	({                                                                    \
		__typeof__((a) > (b) ? (a) : (b)) max_a_ = (a), max_b_ = (b); \
		max_a_ > max_b_ ? max_a_ : max_b_;                            \
	})
#define ROUND_UP(x, n)	      (((x) + (n)-1) & ~((__typeof__(x))(n)-1))
#define ROUND_DOWN(x, n)      ((x) & ~((__typeof__(x))(n)-1))
#define likely(x)	      __builtin_expect(!!(x), 1)
#define unlikely(x)	      __builtin_expect(!!(x), 0)
#define container_of(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))
#define __packed	      __attribute__((packed))
#define __aligned(n)	      __attribute__((aligned(n)))
#define __noreturn	      __attribute__((noreturn))
#define __printf(a, b)	      __attribute__((format(printf, a, b)))
#define __init		      /* boot-time only; kept, since the image is small */

#endif
