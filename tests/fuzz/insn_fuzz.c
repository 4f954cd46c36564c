/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as code: decoded within their length, and modified values stay within the operand's
 * width. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <torc/insn.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const uint8_t *bytes, unsigned int n, unsigned int mode, uint64_t old)
{
	struct cpu_user_regs r = { .rax = old,
				   .rbx = 1,
				   .rcx = old >> 3,
				   .rdx = 3,
				   .rsi = 4,
				   .rdi = 5,
				   .rsp = 6,
				   .rbp = 7,
				   .rip = 0x1000 };
	struct cpu_user_regs before;
	uint64_t new;
	struct insn i;
	bool writes;
	int rc = insn_decode(bytes, n, mode, &i);

	if (rc == -XEN_E2BIG && n >= INSN_MAX)
		abort();
	if (rc)
		return;
	if (!i.length || i.length > n || i.length > INSN_MAX || i.op == INSN_NONE)
		abort();
	/* the same with no byte more, and not with one less */
	if (insn_decode(bytes, i.length, mode, &i) ||
	    insn_decode(bytes, i.length - 1u, mode, &i) != -XEN_E2BIG)
		abort();
	if (insn_decode(bytes, n, mode, &i))
		abort();
	insn_offset(&i, &r);
	before = r;
	if (!insn_modify(&i, &r, old, &new, &writes)) {
		if (memcmp(&before, &r, sizeof(r))) /* refused: nothing changed */
			abort();
		return;
	}
	if (i.width < 8 && new >> (8 * i.width))
		abort();
	if ((before.rflags ^ r.rflags) & ~0x8d5ul) /* arithmetic flags alone */
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t old = 0;
	uint8_t *copy;

	if (size < 1 || size > 64)
		return 0;
	memcpy(&old, data, size < 8 ? size : 8);
	copy = malloc(size); /* ends where the input ends: the sanitizer sees what lies beyond */
	memcpy(copy, data, size);
	check(copy, (unsigned int)size, 8, old);
	check(copy, (unsigned int)size, 4, old);
	free(copy);
	return 0;
}
