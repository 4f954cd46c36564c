/* SPDX-License-Identifier: BSD-2-Clause */
/* domain/index.c: ids given once and not soon again, domains found and walked in order while others
 * come and go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/domain.h>

#define IDS DOMID_FIRST_RESERVED

static unsigned int locked;

void panic(const char *fmt, ...)
{
	(void)fmt;
	abort();
}
void spin_lock(spinlock_t *l)
{
	(void)l;
	locked++;
}
void spin_unlock(spinlock_t *l)
{
	(void)l;
	assert_true(locked--);
}
bool domain_get_more(struct domain *d)
{
	return d->refs && ++d->refs;
}
void domain_put(struct domain **d)
{
	assert_true((*d)->refs > 1);
	(*d)->refs--;
	*d = NULL;
}

static struct domain *made[IDS];

static domid_t make(domid_t id)
{
	struct domain *d = calloc(1, sizeof(*d));

	assert_int_equal(index_claim(&id), 0);
	assert_null(made[id]);
	d->id = id;
	d->refs = 1;
	index_add(d);
	made[id] = d;
	return id;
}

static void unmake(domid_t id)
{
	assert_int_equal(made[id]->refs, 1);
	index_remove(made[id]);
	index_release(id);
	free(made[id]);
	made[id] = NULL;
}

static void unmake_all(void)
{
	for (unsigned int i = 0; i < IDS; i++)
		if (made[i])
			unmake((domid_t)i);
	assert_null(domain_first());
	assert_int_equal(locked, 0);
}

static void found_until_removed(void **s)
{
	struct domain *d;
	domid_t id = 300;

	(void)s;
	make(0);
	make(300);
	make(300 + 256); /* in the same chain */
	make(300 + 512);
	d = index_get(556);
	assert_ptr_equal(d, made[556]);
	assert_int_equal(d->refs, 2);
	domain_put(&d);
	assert_null(index_get(301));
	assert_int_equal(index_claim(&id), -XEN_EEXIST);
	unmake(556);
	assert_null(index_get(556));
	d = index_get(812);
	assert_ptr_equal(d, made[812]);
	domain_put(&d);
	made[300]->refs = 0; /* nobody refers to it any more; it is not buried yet */
	assert_null(index_get(300));
	d = domain_from(1);
	assert_ptr_equal(d, made[812]);
	domain_put(&d);
	made[300]->refs = 1;
	id = IDS;
	assert_int_equal(index_claim(&id), -XEN_EINVAL);
	unmake_all();
}

static void claimed_but_not_there_yet(void **s)
{
	domid_t id = 77;

	(void)s;
	assert_int_equal(index_claim(&id), 0);
	assert_null(index_get(77));
	assert_null(domain_first());
	assert_int_equal(index_claim(&id), -XEN_EEXIST);
	index_release(77);
	make(77);
	unmake_all();
}

static void ids_are_not_reused_soon(void **s)
{
	domid_t first, id = DOMID_INVALID;

	(void)s;
	make(0);
	first = make(DOMID_INVALID);
	assert_int_equal(make(DOMID_INVALID), first + 1);
	unmake(first);
	assert_int_equal(make(DOMID_INVALID), first + 2);
	make((domid_t)(first + 3)); /* by number: stepped over */
	assert_int_equal(make(DOMID_INVALID), first + 4);
	/* all of them, around the end and back to the gap */
	for (unsigned int n = 0; n < IDS - 5; n++)
		make(DOMID_INVALID);
	assert_int_equal(index_claim(&id), -XEN_ENOMEM);
	unmake(IDS - 1);
	assert_int_equal(make(DOMID_INVALID), IDS - 1);
	unmake(1);
	assert_int_equal(make(DOMID_INVALID), 1);
	unmake_all();
}

/* Against the plain way, with random comings and goings within the walk. */
static void walks_meet_all_that_stay(void **s)
{
	static bool stays[IDS];

	(void)s;
	srand(7);
	for (unsigned int round = 0; round < 200; round++) {
		struct domain *d;
		unsigned int last = 0, from = (unsigned int)rand() % 2000, met = 0, count = 0;

		for (unsigned int i = 0; i < 50; i++) {
			domid_t id = (domid_t)(rand() % 2000);

			if (made[id])
				unmake(id);
			else
				make(id);
		}
		for (unsigned int i = 0; i < IDS; i++)
			stays[i] = made[i] && i >= from && i % 3;
		for (unsigned int i = 0; i < IDS; i++)
			count += stays[i];
		for (d = domain_from(from); d; d = domain_next(d)) {
			domid_t other = (domid_t)(rand() % 2000 / 3 * 3); /* never one that stays */

			assert_true(d->id >= from && (d->id > last || d->id == from));
			last = d->id;
			met += stays[d->id];
			if (other != d->id && made[other])
				unmake(other);
			else if (!made[other])
				make(other);
		}
		assert_int_equal(met, count);
	}
	unmake_all();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_until_removed),
		cmocka_unit_test(claimed_but_not_there_yet),
		cmocka_unit_test(ids_are_not_reused_soon),
		cmocka_unit_test(walks_meet_all_that_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
