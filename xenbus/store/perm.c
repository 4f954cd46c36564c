/* SPDX-License-Identifier: BSD-2-Clause */
/* Permission lists: one object for all equal lists. */
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "xenbus/store/perm.h"
#include "xenbus/store/util.h"

struct perms {
	UT_hash_handle hh;
	uint32_t refs;
	bool hashed; /* false: a right was taken out, equal lists are other objects */
	size_t n;
	struct store_perm list[];
};

static struct perms *all;

struct perms *perms_get(const struct store_perm *list, size_t n)
{
	struct store_perm key[PERMS_MAX];
	size_t i, size = n * sizeof(key[0]);
	struct perms *p;

	memset(key, 0, size); /* padding must not differ */
	for (i = 0; i < n; i++) {
		key[i].domid = list[i].domid;
		key[i].access = list[i].access;
	}
	HASH_FIND(hh, all, key, size, p);
	if (p)
		return perms_share(p);
	p = mem_alloc(sizeof(*p) + size);
	p->refs = 1;
	p->n = n;
	p->hashed = true;
	memcpy(p->list, key, size);
	HASH_ADD_KEYPTR(hh, all, p->list, size, p);
	return p;
}

struct perms *perms_share(struct perms *p)
{
	p->refs++;
	return p;
}

void perms_put(struct perms *p)
{
	if (--p->refs)
		return;
	if (p->hashed)
		HASH_DEL(all, p);
	free(p);
}

unsigned perms_of(const struct perms *p, unsigned domid, unsigned target)
{
	size_t i;

	if (p->list[0].domid == domid || p->list[0].domid == target)
		return STORE_READ | STORE_WRITE | PERM_OWNER;
	for (i = 1; i < p->n; i++)
		if (p->list[i].domid == domid || p->list[i].domid == target)
			return p->list[i].access;
	return p->list[0].access;
}

unsigned perms_owner(const struct perms *p)
{
	return p->list[0].domid;
}

size_t perms_count(const struct perms *p)
{
	return p->n;
}

const struct store_perm *perms_list(const struct perms *p)
{
	return p->list;
}

struct perms *perms_with_owner(struct perms *p, unsigned owner)
{
	struct store_perm list[PERMS_MAX];
	struct perms *q;

	memcpy(list, p->list, p->n * sizeof(list[0]));
	list[0].domid = owner;
	q = perms_get(list, p->n);
	perms_put(p);
	return q;
}

void perms_forget(unsigned domid)
{
	struct perms *p, *tmp;
	size_t i, kept;

	HASH_ITER (hh, all, p, tmp) {
		for (i = kept = 1; i < p->n; i++)
			if (p->list[i].domid != domid)
				kept++;
		if (kept == p->n)
			continue;
		HASH_DEL(all, p);
		p->hashed = false;
		for (i = kept = 1; i < p->n; i++)
			if (p->list[i].domid != domid)
				p->list[kept++] = p->list[i];
		p->n = kept;
	}
}
