/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory_op: frames given to a domain, taken from it, exchanged. Extents are done one by one; the
 * number done is the result, also when one fails. A call that takes long comes again with the first
 * extent still to do in the upper bits of its command.
 */
#include <torc/heap.h>
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>
#include "memory.h"

#define CMD_BITS       6
#define ORDER_MAX      9 /* 2 MiB for guests; the control domain's drivers may want more */
#define ORDER_MAX_CTRL 18

struct reservation {
	gaddr_t list;
	uint64_t nr;
	unsigned int order, flags;
	domid_t domid;
};

/* In 32 bits: list, nr, order, flags of 4 bytes each, domid of 2. */
#define RESERVATION_32_SIZE 20

static size_t reservation_size(const struct vcpu *v)
{
	return v->domain->is_32bit ? RESERVATION_32_SIZE : sizeof(struct xen_memory_reservation);
}

static int reservation_read(struct vcpu *v, gaddr_t at, struct reservation *r)
{
	struct xen_memory_reservation x;
	uint32_t w[RESERVATION_32_SIZE / 4];
	int rc;

	if (v->domain->is_32bit) {
		rc = guest_get(&w, at);
		if (!rc)
			*r = (struct reservation){ GADDR(w[0]), w[1], w[2], w[3], w[4] };
	} else {
		rc = guest_get(&x, at);
		if (!rc)
			*r = (struct reservation){ GADDR(x.extent_start.p), x.nr_extents,
						   x.extent_order, x.mem_flags, x.domid };
	}
	if (rc)
		return refuse(v, rc, "reservation at %#lx is not readable", at.n);
	return 0;
}

int memory_domain_get(struct vcpu *v, domid_t id, struct domain **out)
{
	struct domain *d = domain_get(id);

	if (!d)
		return refuse(v, -XEN_ESRCH, "no domain %u", id);
	if (d != v->domain && !v->domain->privileged) {
		domain_put(&d);
		return refuse(v, -XEN_EPERM, "d%u's memory is for the control domain", id);
	}
	*out = d;
	return 0;
}

static unsigned int order_max(const struct vcpu *v)
{
	return v->domain->privileged ? ORDER_MAX_CTRL : ORDER_MAX;
}

/* Bits of the addresses a domain can do with: what was asked for, and what its machine-to-phys
 * table covers. */
static unsigned int address_bits(const struct domain *d, unsigned int flags)
{
	unsigned int bits = XENMEMF_get_address_bits(flags);
	unsigned int own = PAGE_SHIFT + 22; /* (M2P32_END - M2P32_BASE) / 4 frames */

	if (!d->is_32bit || (bits && bits < own))
		return bits;
	return own;
}

static struct frame *extent_alloc(struct vcpu *v, struct domain *d, unsigned int order,
				  unsigned int flags)
{
	struct frame *f = domain_alloc(d, order, address_bits(d, flags));

	if (!f) {
		refuse(v, -XEN_ENOMEM, "no %lu frames together are left on the host for d%u",
		       1ul << order, d->id);
		return NULL;
	}
	heap_scrub_used(f, order);
	if (!domain_assign(d, f, order))
		return f;
	refuse(v, -XEN_ENOMEM, "d%u has %u frames of at most %u, and wants %lu", d->id, d->nr_pages,
	       d->max_pages, 1ul << order);
	frames_free(f, order);
	return NULL;
}

static void m2p_fill(struct domain *d, struct frame *f, unsigned int order, uint64_t pfn)
{
	unsigned long i;

	for (i = 0; i < 1ul << order; i++) {
		m2p_set(frame_mfn(f + i), pfn + i);
		dirty_mark(d, frame_mfn(f + i));
	}
}

/* increase_reservation and populate_physmap: the latter knows where the frames go, and names them
 * so in the machine-to-phys table. */
static long memory_add(struct vcpu *v, struct domain *d, const struct reservation *r,
		       uint64_t start, unsigned int cmd)
{
	uint64_t i, pfn = 0;
	struct frame *f;

	if (r->order > order_max(v))
		return start;
	for (i = start; i < r->nr; i++) {
		if (i != start && must_yield())
			return hypercall_restart(v, 0, cmd | i << CMD_BITS);
		if (cmd == XENMEM_populate_physmap && word_read(v, r->list, i, &pfn))
			break;
		f = extent_alloc(v, d, r->order, r->flags);
		if (!f)
			break;
		if (cmd == XENMEM_populate_physmap)
			m2p_fill(d, f, r->order, pfn);
		if (r->list.n && word_write(v, r->list, i, frame_mfn(f).n))
			break; /* the domain has it and does not know where; its fault, and found by
				  its end */
	}
	return i;
}

