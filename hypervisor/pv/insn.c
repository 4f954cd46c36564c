/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The instruction decoder: bytes to struct insn, and what a read-modify-write instruction makes of
 * its operand. The bytes are a guest's and may be anything; they are read from the copy the caller
 * made, within the length the caller gave, and nothing is touched but the result. Opcodes are found
 * by a walk over small tables, not by a full map of x86: what is not in them is refused.
 */
#include <torc/insn.h>
#include <torc/lib.h>

struct cursor {
	const uint8_t *p;
	unsigned int at, n;
	bool over;
};

/* Past the end it delivers zeroes and remembers: one check at the end is enough. */
static uint8_t take(struct cursor *c)
{
	if (c->at >= c->n) {
		c->over = true;
		return 0;
	}
	return c->p[c->at++];
}

static uint64_t take_le(struct cursor *c, unsigned int bytes)
{
	uint64_t v = 0;

	for (unsigned int i = 0; i < bytes; i++)
		v |= (uint64_t)take(c) << (8 * i);
	return v;
}

static int64_t take_signed(struct cursor *c, unsigned int bytes)
{
	uint64_t v = take_le(c, bytes);
	unsigned int unused = 64 - 8 * bytes;

	return (int64_t)(v << unused) >> unused;
}

struct prefixes {
	bool opsize, addrsize;
	uint8_t rex;
};

#define REX_B 1
#define REX_X 2
#define REX_R 4
#define REX_W 8

/* What a ModRM byte says; fills in the memory operand. */
struct modrm {
	uint8_t mod, reg, rm;
};

static void memory_16(struct cursor *c, struct insn *i, const struct modrm *m)
{
	static const uint8_t base[8] = { 3, 3, 5, 5, 6, 7, 5, 3 },
			     index[8] = { 6,	       7,	    6,		 7,
					  INSN_NO_REG, INSN_NO_REG, INSN_NO_REG, INSN_NO_REG };

	i->base = base[m->rm];
	i->index = index[m->rm];
	if (m->mod == 0 && m->rm == 6) {
		i->base = INSN_NO_REG;
		i->disp = take_signed(c, 2);
	} else if (m->mod) {
		i->disp = take_signed(c, m->mod == 1 ? 1 : 2);
	}
}

static void memory_32(struct cursor *c, struct insn *i, const struct modrm *m, uint8_t rex)
{
	unsigned int rm = m->rm;

	if (rm == 4) {
		uint8_t sib = take(c);

		i->index = (sib >> 3 & 7) | (rex & REX_X ? 8 : 0);
		if (i->index == 4)
			i->index = INSN_NO_REG;
		i->shift = sib >> 6;
		rm = sib & 7;
		if (rm == 5 && m->mod == 0)
			i->disp = take_signed(c, 4);
		else
			i->base = rm | (rex & REX_B ? 8 : 0);
	} else if (rm == 5 && m->mod == 0) {
		i->rip_relative = i->mode == 8;
		i->disp = take_signed(c, 4);
	} else {
		i->base = rm | (rex & REX_B ? 8 : 0);
	}
	if (m->mod == 1 || m->mod == 2)
		i->disp = take_signed(c, m->mod == 1 ? 1 : 4);
}

static struct modrm take_modrm(struct cursor *c, struct insn *i, uint8_t rex)
{
	uint8_t b = take(c);
	struct modrm m = { b >> 6, (b >> 3 & 7) | (rex & REX_R ? 8 : 0), b & 7 };
	bool stack;

	if (m.mod == 3) {
		m.rm |= rex & REX_B ? 8 : 0;
		return m;
	}
	if (i->addr_width == 2)
		memory_16(c, i, &m);
	else
		memory_32(c, i, &m, rex);
	stack = i->base == 5 || (i->base == 4 && i->addr_width != 2);
	if (i->seg == SEG_NONE)
		i->seg = stack ? SEG_SS : SEG_DS;
	return m;
}

static void set_rm(struct insn *i, const struct modrm *m, bool is_dst)
{
	enum insn_arg a = m->mod == 3 ? ARG_REG : ARG_MEM;

	if (is_dst) {
		i->dst = a;
		i->dst_reg = m->rm;
	} else {
		i->src = a;
		i->src_reg = m->rm;
	}
}

static void set_imm(struct insn *i, int64_t v)
{
	i->src = ARG_IMM;
	i->imm = v;
}

