/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frames of a domain: its list and its counts, its limit, and frames set aside for it (claims).
 * A domain lives as long as it has a frame: the first takes a reference to it, the last one gone
 * puts it, so that frame->owner never dangles.
 */
#include <torc/domain.h>
#include <torc/heap.h>
#include <torc/x86.h>

static spinlock_t claim_lock = SPINLOCK(RANK_SMALL);
static uint64_t total_claims; /* sum of all domains' */

static inline uint64_t frames_of(const struct domain *d)
{
	return (uint64_t)d->nr_pages + d->nr_own_pages;
}

void owner_frame_added(struct domain *d, struct frame *f)
{
	bool first;

	spin_lock(&d->pages_lock);
	first = !frames_of(d);
	if (f->flags & FRAME_OWN) {
		d->nr_own_pages++;
	} else {
		frame_list_add_tail(&d->pages, f);
		d->nr_pages++;
	}
	spin_unlock(&d->pages_lock);
	if (first)
		domain_get_more(d);
}

void owner_frame_gone(struct domain *d, struct frame *f)
{
	bool last;

	spin_lock(&d->pages_lock);
	if (f->flags & FRAME_OWN) {
		d->nr_own_pages--;
	} else {
		frame_list_del(&d->pages, f);
		d->nr_pages--;
	}
	last = !frames_of(d);
	spin_unlock(&d->pages_lock);
	m2p_set(frame_mfn(f), ~0ull);
	if (last)
		domain_put(&d);
}

uint64_t owner_tlb_cpus(struct domain *d)
{
	return atomic_read(&d->tlb_cpus);
}

void m2p_set(mfn_t m, uint64_t pfn)
{
	uint32_t *narrow;

	if (m2p && m.n < max_mfn.n)
		WRITE_ONCE(m2p[m.n], pfn);
	narrow = READ_ONCE(m2p32); /* after the other's entry: m2p32_make() counts on it */
	if (narrow && m.n < (M2P32_END - M2P32_BASE) / 4 && m.n < max_mfn.n)
		WRITE_ONCE(narrow[m.n], (uint32_t)pfn);
}

/* --- claims: a promise of memory, so that of two guests built at once one fails at its start and
 * not both half-way ------ */

static void claim_change(struct domain *d, uint32_t now)
{
	spin_lock(&claim_lock);
	total_claims = total_claims - d->claim + now;
	d->claim = now;
	spin_unlock(&claim_lock);
}

uint64_t pages_claimed(void)
{
	return atomic_read(&total_claims);
}

int domain_claim(struct domain *d, uint64_t pages)
{
	uint64_t more, others;
	int rc = 0;

	spin_lock(&d->pages_lock);
	if (!pages || d->state >= DOM_DYING) {
		claim_change(d, 0);
	} else if (pages <= d->nr_pages || pages > d->max_pages || d->claim) {
		rc = -XEN_EINVAL;
	} else {
		more = pages - d->nr_pages;
		others = pages_claimed();
		if (others + more > heap_free_frames())
			rc = -XEN_ENOMEM;
		else
			claim_change(d, more);
	}
	spin_unlock(&d->pages_lock);
	return rc;
}

struct frame *domain_alloc(struct domain *d, unsigned int order, unsigned int below_bits)
{
	uint64_t others = pages_claimed() - READ_ONCE(d->claim);

	if (heap_free_frames() < others + (1ull << order))
		return NULL;
	return frames_alloc(order, below_bits);
}

/*
 * All or nothing. A domain that dies takes no more: mmu_kill() walks its list to the end once state
 * says so, and that was set under the domain's lock before; the check here under pages_lock and the
 * walk's own taking of it order the two.
 */
int domain_assign(struct domain *d, struct frame *f, unsigned int order)
{
	unsigned long i, n = 1ul << order;
	int rc = 0;

	spin_lock(&d->pages_lock);
	if (d->state >= DOM_DYING) {
		rc = -XEN_ESRCH;
	} else if (n > d->max_pages || d->nr_pages > d->max_pages - n) {
		rc = -XEN_ENOMEM;
	} else {
		if (d->claim)
			claim_change(d, d->claim > n ? d->claim - n : 0);
		if (!frames_of(d))
			domain_get_more(d);
		for (i = 0; i < n; i++) {
			ASSERT(!f[i].count && !f[i].owner);
			f[i].type = 0;
			f[i].partial = 0;
			frame_flags(f + i, 0, FRAME_OWN);
			f[i].owner = d;
			frame_list_add_tail(&d->pages, &f[i]);
			frame_set_allocated(&f[i]);
		}
		d->nr_pages += n;
	}
	spin_unlock(&d->pages_lock);
	return rc;
}
