/* SPDX-License-Identifier: BSD-2-Clause */
/* Atomic operations and barriers: C11's builtins under short names. Sequentially consistent unless
 * the name says else. */
#ifndef TORC_ATOMIC_H
#define TORC_ATOMIC_H

#include <torc/types.h>

#define atomic_read(p)	  __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_set(p, v)  __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_add(p, v)  __atomic_add_fetch((p), (v), __ATOMIC_SEQ_CST) /* returns the new value */
#define atomic_sub(p, v)  __atomic_sub_fetch((p), (v), __ATOMIC_SEQ_CST)
#define atomic_or(p, v)	  __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST) /* returns the old value */
#define atomic_and(p, v)  __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_swap(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
/* If *p == *old: *p = new, true. Else *old = *p, false. */
#define atomic_swap_if(p, old, new) \
	__atomic_compare_exchange_n((p), (old), (new), false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)

/* For shared memory of any width and alignment a guest may choose: bit n of a byte string. */
static inline bool bit_test(unsigned long n, const void *map)
{
	return __atomic_load_n((const uint8_t *)map + n / 8, __ATOMIC_ACQUIRE) >> (n % 8) & 1;
}
static inline bool bit_test_and_set(unsigned long n, void *map)
{
	return __atomic_fetch_or((uint8_t *)map + n / 8, (uint8_t)(1u << (n % 8)),
				 __ATOMIC_SEQ_CST) >>
		       (n % 8) &
	       1;
}
static inline bool bit_test_and_clear(unsigned long n, void *map)
{
	return __atomic_fetch_and((uint8_t *)map + n / 8, (uint8_t) ~(1u << (n % 8)),
				  __ATOMIC_SEQ_CST) >>
		       (n % 8) &
	       1;
}

/* Memory that others change, read or written exactly once. Relaxed atomics, so that the thread
 * sanitizer knows what is meant. */
#define READ_ONCE(x)	 __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define barrier()	 __asm__ volatile("" ::: "memory")
#define mb()		 __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define rmb()		 __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define wmb()		 __atomic_thread_fence(__ATOMIC_RELEASE)
#define cpu_relax()	 __builtin_ia32_pause()

#endif