/* op r/m, r  or  op r, r/m */
static void two_operands(struct cursor *c, struct insn *i, uint8_t rex, enum insn_op op,
			 bool rm_is_dst)
{
	struct modrm m = take_modrm(c, i, rex);

	i->op = op;
	set_rm(i, &m, rm_is_dst);
	if (rm_is_dst) {
		i->src = ARG_REG;
		i->src_reg = m.reg;
	} else {
		i->dst = ARG_REG;
		i->dst_reg = m.reg;
	}
}

static const enum insn_op arith[8] = { INSN_ADD, INSN_OR,  INSN_ADC, INSN_SBB,
				       INSN_AND, INSN_SUB, INSN_XOR, INSN_CMP };

static void port(struct insn *i, enum insn_op op, unsigned int width)
{
	i->op = op;
	i->width = MIN(width, 4u);
}

/* 0F 01: a table load, or one of the instructions that live behind register forms. */
static bool group_0f01(struct cursor *c, struct insn *i, uint8_t rex)
{
	struct modrm m = take_modrm(c, i, rex);
	unsigned int whole = m.mod << 6 | (m.reg & 7) << 3 | (m.rm & 7);

	switch (whole) {
	case 0xd0: i->op = INSN_XGETBV; return true;
	case 0xd1: i->op = INSN_XSETBV; return true;
	case 0xf9: i->op = INSN_RDTSCP; return true;
	}
	switch (m.reg & 7) {
	case 0:
	case 1:
	case 2:
	case 3:
		if (m.mod == 3)
			return false;
		i->op = INSN_TABLE;
		set_rm(i, &m, true);
		return true;
	case 4:
		i->op = INSN_SMSW;
		set_rm(i, &m, true);
		return true;
	case 6:
		i->op = INSN_LMSW;
		i->width = 2;
		set_rm(i, &m, false);
		return true;
	case 7:
		if (m.mod == 3)
			return false;
		i->op = INSN_INVLPG;
		set_rm(i, &m, true);
		return true;
	}
	return false;
}

static bool two_byte(struct cursor *c, struct insn *i, uint8_t rex, uint8_t full)
{
	uint8_t b = take(c);
	struct modrm m;

	switch (b) {
	case 0x00:
		m = take_modrm(c, i, rex);
		i->op = INSN_TABLE;
		set_rm(i, &m, true);
		return (m.reg & 7) < 4;
	case 0x01: return group_0f01(c, i, rex);
	case 0x06: i->op = INSN_CLTS; return true;
	case 0x08: i->op = INSN_INVD; return true;
	case 0x09: i->op = INSN_WBINVD; return true;
	case 0x20:
	case 0x21:
	case 0x22:
	case 0x23:
		/* mod is ignored by the processor: always a register */
		{
			uint8_t rm = take(c);

			i->imm = (rm >> 3 & 7) | (rex & REX_R ? 8 : 0);
			i->op = b == 0x20 ? INSN_MOV_FROM_CR :
				b == 0x21 ? INSN_MOV_FROM_DR :
				b == 0x22 ? INSN_MOV_TO_CR :
					    INSN_MOV_TO_DR;
			i->width = i->mode;
			rm = (rm & 7) | (rex & REX_B ? 8 : 0);
			if (b & 2) {
				i->src = ARG_REG;
				i->src_reg = rm;
			} else {
				i->dst = ARG_REG;
				i->dst_reg = rm;
			}
		}
		return true;
	case 0x30: i->op = INSN_WRMSR; return true;
	case 0x31: i->op = INSN_RDTSC; return true;
	case 0x32: i->op = INSN_RDMSR; return true;
	case 0x33: i->op = INSN_RDPMC; return true;
	case 0xa2: i->op = INSN_CPUID; return true;
	case 0xa3:
	case 0xab:
	case 0xb3:
	case 0xbb:
		i->width = full;
		two_operands(c, i, rex,
			     b == 0xa3 ? INSN_BT :
			     b == 0xab ? INSN_BTS :
			     b == 0xb3 ? INSN_BTR :
					 INSN_BTC,
			     true);
		return true;
	case 0xba:
		i->width = full;
		m = take_modrm(c, i, rex);
		if ((m.reg & 7) < 4)
			return false;
		i->op = INSN_BT + ((m.reg & 7) - 4);
		set_rm(i, &m, true);
		set_imm(i, take(c));
		return true;
	case 0xae:
		m = take_modrm(c, i, rex);
		if (m.mod != 3 || !i->rep || (m.reg & 7) > 3 || i->mode != 8)
			return false;
		i->op = INSN_FSGSBASE;
		i->imm = m.reg & 7;
		i->width = rex & REX_W ? 8 : 4;
		set_rm(i, &m, true);
		return true;
	case 0xb0:
	case 0xb1:
		i->width = b & 1 ? full : 1;
		two_operands(c, i, rex, INSN_CMPXCHG, true);
		return true;
	case 0xb2:
	case 0xb4:
	case 0xb5:
		m = take_modrm(c, i, rex);
		i->op = INSN_LOAD_SEG;
		i->width = full;
		i->imm = b == 0xb2 ? SEG_SS : b == 0xb4 ? SEG_FS : SEG_GS;
		i->dst = ARG_REG;
		i->dst_reg = m.reg;
		set_rm(i, &m, false);
		return m.mod != 3;
	case 0xc0:
	case 0xc1:
		i->width = b & 1 ? full : 1;
		two_operands(c, i, rex, INSN_XADD, true);
		return true;
	case 0xc3: /* movnti */
		i->width = rex & REX_W ? 8 : 4;
		two_operands(c, i, rex, INSN_MOV, true);
		return i->dst == ARG_MEM;
	case 0xc7:
		m = take_modrm(c, i, rex);
		if ((m.reg & 7) != 1 || m.mod == 3)
			return false;
		i->op = INSN_CMPXCHG8B;
		i->width = rex & REX_W ? 16 : 8;
		set_rm(i, &m, true);
		return true;
	}
	return false;
}

