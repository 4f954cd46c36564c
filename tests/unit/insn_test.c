/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder. What read-modify-write instructions compute is held against the
 * processor that runs the test: the same bytes are decoded and emulated, and executed for real,
 * with the same operands; memory, registers and defined flags must agree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

#include <torc/insn.h>

#define F_CF  0x001
#define F_AF  0x010
#define F_ZF  0x040
#define F_ALL 0x8d5

/* --- the processor's opinion ---------------------------------------------- */

struct run {
	uint64_t rax, rbx, rcx, rdx, flags, mem;
};
static uint8_t *code;

static void execute(const uint8_t *bytes, unsigned int n, struct run *r)
{
	void *mem = &r->mem;

	memcpy(code, bytes, n);
	code[n] = 0xc3;
	__asm__ volatile("sub	$128, %%rsp\n\t" /* the red zone */
			 "push	%%rbp\n\t"
			 "mov	%[r], %%rbp\n\t"
			 "mov	0(%%rbp), %%rax\n\t"
			 "mov	8(%%rbp), %%rbx\n\t"
			 "mov	16(%%rbp), %%rcx\n\t"
			 "mov	24(%%rbp), %%rdx\n\t"
			 "pushq	32(%%rbp)\n\t"
			 "popfq\n\t"
			 "call	*%[code]\n\t"
			 "pushfq\n\t"
			 "popq	32(%%rbp)\n\t"
			 "mov	%%rax, 0(%%rbp)\n\t"
			 "mov	%%rbx, 8(%%rbp)\n\t"
			 "mov	%%rcx, 16(%%rbp)\n\t"
			 "mov	%%rdx, 24(%%rbp)\n\t"
			 "pop	%%rbp\n\t"
			 "add	$128, %%rsp"
			 :
			 : [r] "S"(r), "D"(mem), [code] "r"(code)
			 : "rax", "rbx", "rcx", "rdx", "memory", "cc");
}

static void compare(const uint8_t *bytes, unsigned int n, unsigned int width,
		    uint64_t flags_defined, struct run in)
{
	struct cpu_user_regs regs = { .rax = in.rax,
				      .rbx = in.rbx,
				      .rcx = in.rcx,
				      .rdx = in.rdx,
				      .rip = 0x1000,
				      .rflags = in.flags };
	uint64_t mask = width == 8 ? ~0ull : (1ull << (8 * width)) - 1, new = 0, expect;
	struct run real = in;
	struct insn i;
	bool writes;

	assert_int_equal(insn_decode(bytes, n, 8, &i), 0);
	assert_int_equal(i.length, n);
	assert_int_equal(i.width, width);
	assert_int_equal(i.dst, ARG_MEM);
	assert_true(insn_modify(&i, &regs, in.mem, &new, &writes));
	execute(bytes, n, &real);
	expect = writes ? (in.mem & ~mask) | new : in.mem;
	assert_int_equal(expect, real.mem);
	assert_int_equal(regs.rax, real.rax);
	assert_int_equal(regs.rbx, real.rbx);
	assert_int_equal(regs.rcx, real.rcx);
	assert_int_equal(regs.rdx, real.rdx);
	assert_int_equal(regs.rflags & flags_defined, real.flags & flags_defined);
	assert_int_equal(regs.rip, 0x1000 + n);
}

