/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest's memory by its own page tables, which say anything: the walk has as many steps as there
 * are levels, and the hypervisor maps no frame that is not the guest's. Nothing is written but what
 * the peer asks for.
 */
#include "dom0-tools/gdb/gdb.h"

#include <stdlib.h>
#include <string.h>

#define PRESENT	  1u
#define SUPERPAGE 0x80u
#define FRAME(e)  ((e) >> HOST_PAGE_SHIFT & ((1ull << 40) - 1))
#define CACHE	  64u /* frames mapped at once */

struct target_frame {
	uint64_t mfn;
	uint8_t *at;
};

/* The guest stands, so a frame stays what it is until memory_forget(). */
static const uint8_t *frame(struct target *t, uint64_t mfn)
{
	struct why ignored = { 0 };
	struct target_frame *f;

	if (!t->frames) {
		t->frames = calloc(CACHE, sizeof(*t->frames));
		if (!t->frames)
			return NULL;
	}
	f = &t->frames[(mfn ^ mfn >> 6 ^ mfn >> 12) % CACHE];
	if (f->at && f->mfn == mfn)
		return f->at;
	if (f->at)
		host_unmap(t->h, f->at, 1);
	f->mfn = mfn;
	f->at = host_map(t->h, t->domid, false, &mfn, 1, &ignored);
	return f->at;
}

void memory_forget(struct target *t)
{
	for (unsigned int i = 0; t->frames && i < CACHE; i++)
		if (t->frames[i].at)
			host_unmap(t->h, t->frames[i].at, 1);
	free(t->frames);
	t->frames = NULL;
}

static bool walk(struct target *t, uint64_t root, uint64_t va, uint64_t *mfn)
{
	uint64_t next = root, entry;

	for (unsigned int level = t->is_64 ? 4 : 3; level; level--) {
		const uint8_t *table = frame(t, next);
		unsigned int shift = HOST_PAGE_SHIFT + 9 * (level - 1);

		if (!table)
			return false;
		memcpy(&entry, table + (va >> shift & 511) * sizeof(entry), sizeof(entry));
		if (!(entry & PRESENT))
			return false;
		next = FRAME(entry);
		if (level == 2 && entry & SUPERPAGE) {
			next = (next & ~511ull) | (va >> HOST_PAGE_SHIFT & 511);
			break;
		}
	}
	*mfn = next;
	return true;
}

bool memory_find(struct target *t, uint32_t vcpu, uint64_t va, uint64_t *mfn, unsigned int *offset)
{
	const void *context = target_context(t, vcpu);
	uint64_t roots[2];

	if (!context)
		return false;
	if (t->is_64 ? (uint64_t)((int64_t)(va << 16) >> 16) != va : va >> 32)
		return false;
	*offset = va & (HOST_PAGE_SIZE - 1);
	regs_roots(t, context, roots);
	return (roots[0] && walk(t, roots[0], va, mfn)) || (roots[1] && walk(t, roots[1], va, mfn));
}

bool memory_get(struct target *t, uint64_t mfn, unsigned int offset, uint8_t *byte)
{
	const uint8_t *at = frame(t, mfn);

	if (at)
		*byte = at[offset];
	return at != NULL;
}

static bool frame_write(struct target *t, uint64_t mfn, unsigned int offset, const void *data,
			size_t len)
{
	struct why ignored = { 0 };
	uint8_t *at = host_map(t->h, t->domid, true, &mfn, 1, &ignored);

	if (!at)
		return false;
	memcpy(at + offset, data, len);
	host_unmap(t->h, at, 1);
	return true;
}

bool memory_put(struct target *t, uint64_t mfn, unsigned int offset, uint8_t byte)
{
	return frame_write(t, mfn, offset, &byte, 1);
}

size_t memory_read(struct target *t, uint32_t vcpu, uint64_t va, void *data, size_t len)
{
	size_t done = 0, n;

	for (; done < len; done += n) {
		const uint8_t *at;
		unsigned int offset;
		uint64_t mfn;

		if (!memory_find(t, vcpu, va + done, &mfn, &offset))
			break;
		at = frame(t, mfn);
		if (!at)
			break;
		n = HOST_PAGE_SIZE - offset < len - done ? HOST_PAGE_SIZE - offset : len - done;
		memcpy((uint8_t *)data + done, at + offset, n);
		points_hide(t, mfn, offset, (uint8_t *)data + done, n);
	}
	return done;
}

size_t memory_write(struct target *t, uint32_t vcpu, uint64_t va, const void *data, size_t len)
{
	uint8_t page[HOST_PAGE_SIZE];
	size_t done = 0, n;

	for (; done < len; done += n) {
		unsigned int offset;
		uint64_t mfn;

		if (!memory_find(t, vcpu, va + done, &mfn, &offset))
			break;
		n = HOST_PAGE_SIZE - offset < len - done ? HOST_PAGE_SIZE - offset : len - done;
		memcpy(page, (const uint8_t *)data + done, n);
		points_keep(t, mfn, offset, page, n);
		if (!frame_write(t, mfn, offset, page, n))
			break;
	}
	return done;
}