/* The immediate of full-width forms has four bytes at most and is sign-extended. */
static int64_t take_imm(struct cursor *c, unsigned int width)
{
	return take_signed(c, MIN(width, 4u));
}

static bool group_unary(struct cursor *c, struct insn *i, uint8_t rex, unsigned int width, bool f6)
{
	struct modrm m = take_modrm(c, i, rex);
	unsigned int g = m.reg & 7;

	i->width = width;
	set_rm(i, &m, true);
	if (!f6) { /* fe, ff */
		i->op = g == 0 ? INSN_INC : INSN_DEC;
		return g < 2;
	}
	if (g < 2) {
		i->op = INSN_TEST;
		set_imm(i, take_imm(c, width));
		return true;
	}
	i->op = g == 2 ? INSN_NOT : INSN_NEG;
	return g < 4;
}

static bool one_byte(struct cursor *c, struct insn *i, uint8_t b, uint8_t rex, uint8_t full)
{
	unsigned int width = b & 1 ? full : 1;
	struct modrm m;

	if (b < 0x40 && (b & 7) < 4) { /* the eight of arith[], r/m and r both ways */
		i->width = width;
		two_operands(c, i, rex, arith[b >> 3], !(b & 2));
		return true;
	}
	switch (b) {
	case 0x80:
	case 0x81:
	case 0x83:
		m = take_modrm(c, i, rex);
		i->width = width;
		i->op = arith[m.reg & 7];
		set_rm(i, &m, true);
		set_imm(i, b == 0x83 ? take_signed(c, 1) : take_imm(c, width));
		return true;
	case 0x84:
	case 0x85:
		i->width = width;
		two_operands(c, i, rex, INSN_TEST, true);
		return true;
	case 0x86:
	case 0x87:
		i->width = width;
		two_operands(c, i, rex, INSN_XCHG, true);
		return true;
	case 0x88:
	case 0x89:
	case 0x8a:
	case 0x8b:
		i->width = width;
		two_operands(c, i, rex, INSN_MOV, !(b & 2));
		return true;
	case 0x8e:
		m = take_modrm(c, i, rex);
		i->op = INSN_LOAD_SEG;
		i->width = 2;
		i->imm = m.reg & 7;
		set_rm(i, &m, false);
		return (m.reg & 7) < 6 && (m.reg & 7) != SEG_CS;
	case 0xa0:
	case 0xa1:
	case 0xa2:
	case 0xa3: /* al/rax and an absolute offset */
		i->op = INSN_MOV;
		i->width = width;
		i->disp = (int64_t)take_le(c, i->addr_width);
		if (i->seg == SEG_NONE)
			i->seg = SEG_DS;
		i->dst = b & 2 ? ARG_MEM : ARG_REG;
		i->src = b & 2 ? ARG_REG : ARG_MEM;
		i->dst_reg = i->src_reg = 0;
		return true;
	case 0xa4:
	case 0xa5:
	case 0xaa:
	case 0xab:
		i->op = b < 0xaa ? INSN_MOVS : INSN_STOS;
		i->width = width;
		i->dst = ARG_MEM;
		i->base = 7;
		i->src = b < 0xaa ? ARG_MEM : ARG_REG;
		i->src_reg = 0;
		if (i->seg == SEG_NONE)
			i->seg = SEG_DS; /* of MOVS's source; the destination is always ES */
		return true;
	case 0xc6:
	case 0xc7:
		m = take_modrm(c, i, rex);
		i->width = width;
		i->op = INSN_MOV;
		set_rm(i, &m, true);
		set_imm(i, take_imm(c, width));
		return (m.reg & 7) == 0;
	case 0xf6:
	case 0xf7:
	case 0xfe:
	case 0xff: return group_unary(c, i, rex, width, b < 0xf8);
	case 0x6c:
	case 0x6d:
		port(i, INSN_INS, width);
		i->dst = ARG_MEM;
		i->base = 7;
		i->seg = SEG_ES; /* a prefix does not change it */
		return true;
	case 0x6e:
	case 0x6f:
		port(i, INSN_OUTS, width);
		i->src = ARG_MEM;
		i->base = 6;
		if (i->seg == SEG_NONE)
			i->seg = SEG_DS;
		return true;
	case 0xe4:
	case 0xe5:
		port(i, INSN_IN, width);
		set_imm(i, take(c));
		return true;
	case 0xe6:
	case 0xe7:
		port(i, INSN_OUT, width);
		i->dst = ARG_IMM;
		i->imm = take(c);
		return true;
	case 0xec:
	case 0xed: port(i, INSN_IN, width); return true;
	case 0xee:
	case 0xef: port(i, INSN_OUT, width); return true;
	case 0xf4: i->op = INSN_HLT; return true;
	case 0xfa: i->op = INSN_CLI; return true;
	case 0xfb: i->op = INSN_STI; return true;
	}
	return false;
}