static int page_release(struct vcpu *v, struct domain *d, mfn_t m)
{
	struct frame *f = mfn_frame(m);
	int rc = 0;

	if (!mfn_valid(m) || !frame_get(f, d))
		return refuse(v, -XEN_EINVAL, "frame %#lx is not d%u's to give back", m.n, d->id);
	if (f->flags & FRAME_OWN) { /* its allocation is the hypervisor's to end */
		frame_put(f);
		return refuse(v, -XEN_EINVAL, "frame %#lx is the hypervisor's, lent to d%u", m.n,
			      d->id);
	}
	/* The whole tree below it may come down: mmu_unpin() leaves the rest to v->half_put if that
	 * takes long. There is one such already if others of an extent are pinned again as fast as
	 * they are unpinned: several trees are not for one turn. */
	if (frame_is_pinned(f)) {
		if (v->half_put) {
			frame_put(f);
			return refuse(v, -XEN_EBUSY, "frame %#lx is pinned again meanwhile", m.n);
		}
		mmu_unpin(v, d, m);
	}
	if (frame_drop_allocated(f))
		m2p_set(m, ~0ull);
	else
		rc = refuse(v, -XEN_EINVAL, "frame %#lx was given back before, and is still mapped",
			    m.n);
	frame_put(f);
	return rc;
}

/* Before an extent of many goes: the trees below its pinned ones come down, which may take many
 * turns. What is pinned again meanwhile is page_release()'s. */
static int extent_unpin(struct vcpu *v, struct domain *d, uint64_t m, unsigned int order)
{
	struct frame *f;
	uint64_t j;

	for (j = 0; j < 1ull << order; j++) {
		f = mfn_frame(MFN(m + j));
		if (!mfn_valid(MFN(m + j)) || !frame_get(f, d))
			break; /* page_release() says so */
		if (frame_is_pinned(f))
			mmu_unpin(v, d, MFN(m + j));
		frame_put(f);
		if (v->half_put && mmu_finish_put(v))
			return -XEN_ERESTART;
	}
	return 0;
}

static long memory_remove(struct vcpu *v, struct domain *d, const struct reservation *r,
			  uint64_t start)
{
	uint64_t i, j, m;

	if (r->order > order_max(v))
		return start;
	for (i = start; i < r->nr; i++) {
		if ((v->half_put && mmu_finish_put(v)) || (i != start && must_yield()))
			return hypercall_restart(v, 0, XENMEM_decrease_reservation | i << CMD_BITS);
		if (word_read(v, r->list, i, &m))
			break;
		if (r->order && extent_unpin(v, d, m, r->order))
			return hypercall_restart(v, 0, XENMEM_decrease_reservation | i << CMD_BITS);
		for (j = 0; j < 1ull << r->order; j++)
			if (page_release(v, d, MFN(m + j)))
				return i;
	}
	return i;
}

static long memory_reserve(struct vcpu *v, unsigned int cmd, gaddr_t arg, uint64_t start)
{
	struct reservation r;
	struct domain *d;
	long rc;

	/* The ABI's answer is how many extents are done, whatever stopped it. */
	if (reservation_read(v, arg, &r))
		return start;
	if (start > r.nr || r.nr > (v->domain->is_32bit ? ~0u : ~0ul) >> CMD_BITS) {
		refuse(v, -XEN_EINVAL, "extent %lu of %lu", start, r.nr);
		return start;
	}
	if (r.flags & XENMEMF_populate_on_demand) {
		refuse(v, -XEN_EOPNOTSUPP,
		       "populate on demand is for guests with shadowed physical memory");
		return start;
	}
	if (memory_domain_get(v, r.domid, &d))
		return start;
	if (cmd == XENMEM_decrease_reservation)
		rc = memory_remove(v, d, &r, start);
	else
		rc = memory_add(v, d, &r, start, cmd);
	domain_put(&d);
	return rc;
}

/* --- exchange: frames here and there for as many that lie together, or low  */

