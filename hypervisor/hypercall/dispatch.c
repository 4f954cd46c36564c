/* SPDX-License-Identifier: BSD-2-Clause */
/* From a guest's registers to a handler and back: the table, the two widths, calls that go on
 * later, the page of stubs. */
#include <torc/hypercall.h>
#include "internal.h"

#define NR_HYPERCALLS 64

struct hypercall {
	hypercall_fn *fn[2]; /* for 64-bit guests, for 32-bit ones */
	enum hc_who who;
	const char *name;
};

static const struct hypercall hypercalls[NR_HYPERCALLS] = {
#define HYPERCALL(nr, fn64, fn32, args, who, text) [nr] = { { fn64, fn32 }, who, text },
#include <hypercalls.tbl>
#undef HYPERCALL
};

HC(hc_enosys)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return refuse(v, -XEN_ENOSYS, "this hypercall is not for 32-bit guests");
}

long hypercall_dispatch(struct vcpu *v, unsigned long nr, const unsigned long a[5])
{
	const struct hypercall *h = &hypercalls[index_nospec(nr, NR_HYPERCALLS)];
	hypercall_fn *fn = h->fn[v->domain->is_32bit];

	if (unlikely(nr >= NR_HYPERCALLS || !fn))
		return refuse(v, -XEN_ENOSYS, "hypercall %lu is not offered", nr);
	if (unlikely(h->who == CTRL && !v->domain->privileged))
		return refuse(v, -XEN_EPERM, "hypercall %lu (%s) is for the control domain", nr,
			      h->name);
	return fn(v, a[0], a[1], a[2], a[3], a[4]);
}

long hypercall_restart(struct vcpu *v, unsigned int n, unsigned long value)
{
	ASSERT(n < ARRAY_SIZE(v->restart.arg));
	v->restart.mask |= 1u << n;
	v->restart.arg[n] = value;
	return -XEN_ERESTART;
}

/* The guest comes back by itself: its instruction pointer goes to the call again, with the
 * arguments that changed. */
static void restart(struct vcpu *v, struct cpu_user_regs *r, unsigned long *const arg[5])
{
	unsigned int i;

	r->rip -= 2; /* syscall and int n are both two bytes */
	for (i = 0; i < 5; i++)
		if (v->restart.mask >> i & 1)
			*arg[i] = v->domain->is_32bit ? (uint32_t)v->restart.arg[i] :
							v->restart.arg[i];
	v->restart.mask = 0;
}

/* What is seldom: not in line, for the registers it would take. */
static __attribute__((noinline)) long dispatch_32(struct vcpu *v, const struct cpu_user_regs *r)
{
	return hypercall_dispatch(v, r->eax,
				  (unsigned long[]){ r->ebx, r->ecx, r->edx, r->esi, r->edi });
}

static __attribute__((noinline)) void restart_32(struct vcpu *v, struct cpu_user_regs *r)
{
	restart(v, r, (unsigned long *const[]){ &r->rbx, &r->rcx, &r->rdx, &r->rsi, &r->rdi });
}

void hypercall_entry_32(struct vcpu *v, struct cpu_user_regs *r)
{
	unsigned int nr = r->eax;
	const struct hypercall *h = &hypercalls[index_nospec(nr, NR_HYPERCALLS)];
	hypercall_fn *fn = h->fn[1];
	long rc;

	/* hypercall_dispatch() by hand: this is the hot path */
	if (likely(nr < NR_HYPERCALLS && fn && h->who == ANY))
		rc = fn(v, r->ebx, r->ecx, r->edx, r->esi, r->edi);
	else
		rc = dispatch_32(v, r);

	if (unlikely(rc == -XEN_ERESTART))
		restart_32(v, r);
	else
		r->rax = (uint32_t)rc;
}

void hypercall_entry(struct vcpu *v, struct cpu_user_regs *r)
{
	const struct hypercall *h;
	hypercall_fn *fn;
	unsigned long nr = r->rax;
	long rc;

	/* hypercall_dispatch() by hand: this is the hot path */
	h = &hypercalls[index_nospec(nr, NR_HYPERCALLS)];
	fn = h->fn[0];
	if (likely(nr < NR_HYPERCALLS && fn && h->who == ANY))
		rc = fn(v, r->rdi, r->rsi, r->rdx, r->r10, r->r8);
	else
		rc = hypercall_dispatch(v, nr,
					(unsigned long[]){ r->rdi, r->rsi, r->rdx, r->r10, r->r8 });
	if (unlikely(rc == -XEN_ERESTART))
		restart(v, r,
			(unsigned long *const[]){ &r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8 });
	else
		r->rax = (unsigned long)rc;
}

/* --- the hypercall page --------------------------------------------------- */

#define STUB_SIZE 32
#define NR_STUBS  (PAGE_SIZE / STUB_SIZE)

static uint8_t *code(uint8_t *p, const void *bytes, size_t n)
{
	memcpy(p, bytes, n);
	return p + n;
}

void hypercall_page_fill(const struct domain *d, void *page)
{
	uint32_t nr;
	uint8_t *p;

	memset(page, 0xcc, PAGE_SIZE);
	for (nr = 0; nr < NR_STUBS; nr++) {
		bool iret = nr == __HYPERVISOR_iret; /* comes back elsewhere; leaves the frame's
							first words for the call to find */

		p = (uint8_t *)page + nr * STUB_SIZE;
		if (d->is_32bit) {
			if (iret)
				p = code(p, "\x50", 1); /* push %eax */
			p = code(p, "\xb8", 1);		/* mov $nr, %eax */
			p = code(p, &nr, 4);
			p = code(p, "\xcd\x82", 2); /* int $0x82 */
			if (!iret)
				code(p, "\xc3", 1); /* ret */
		} else {
			p = code(p, "\x51\x41\x53", 3); /* push %rcx; push %r11 */
			if (iret)
				p = code(p, "\x50", 1); /* push %rax */
			p = code(p, "\xb8", 1);		/* mov $nr, %eax */
			p = code(p, &nr, 4);
			p = code(p, "\x0f\x05", 2); /* syscall */
			if (!iret)
				code(p, "\x41\x5b\x59\xc3", 4); /* pop %r11; pop %rcx; ret */
		}
	}
}