/* True if b is a prefix (REX not included). */
static bool prefix(struct insn *i, struct prefixes *p, uint8_t b)
{
	switch (b) {
	case 0x66: p->opsize = true; return true;
	case 0x67: p->addrsize = true; return true;
	case 0xf0: i->lock = true; return true;
	case 0xf2:
		i->repne = true;
		i->rep = false;
		return true;
	case 0xf3:
		i->rep = true;
		i->repne = false;
		return true;
	/* in 64-bit code these four count for nothing */
	case 0x26:
		if (i->mode == 4)
			i->seg = SEG_ES;
		return true;
	case 0x2e:
		if (i->mode == 4)
			i->seg = SEG_CS;
		return true;
	case 0x36:
		if (i->mode == 4)
			i->seg = SEG_SS;
		return true;
	case 0x3e:
		if (i->mode == 4)
			i->seg = SEG_DS;
		return true;
	case 0x64: i->seg = SEG_FS; return true;
	case 0x65: i->seg = SEG_GS; return true;
	}
	return false;
}

/* The processor raises #UD for LOCK on anything else. */
static bool lock_allowed(const struct insn *i)
{
	if (i->dst != ARG_MEM)
		return false;
	switch (i->op) {
	case INSN_XCHG ... INSN_SUB:
	case INSN_XOR:
	case INSN_INC ... INSN_NEG:
	case INSN_BTS ... INSN_BTC: return true;
	default: return false;
	}
}

int insn_decode(const uint8_t *bytes, unsigned int n, unsigned int mode, struct insn *i)
{
	struct cursor c = { .p = bytes, .n = MIN(n, (unsigned int)INSN_MAX) };
	struct prefixes p = { 0 };
	uint8_t b, full;
	bool known;

	*i = (struct insn){
		.mode = mode, .seg = SEG_NONE, .base = INSN_NO_REG, .index = INSN_NO_REG
	};
	for (;;) {
		b = take(&c);
		if (mode == 8 && (b & 0xf0) == 0x40)
			p.rex = b;
		else if (prefix(i, &p, b))
			p.rex = 0; /* REX counts only right before the opcode */
		else
			break;
	}
	i->rex = p.rex != 0;
	full = p.rex & REX_W ? 8 : p.opsize ? 2 : 4;
	i->addr_width = mode == 8 ? (p.addrsize ? 4 : 8) : (p.addrsize ? 2 : 4);
	i->width = full;

	known = b == 0x0f ? two_byte(&c, i, p.rex, full) : one_byte(&c, i, b, p.rex, full);
	if (c.over)
		return n < INSN_MAX ? -XEN_E2BIG : -XEN_EINVAL;
	if (!known || (i->lock && !lock_allowed(i)))
		return -XEN_EINVAL;
	i->length = c.at;
	return 0;
}

