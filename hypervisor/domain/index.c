/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domains by id: who has which, and the next one from an id on, at a cost that does not grow with
 * their number.
 *
 * An id is taken from its claim until its domain is buried: a bit of a map, changed under
 * RANK_DOMLIST. A domain is found from index_add() to index_remove(): a chain of a hash, whose lock
 * is a leaf, so that it may be looked for anywhere. A walk reads the map without its lock: a domain
 * that comes or goes meanwhile is met or not, as it would be a moment earlier or later.
 */
#include <torc/domain.h>

#define HASH_SIZE 256
#define IDS	  ((unsigned int)DOMID_FIRST_RESERVED)

static spinlock_t map_lock = SPINLOCK(RANK_DOMLIST);
static unsigned long map[(IDS + 63) / 64];
static domid_t next_id = 1;
static struct {
	spinlock_t lock;
	struct domain *first;
} hash[HASH_SIZE] = { [0 ... HASH_SIZE - 1] = { .lock = SPINLOCK(RANK_SMALL) } };

/* The first id from this one on whose bit is as wanted; IDS: there is none. */
static unsigned int search(unsigned int id, bool taken)
{
	unsigned long w;

	for (; id < IDS; id = (id | 63) + 1) {
		w = READ_ONCE(map[id / 64]);
		w = (taken ? w : ~w) >> (id % 64);
		if (w)
			return MIN(id + (unsigned int)__builtin_ctzl(w), IDS);
	}
	return IDS;
}

int index_claim(domid_t *id)
{
	unsigned int got = *id;
	int rc = 0;

	spin_lock(&map_lock);
	if (got != DOMID_INVALID) {
		rc = got >= IDS ? -XEN_EINVAL : bit_get(map, got) ? -XEN_EEXIST : 0;
	} else {
		got = search(next_id, false);
		if (got == IDS)
			got = search(1, false);
		rc = got == IDS ? -XEN_ENOMEM : 0;
		if (!rc) /* the next after the last given, so that ids are not reused soon */
			next_id = got + 1 < IDS ? (domid_t)(got + 1) : 1;
	}
	if (!rc) {
		*id = (domid_t)got;
		WRITE_ONCE(map[got / 64], map[got / 64] | 1ul << (got % 64));
	}
	spin_unlock(&map_lock);
	return rc;
}

void index_release(domid_t id)
{
	spin_lock(&map_lock);
	ASSERT(bit_get(map, id));
	WRITE_ONCE(map[id / 64], map[id / 64] & ~(1ul << (id % 64)));
	spin_unlock(&map_lock);
}

void index_add(struct domain *d)
{
	unsigned int h = d->id % HASH_SIZE;

	spin_lock(&hash[h].lock);
	d->next_hash = hash[h].first;
	hash[h].first = d;
	spin_unlock(&hash[h].lock);
}

void index_remove(struct domain *d)
{
	unsigned int h = d->id % HASH_SIZE;
	struct domain **p;

	spin_lock(&hash[h].lock);
	for (p = &hash[h].first; *p && *p != d; p = &(*p)->next_hash)
		;
	if (*p)
		*p = d->next_hash;
	spin_unlock(&hash[h].lock);
}

struct domain *index_get(domid_t id)
{
	unsigned int h = id % HASH_SIZE;
	struct domain *d;

	spin_lock(&hash[h].lock);
	for (d = hash[h].first; d && d->id != id; d = d->next_hash)
		;
	if (d && !domain_get_more(d))
		d = NULL;
	spin_unlock(&hash[h].lock);
	return d;
}

struct domain *domain_from(unsigned int id)
{
	struct domain *d;

	for (id = search(id, true); id < IDS; id = search(id + 1, true)) {
		d = index_get((domid_t)id);
		if (d)
			return d;
	}
	return NULL;
}

struct domain *domain_first(void)
{
	return domain_from(0);
}

struct domain *domain_next(struct domain *d)
{
	unsigned int id = d->id;

	domain_put(&d);
	return domain_from(id + 1);
}
