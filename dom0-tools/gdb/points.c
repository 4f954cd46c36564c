/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Breakpoints: an int3 in a frame. Where the frame is mapped is remembered for what gdb asks, the
 * frame for what is undone: a process may have ended since, its frame may be another's. What is no
 * int3 of ours any more is left alone.
 */
#include "dom0-tools/gdb/gdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INT3 0xccu

struct point *point_at(struct target *t, uint64_t mfn, unsigned int offset)
{
	for (unsigned int i = 0; t->points && i < POINTS_MAX; i++)
		if (t->points[i].used && t->points[i].mfn == mfn && t->points[i].offset == offset)
			return &t->points[i];
	return NULL;
}

bool point_wanted(struct target *t, uint64_t va)
{
	for (unsigned int i = 0; t->points && i < POINTS_MAX; i++)
		if (t->points[i].used && t->points[i].va == va)
			return true;
	return false;
}

int point_insert(struct target *t, uint32_t vcpu, uint64_t va)
{
	unsigned int slot = 0, offset;
	struct point *same;
	uint8_t before;
	uint64_t mfn;
	int rc;

	if (!t->points)
		t->points = calloc(POINTS_MAX, sizeof(*t->points));
	if (!t->points)
		return -ENOMEM;
	if (!memory_find(t, vcpu, va, &mfn, &offset) || !memory_get(t, mfn, offset, &before))
		return -EFAULT;
	while (slot < POINTS_MAX && t->points[slot].used) {
		if (t->points[slot].va == va && t->points[slot].mfn == mfn)
			return 0;
		slot++;
	}
	if (slot == POINTS_MAX)
		return -ENOSPC;
	same = point_at(t, mfn, offset);
	t->points[slot] =
		(struct point){ va, mfn, (uint16_t)offset, same ? same->before : before, true };
	rc = journal_point(t, slot); /* first: what is in the guest must be known to whoever undoes
					it */
	if (!rc && !same && !memory_put(t, mfn, offset, INT3))
		rc = -EFAULT;
	if (rc) {
		t->points[slot].used = false;
		journal_point(t, slot);
	}
	return rc;
}

void point_lift(struct target *t, const struct point *p)
{
	uint8_t now;

	if (memory_get(t, p->mfn, p->offset, &now) && now == INT3)
		memory_put(t, p->mfn, p->offset, p->before);
}

void point_lower(struct target *t, const struct point *p)
{
	memory_put(t, p->mfn, p->offset, INT3);
}

static void take_out(struct target *t, unsigned int slot)
{
	struct point *p = &t->points[slot];

	p->used = false;
	if (!point_at(t, p->mfn, p->offset)) /* no other at the same byte */
		point_lift(t, p);
	journal_point(t, slot);
}

int point_remove(struct target *t, uint64_t va)
{
	int rc = -ENOENT;

	for (unsigned int i = 0; t->points && i < POINTS_MAX; i++)
		if (t->points[i].used && t->points[i].va == va) {
			take_out(t, i);
			rc = 0;
		}
	return rc;
}

void points_remove_all(struct target *t)
{
	for (unsigned int i = 0; t->points && i < POINTS_MAX; i++)
		if (t->points[i].used)
			take_out(t, i);
}

void points_hide(struct target *t, uint64_t mfn, unsigned int offset, uint8_t *data, size_t len)
{
	for (unsigned int i = 0; t->points && i < POINTS_MAX; i++) {
		struct point *p = &t->points[i];

		if (p->used && p->mfn == mfn && p->offset >= offset && p->offset - offset < len)
			data[p->offset - offset] = p->before;
	}
}

void points_keep(struct target *t, uint64_t mfn, unsigned int offset, uint8_t *data, size_t len)
{
	for (unsigned int i = 0; t->points && i < POINTS_MAX; i++) {
		struct point *p = &t->points[i];

		if (!p->used || p->mfn != mfn || p->offset < offset || p->offset - offset >= len)
			continue;
		p->before = data[p->offset - offset];
		journal_point(t, i);
	}
	for (unsigned int i = 0; t->points && i < POINTS_MAX; i++) {
		struct point *p = &t->points[i];

		if (p->used && p->mfn == mfn && p->offset >= offset && p->offset - offset < len)
			data[p->offset - offset] = INT3;
	}
}