unsigned long *insn_reg(struct cpu_user_regs *r, unsigned int n)
{
	unsigned long *const regs[16] = {
		&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
		&r->r8,	 &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15,
	};

	return regs[n & 15];
}

static bool high_byte(unsigned int n, unsigned int width, bool rex)
{
	return width == 1 && !rex && n >= 4 && n < 8;
}

static uint64_t width_mask(unsigned int width)
{
	return width >= 8 ? ~0ull : (1ull << (8 * width)) - 1;
}

uint64_t insn_reg_get(const struct cpu_user_regs *r, unsigned int n, unsigned int width, bool rex)
{
	struct cpu_user_regs *rw = (struct cpu_user_regs *)r; /* only to find the place */

	if (high_byte(n, width, rex))
		return *insn_reg(rw, n - 4) >> 8 & 0xff;
	return *insn_reg(rw, n) & width_mask(width);
}

void insn_reg_set(struct cpu_user_regs *r, unsigned int n, unsigned int width, bool rex, uint64_t v)
{
	unsigned long *p = insn_reg(r, high_byte(n, width, rex) ? n - 4 : n);
	uint64_t mask = width_mask(width);

	if (high_byte(n, width, rex))
		*p = (*p & ~0xff00ul) | (v & 0xff) << 8;
	else if (width == 4)
		*p = v & mask;
	else
		*p = (*p & ~mask) | (v & mask);
}

uint64_t insn_offset(const struct insn *i, const struct cpu_user_regs *r)
{
	uint64_t mask = width_mask(i->addr_width), a = i->disp;

	if (i->rip_relative)
		a += r->rip + i->length;
	if (i->base != INSN_NO_REG)
		a += insn_reg_get(r, i->base, 8, true);
	if (i->index != INSN_NO_REG)
		a += insn_reg_get(r, i->index, 8, true) << i->shift;
	if (i->op >= INSN_BT && i->op <= INSN_BTC && i->dst == ARG_MEM && i->src == ARG_REG) {
		unsigned int unused = 64 - 8 * i->width;
		int64_t bit = (int64_t)(insn_reg_get(r, i->src_reg, i->width, i->rex) << unused) >>
			      unused;

		/* The bit string goes both ways from its base, in units of the operand. */
		a += (bit >> (i->width == 8 ? 6 : i->width == 4 ? 5 : 4)) * i->width;
	}
	return a & mask;
}

/* --- what read-modify-write instructions compute -------------------------- */

#define F_CF	0x001ull
#define F_PF	0x004ull
#define F_AF	0x010ull
#define F_ZF	0x040ull
#define F_SF	0x080ull
#define F_OF	0x800ull
#define F_ARITH (F_CF | F_PF | F_AF | F_ZF | F_SF | F_OF)

static uint64_t sign_bit(unsigned int width)
{
	return 1ull << (8 * width - 1);
}

static uint64_t flags_of_result(uint64_t v, unsigned int width)
{
	v &= width_mask(width);
	return (v ? 0 : F_ZF) | (v & sign_bit(width) ? F_SF : 0) |
	       (__builtin_parity((unsigned int)(v & 0xff)) ? 0 : F_PF);
}

/* a + b + carry, and flags. */
static uint64_t add(uint64_t a, uint64_t b, bool carry, unsigned int width, uint64_t *fl)
{
	uint64_t mask = width_mask(width), r;

	a &= mask;
	b &= mask;
	r = (a + b + carry) & mask;
	*fl = flags_of_result(r, width) | ((a ^ b ^ r) & F_AF) |
	      (((a ^ r) & (b ^ r)) & sign_bit(width) ? F_OF : 0) |
	      (r < a || (carry && r == a) ? F_CF : 0);
	return r;
}

static uint64_t sub(uint64_t a, uint64_t b, bool borrow, unsigned int width, uint64_t *fl)
{
	uint64_t mask = width_mask(width), r;

	a &= mask;
	b &= mask;
	r = (a - b - borrow) & mask;
	*fl = flags_of_result(r, width) | ((a ^ b ^ r) & F_AF) |
	      (((a ^ b) & (a ^ r)) & sign_bit(width) ? F_OF : 0) |
	      (a < b || (borrow && a == b) ? F_CF : 0);
	return r;
}

static uint64_t source(const struct insn *i, const struct cpu_user_regs *r)
{
	uint64_t v = i->src == ARG_IMM ? i->imm : insn_reg_get(r, i->src_reg, i->width, i->rex);

	return v & width_mask(i->width);
}

