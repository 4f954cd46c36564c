/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A processor's registers between the ABI's context, of either width, and gdb: one row a register,
 * in the order in which gdb is told of them.
 */
#include "dom0-tools/gdb/gdb.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#define C64(field) \
	offsetof(struct vcpu_guest_context, field), sizeof(((struct vcpu_guest_context *)0)->field)
#define C32(field)                                         \
	offsetof(struct vcpu_guest_context_x86_32, field), \
		sizeof(((struct vcpu_guest_context_x86_32 *)0)->field)
#define DR6_FIXED 0xffff0ff0ul

/* What of a row does not lie in the context as it is. */
enum special { PLAIN, TAGS, GS_BASE };

struct row {
	const char *name, *type;
	uint16_t bits;	    /* as gdb sees it */
	uint16_t at, bytes; /* in the context; narrower ones read with zeroes on top */
	enum special special;
	const char *feature; /* begins here */
};

#define CORE  "org.gnu.gdb.i386.core"
#define SSE   "org.gnu.gdb.i386.sse"
#define BASES "org.gnu.gdb.i386.segments"

/* FXSAVE's layout is the same for both, and it comes first in both contexts. */
#define ST(n)                                                         \
	{                                                             \
		"st" #n, "i387_ext", 80, 32 + 16 * n, 10, PLAIN, NULL \
	}
#define X87                                                     \
	ST(0), ST(1), ST(2), ST(3), ST(4), ST(5), ST(6), ST(7), \
		{ "fctrl", "int", 32, 0, 2, PLAIN, NULL },      \
		{ "fstat", "int", 32, 2, 2, PLAIN, NULL },      \
		{ "ftag", "int", 32, 4, 1, TAGS, NULL },        \
		{ "fiseg", "int", 32, 12, 2, PLAIN, NULL },     \
		{ "fioff", "int", 32, 8, 4, PLAIN, NULL },      \
		{ "foseg", "int", 32, 20, 2, PLAIN, NULL },     \
		{ "fooff", "int", 32, 16, 4, PLAIN, NULL },     \
	{                                                       \
		"fop", "int", 32, 6, 2, PLAIN, NULL             \
	}
#define XMM(n)                                                                   \
	{                                                                        \
		"xmm" #n, "vec128", 128, 160 + 16 * n, 16, PLAIN, n ? NULL : SSE \
	}
#define XMM8 XMM(0), XMM(1), XMM(2), XMM(3), XMM(4), XMM(5), XMM(6), XMM(7)
#define MXCSR                                          \
	{                                              \
		"mxcsr", "int", 32, 24, 4, PLAIN, NULL \
	}

#define R64(n, t)                                        \
	{                                                \
#n, t, 64, C64(user_regs.n), PLAIN, NULL \
	}
#define S64(n)                                                 \
	{                                                      \
#n, "int32", 32, C64(user_regs.n), PLAIN, NULL \
	}
static const struct row rows64[] = {
	{ "rax", "int64", 64, C64(user_regs.rax), PLAIN, CORE },
	R64(rbx, "int64"),
	R64(rcx, "int64"),
	R64(rdx, "int64"),
	R64(rsi, "int64"),
	R64(rdi, "int64"),
	R64(rbp, "data_ptr"),
	R64(rsp, "data_ptr"),
	R64(r8, "int64"),
	R64(r9, "int64"),
	R64(r10, "int64"),
	R64(r11, "int64"),
	R64(r12, "int64"),
	R64(r13, "int64"),
	R64(r14, "int64"),
	R64(r15, "int64"),
	R64(rip, "code_ptr"),
	{ "eflags", "i386_eflags", 32, C64(user_regs.rflags), PLAIN, NULL },
	S64(cs),
	S64(ss),
	S64(ds),
	S64(es),
	S64(fs),
	S64(gs),
	X87,
	XMM8,
	XMM(8),
	XMM(9),
	XMM(10),
	XMM(11),
	XMM(12),
	XMM(13),
	XMM(14),
	XMM(15),
	MXCSR,
	{ "fs_base", "int", 64, C64(fs_base), PLAIN, BASES },
	{ "gs_base", "int", 64, C64(gs_base_user), GS_BASE, NULL },
};

#define R32(n, t)                                        \
	{                                                \
#n, t, 32, C32(user_regs.n), PLAIN, NULL \
	}
