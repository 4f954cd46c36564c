/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmu_update, update_va_mapping and mmuext_op, in both widths: arguments in, one checked operation
 * after another, the number done out. Long lists stop when something waits for the CPU; the call
 * comes again with the rest of the list and RESUMED in its count.
 */
#include <torc/hypercall.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>

#define RESUMED (1u << 31) /* "done" holds what earlier rounds did */

/* --- whose tables, whose frames ------------------------------------------- */

static void who_put(struct vcpu *v, struct mmu_who *w)
{
	if (w->pt != v->domain)
		domain_put(&w->pt);
	if (w->pg != v->domain && w->pg != &hyp_domain)
		domain_put(&w->pg);
}

static int foreign_get(struct vcpu *v, domid_t id, struct domain **out)
{
	struct domain *d;

	*out = v->domain;
	if (id == DOMID_SELF || id == v->domain->id)
		return 0;
	d = domain_get(id);
	if (!d)
		return refuse(v, -XEN_ESRCH, "no domain %u", id);
	if (!v->domain->privileged) {
		domain_put(&d);
		return refuse(v, -XEN_EPERM, "d%u's memory is for the control domain", id);
	}
	*out = d;
	return 0;
}

static __attribute__((noinline)) int who_get_other(struct vcpu *v, uint32_t foreigndom,
						   struct mmu_who *w)
{
	unsigned int fd = foreigndom & 0xffff, pfd = foreigndom >> 16;
	int rc;

	if (pfd) {
		rc = foreign_get(v, pfd - 1, &w->pt);
		if (rc)
			return rc;
	}
	if (fd == DOMID_IO) {
		w->pg = v->domain; /* device memory is mapped by one's own right, and needs no other */
	} else if (fd == DOMID_XEN) {
		rc = v->domain->privileged ?
			     0 :
			     refuse(v, -XEN_EPERM,
				    "the hypervisor's frames are for the control domain");
		w->pg = rc ? v->domain : &hyp_domain;
		if (rc)
			goto out;
	} else {
		rc = foreign_get(v, fd, &w->pg);
		if (rc) {
			w->pg = v->domain;
			goto out;
		}
	}
	return 0;
out:
	who_put(v, w);
	return rc;
}

static inline int who_get(struct vcpu *v, uint32_t foreigndom, struct mmu_who *w)
{
	*w = (struct mmu_who){ v->domain, v->domain };
	return likely(foreigndom == DOMID_SELF) ? 0 : who_get_other(v, foreigndom, w);
}

/* --- lists ---------------------------------------------------------------- */

static unsigned int done_before(uint32_t count, gaddr_t done)
{
	uint32_t n = 0;

	if (count & RESUMED && done.n && guest_get(&n, done))
		n = 0;
	return n;
}

static long list_end(long rc, gaddr_t done, uint32_t n)
{
	if (done.n)
		guest_put(done, &n); /* who gives a bad address does not want to know */
	return rc;
}

static long list_restart(struct vcpu *v, unsigned long at, uint32_t left)
{
	hypercall_restart(v, 0, at);
	return hypercall_restart(v, 1, left | RESUMED);
}

#define BATCH 16

/* The most frequent list has one entry of one's own tables. */
static inline bool one_of_own(const struct vcpu *v, unsigned long count, unsigned long done,
			      unsigned long foreigndom)
{
	return count == 1 && !done && (uint32_t)foreigndom == DOMID_SELF && !v->half_put;
}

static long update_one(struct vcpu *v, unsigned long at)
{
	struct mmu_who who = { v->domain, v->domain };
	struct mmu_update req;
	int rc;

	if (guest_get(&req, GADDR(at)))
		return refuse(v, -XEN_EFAULT, "updates at %#lx are not readable", at);
	rc = mmu_update_entry(v, &who, req.ptr, req.val);
	return rc == -XEN_ERESTART ? list_restart(v, at, 1) : rc;
}