static void compare_exchange_8b(struct cpu_user_regs *r, uint64_t old, uint64_t *new)
{
	uint64_t expect = (r->rdx & 0xffffffff) << 32 | (r->rax & 0xffffffff);

	if (expect == old) {
		*new = (r->rcx & 0xffffffff) << 32 | (r->rbx & 0xffffffff);
		r->rflags |= F_ZF;
		return;
	}
	*new = old;
	r->rflags &= ~F_ZF;
	r->rax = old & 0xffffffff;
	r->rdx = old >> 32;
}

static bool compute(const struct insn *i, struct cpu_user_regs *r, uint64_t old, uint64_t *new,
		    uint64_t *fl, uint64_t *fl_mask)
{
	unsigned int w = i->width;
	bool cf = r->rflags & F_CF;
	uint64_t s = 0, t;

	if (i->src != ARG_NONE)
		s = source(i, r);
	*fl_mask = F_ARITH;
	*fl = 0;
	switch (i->op) {
	case INSN_MOV:
		*new = s;
		*fl_mask = 0;
		return true;
	case INSN_XCHG:
		*new = s;
		insn_reg_set(r, i->src_reg, w, i->rex, old);
		*fl_mask = 0;
		return true;
	case INSN_CMPXCHG:
		t = insn_reg_get(r, 0, w, true);
		sub(t, old, false, w, fl);
		*new = t == old ? s : old;
		if (t != old)
			insn_reg_set(r, 0, w, true, old);
		return true;
	case INSN_CMPXCHG8B:
		if (w != 8)
			return false;
		compare_exchange_8b(r, old, new);
		*fl_mask = 0;
		return true;
	case INSN_XADD:
		*new = add(old, s, false, w, fl);
		insn_reg_set(r, i->src_reg, w, i->rex, old);
		return true;
	case INSN_ADD: *new = add(old, s, false, w, fl); return true;
	case INSN_ADC: *new = add(old, s, cf, w, fl); return true;
	case INSN_SUB: *new = sub(old, s, false, w, fl); return true;
	case INSN_SBB: *new = sub(old, s, cf, w, fl); return true;
	case INSN_CMP:
		sub(old, s, false, w, fl);
		*new = old;
		return true;
	case INSN_TEST:
		*fl = flags_of_result(old & s, w);
		*new = old;
		return true;
	case INSN_AND:
	case INSN_OR:
	case INSN_XOR:
		*new = i->op == INSN_AND ? old &s : i->op == INSN_OR ? old | s : old ^ s;
		*fl = flags_of_result(*new, w);
		return true;
	case INSN_INC:
	case INSN_DEC:
		*new = i->op == INSN_INC ? add(old, 1, false, w, fl) : sub(old, 1, false, w, fl);
		*fl_mask = F_ARITH & ~F_CF;
		return true;
	case INSN_NOT:
		*new = ~old;
		*fl_mask = 0;
		return true;
	case INSN_NEG: *new = sub(0, old, false, w, fl); return true;
	case INSN_BT:
	case INSN_BTS:
	case INSN_BTR:
	case INSN_BTC:
		t = 1ull << (s & (8 * w - 1));
		*fl = old & t ? F_CF : 0;
		*fl_mask = F_CF;
		*new = i->op == INSN_BT	 ? old :
		       i->op == INSN_BTS ? old | t :
		       i->op == INSN_BTR ? old & ~t :
					   old ^ t;
		return true;
	default: return false;
	}
}

bool insn_modify(const struct insn *i, struct cpu_user_regs *r, uint64_t old, uint64_t *new,
		 bool *writes)
{
	struct cpu_user_regs after = *r;
	uint64_t fl, fl_mask;

	if (i->dst != ARG_MEM || i->src == ARG_MEM)
		return false;
	old &= width_mask(i->width);
	if (!compute(i, &after, old, new, &fl, &fl_mask))
		return false;
	*new &= width_mask(i->width);
	after.rflags = (after.rflags & ~fl_mask) | (fl & fl_mask);
	*writes = i->op != INSN_CMP && i->op != INSN_TEST && i->op != INSN_BT;
	*r = after;
	insn_skip(i, r);
	return true;
}

void insn_skip(const struct insn *i, struct cpu_user_regs *r)
{
	r->rip += i->length;
	if (i->mode == 4)
		r->rip = (uint32_t)r->rip;
	r->rflags &= ~0x10000ul; /* RF holds for one instruction */
}
