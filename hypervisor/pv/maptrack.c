/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a domain has mapped through grants: a table of handles, grown page by page up to the
 * domain's limit. A handle is worked on by one vcpu at a time (busy), so the entry itself needs no
 * lock. Locks: RANK_GRANT inside, no other grant lock held.
 */
#include <torc/grant.h>
#include <torc/heap.h>

#define PER_FRAME (PAGE_SIZE / sizeof(struct maptrack))
#define NONE	  (~0u)

struct maptrack_table {
	spinlock_t lock;
	uint32_t frames, max_frames, free;
	struct maptrack *frame[];
};

struct maptrack_table *maptrack_create(unsigned int max_frames)
{
	struct maptrack_table *t = zalloc(sizeof(*t) + max_frames * sizeof(t->frame[0]));

	if (!t)
		return NULL;
	spin_init(&t->lock, RANK_GRANT);
	t->max_frames = max_frames;
	t->free = NONE;
	return t;
}

void maptrack_destroy(struct maptrack_table *t)
{
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->frames; i++)
		page_free(t->frame[i], 0);
	zfree(t);
}

uint32_t maptrack_limit(struct maptrack_table *t)
{
	return atomic_read(&t->frames) * PER_FRAME;
}

static struct maptrack *entry_at(struct maptrack_table *t, uint32_t handle)
{
	uint32_t limit = maptrack_limit(t);

	if (handle >= limit)
		return NULL;
	handle = index_nospec(handle, limit);
	return &t->frame[handle / PER_FRAME][handle % PER_FRAME];
}

static int grow(struct maptrack_table *t)
{
	struct maptrack *m;
	uint32_t i, first;

	if (t->frames == t->max_frames)
		return -XEN_ENOSPC;
	m = page_alloc(0);
	if (!m)
		return -XEN_ENOMEM;
	first = t->frames * PER_FRAME;
	for (i = 0; i < PER_FRAME; i++)
		m[i].next = i + 1 < PER_FRAME ? first + i + 1 : t->free;
	t->frame[t->frames] = m;
	t->free = first;
	atomic_set(&t->frames, t->frames + 1); /* after the pointer: entry_at() takes no lock */
	return 0;
}

int maptrack_alloc(struct maptrack_table *t, uint32_t *handle)
{
	struct maptrack *m;
	int rc = 0;

	spin_lock(&t->lock);
	if (t->free == NONE)
		rc = grow(t);
	if (!rc) {
		*handle = t->free;
		m = entry_at(t, *handle);
		t->free = m->next;
		m->busy = true;
	}
	spin_unlock(&t->lock);
	return rc;
}

struct maptrack *maptrack_get(struct maptrack_table *t, uint32_t handle)
{
	struct maptrack *m = entry_at(t, handle);

	if (!m)
		return NULL;
	spin_lock(&t->lock);
	if (m->busy || !m->granter)
		m = NULL;
	else
		m->busy = true;
	spin_unlock(&t->lock);
	return m;
}

struct maptrack *maptrack_busy(struct maptrack_table *t, uint32_t handle)
{
	struct maptrack *m = entry_at(t, handle);

	ASSERT(m && m->busy);
	return m;
}

void maptrack_put(struct maptrack_table *t, uint32_t handle)
{
	struct maptrack *m = maptrack_busy(t, handle);

	spin_lock(&t->lock);
	m->busy = false;
	spin_unlock(&t->lock);
}

void maptrack_free(struct maptrack_table *t, uint32_t handle)
{
	struct maptrack *m = maptrack_busy(t, handle);

	spin_lock(&t->lock);
	memset(m, 0, sizeof(*m));
	m->next = t->free;
	t->free = handle;
	spin_unlock(&t->lock);
}
