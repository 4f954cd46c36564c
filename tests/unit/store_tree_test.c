/* SPDX-License-Identifier: BSD-2-Clause */
/* The tree against a plain list of paths, with snapshots taken along the way; permissions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "xenbus/store/tree.h"
#include "xenbus/store/util.h"

#define DIRS   7
#define LEAVES 40
#define STEPS  20000
#define SNAPS  16

/* The model: for each possible node a value, or -1. */
struct model {
	int dir[DIRS];
	int leaf[DIRS][LEAVES];
};

struct snapshot {
	struct tree tree;
	struct model model;
};

static uint64_t seed = 88172645463325252ull;

static unsigned rnd(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % n;
}

static struct perms *perms_of_dom0(void)
{
	return perms_get(&(struct store_perm){ 0, STORE_NONE }, 1);
}

static struct blob *number(int n)
{
	char s[16];

	return blob_new(s, snprintf(s, sizeof(s), "%d", n));
}

static void agree(const struct tree *t, const struct model *m)
{
	char path[64];
	int d, l, dirs = 0, leaves;
	const struct node *n;

	for (d = 0; d < DIRS; d++) {
		snprintf(path, sizeof(path), "/d%d", d);
		n = tree_find(t, path);
		assert_true(!n == (m->dir[d] < 0));
		if (!n)
			continue;
		dirs++;
		assert_int_equal(atoi(node_value(n)), m->dir[d]);
		for (l = leaves = 0; l < LEAVES; l++) {
			const struct node *c;

			snprintf(path, sizeof(path), "/d%d/leaf%d", d, l);
			c = tree_find(t, path);
			assert_true(!c == (m->leaf[d][l] < 0));
			if (c)
				assert_int_equal(atoi(node_value(c)), m->leaf[d][l]);
			leaves += c != NULL;
		}
		assert_int_equal(node_nr_children(n), leaves);
	}
	assert_int_equal(node_nr_children(t->root), dirs);
}

static void change(struct tree *t, struct model *m, int step)
{
	int d = rnd(DIRS), l = rnd(LEAVES), i;
	char dir[64], path[64];

	snprintf(dir, sizeof(dir), "/d%d", d);
	snprintf(path, sizeof(path), "/d%d/leaf%d", d, l);
	if (m->dir[d] < 0) {
		tree_add(t, dir, number(step), perms_of_dom0());
		m->dir[d] = step;
	} else if (!rnd(60)) {
		tree_remove(t, dir);
		m->dir[d] = -1;
		for (i = 0; i < LEAVES; i++)
			m->leaf[d][i] = -1;
	} else if (m->leaf[d][l] < 0) {
		tree_add(t, path, number(step), perms_of_dom0());
		m->leaf[d][l] = step;
	} else if (rnd(2)) {
		tree_remove(t, path);
		m->leaf[d][l] = -1;
	} else {
		tree_set_value(t, path, number(step));
		m->leaf[d][l] = step;
	}
}

static void snapshots_stay_as_they_were(void **state)
{
	static struct snapshot snap[SNAPS];
	struct model m;
	struct tree t;
	int i, s;

	(void)state;
	memset(&m, 0xff, sizeof(m));
	tree_init(&t, perms_of_dom0());
	for (i = 0; i < STEPS; i++) {
		change(&t, &m, i);
		if (rnd(50))
			continue;
		s = rnd(SNAPS);
		if (snap[s].tree.root) {
			/* a copy that went its own way for a while, too */
			agree(&snap[s].tree, &snap[s].model);
			tree_free(&snap[s].tree);
		}
		tree_share(&snap[s].tree, &t);
		snap[s].model = m;
		s = rnd(SNAPS);
		if (snap[s].tree.root)
			change(&snap[s].tree, &snap[s].model, i);
		agree(&t, &m);
	}
	for (s = 0; s < SNAPS; s++)
		if (snap[s].tree.root)
			tree_free(&snap[s].tree);
	tree_free(&t);
	assert_int_equal(tree_nr_nodes(), 0);
}

static void children_are_listed_as_they_were_made(void **state)
{
	static const char *const names[] = { "zebra", "apple", "mango", "0", "10", "9" };
	struct perms *p = perms_of_dom0();
	char path[32];
	struct tree t;
	size_t i;

	(void)state;
	tree_init(&t, p);
	for (i = 0; i < NR(names); i++) {
		snprintf(path, sizeof(path), "/%s", names[i]);
		tree_add(&t, path, blob_new(NULL, 0), perms_of_dom0());
	}
	assert_int_equal(node_listing(t.root)->len, 6 + 6 + 6 + 2 + 3 + 2);
	assert_memory_equal(node_listing(t.root)->data,
			    "zebra\0apple\0mango\0"
			    "0\0"
			    "10\0"
			    "9",
			    25);
	tree_remove(&t, "/apple");
	tree_add(&t, "/apple", blob_new(NULL, 0), perms_of_dom0());
	assert_memory_equal(node_listing(t.root)->data,
			    "zebra\0mango\0"
			    "0\0"
			    "10\0"
			    "9\0apple",
			    25);
	tree_free(&t);
}

static void nearest_stops_where_nodes_end(void **state)
{
	struct tree t;
	size_t len;

	(void)state;
	tree_init(&t, perms_of_dom0());
	tree_add(&t, "/a", blob_new(NULL, 0), perms_of_dom0());
	tree_add(&t, "/a/b", blob_new(NULL, 0), perms_of_dom0());
	tree_nearest(&t, "/a/b/c/d", &len);
	assert_int_equal(len, 4);
	tree_nearest(&t, "/ab", &len);
	assert_int_equal(len, 1);
	assert_null(tree_find(&t, "/ab"));
	assert_ptr_equal(tree_find(&t, "/"), t.root);
	tree_free(&t);
}

static void equal_permissions_are_one_object(void **state)
{
	struct store_perm list[] = { { 5, STORE_NONE }, { 7, STORE_READ }, { 9, STORE_BOTH } };
	struct perms *a = perms_get(list, 3), *b = perms_get(list, 3);

	(void)state;
	assert_ptr_equal(a, b);
	assert_int_equal(perms_of(a, 5, NO_DOMAIN), STORE_BOTH | PERM_OWNER);
	assert_int_equal(perms_of(a, 7, NO_DOMAIN), STORE_READ);
	assert_int_equal(perms_of(a, 8, NO_DOMAIN), STORE_NONE);
	assert_int_equal(perms_of(a, 8, 5), STORE_BOTH | PERM_OWNER);
	perms_put(b);
	perms_put(a);
}

static void a_dead_domains_rights_go_everywhere(void **state)
{
	struct store_perm list[] = { { 0, STORE_NONE }, { 7, STORE_BOTH }, { 9, STORE_READ } };
	struct perms *old = perms_get(list, 3), *new;

	(void)state;
	perms_forget(7);
	assert_int_equal(perms_of(old, 7, NO_DOMAIN), STORE_NONE);
	assert_int_equal(perms_of(old, 9, NO_DOMAIN), STORE_READ);
	new = perms_get(list, 3); /* granted to the next domain with that number */
	assert_ptr_not_equal(old, new);
	assert_int_equal(perms_of(new, 7, NO_DOMAIN), STORE_BOTH);
	perms_put(old);
	perms_put(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(snapshots_stay_as_they_were),
		cmocka_unit_test(children_are_listed_as_they_were_made),
		cmocka_unit_test(nearest_stops_where_nodes_end),
		cmocka_unit_test(equal_permissions_are_one_object),
		cmocka_unit_test(a_dead_domains_rights_go_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