static const struct row rows32[] = {
	{ "eax", "int32", 32, C32(user_regs.eax), PLAIN, CORE },
	R32(ecx, "int32"),
	R32(edx, "int32"),
	R32(ebx, "int32"),
	R32(esp, "data_ptr"),
	R32(ebp, "data_ptr"),
	R32(esi, "int32"),
	R32(edi, "int32"),
	R32(eip, "code_ptr"),
	R32(eflags, "i386_eflags"),
	R32(cs, "int32"),
	R32(ss, "int32"),
	R32(ds, "int32"),
	R32(es, "int32"),
	R32(fs, "int32"),
	R32(gs, "int32"),
	X87,
	XMM8,
	MXCSR,
};

static const struct row *row(const struct target *t, unsigned int n)
{
	if (n >= regs_count(t))
		return NULL;
	return t->is_64 ? &rows64[n] : &rows32[n];
}

unsigned int regs_count(const struct target *t)
{
	return t->is_64 ? sizeof(rows64) / sizeof(rows64[0]) : sizeof(rows32) / sizeof(rows32[0]);
}

size_t regs_context_size(const struct target *t)
{
	return t->is_64 ? sizeof(struct vcpu_guest_context) :
			  sizeof(struct vcpu_guest_context_x86_32);
}

/* A bit a register that is in use, to two bits each, of which 3 is "empty". What is in use is not
 * looked at closer. */
static uint16_t tags_from(uint8_t used)
{
	uint16_t tags = 0;

	for (unsigned int i = 0; i < 8; i++)
		if (!(used >> i & 1))
			tags |= (uint16_t)(3u << 2 * i);
	return tags;
}

static uint8_t tags_to(uint16_t tags)
{
	uint8_t used = 0;

	for (unsigned int i = 0; i < 8; i++)
		if ((tags >> 2 * i & 3) != 3)
			used |= (uint8_t)(1u << i);
	return used;
}

static size_t place(const struct target *t, const struct row *r, const void *context)
{
	if (r->special == GS_BASE && regs_in_kernel(t, context))
		return offsetof(struct vcpu_guest_context, gs_base_kernel);
	return r->at;
}

size_t regs_get(const struct target *t, const void *context, unsigned int n, uint8_t value[16])
{
	const struct row *r = row(t, n);
	size_t size;

	if (!r)
		return 0;
	size = r->bits / 8u;
	memset(value, 0, 16);
	memcpy(value, (const uint8_t *)context + place(t, r, context),
	       r->bytes < size ? r->bytes : size);
	if (r->special == TAGS) {
		uint16_t tags = tags_from(value[0]);

		memcpy(value, &tags, sizeof(tags));
	}
	return size;
}

size_t regs_set(const struct target *t, void *context, unsigned int n, const uint8_t value[16])
{
	const struct row *r = row(t, n);
	uint8_t *to;
	size_t size;

	if (!r)
		return 0;
	size = r->bits / 8u;
	to = (uint8_t *)context + place(t, r, context);
	if (r->special == TAGS) {
		uint16_t tags;

		memcpy(&tags, value, sizeof(tags));
		*to = tags_to(tags);
	} else {
		memcpy(to, value, r->bytes < size ? r->bytes : size);
	}
	return size;
}

/* --- what the stub itself looks at ---------------------------------------- */

uint64_t regs_ip(const struct target *t, const void *context)
{
	return t->is_64 ? ((const struct vcpu_guest_context *)context)->user_regs.rip :
			  ((const struct vcpu_guest_context_x86_32 *)context)->user_regs.eip;
}

void regs_set_ip(const struct target *t, void *context, uint64_t ip)
{
	if (t->is_64)
		((struct vcpu_guest_context *)context)->user_regs.rip = ip;
	else
		((struct vcpu_guest_context_x86_32 *)context)->user_regs.eip = (uint32_t)ip;
}

uint64_t regs_flags(const struct target *t, const void *context)
{
	return t->is_64 ? ((const struct vcpu_guest_context *)context)->user_regs.rflags :
			  ((const struct vcpu_guest_context_x86_32 *)context)->user_regs.eflags;
}

void regs_set_flags(const struct target *t, void *context, uint64_t flags)
{
	if (t->is_64)
		((struct vcpu_guest_context *)context)->user_regs.rflags = flags;
	else
		((struct vcpu_guest_context_x86_32 *)context)->user_regs.eflags = (uint32_t)flags;
}