static uint64_t interesting(void)
{
	static const uint64_t v[] = { 0,
				      1,
				      ~0ull,
				      0x7f,
				      0x80,
				      0xff,
				      0x7fff,
				      0x8000,
				      0x7fffffff,
				      0x80000000,
				      0xffffffff,
				      0x7fffffffffffffff,
				      0x8000000000000000 };
	uint64_t r = (uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random();

	return random() % 2 ? v[(size_t)random() % (sizeof(v) / sizeof(v[0]))] : r;
}

/* One instruction with [rdi] as its operand in all widths it has, with many operands. */
static void try_all(const uint8_t *op, unsigned int n_op, uint8_t modrm, unsigned int n_imm,
		    bool byte, uint64_t defined, bool bit)
{
	static const unsigned int widths[] = { 1, 2, 4, 8 };

	for (unsigned int w = byte ? 0 : 1; w < (byte ? 1 : 4); w++) {
		for (int round = 0; round < 200; round++) {
			struct run in = { interesting(),
					  interesting(),
					  interesting(),
					  interesting(),
					  0x202 | (interesting() & F_ALL),
					  interesting() };
			uint8_t b[16];
			unsigned int n = 0,
				     imm = n_imm == 4 ? (widths[w] < 4 ? widths[w] : 4) : n_imm;

			if (widths[w] == 2)
				b[n++] = 0x66;
			if (widths[w] == 8)
				b[n++] = 0x48;
			memcpy(b + n, op, n_op);
			n += n_op;
			b[n++] = modrm;
			for (unsigned int k = 0; k < imm; k++)
				b[n++] = (uint8_t)random();
			if (bit) /* stay within the operand */
				in.rcx &= 8 * widths[w] - 1;
			if (random() % 4 == 0)
				in.rax = in.mem; /* a cmpxchg that succeeds */
			compare(b, n, widths[w], defined, in);
		}
	}
}

#define RCX	 0x0f /* [rdi], rcx */
#define GROUP(g) ((uint8_t)(0x07 | (g) << 3))
#define OP(...)	 (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ })

static void arithmetic_agrees_with_the_processor(void **state)
{
	(void)state;
	for (uint8_t i = 0; i < 8; i++) {
		bool logic = i == 1 || i == 4 || i == 6;
		uint64_t defined = logic ? F_ALL & ~F_AF : F_ALL;

		try_all(OP((uint8_t)(i << 3)), RCX, 0, true, defined, false);
		try_all(OP((uint8_t)(i << 3 | 1)), RCX, 0, false, defined, false);
		try_all(OP(0x80), GROUP(i), 1, true, defined, false);
		try_all(OP(0x81), GROUP(i), 4, false, defined, false);
		try_all(OP(0x83), GROUP(i), 1, false, defined, false);
	}
	try_all(OP(0x84), RCX, 0, true, F_ALL & ~F_AF, false);
	try_all(OP(0x85), RCX, 0, false, F_ALL & ~F_AF, false);
	try_all(OP(0xf6), GROUP(0), 1, true, F_ALL & ~F_AF, false);
	try_all(OP(0xf7), GROUP(0), 4, false, F_ALL & ~F_AF, false);
	for (uint8_t g = 2; g < 4; g++) {
		try_all(OP(0xf6), GROUP(g), 0, true, F_ALL, false);
		try_all(OP(0xf7), GROUP(g), 0, false, F_ALL, false);
	}
	for (uint8_t g = 0; g < 2; g++) {
		try_all(OP(0xfe), GROUP(g), 0, true, F_ALL, false);
		try_all(OP(0xff), GROUP(g), 0, false, F_ALL, false);
	}
}

static void moves_and_exchanges_agree_with_the_processor(void **state)
{
	(void)state;
	try_all(OP(0x88), RCX, 0, true, F_ALL, false);
	try_all(OP(0x89), RCX, 0, false, F_ALL, false);
	try_all(OP(0xc6), GROUP(0), 1, true, F_ALL, false);
	try_all(OP(0xc7), GROUP(0), 4, false, F_ALL, false);
	try_all(OP(0x86), RCX, 0, true, F_ALL, false);
	try_all(OP(0x87), RCX, 0, false, F_ALL, false);
	try_all(OP(0x0f, 0xb0), RCX, 0, true, F_ALL, false);
	try_all(OP(0x0f, 0xb1), RCX, 0, false, F_ALL, false);
	try_all(OP(0x0f, 0xc0), RCX, 0, true, F_ALL, false);
	try_all(OP(0x0f, 0xc1), RCX, 0, false, F_ALL, false);
}

static void high_byte_registers_agree_with_the_processor(void **state)
{
	(void)state;
	try_all(OP(0x00), 0x27, 0, true, F_ALL, false); /* add [rdi], ah */
	try_all(OP(0x86), 0x37, 0, true, F_ALL, false); /* xchg [rdi], dh */
}

static void bit_instructions_agree_with_the_processor(void **state)
{
	static const uint8_t ops[] = { 0xa3, 0xab, 0xb3, 0xbb };

	(void)state;
	for (uint8_t i = 0; i < 4; i++) {
		try_all(OP(0x0f, ops[i]), RCX, 0, false, F_CF | F_ZF, true);
		try_all(OP(0x0f, 0xba), GROUP(4 + i), 1, false, F_CF | F_ZF, false);
	}
}

static void cmpxchg8b_agrees_with_the_processor(void **state)
{
	const uint8_t b[] = { 0xf0, 0x0f, 0xc7, 0x0f };

	(void)state;
	for (int i = 0; i < 400; i++) {
		struct run in = { interesting(),
				  interesting(),
				  interesting(),
				  interesting(),
				  0x202 | (interesting() & F_ALL),
				  interesting() };

		if (i % 2) {
			in.rax = (uint32_t)in.mem;
			in.rdx = in.mem >> 32;
		}
		compare(b, sizeof(b), 8, F_ALL, in);
	}
}

/* --- decoding ------------------------------------------------------------- */

static struct insn decode(unsigned int mode, const uint8_t *b, unsigned int n)
{
	struct insn i;

	assert_int_equal(insn_decode(b, n, mode, &i), 0);
	assert_int_equal(i.length, n);
	return i;
}
#define DECODE(mode, ...) decode(mode, OP(__VA_ARGS__))
#define REFUSES(mode, ...)                                                              \
	do {                                                                            \
		struct insn x_;                                                         \
		assert_int_equal(insn_decode(OP(__VA_ARGS__), mode, &x_), -XEN_EINVAL); \
	} while (0)

static void privileged_instructions_are_known(void **state)
{
	struct insn i;

	(void)state;
	assert_int_equal(DECODE(8, 0xfa).op, INSN_CLI);
	assert_int_equal(DECODE(8, 0xfb).op, INSN_STI);
	assert_int_equal(DECODE(8, 0xf4).op, INSN_HLT);
	assert_int_equal(DECODE(8, 0x0f, 0x06).op, INSN_CLTS);
	assert_int_equal(DECODE(8, 0x0f, 0x30).op, INSN_WRMSR);
	assert_int_equal(DECODE(8, 0x0f, 0x32).op, INSN_RDMSR);
	assert_int_equal(DECODE(8, 0x0f, 0xa2).op, INSN_CPUID);
	assert_int_equal(DECODE(8, 0x0f, 0x01, 0xd1).op, INSN_XSETBV);
	assert_int_equal(DECODE(8, 0x0f, 0x01, 0x38).op, INSN_INVLPG);
	assert_int_equal(DECODE(8, 0x0f, 0x01, 0x18).op, INSN_TABLE); /* lidt */
	i = DECODE(8, 0x44, 0x0f, 0x20, 0xc1);			      /* mov rcx, cr8 */
	assert_int_equal(i.op, INSN_MOV_FROM_CR);
	assert_int_equal(i.imm, 8);
	assert_int_equal(i.dst_reg, 1);
	assert_int_equal(i.width, 8);
	i = DECODE(4, 0x0f, 0x22, 0xd8); /* mov cr3, eax */
	assert_int_equal(i.op, INSN_MOV_TO_CR);
	assert_int_equal(i.imm, 3);
	assert_int_equal(i.width, 4);
}

static void ports_are_known(void **state)
{
	struct insn i;

	(void)state;
	i = DECODE(8, 0xe4, 0x71);
	assert_int_equal(i.op, INSN_IN);
	assert_int_equal(i.src, ARG_IMM);
	assert_int_equal(i.imm, 0x71);
	assert_int_equal(i.width, 1);
	i = DECODE(8, 0x66, 0xef);
	assert_int_equal(i.op, INSN_OUT);
	assert_int_equal(i.width, 2);
	i = DECODE(8, 0x48, 0xed); /* REX.W does not widen it */
	assert_int_equal(i.width, 4);
	i = DECODE(4, 0xf3, 0x6d);
	assert_int_equal(i.op, INSN_INS);
	assert_int_equal(i.seg, SEG_ES);
	assert_true(i.rep);
	i = DECODE(4, 0x64, 0x6e);
	assert_int_equal(i.seg, SEG_FS);
}

static void addresses_are_computed(void **state)
{
	struct cpu_user_regs r = { .rax = 0x1000,
				   .rbx = 0x10,
				   .rbp = 0x2000,
				   .rsp = 0x3000,
				   .r12 = 0x4000,
				   .r13 = 0x5000,
				   .rip = 0x100,
				   .rcx = (uint64_t)-70 };
	struct insn i;

	(void)state;
	i = DECODE(8, 0x89, 0x44, 0x98, 0xfc); /* mov [rax+rbx*4-4], eax */
	assert_int_equal(insn_offset(&i, &r), 0x1000 + 0x40 - 4);
	assert_int_equal(i.seg, SEG_DS);
	i = DECODE(8, 0x89, 0x45, 0x08); /* [rbp+8] */
	assert_int_equal(insn_offset(&i, &r), 0x2008);
	assert_int_equal(i.seg, SEG_SS);
	i = DECODE(8, 0x89, 0x05, 0x10, 0, 0, 0); /* [rip+16] */
	assert_int_equal(insn_offset(&i, &r), 0x100 + 6 + 16);
	i = DECODE(4, 0x89, 0x05, 0x10, 0, 0, 0); /* [16]: no rip in 32-bit code */
	assert_int_equal(insn_offset(&i, &r), 16);
	i = DECODE(8, 0x41, 0x89, 0x04, 0x24); /* [r12] */
	assert_int_equal(insn_offset(&i, &r), 0x4000);
	i = DECODE(8, 0x41, 0x89, 0x45, 0x00); /* [r13+0] */
	assert_int_equal(insn_offset(&i, &r), 0x5000);
	i = DECODE(8, 0x89, 0x04, 0x25, 0xf0, 0xff, 0xff, 0xff); /* [-16] */
	assert_true(insn_offset(&i, &r) == (uint64_t)-16);
	i = DECODE(4, 0x67, 0x89, 0x47, 0x01); /* [bx+1] */
	assert_int_equal(insn_offset(&i, &r), 0x11);
	/* bts [rax], rcx: bit -70 is in the quadword 16 below */
	i = DECODE(8, 0x48, 0x0f, 0xab, 0x08);
	assert_int_equal(insn_offset(&i, &r), 0x1000 - 16);
}

static void prefixes_count_as_the_processor_counts_them(void **state)
{
	struct insn i;

	(void)state;
	i = DECODE(8, 0x48, 0x66, 0x89, 0x07); /* a REX before another prefix is none */
	assert_int_equal(i.width, 2);
	i = DECODE(8, 0x3e, 0x89, 0x07); /* ds: counts for nothing in 64-bit code */
	assert_int_equal(i.seg, SEG_DS);
	i = DECODE(8, 0x65, 0x89, 0x07);
	assert_int_equal(i.seg, SEG_GS);
	REFUSES(8, 0xf0, 0x89, 0x07); /* lock mov */
	REFUSES(8, 0xf0, 0x01, 0xc0); /* lock add eax, eax */
	REFUSES(8, 0xf0, 0x39, 0x07); /* lock cmp */
}

static void unknown_and_endless_ones_are_refused(void **state)
{
	static const uint8_t prefixes[INSN_MAX + 1] = { [0 ... INSN_MAX] = 0x66 };
	struct insn i;

	(void)state;
	REFUSES(8, 0x0f, 0x0b);		    /* ud2 */
	REFUSES(8, 0xc7, 0x0f, 0, 0, 0, 0); /* group 11 with another number */
	REFUSES(8, 0x0f, 0xba, 0x07, 1);
	assert_int_equal(insn_decode(prefixes, INSN_MAX, 8, &i), -XEN_EINVAL);
	assert_int_equal(insn_decode(prefixes, INSN_MAX + 1, 8, &i), -XEN_EINVAL);
	assert_int_equal(insn_decode(prefixes, 3, 8, &i), -XEN_E2BIG);
	assert_int_equal(insn_decode(prefixes, 0, 8, &i), -XEN_E2BIG);
	assert_int_equal(insn_decode((const uint8_t[]){ 0xc7, 0x07, 1, 2, 3 }, 5, 8, &i),
			 -XEN_E2BIG);
}

static void rip_wraps_in_32_bit_code(void **state)
{
	struct cpu_user_regs r = { .rip = 0xffffffff, .rflags = 0x10202 };
	struct insn i = DECODE(4, 0x0f, 0xa2);

	(void)state;
	insn_skip(&i, &r);
	assert_int_equal(r.rip, 1);
	assert_int_equal(r.rflags, 0x202); /* RF is for one instruction */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arithmetic_agrees_with_the_processor),
		cmocka_unit_test(moves_and_exchanges_agree_with_the_processor),
		cmocka_unit_test(high_byte_registers_agree_with_the_processor),
		cmocka_unit_test(bit_instructions_agree_with_the_processor),
		cmocka_unit_test(cmpxchg8b_agrees_with_the_processor),
		cmocka_unit_test(privileged_instructions_are_known),
		cmocka_unit_test(ports_are_known),
		cmocka_unit_test(addresses_are_computed),
		cmocka_unit_test(prefixes_count_as_the_processor_counts_them),
		cmocka_unit_test(unknown_and_endless_ones_are_refused),
		cmocka_unit_test(rip_wraps_in_32_bit_code),
	};

	srandom(1);
	code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	if (code == MAP_FAILED)
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