static long update_list(struct vcpu *v, unsigned long a1, unsigned long a2, unsigned long a3,
			unsigned long a4)
{
	uint32_t count = a2 & ~RESUMED, n = done_before(a2, GADDR(a3)), i = 0, at, have = 0;
	struct mmu_held held = { NULL, FT_NONE };
	struct mmu_update req[BATCH];
	struct mmu_who who;
	int rc;

	rc = who_get(v, a4, &who);
	if (unlikely(rc))
		return rc;
	while (i < count) {
		if (unlikely(v->half_put || (i && must_yield()))) {
			rc = mmu_finish_put(v);
			if (rc || must_yield()) {
				rc = -XEN_ERESTART;
				break;
			}
		}
		at = i % BATCH;
		if (!at) {
			have = MIN(count - i, BATCH);
			if (guest_read(req, GADDR(a1 + i * sizeof(*req)), have * sizeof(*req))) {
				rc = refuse(v, -XEN_EFAULT, "updates at %#lx are not readable",
					    a1 + i * sizeof(*req));
				break;
			}
		}
		i += mmu_update_some(v, &who, &held, req + at, have - at, &rc);
		if (unlikely(rc))
			break;
	}
	mmu_let_go(v, &held);
	who_put(v, &who);
	if (rc == -XEN_ERESTART)
		rc = (int)list_restart(v, a1 + i * sizeof(*req), count - i);
	return list_end(rc, GADDR(a3), n + i);
}

HC(hc_mmu_update)
{
	(void)a5;
	return likely(one_of_own(v, a2, a3, a4)) ? update_one(v, a1) :
						   update_list(v, a1, a2, a3, a4);
}

/* --- flushes -------------------------------------------------------------- */

/* CPUs where those vcpus of the caller's domain run that its bitmap names. One that is not on a CPU
 * reloads its root when it gets there. */
static int cpus_of_vcpus(struct vcpu *v, gaddr_t bitmap, cpumask_t *out)
{
	struct domain *d = v->domain;
	unsigned int i, bytes = d->is_32bit ? 4 : 8;
	uint64_t bits = 0;

	*out = 0;
	for (i = 0; i < d->max_vcpus; i++) {
		if (i % (bytes * 8) == 0) {
			bits = 0;
			if (guest_read(&bits, GADDR(bitmap.n + i / 8), bytes))
				return refuse(v, -XEN_EINVAL, "vcpu bitmap at %#lx is not readable",
					      bitmap.n);
		}
		if (bits >> i % (bytes * 8) & 1 && d->vcpus[i])
			*out |= 1ull << READ_ONCE(d->vcpus[i]->cpu);
	}
	*out &= d->tlb_cpus;
	return 0;
}

static void flush(cpumask_t cpus, bool page, unsigned long va)
{
	if (page)
		tlb_flush_page_cpus(cpus, va);
	else
		tlb_flush_cpus(cpus);
}

static long flush_by_flags(struct vcpu *v, unsigned long flags, unsigned long va)
{
	bool page = (flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG;
	unsigned long where = flags & ~UVMF_FLUSHTYPE_MASK;
	cpumask_t cpus;
	int rc;

	/* Both bits are no kind, and ask for nothing. */
	if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_NONE ||
	    (flags & UVMF_FLUSHTYPE_MASK) == UVMF_FLUSHTYPE_MASK)
		return 0;
	if (where == UVMF_LOCAL) {
		if (page)
			tlb_flush_page_local(va);
		else
			tlb_flush_local();
		return 0;
	}
	if (where == UVMF_ALL) {
		flush(v->domain->tlb_cpus, page, va);
		return 0;
	}
	rc = cpus_of_vcpus(v, GADDR(where), &cpus);
	if (rc)
		return -XEN_EFAULT; /* the ABI's, where mmuext_op says EINVAL */
	flush(cpus, page, va);
	return 0;
}

/* --- update_va_mapping ---------------------------------------------------- */