struct exchange {
	struct reservation in, out;
	uint64_t done;
};

static gaddr_t exchange_done_at(const struct vcpu *v, gaddr_t arg)
{
	return v->domain->is_32bit ?
		       GADDR(arg.n + 2 * RESERVATION_32_SIZE) :
		       GADDR(arg.n + offsetof(struct xen_memory_exchange, nr_exchanged));
}

static int exchange_read(struct vcpu *v, gaddr_t arg, struct exchange *x)
{
	uint64_t in, out;
	int rc = reservation_read(v, arg, &x->in);

	if (!rc)
		rc = reservation_read(v, GADDR(arg.n + reservation_size(v)), &x->out);
	if (!rc)
		rc = word_read(v, exchange_done_at(v, arg), 0, &x->done);
	if (rc)
		return rc;
	if (x->in.order > ORDER_MAX_CTRL || x->out.order > ORDER_MAX_CTRL ||
	    x->in.nr > 1ull << 40 || x->out.nr > 1ull << 40)
		return refuse(v, -XEN_EINVAL, "exchange of orders %u and %u", x->in.order,
			      x->out.order);
	in = x->in.nr << x->in.order;
	out = x->out.nr << x->out.order;
	if (in != out || x->in.domid != x->out.domid || x->done > x->in.nr)
		return refuse(v, -XEN_EINVAL, "exchange of %lu frames for %lu", in, out);
	if (MAX(x->in.order, x->out.order) > order_max(v))
		return refuse(v, -XEN_EPERM, "exchange of order %u: at most %u",
			      MAX(x->in.order, x->out.order), order_max(v));
	return 0;
}

/* Its number in the machine-to-phys table goes with its owner. While it is on a list of ours it
 * keeps it: nobody else puts it back there if the domain gets the frame again. */
static bool steal(struct frame *f, struct domain *d)
{
	mfn_t m = frame_mfn(f);
	uint64_t pfn = m2p ? READ_ONCE(m2p[m.n]) : ~0ull;

	if (!frame_steal(f, d))
		return false;
	m2p_set(m, pfn);
	return true;
}

/* Takes n extents from the domain, to the list; or none of them. */
static int chunk_take(struct vcpu *v, struct domain *d, const struct reservation *in,
		      uint64_t first, uint64_t n, struct frame_list *taken)
{
	uint64_t i, j, m;
	struct frame *f;

	for (i = first; i < first + n; i++) {
		if (word_read(v, in->list, i, &m))
			return refuse(v, -XEN_EFAULT,
				      "exchange: list of frames is not readable at extent %lu", i);
		for (j = 0; j < 1ull << in->order; j++, m++) {
			f = mfn_frame(MFN(m));
			if (!mfn_valid(MFN(m)) || !frame_get(f, d))
				return refuse(v, -XEN_EINVAL, "exchange: frame %#lx is not d%u's",
					      m, d->id);
			if (!steal(f, d)) {
				frame_put(f);
				return refuse(v, -XEN_EINVAL,
					      "exchange: frame %#lx is still mapped or pinned", m);
			}
			frame_list_add_tail(taken, f);
		}
	}
	return 0;
}

/* A frame that its domain gets again has been nothing meanwhile, so its next type asks for no
 * flush; what it was before may still be in a TLB. The heap sees to that for those it is given. */
static void tlb_forget(const struct frame *f)
{
	cpumask_t stale = tlb_not_flushed_since(cpus_online, f->stamp);

	if (stale)
		tlb_flush_cpus(stale);
}

static void chunk_give_back(struct domain *d, struct frame_list *taken, bool to_heap)
{
	struct frame *f;

	while ((f = frame_list_pop(taken))) {
		if (!to_heap)
			tlb_forget(f);
		/* Over its limit by now, or dying: then it loses them, as it would have anyway. */
		if (to_heap || domain_assign(d, f, 0)) {
			m2p_set(frame_mfn(f), ~0ull);
			frames_free(f, 0);
		}
	}
}

