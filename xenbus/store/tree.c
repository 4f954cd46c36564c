/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree of nodes: references, the treap of siblings, paths. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <xen/io/xs_wire.h>

#include "xenbus/store/tree.h"
#include "xenbus/store/util.h"

static uint64_t next_seq = 1; /* also the generations of directories: neither ever comes back */
static uint64_t nr_nodes;
static uint64_t hash_key;

struct blob *blob_new(const void *p, size_t len)
{
	struct blob *b;

	if (!len)
		return NULL;
	b = mem_alloc(sizeof(*b) + len + 1);
	b->refs = 1;
	b->len = len;
	memcpy(b->data, p, len);
	return b;
}

static struct blob *blob_share(struct blob *b)
{
	if (b)
		b->refs++;
	return b;
}

void blob_put(struct blob *b)
{
	if (b && --b->refs == 0)
		free(b);
}

/* FNV-1a from a secret start, then mixed: names that collide cannot be computed without the key. */
static uint32_t name_hash(const char *name, size_t len)
{
	uint64_t h = hash_key;
	size_t i;

	while (!h)
		if (getrandom(&hash_key, sizeof(hash_key), 0) == sizeof(hash_key))
			h = hash_key |= 1;
	for (i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3ull;
	h ^= h >> 32;
	h *= 0x9fb21c651e98df25ull;
	return h ^ h >> 28;
}

/* A treap's priority. A bijection of the key, so the shape depends on the names alone. */
static uint32_t priority(uint32_t hash)
{
	hash = (hash ^ hash >> 16) * 0x7feb352d;
	hash = (hash ^ hash >> 15) * 0x846ca68b;
	return hash ^ hash >> 16;
}

static struct node *node_new(const char *name, size_t len, struct blob *value, struct perms *perms)
{
	struct node *n = mem_alloc(sizeof(*n) + len + 1);

	n->refs = 1;
	n->hash = name_hash(name, len);
	n->name_len = len;
	memcpy(n->name, name, len);
	n->value = value;
	n->perms = perms;
	n->seq = next_seq++;
	nr_nodes++;
	return n;
}

static struct node *node_share(struct node *n)
{
	if (n)
		n->refs++;
	return n;
}

static void node_put(struct node *n)
{
	if (!n || --n->refs)
		return;
	node_put(n->left);
	node_put(n->right);
	if (n->children) {
		node_put(n->children->top);
		blob_put(n->children->listing);
		free(n->children);
	}
	blob_put(n->value);
	perms_put(n->perms);
	free(n);
	nr_nodes--;
}

/* Make the node in the slot ours alone, so that it may be changed. */
static struct node *node_own(struct node **slot)
{
	struct node *old = *slot, *n;
	size_t size = sizeof(*n) + old->name_len + 1;

	if (old->refs == 1)
		return old;
	n = mem_alloc(size);
	memcpy(n, old, size);
	n->refs = 1;
	node_share(n->left);
	node_share(n->right);
	if (n->children) {
		n->children = mem_alloc(sizeof(*n->children));
		*n->children = *old->children;
		node_share(n->children->top);
		blob_share(n->children->listing);
	}
	blob_share(n->value);
	perms_share(n->perms);
	nr_nodes++;
	old->refs--;
	*slot = n;
	return n;
}

static int compare(uint32_t hash, const char *name, size_t len, const struct node *n)
{
	if (hash != n->hash)
		return hash < n->hash ? -1 : 1;
	if (len != n->name_len)
		return len < n->name_len ? -1 : 1;
	return memcmp(name, n->name, len);
}

/* Split by the key of n, which is in neither half. Consumes t. */
static void treap_split(struct node *t, const struct node *n, struct node **low, struct node **high)
{
	if (!t) {
		*low = *high = NULL;
	} else if (compare(n->hash, n->name, n->name_len, t) < 0) {
		*high = t;
		t = node_own(high);
		treap_split(t->left, n, low, &t->left);
	} else {
		*low = t;
		t = node_own(low);
		treap_split(t->right, n, &t->right, high);
	}
}

static struct node *treap_join(struct node *low, struct node *high)
{
	if (!low || !high)
		return low ? low : high;
	if (priority(low->hash) > priority(high->hash)) {
		node_own(&low);
		low->right = treap_join(low->right, high);
		return low;
	}
	node_own(&high);
	high->left = treap_join(low, high->left);
	return high;
}

static void treap_add(struct node **slot, struct node *n)
{
	while (*slot && priority((*slot)->hash) >= priority(n->hash)) {
		struct node *t = node_own(slot);

		slot = compare(n->hash, n->name, n->name_len, t) < 0 ? &t->left : &t->right;
	}
	treap_split(*slot, n, &n->left, &n->right);
	*slot = n;
}

static const struct node *treap_find(const struct node *t, const char *name, size_t len)
{
	uint32_t hash = name_hash(name, len);
	int c;

	while (t && (c = compare(hash, name, len, t)))
		t = c < 0 ? t->left : t->right;
	return t;
}

/* The slot of a child that exists, everything on the way to it ours. */
static struct node **treap_slot(struct node **slot, const char *name, size_t len)
{
	uint32_t hash = name_hash(name, len);
	int c;

	while ((c = compare(hash, name, len, *slot))) {
		struct node *t = node_own(slot);

		slot = c < 0 ? &t->left : &t->right;
	}
	return slot;
}

/* The next part of a path; NULL at its end. */
static const char *next_part(const char **path, size_t *len)
{
	const char *part = *path;

	if (*part == '/')
		part++;
	if (!*part)
		return NULL;
	*len = strcspn(part, "/");
	*path = part + *len;
	return part;
}

void tree_init(struct tree *t, struct perms *root_perms)
{
	t->root = node_new("", 0, NULL, root_perms);
}

void tree_share(struct tree *to, const struct tree *from)
{
	to->root = node_share(from->root);
}

void tree_free(struct tree *t)
{
	node_put(t->root);
	t->root = NULL;
}

const struct node *tree_nearest(const struct tree *t, const char *path, size_t *len)
{
	const struct node *n = t->root, *c;
	const char *p = path, *part;
	size_t part_len;

	*len = 1;
	while ((part = next_part(&p, &part_len))) {
		c = n->children ? treap_find(n->children->top, part, part_len) : NULL;
		if (!c)
			break;
		n = c;
		*len = p - path;
	}
	return n;
}

const struct node *tree_find(const struct tree *t, const char *path)
{
	size_t len;
	const struct node *n = tree_nearest(t, path, &len);

	return path[len] ? NULL : n;
}

/* The node at path, which exists, with the whole way to it ours. *parent: the node above it. */
static struct node **tree_slot(struct tree *t, const char *path, struct node **parent)
{
	struct node **slot = &t->root;
	const char *part;
	size_t len;

	*parent = NULL;
	while ((part = next_part(&path, &len))) {
		*parent = node_own(slot);
		slot = treap_slot(&(*parent)->children->top, part, len);
	}
	return slot;
}

void tree_set_value(struct tree *t, const char *path, struct blob *value)
{
	struct node *parent, *n = node_own(tree_slot(t, path, &parent));

	blob_put(n->value);
	n->value = value;
}

void tree_set_perms(struct tree *t, const char *path, struct perms *perms)
{
	struct node *parent, *n = node_own(tree_slot(t, path, &parent));

	perms_put(n->perms);
	n->perms = perms;
}

static void children_changed(struct node *n)
{
	blob_put(n->children->listing);
	n->children->listing = NULL;
	n->children->gen = next_seq++;
}

uint64_t node_gen(const struct node *n)
{
	return n->children ? n->children->gen : n->seq;
}

uint32_t node_nr_children(const struct node *n)
{
	return n->children ? n->children->nr : 0;
}

struct node *node_load(struct node *parent, const char *name, size_t len, struct blob *value,
		       struct perms *perms)
{
	struct node *n = node_new(name, len, value, perms);

	if (!parent->children)
		parent->children = mem_alloc(sizeof(*parent->children));
	treap_add(&parent->children->top, n);
	parent->children->nr++;
	children_changed(parent);
	return n;
}

void tree_add(struct tree *t, const char *path, struct blob *value, struct perms *perms)
{
	const char *name = strrchr(path, '/') + 1;
	char above[XENSTORE_ABS_PATH_MAX + 1];
	size_t len = name - 1 - path;
	struct node *grand, *parent;

	memcpy(above, path, len);
	above[len] = '\0';
	parent = node_own(tree_slot(t, above, &grand));
	node_load(parent, name, strlen(name), value, perms);
}

void tree_remove(struct tree *t, const char *path)
{
	struct node *parent, **slot = tree_slot(t, path, &parent), *n = node_own(slot);

	assert(parent);
	*slot = treap_join(n->left, n->right);
	n->left = n->right = NULL;
	node_put(n);
	parent->children->nr--;
	children_changed(parent);
}

static void collect(const struct node *t, const struct node **out, size_t *n)
{
	if (!t)
		return;
	collect(t->left, out, n);
	out[(*n)++] = t;
	collect(t->right, out, n);
}

static int by_seq(const void *a, const void *b)
{
	uint64_t x = (*(const struct node *const *)a)->seq,
		 y = (*(const struct node *const *)b)->seq;

	return x < y ? -1 : x > y;
}

/* the children as an array in the order in which they were made; NULL if there are none */
static const struct node **children_in_order(const struct node *n)
{
	const struct node **list;
	size_t got = 0;

	if (!node_nr_children(n))
		return NULL;
	list = mem_alloc(n->children->nr * sizeof(*list));
	collect(n->children->top, list, &got);
	assert(got == n->children->nr);
	qsort(list, got, sizeof(*list), by_seq);
	return list;
}

const struct blob *node_listing(const struct node *n)
{
	static const struct blob nothing;
	const struct node **list;
	size_t len = 0;
	struct blob *b;
	uint32_t i;

	if (!node_nr_children(n))
		return &nothing;
	if (n->children->listing)
		return n->children->listing;
	list = children_in_order(n);
	for (i = 0; i < n->children->nr; i++)
		len += list[i]->name_len + 1;
	b = mem_alloc(sizeof(*b) + len);
	b->refs = 1;
	b->len = len;
	for (i = 0, len = 0; i < n->children->nr; i++) {
		memcpy(b->data + len, list[i]->name, list[i]->name_len + 1);
		len += list[i]->name_len + 1;
	}
	free(list);
	n->children->listing = b; /* remembered: the node means the same as before */
	return b;
}

static void walk(const struct node *n, char *path, size_t len, tree_visit_fn *visit,
		 tree_leave_fn *leave, void *arg)
{
	const struct node **list;
	uint32_t i;

	if (!visit(n, path, arg))
		return;
	list = children_in_order(n);
	if (len == 1)
		len = 0; /* "/": the slash before the name is there already */
	for (i = 0; i < node_nr_children(n); i++) {
		size_t name_len = list[i]->name_len;

		if (len + 1 + name_len > XENSTORE_ABS_PATH_MAX)
			continue; /* no such path can be made */
		path[len] = '/';
		memcpy(path + len + 1, list[i]->name, name_len + 1);
		walk(list[i], path, len + 1 + name_len, visit, leave, arg);
	}
	path[len ? len : 1] = '\0';
	free(list);
	if (leave)
		leave(n, path, arg);
}

void tree_walk(const struct node *top, const char *path, tree_visit_fn *visit, tree_leave_fn *leave,
	       void *arg)
{
	char buf[XENSTORE_ABS_PATH_MAX + 1];
	size_t len = strlen(path);

	memcpy(buf, path, len + 1);
	walk(top, buf, len, visit, leave, arg);
}

uint64_t tree_nr_nodes(void)
{
	return nr_nodes;
}