static long update_va(struct vcpu *v, unsigned long va, uint64_t pte, unsigned long flags,
		      domid_t dom)
{
	struct mmu_who who = { v->domain, v->domain };
	long rc;

	if (unlikely(v->half_put) && mmu_finish_put(v))
		return hypercall_restart(v, 0, va);
	if (unlikely(dom != DOMID_SELF)) {
		rc = dom == DOMID_IO && !v->domain->privileged ?
			     refuse(v, -XEN_EPERM,
				    "device memory under its own name is for the control domain") :
			     who_get(v, dom, &who);
		if (rc)
			return rc;
	}
	rc = mmu_update_va(v, who.pg, va, pte);
	who_put(v, &who);
	if (rc == -XEN_ERESTART)
		return hypercall_restart(v, 0, va);
	if (rc)
		return rc;
	return flush_by_flags(v, flags, va);
}

HC(hc_update_va_mapping)
{
	(void)a4, (void)a5;
	return update_va(v, a1, a2, a3, DOMID_SELF);
}

HC(hc_update_va_mapping_32)
{
	(void)a5;
	return update_va(v, a1, a3 << 32 | (uint32_t)a2, a4, DOMID_SELF);
}

HC(hc_update_va_mapping_otherdomain)
{
	(void)a5;
	return update_va(v, a1, a2, a3, a4);
}

HC(hc_update_va_mapping_otherdomain_32)
{
	return update_va(v, a1, a3 << 32 | (uint32_t)a2, a4, a5);
}

/* --- mmuext_op ------------------------------------------------------------ */

/* struct mmuext_op of either width: nr_ents, vcpumask and src_mfn share the second argument. */
struct ext {
	unsigned int cmd;
	uint64_t arg1, arg2;
};

static int ext_read(const struct vcpu *v, unsigned long at, struct ext *e)
{
	struct mmuext_op op;
	uint32_t op32[3];

	if (v->domain->is_32bit) { /* cmd, arg1, arg2, all of 4 bytes */
		if (guest_get(&op32, GADDR(at)))
			return -XEN_EFAULT;
		*e = (struct ext){ op32[0], op32[1], op32[2] };
		return 0;
	}
	if (guest_get(&op, GADDR(at)))
		return -XEN_EFAULT;
	*e = (struct ext){ op.cmd, op.arg1.linear_addr, op.arg2.src_mfn };
	return 0;
}

static size_t ext_size(const struct vcpu *v)
{
	return v->domain->is_32bit ? 12 : sizeof(struct mmuext_op);
}

static long page_clear(struct vcpu *v, struct domain *d, mfn_t m, mfn_t src, bool copy)
{
	void *to, *from = NULL;

	if (copy) {
		from = guest_frame_map(d, src, false);
		if (!from)
			return refuse(v, -XEN_EINVAL, "copy: frame %#lx is not d%u's", src.n, d->id);
	}
	to = guest_frame_map(d, m, true);
	if (to) {
		if (copy)
			memcpy(to, from, PAGE_SIZE);
		else
			memset(to, 0, PAGE_SIZE);
		guest_frame_unmap(to, true);
		dirty_mark(d, m);
	}
	if (from)
		guest_frame_unmap(from, false);
	return to ? 0 :
		    refuse(v, -XEN_EINVAL, "clear or copy: frame %#lx is not d%u's to write", m.n,
			   d->id);
}

static void cache_flush_one(void *unused)
{
	(void)unused;
	cache_flush_local();
}

