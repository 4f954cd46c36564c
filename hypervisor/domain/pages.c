/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frames of a domain: its list and its counts, its limit, and frames set aside for it (claims).
 * A domain lives as long as it has a frame: the first takes a reference to it, the last one gone
 * puts it, so that frame->owner never dangles.
 */
#include <torc/domain.h>
#include <torc/heap.h>
#include <torc/x86.h>

/* What is free, set against what is promised, is looked at and made less in one: of two who each
 * see the last free frame one would take what a third was promised. */
static spinlock_t claim_lock = SPINLOCK(RANK_CLAIM);
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

static void claim_change_locked(struct domain *d, uint32_t now)
{
	atomic_set(&total_claims, total_claims - d->claim + now);
	d->claim = now;
}

static void claim_change(struct domain *d, uint32_t now)
{
	spin_lock(&claim_lock);
	claim_change_locked(d, now);
	spin_unlock(&claim_lock);
}

uint64_t pages_claimed(void)
{
	return atomic_read(&total_claims);
}

static int claim_begin(struct domain *d, uint32_t more)
{
	int rc = 0;

	spin_lock(&claim_lock);
	if (total_claims + more > heap_free_frames())
		rc = -XEN_ENOMEM;
	else
		claim_change_locked(d, more);
	spin_unlock(&claim_lock);
	return rc;
}

int domain_claim(struct domain *d, uint64_t pages)
{
	int rc = 0;

	spin_lock(&d->pages_lock);
	if (!pages || d->state >= DOM_DYING)
		claim_change(d, 0);
	else if (pages <= d->nr_pages || pages > d->max_pages || d->claim)
		rc = -XEN_EINVAL;
	else
		rc = claim_begin(d, (uint32_t)(pages - d->nr_pages));
	spin_unlock(&d->pages_lock);
	return rc;
}

struct frame *domain_alloc(struct domain *d, unsigned int order, unsigned int below_bits)
{
	struct frame *f = NULL;

	spin_lock(&claim_lock);
	if (heap_free_frames() >= total_claims - d->claim + (1ull << order))
		f = frames_alloc(order, below_bits);
	spin_unlock(&claim_lock);
	return f;
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
			WRITE_ONCE(f[i].owner, d);
			frame_list_add_tail(&d->pages, &f[i]);
			frame_set_allocated(&f[i]);
		}
		d->nr_pages += n;
	}
	spin_unlock(&d->pages_lock);
	return rc;
}