uint64_t regs_dr6(const struct target *t, const void *context)
{
	return t->is_64 ? ((const struct vcpu_guest_context *)context)->debugreg[6] :
			  ((const struct vcpu_guest_context_x86_32 *)context)->debugreg[6];
}

void regs_clear_dr6(const struct target *t, void *context, uint64_t bits)
{
	if (t->is_64)
		((struct vcpu_guest_context *)context)->debugreg[6] &= ~bits;
	else
		((struct vcpu_guest_context_x86_32 *)context)->debugreg[6] &= (uint32_t)~bits;
}

bool regs_in_kernel(const struct target *t, const void *context)
{
	if (t->is_64)
		return ((const struct vcpu_guest_context *)context)->flags & VGCF_in_kernel;
	return (((const struct vcpu_guest_context_x86_32 *)context)->user_regs.cs & 3) == 1;
}

void regs_roots(const struct target *t, const void *context, uint64_t mfn[2])
{
	uint64_t kernel, user;

	if (t->is_64) {
		const struct vcpu_guest_context *c = context;

		kernel = xen_cr3_to_pfn(c->ctrlreg[3]);
		user = c->ctrlreg[1] ? xen_cr3_to_pfn(c->ctrlreg[1]) : 0;
	} else {
		const struct vcpu_guest_context_x86_32 *c = context;

		kernel = xen_cr3_to_pfn_x86_32(c->ctrlreg[3]);
		user = 0;
	}
	mfn[0] = !user || regs_in_kernel(t, context) ? kernel : user;
	mfn[1] = mfn[0] == kernel ? user : kernel;
}

/* --- the description ------------------------------------------------------ */

static const char types_core[] =
	"<flags id=\"i386_eflags\" size=\"4\"><field name=\"CF\" start=\"0\" end=\"0\"/><field name=\"\" start=\"1\" end=\"1\"/>"
	"<field name=\"PF\" start=\"2\" end=\"2\"/><field name=\"AF\" start=\"4\" end=\"4\"/><field name=\"ZF\" start=\"6\" end=\"6\"/>"
	"<field name=\"SF\" start=\"7\" end=\"7\"/><field name=\"TF\" start=\"8\" end=\"8\"/><field name=\"IF\" start=\"9\" end=\"9\"/>"
	"<field name=\"DF\" start=\"10\" end=\"10\"/><field name=\"OF\" start=\"11\" end=\"11\"/><field name=\"NT\" start=\"14\" end=\"14\"/>"
	"<field name=\"RF\" start=\"16\" end=\"16\"/><field name=\"AC\" start=\"18\" end=\"18\"/><field name=\"ID\" start=\"21\" end=\"21\"/>"
	"</flags>";
static const char types_sse[] =
	"<vector id=\"v4f\" type=\"ieee_single\" count=\"4\"/><vector id=\"v2d\" type=\"ieee_double\" count=\"2\"/>"
	"<vector id=\"v16i8\" type=\"int8\" count=\"16\"/><vector id=\"v8i16\" type=\"int16\" count=\"8\"/>"
	"<vector id=\"v4i32\" type=\"int32\" count=\"4\"/><vector id=\"v2i64\" type=\"int64\" count=\"2\"/>"
	"<union id=\"vec128\"><field name=\"v4_float\" type=\"v4f\"/><field name=\"v2_double\" type=\"v2d\"/>"
	"<field name=\"v16_int8\" type=\"v16i8\"/><field name=\"v8_int16\" type=\"v8i16\"/><field name=\"v4_int32\" type=\"v4i32\"/>"
	"<field name=\"v2_int64\" type=\"v2i64\"/><field name=\"uint128\" type=\"uint128\"/></union>";

char *regs_describe(const struct target *t)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	fprintf(f,
		"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target version=\"1.0\"><architecture>%s</architecture>",
		t->is_64 ? "i386:x86-64" : "i386");
	for (unsigned int n = 0; n < regs_count(t); n++) {
		const struct row *r = row(t, n);

		if (r->feature)
			fprintf(f, "%s<feature name=\"%s\">%s", n ? "</feature>" : "", r->feature,
				strcmp(r->feature, CORE) == 0 ? types_core :
				strcmp(r->feature, SSE) == 0  ? types_sse :
								"");
		fprintf(f, "<reg name=\"%s\" bitsize=\"%u\" type=\"%s\"/>", r->name, r->bits,
			r->type);
	}
	fputs("</feature></target>", f);
	if (fclose(f)) {
		free(text);
		return NULL;
	}
	return text;
}
