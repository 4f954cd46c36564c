/* SPDX-License-Identifier: BSD-2-Clause */
/* Accesses that may fault, and the table that says where to go on then. The table is sorted by the
 * linker's order of files only, so a lookup walks it: faults in the hypervisor are rare. */
#include <torc/x86.h>
#include <torc/x86_priv.h>

struct entry {
	int32_t from, to;
}; /* relative to themselves */
extern const struct entry ex_table_start[], ex_table_end[];

bool exception_fixup(struct cpu_user_regs *r)
{
	const struct entry *e;

	for (e = ex_table_start; e < ex_table_end; e++) {
		if ((unsigned long)&e->from + (unsigned long)(long)e->from != r->rip)
			continue;
		r->rip = (unsigned long)&e->to + (unsigned long)(long)e->to;
		return true;
	}
	return false;
}

/* Words by string instruction, then bytes; after a fault rcx says how much was left. */
static size_t copy_string(void *dst, const void *src, size_t n)
{
	size_t left = n / 8;

	__asm__ volatile("1: rep movsq\n\tmov %3, %2\n2: rep movsb\n\tjmp 4f\n"
			 "3: lea (%3,%2,8), %2\n4:\n\t" EX_TABLE("1b", "3b") EX_TABLE("2b", "4b")
			 : "+D"(dst), "+S"(src), "+&c"(left)
			 : "r"(n & 7)
			 : "memory");
	return left;
}

size_t copy_may_fault(void *dst, const void *src, size_t n)
{
	if (likely(copy_is_words(n)))
		return copy_words_may_fault(dst, src, n);
	if (n == 1 || n == 2)
		return read_may_fault(dst, src, n) ? 0 : n;
	return copy_string(dst, src, n);
}

#define ACCESS(type, mov, reg)                                                                    \
	__asm__ volatile("1: " mov " (%2), " reg "\n3: " mov " " reg                              \
			 ", (%1)\n\tmov $1, %0\n2:\n\t" EX_TABLE("1b", "2b") EX_TABLE("3b", "2b") \
			 : "+&r"(ok)                                                              \
			 : "r"(dst), "r"(src)                                                     \
			 : "rax", "memory")

/* Either side may fault, so that guests' memory is read and written by it. */
bool read_may_fault(void *dst, const void *src, size_t n)
{
	int ok = 0;

	switch (n) {
	case 1: ACCESS(uint8_t, "movb", "%%al"); break;
	case 2: ACCESS(uint16_t, "movw", "%%ax"); break;
	case 4: ACCESS(uint32_t, "movl", "%%eax"); break;
	case 8: ACCESS(uint64_t, "movq", "%%rax"); break;
	}
	return ok;
}

/* False: it faulted, or another value was there, which *old then holds as far as it could be read. */
bool cmpxchg_may_fault(volatile uint64_t *p, uint64_t *old, uint64_t new)
{
	uint64_t was = *old;
	int ok = 0;

	__asm__ volatile("1: lock cmpxchgq %3, (%2)\n\tjne 2f\n\tmov $1, %0\n2:\n\t" EX_TABLE("1b",
											      "2b")
			 : "+&r"(ok), "+a"(was)
			 : "r"(p), "r"(new)
			 : "memory", "cc");
	*old = was;
	return ok;
}
