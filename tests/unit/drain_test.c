/* SPDX-License-Identifier: BSD-2-Clause */
/* When a guest that stands still has disks at rest: on a store that is a list of nodes, some of
 * which the guest has written, and which may be away. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xengnttab.h>
#include <xen/io/blkif.h>

#include "dom0-tools/migrated/migrated.h"

#define BACK  "/local/domain/0/backend/qdisk/5/51712/"
#define FRONT "/local/domain/5/device/vbd/51712/"

struct node {
	const char *path, *value;
};
static const struct node connected[] = {
	{ BACK "mode", "w" },
	{ BACK "params", "/srv/web.img" },
	{ FRONT "state", "4" },
	{ FRONT "ring-ref", "8" },
	/* the guest's own words, of which none is to be taken */
	{ FRONT "backend", "/local/domain/5/data" },
	{ "/local/domain/5/data/mode", "w" },
	{ "/local/domain/5/data/params", "/dev/watchdog" },
	{ NULL, NULL },
};
static const struct node *nodes;
static int reads, away_from; /* the read at which the store goes away; 0: it stays */
static char opened[64];
static struct blkif_sring ring;
static struct why why;
static struct cli c = { .why = &why };

static int lost(void)
{
	return away_from && ++reads >= away_from ? -ECONNRESET : 0;
}

int store_read(struct store *s, store_txn_t t, const char *path, char **value, size_t *len)
{
	(void)s, (void)t, (void)len;
	if (lost())
		return -ECONNRESET;
	for (const struct node *n = nodes; n->path; n++)
		if (strcmp(n->path, path) == 0)
			return (*value = strdup(n->value)) ? 0 : -ENOMEM;
	return -ENOENT;
}

int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count)
{
	const struct node *n;
	struct {
		char *names[2], text[8];
	} * l;

	(void)s, (void)t;
	if (lost())
		return -ECONNRESET;
	for (n = nodes; n->path && strncmp(n->path, path, strlen(path)) != 0; n++)
		;
	if (!n->path)
		return -ENOENT;
	l = calloc(1, sizeof(*l));
	strcpy(l->text, "51712");
	l->names[0] = l->text;
	*names = l->names;
	*count = 1;
	return 0;
}

int cli_store_failed(struct cli *cli, const char *doing)
{
	return why_set(cli->why, TE_STORE, "%s", doing);
}

int64_t cli_parse_number(const char *s, int64_t least, int64_t most)
{
	int64_t n = strtol(s, NULL, 10);

	return n < least || n > most ? -1 : n;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger, unsigned int flags)
{
	(void)logger, (void)flags;
	return (void *)&ring;
}

int xengnttab_close(xengnttab_handle *g)
{
	(void)g;
	return 0;
}

void *xengnttab_map_grant_ref(xengnttab_handle *g, uint32_t domid, uint32_t ref, int prot)
{
	(void)g, (void)prot;
	assert_int_equal(domid, 5);
	assert_int_equal(ref, 8);
	return &ring;
}

int xengnttab_unmap(xengnttab_handle *g, void *at, uint32_t count)
{
	(void)g, (void)at, (void)count;
	return 0;
}

int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...)
{
	(void)flags;
	snprintf(opened, sizeof(opened), "%s", path);
	return dup(STDIN_FILENO);
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
	(void)fd;
	return 0;
}

static int setup(void **state)
{
	(void)state;
	nodes = connected;
	reads = away_from = 0;
	opened[0] = 0;
	ring.req_prod = ring.rsp_prod = 3;
	return 0;
}

static int drained(void)
{
	why = (struct why){ 0 };
	return drain_disks(&c, 5, mig_now_ns() + 1000000);
}

static void what_dom0_serves_is_synced(void **state)
{
	(void)state;
	assert_int_equal(drained(), 0);
	assert_string_equal(opened, "/srv/web.img");
}

static void unanswered_requests_are_waited_for(void **state)
{
	(void)state;
	ring.req_prod++;
	assert_int_not_equal(drained(), 0);
	assert_int_equal(why.error, TE_TIMEOUT);
	assert_string_equal(opened, "");
}

static void without_disks_there_is_nothing_to_do(void **state)
{
	static const struct node none[] = { { "/", "" }, { NULL, NULL } };

	(void)state;
	nodes = none;
	assert_int_equal(drained(), 0);
}

/* Whenever it goes away: else the other host's guest would begin while this one's disk is written. */
static void a_store_that_is_away_is_no_rest(void **state)
{
	(void)state;
	away_from = 1000;
	assert_int_equal(drained(), 0);
	for (int last = reads, at = 1; at <= last; at++) {
		reads = 0;
		away_from = at;
		assert_int_not_equal(drained(), 0);
		assert_int_equal(why.error, TE_STORE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(what_dom0_serves_is_synced, setup),
		cmocka_unit_test_setup(unanswered_requests_are_waited_for, setup),
		cmocka_unit_test_setup(without_disks_there_is_nothing_to_do, setup),
		cmocka_unit_test_setup(a_store_that_is_away_is_no_rest, setup),
	};

	return cmocka_run_group_tests_name("drain", tests, NULL, NULL);
}