static int chunk_put(struct vcpu *v, struct domain *d, const struct reservation *out,
		     uint64_t first, struct frame_list *blocks)
{
	uint64_t i, pfn;
	struct frame *f;
	int rc = 0;

	for (i = first; (f = frame_list_pop(blocks)); i++) {
		heap_scrub_used(f, out->order);
		if (domain_assign(d, f, out->order)) {
			frames_free(f, out->order);
			rc = -XEN_ENOMEM;
			continue;
		}
		if (word_read(v, out->list, i, &pfn) || word_write(v, out->list, i, frame_mfn(f).n))
			rc = -XEN_EFAULT; /* too late to undo; all of it stays the domain's */
		else
			m2p_fill(d, f, out->order, pfn);
	}
	return rc;
}

/* One chunk: the larger of the two orders, from a multiple of it. */
static int exchange_chunk(struct vcpu *v, struct domain *d, const struct exchange *x)
{
	unsigned int order = MAX(x->in.order, x->out.order);
	uint64_t n_in = 1ull << (order - x->in.order), n_out = 1ull << (order - x->out.order), i;
	struct frame_list taken = { 0 }, blocks = { 0 };
	struct frame *f;
	int rc;

	rc = chunk_take(v, d, &x->in, x->done, n_in, &taken);
	for (i = 0; !rc && i < n_out; i++) {
		f = domain_alloc(d, x->out.order, address_bits(d, x->out.flags));
		if (f)
			frame_list_add_tail(&blocks, f);
		else
			rc = refuse(v, -XEN_ENOMEM, "exchange: no %lu frames together below %u bits",
				    1ul << x->out.order, address_bits(d, x->out.flags));
	}
	if (rc) {
		while ((f = frame_list_pop(&blocks)))
			frames_free(f, x->out.order);
		chunk_give_back(d, &taken, false);
		return rc;
	}
	chunk_give_back(d, &taken, true);
	return chunk_put(v, d, &x->out, x->done << x->in.order >> x->out.order, &blocks);
}

static long memory_exchange(struct vcpu *v, gaddr_t arg)
{
	struct exchange x;
	struct domain *d;
	uint64_t step;
	bool first = true, later = false;
	long rc;

	rc = exchange_read(v, arg, &x);
	if (rc)
		return rc;
	rc = memory_domain_get(v, x.in.domid, &d);
	if (rc)
		return rc;
	step = x.out.order > x.in.order ? 1ull << (x.out.order - x.in.order) : 1;
	if (x.done % step)
		rc = refuse(v, -XEN_EINVAL, "exchange: %lu done is no multiple of %lu", x.done,
			    step);
	for (; !rc && x.done < x.in.nr; x.done += step, first = false) {
		later = !first && must_yield();
		if (later)
			break;
		rc = exchange_chunk(v, d, &x);
		if (rc)
			break;
	}
	domain_put(&d);
	if (word_write(v, exchange_done_at(v, arg), 0, x.done))
		return -XEN_EFAULT;
	return later ? hypercall_restart(v, 0, XENMEM_exchange) : rc;
}

static long memory_claim(struct vcpu *v, gaddr_t arg)
{
	struct reservation r;
	struct domain *d;
	long rc;

	if (!v->domain->privileged)
		return refuse(v, -XEN_EPERM, "claims are the control domain's");
	rc = reservation_read(v, arg, &r);
	if (rc)
		return rc;
	if (r.list.n || r.order || r.flags)
		return refuse(v, -XEN_EINVAL, "claim: a list, an order or flags are given");
	rc = memory_domain_get(v, r.domid, &d);
	if (rc)
		return rc;
	rc = domain_claim(d, r.nr);
	if (rc)
		refuse(v, rc, "claim of %lu frames for d%u: %lu are free, %lu claimed", r.nr, d->id,
		       heap_free_frames(), pages_claimed());
	domain_put(&d);
	return rc;
}

HC(hc_memory_op)
{
	unsigned int cmd = a1 & ((1u << CMD_BITS) - 1);
	uint64_t start = a1 >> CMD_BITS;

	(void)a3, (void)a4, (void)a5;
	switch (cmd) {
	case XENMEM_increase_reservation:
	case XENMEM_decrease_reservation:
	case XENMEM_populate_physmap: return memory_reserve(v, cmd, GADDR(a2), start);
	case XENMEM_exchange: return memory_exchange(v, GADDR(a2));
	case XENMEM_claim_pages: return memory_claim(v, GADDR(a2));
	default: return memory_info(v, cmd, GADDR(a2));
	}
}

/* All forms are told apart where structures are read. */
HC(hc_memory_op_32)
{
	return hc_memory_op(v, a1, a2, a3, a4, a5);
}
