/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder (pv/insn.c): enough of x86 for what a paravirtual guest may run into ring
 * 0 for, that is privileged instructions (pv/emulate.c) and writes to live page tables (pv/mmu.c).
 * It works on a copy of the bytes, touches no memory and no state, and is built on the host too.
 */
#ifndef TORC_INSN_H
#define TORC_INSN_H

#include <torc/abi.h>
#include <torc/types.h>

#define INSN_MAX 15 /* no instruction is longer */

enum insn_op {
	INSN_NONE,
	/* those that write (or only read: CMP, TEST, BT) a memory operand */
	INSN_MOV,
	INSN_XCHG,
	INSN_CMPXCHG,
	INSN_CMPXCHG8B,
	INSN_XADD,
	INSN_ADD,
	INSN_OR,
	INSN_ADC,
	INSN_SBB,
	INSN_AND,
	INSN_SUB,
	INSN_XOR,
	INSN_CMP,
	INSN_TEST,
	INSN_INC,
	INSN_DEC,
	INSN_NOT,
	INSN_NEG,
	INSN_BT,
	INSN_BTS,
	INSN_BTR,
	INSN_BTC,
	INSN_STOS,
	INSN_MOVS,
	/* input and output: imm is the port if src or dst says so, else DX */
	INSN_IN,
	INSN_OUT,
	INSN_INS,
	INSN_OUTS,
	/* privileged, or of interest to a hypervisor */
	INSN_CLI,
	INSN_STI,
	INSN_HLT,
	INSN_CLTS,
	INSN_CPUID,
	INSN_RDMSR,
	INSN_WRMSR,
	INSN_RDTSC,
	INSN_RDTSCP,
	INSN_RDPMC,
	INSN_MOV_FROM_CR,
	INSN_MOV_TO_CR,
	INSN_MOV_FROM_DR,
	INSN_MOV_TO_DR, /* imm: which; the general register is dst or src */
	INSN_LMSW,
	INSN_SMSW,
	INSN_INVLPG,
	INSN_INVD,
	INSN_WBINVD,
	INSN_XGETBV,
	INSN_XSETBV,
	INSN_FSGSBASE, /* imm: 0 rdfsbase, 1 rdgsbase, 2 wrfsbase, 3 wrgsbase; register in dst */
	INSN_LOAD_SEG, /* mov to a segment register or lfs..: imm is which (enum insn_seg) */
	INSN_TABLE, /* lgdt, lidt, sgdt, sidt, lldt, ltr, sldt, str: recognised, never emulated */
};

enum insn_arg { ARG_NONE, ARG_REG, ARG_MEM, ARG_IMM };
enum insn_seg { SEG_ES, SEG_CS, SEG_SS, SEG_DS, SEG_FS, SEG_GS, SEG_NONE };
#define INSN_NO_REG 0xff

struct insn {
	enum insn_op op;
	uint8_t length;
	uint8_t mode;	    /* bytes of the code's width: 4 or 8 */
	uint8_t width;	    /* operand bytes: 1, 2, 4, 8; CMPXCHG8B: 8 or 16 */
	uint8_t addr_width; /* 2, 4 or 8 */
	enum insn_arg dst, src;
	uint8_t dst_reg, src_reg; /* processor's numbers; see insn_reg_* for 1-byte ones */
	bool rex;		  /* any REX: 1-byte registers 4..7 are spl.. instead of ah.. */
	bool lock, rep, repne;
	uint64_t imm; /* sign-extended to the operand's width and beyond */
	/* the memory operand, if dst or src is ARG_MEM */
	enum insn_seg seg;	    /* by prefix or by its base register */
	uint8_t base, index, shift; /* INSN_NO_REG: none */
	bool rip_relative;
	int64_t disp;
};

/* Decodes at most n bytes of code of the given width (4 or 8). 0; -XEN_EINVAL: none that this
 * decoder knows; -XEN_E2BIG: goes on beyond n. */
int insn_decode(const uint8_t *bytes, unsigned int n, unsigned int mode, struct insn *out);

/* Registers by the processor's number, of 1, 2, 4 or 8 bytes. Writing 4 bytes clears the upper
 * half, as the processor does. */
unsigned long *insn_reg(struct cpu_user_regs *r, unsigned int n);
uint64_t insn_reg_get(const struct cpu_user_regs *r, unsigned int n, unsigned int width, bool rex);
void insn_reg_set(struct cpu_user_regs *r, unsigned int n, unsigned int width, bool rex, uint64_t v);

/* Offset of the memory operand within its segment (r->rip is still at the instruction). For BT*
 * with a register the bit's distance is included. INS, STOS, MOVS: rdi. */
uint64_t insn_offset(const struct insn *i, const struct cpu_user_regs *r);

/*
 * What the instruction writes to its memory operand, which holds old now; up to 8 bytes. Registers
 * and flags in r become what they are after it, rip is advanced (work on a copy until the write has
 * succeeded). False: it is none that writes a memory operand, or not one this can do (CMPXCHG8B of
 * 16 bytes, string forms). *writes says whether memory changes (CMP, a failed CMPXCHG: the
 * processor writes old back, so does *new).
 */
bool insn_modify(const struct insn *i, struct cpu_user_regs *r, uint64_t old, uint64_t *new,
		 bool *writes);

/* Moves rip past it: 32-bit code wraps at 4 GiB; RF is cleared. */
void insn_skip(const struct insn *i, struct cpu_user_regs *r);

#endif