static long ext_one(struct vcpu *v, struct domain *pg, const struct ext *e)
{
	static const enum frame_type level[] = { FT_L1, FT_L2, FT_L3, FT_L4 };
	struct domain *d = v->domain;
	cpumask_t cpus;
	long rc;

	switch (e->cmd) {
	case MMUEXT_PIN_L1_TABLE ... MMUEXT_PIN_L4_TABLE:
		return mmu_pin(v, pg, MFN(e->arg1),
			       level[index_nospec(e->cmd - MMUEXT_PIN_L1_TABLE, ARRAY_SIZE(level))]);
	case MMUEXT_UNPIN_TABLE: return mmu_unpin(v, pg, MFN(e->arg1));
	case MMUEXT_CLEAR_PAGE: return page_clear(v, pg, MFN(e->arg1), MFN(0), false);
	case MMUEXT_COPY_PAGE: return page_clear(v, pg, MFN(e->arg1), MFN(e->arg2), true);
	}
	if (pg != d)
		return refuse(v, -XEN_EPERM, "command %u is on one's own behalf only", e->cmd);
	switch (e->cmd) {
	case MMUEXT_NEW_BASEPTR: return mmu_new_root(v, MFN(e->arg1));
	case MMUEXT_NEW_USER_BASEPTR:
		return mmu_new_user_root(v, e->arg1 ? MFN(e->arg1) : MFN_NONE);
	case MMUEXT_TLB_FLUSH_LOCAL: tlb_flush_local(); return 0;
	case MMUEXT_INVLPG_LOCAL:
		if (guest_range_ok(v, GADDR(e->arg1), 1))
			tlb_flush_page_local(e->arg1);
		return 0;
	case MMUEXT_TLB_FLUSH_MULTI:
	case MMUEXT_INVLPG_MULTI:
		rc = cpus_of_vcpus(v, GADDR(e->arg2), &cpus);
		if (!rc)
			flush(cpus, e->cmd == MMUEXT_INVLPG_MULTI, e->arg1);
		return rc;
	case MMUEXT_TLB_FLUSH_ALL:
	case MMUEXT_INVLPG_ALL: flush(d->tlb_cpus, e->cmd == MMUEXT_INVLPG_ALL, e->arg1); return 0;
	case MMUEXT_FLUSH_CACHE:
	case MMUEXT_FLUSH_CACHE_GLOBAL:
		if (!d->io_mem_all)
			return refuse(v, e->cmd == MMUEXT_FLUSH_CACHE ? -XEN_EACCES : -XEN_EINVAL,
				      "a domain without devices has no caches to flush");
		cpu_call(e->cmd == MMUEXT_FLUSH_CACHE ? 1ull << this_cpu() : cpus_online,
			 cache_flush_one, NULL);
		return 0;
	case MMUEXT_SET_LDT: return segment_set_ldt(v, e->arg1, e->arg2);
	case MMUEXT_MARK_SUPER:
	case MMUEXT_UNMARK_SUPER: return refuse(v, -XEN_EOPNOTSUPP, "large pages are not offered");
	default: return refuse(v, -XEN_ENOSYS, "mmuext command %u is not known", e->cmd);
	}
}

HC(hc_mmuext_op)
{
	uint32_t count = a2 & ~RESUMED, n = done_before(a2, GADDR(a3)), i;
	struct mmu_who who;
	struct ext e;
	long rc;

	(void)a5;
	rc = who_get(v, a4 & 0xffff, &who);
	if (unlikely(rc))
		return rc;
	for (i = 0; i < count; i++) {
		if (unlikely(v->half_put || (i && must_yield()))) {
			rc = mmu_finish_put(v);
			if (rc || must_yield()) {
				rc = -XEN_ERESTART;
				break;
			}
		}
		if (ext_read(v, a1 + i * ext_size(v), &e)) {
			rc = refuse(v, -XEN_EFAULT, "operations at %#lx are not readable",
				    a1 + i * ext_size(v));
			break;
		}
		rc = ext_one(v, who.pg, &e);
		if (unlikely(rc))
			break;
	}
	who_put(v, &who);
	if (rc == -XEN_ERESTART)
		rc = list_restart(v, a1 + i * ext_size(v), count - i);
	return list_end(rc, GADDR(a3), n + i);
}

HC(hc_mmuext_op_32)
{
	return hc_mmuext_op(v, a1, a2, a3, a4, a5);
}
