/* SPDX-License-Identifier: BSD-2-Clause */
/* Attaching and detaching while others do the same: on a store that is a list of nodes, in which
 * somebody else writes at the worst moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/cli/guest.h"

#define NODES 64
#define BACK  "/local/domain/0/backend/"

struct node {
	char path[128], value[64];
};
static struct node nodes[NODES];

/* What somebody else does, and when. */
static void (*at_open)(void), (*at_wait)(void), (*at_commit)(void), (*at_unwatch)(void);
static int wait_fails;
static bool answer_lost;	    /* of a transaction that landed: it is run again */
static unsigned int held, watching; /* looks at what the backend still has; watches */

static int find(const char *path)
{
	for (int i = 0; i < NODES; i++)
		if (strcmp(nodes[i].path, path) == 0)
			return i;
	return -1;
}

static void put(const char *dir, const char *name, const char *value)
{
	char path[128];
	int i;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	i = find(path) < 0 ? find("") : find(path);
	assert_true(i >= 0);
	snprintf(nodes[i].path, sizeof(nodes[i].path), "%s", path);
	snprintf(nodes[i].value, sizeof(nodes[i].value), "%s", value);
}

static const char *get(const char *path)
{
	int i = find(path);

	return i < 0 ? NULL : nodes[i].value;
}

static void rm(const char *dir)
{
	size_t n = strlen(dir);

	for (int i = 0; i < NODES; i++)
		if (strncmp(nodes[i].path, dir, n) == 0 && nodes[i].path[n] == '/')
			nodes[i].path[0] = 0;
}

/* A device of domain 5, from somebody else or from before; both its ends are in this state. */
static void put_device(const char *kind, const char *number, const char *who, const char *state)
{
	char back[96], front[96];

	snprintf(back, sizeof(back), BACK "%s/5/%s", kind, number);
	snprintf(front, sizeof(front), "/local/domain/5/device/%s/%s",
		 strcmp(kind, "vif") ? "vbd" : "vif", number);
	rm(back);
	rm(front);
	put(back, "frontend", front);
	put(back, "who", who);
	put(back, "state", state);
	put(front, "state", state);
}

static void run(void (**fn)(void))
{
	void (*once)(void) = *fn;

	*fn = NULL;
	if (once)
		once();
}

/* --- the store */

#define READ(fmt)                                            \
	do {                                                 \
		char path[STORE_PATH_MAX];                   \
		va_list ap;                                  \
		va_start(ap, fmt);                           \
		vsnprintf(path, sizeof(path), fmt, ap);      \
		va_end(ap);                                  \
		return get(path) ? strdup(get(path)) : NULL; \
	} while (0)

char *cli_read(struct cli *c, const char *fmt, ...)
{
	(void)c;
	READ(fmt);
}

char *node_read(struct cli *c, store_txn_t t, const char *fmt, ...)
{
	(void)c, (void)t;
	READ(fmt);
}

int node_write(struct cli *c, store_txn_t t, const char *dir, const char *name, const char *fmt, ...)
{
	char value[64];
	va_list ap;

	(void)c, (void)t;
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	put(dir, name, value);
	/* the guest follows */
	if (strcmp(name, "state") == 0 && strcmp(value, "5") == 0 &&
	    get("/local/domain/5/device/vbd/51728/state")) {
		put(dir, "state", "6");
		put("/local/domain/5/device/vbd/51728", "state", "6");
	}
	return 0;
}

void node_rm(struct cli *c, store_txn_t t, const char *fmt, ...)
{
	char path[STORE_PATH_MAX];
	va_list ap;

	(void)c, (void)t;
	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	rm(path);
}

int store_rm(struct store *s, store_txn_t t, const char *path)
{
	(void)s, (void)t;
	rm(path);
	return 0;
}

void node_remove_backend(struct cli *c, store_txn_t t, const char *back)
{
	(void)c, (void)t;
	rm(back);
}

/* Somebody else's lands first: what was done on top of what was there before counts for nothing. */
int store_transact(struct store *s, store_txn_fn *fn, void *arg)
{
	struct node before[NODES];
	int rc;

	if (at_commit) {
		memcpy(before, nodes, sizeof(nodes));
		fn(s, 1, arg);
		memcpy(nodes, before, sizeof(nodes));
		run(&at_commit);
	}
	if (answer_lost) {
		answer_lost = false;
		fn(s, 1, arg);
	}
	memcpy(before, nodes, sizeof(nodes));
	rc = fn(s, 2, arg);
	if (rc)
		memcpy(nodes, before, sizeof(nodes));
	return rc;
}

int store_exists(struct store *s, store_txn_t t, const char *path, bool *yes)
{
	(void)s;
	assert_true(t); /* else it says nothing of when the nodes are written */
	*yes = get(path) != NULL;
	return 0;
}

int store_watch(struct store *s, const char *path, const char *token)
{
	(void)s, (void)path, (void)token;
	watching++;
	return 0;
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	(void)s, (void)path, (void)token;
	if (!--watching)
		run(&at_unwatch);
	return 0;
}

int store_next_event(struct store *s, struct store_event **event, int timeout_ms)
{
	(void)s, (void)event, (void)timeout_ms;
	return -EAGAIN;
}

int store_list(struct store *s, store_txn_t t, const char *path, char ***names, size_t *count)
{
	(void)s, (void)t, (void)path, (void)names, (void)count;
	return -ENOENT;
}

/* --- disks and cards */

int disk_open(const struct config_disk *d, struct disk_source *s, struct why *why)
{
	(void)d, (void)why;
	*s = (struct disk_source){ .loop_fd = -1, .user = true };
	run(&at_open);
	return 0;
}

void disk_close(struct disk_source *s)
{
	(void)s;
}

static int device_write(const char *kind, unsigned int number)
{
	char id[16];

	snprintf(id, sizeof(id), "%u", number);
	assert_int_equal(held, 0); /* else two would have it */
	put_device(kind, id, "us", "4");
	return 0;
}

int disk_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
	       const struct disk_source *s, bool hold)
{
	(void)c, (void)t, (void)domid, (void)s, (void)hold;
	return device_write("qdisk", d->number);
}

int nic_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_vif *v, bool hold)
{
	(void)c, (void)t, (void)domid, (void)hold;
	return device_write("vif", (unsigned int)v->devid);
}

static int wait_for_it(struct cli *c)
{
	run(&at_wait);
	return wait_fails ? why_set(c->why, TE_DEVICE, "it says no") : 0;
}

int disk_wait(struct cli *c, uint32_t domid, const struct config_disk *d,
	      const struct disk_source *s)
{
	(void)domid, (void)d, (void)s;
	return wait_for_it(c);
}

int nic_plug(struct cli *c, uint32_t domid, const struct config_vif *v)
{
	(void)domid, (void)v;
	return wait_for_it(c);
}

int nic_check(const struct config_vif *v, struct why *why)
{
	(void)v, (void)why;
	return 0;
}

char *device_complaint(struct cli *c, const char *kind, uint32_t domid, const char *id)
{
	(void)c, (void)kind, (void)domid, (void)id;
	return NULL;
}

bool device_held(const char *kind, uint32_t domid, const char *id)
{
	assert_int_equal(domid, 5);
	assert_true(strcmp(kind, "vif") ? strcmp(id, "51728") == 0 : strlen(id) == 1);
	return held && held--;
}

/* --- the command line */

int host_domain_info(struct host *h, uint32_t domid, struct domain_info *info, struct why *why)
{
	(void)h, (void)why;
	*info = (struct domain_info){ .domid = domid };
	return 0;
}

int cli_store(struct cli *c)
{
	(void)c;
	return 0;
}

int cli_find_domain(struct cli *c, const char *who, uint32_t *domid)
{
	(void)c, (void)who;
	*domid = 5;
	return 0;
}

int64_t cli_parse_number(const char *s, int64_t least, int64_t most)
{
	int64_t n = strtol(s, NULL, 10);

	return n < least || n > most ? -1 : n;
}

int cli_store_failed(struct cli *c, const char *doing)
{
	return why_set(c->why, TE_STORE, "%s", doing);
}

int cli_usage(struct cli *c, const char *fmt, ...)
{
	return why_set(c->why, TE_USAGE, "%s", fmt);
}

int cli_bad_option(struct cli *c, char *const *argv)
{
	(void)argv;
	return why_set(c->why, TE_USAGE, "option");
}

void cli_note(const char *fmt, ...)
{
	fail_msg("%s", fmt);
}

static struct why why;

static int command(int (*cmd)(struct cli *c, int argc, char **argv), const char *first,
		   const char *second, const char *third)
{
	char *argv[] = { (char *)"command", (char *)first, (char *)second, (char *)third, NULL };
	struct cli c = { .why = &why };
	int argc = 1;

	while (argv[argc])
		argc++;
	why = (struct why){ 0 };
	optind = 0;
	return cmd(&c, argc, argv);
}

static int attach(void)
{
	return command(cmd_block_attach, "web", "vdev=xvdb,target=/srv/b.img", NULL);
}

static int set_up(void **state)
{
	(void)state;
	memset(nodes, 0, sizeof(nodes));
	put("/local/domain/5", "vm", "/vm/x");
	at_open = at_wait = at_commit = at_unwatch = NULL;
	wait_fails = 0;
	answer_lost = false;
	held = watching = 0;
	return 0;
}

/* --- the tests */

static void others_disk(void)
{
	put_device("qdisk", "51728", "other", "4");
}

static void others_kernel_disk(void)
{
	put_device("vbd", "51728", "other", "4");
}

static void others_card(void)
{
	put_device("vif", "0", "other", "4");
}

static void is_whose(const char *kind, const char *number, const char *who)
{
	char path[128];

	snprintf(path, sizeof(path), BACK "%s/5/%s/who", kind, number);
	if (!who)
		assert_null(get(path));
	else
		assert_string_equal(get(path) ? get(path) : "nobody", who);
}

static void a_disk_comes_and_goes(void **state)
{
	(void)state;
	assert_int_equal(attach(), 0);
	is_whose("qdisk", "51728", "us");
	assert_int_not_equal(attach(), 0);
	assert_int_equal(command(cmd_block_detach, "web", "xvdb", NULL), 0);
	is_whose("qdisk", "51728", NULL);
	assert_int_equal(attach(), 0);
	assert_int_equal(command(cmd_block_detach, "-f", "web", "xvdb"), 0);
	is_whose("qdisk", "51728", NULL);
}

static void of_two_who_attach_one_does(void **state)
{
	(void)state;
	at_open = others_disk;
	assert_int_not_equal(attach(), 0);
	assert_non_null(strstr(why.text, "has a disk xvdb already"));
	is_whose("qdisk", "51728", "other");
	set_up(state);
	at_commit = others_kernel_disk;
	assert_int_not_equal(attach(), 0);
	is_whose("vbd", "51728", "other");
	is_whose("qdisk", "51728", NULL);
}

static void the_guest_s_end(void)
{
	memset(nodes, 0, sizeof(nodes));
}

static void a_guest_that_is_gone_gets_no_nodes(void **state)
{
	(void)state;
	at_open = the_guest_s_end;
	assert_int_not_equal(attach(), 0);
	assert_int_equal(why.error, TE_NO_DOMAIN);
	is_whose("qdisk", "51728", NULL);
	set_up(state);
	at_commit = the_guest_s_end;
	assert_int_not_equal(command(cmd_network_attach, "web", NULL, NULL), 0);
	assert_int_equal(why.error, TE_NO_DOMAIN);
	is_whose("vif", "0", NULL);
}

static void two_cards_get_two_numbers(void **state)
{
	(void)state;
	at_commit = others_card;
	assert_int_equal(command(cmd_network_attach, "web", NULL, NULL), 0);
	is_whose("vif", "0", "other");
	is_whose("vif", "1", "us");
}

/* The store ended between a transaction and its answer. */
static void what_landed_is_ours(void **state)
{
	(void)state;
	answer_lost = true;
	assert_int_equal(attach(), 0);
	is_whose("qdisk", "51728", "us");
	answer_lost = true;
	assert_int_equal(command(cmd_network_attach, "web", NULL, NULL), 0);
	is_whose("vif", "0", "us");
	is_whose("vif", "1", NULL); /* not a second one */
	answer_lost = true;
	assert_int_equal(command(cmd_block_detach, "web", "xvdb", NULL), 0);
	is_whose("qdisk", "51728", NULL);
}

static void who_fails_removes_its_own(void **state)
{
	(void)state;
	wait_fails = 1;
	assert_int_not_equal(attach(), 0);
	is_whose("qdisk", "51728", NULL);
	at_wait = others_disk;
	assert_int_not_equal(attach(), 0);
	assert_non_null(strstr(why.text, "it says no"));
	is_whose("qdisk", "51728", "other");
}

static void another_s_is_not_taken_for_ours(void **state)
{
	(void)state;
	at_wait = others_disk;
	assert_int_not_equal(attach(), 0);
	assert_non_null(strstr(why.text, "taken away while it was attached"));
	is_whose("qdisk", "51728", "other");
}

static void what_the_guest_was_not_asked_for_stays(void **state)
{
	(void)state;
	put_device("qdisk", "51728", "before", "4");
	at_unwatch = others_disk;
	assert_int_equal(command(cmd_block_detach, "web", "xvdb", NULL), 0);
	is_whose("qdisk", "51728", "other");
}

static void others_new_disk(void)
{
	put_device("qdisk", "51728", "other", "4");
	put(BACK "qdisk/5/51728", "attached", "theirs");
}

/* With force, too; and it is not asked to close either. */
static void what_came_in_its_place_stays(void **state)
{
	(void)state;
	for (int marked = 0; marked < 2; marked++) {
		for (int force = 0; force < 2; force++) {
			put_device("qdisk", "51728", "before", "4");
			if (marked)
				put(BACK "qdisk/5/51728", "attached", "before");
			at_commit = others_new_disk;
			assert_int_equal(force ? command(cmd_block_detach, "-f", "web", "xvdb") :
						 command(cmd_block_detach, "web", "xvdb", NULL),
					 0);
			is_whose("qdisk", "51728", "other");
			assert_string_equal(get(BACK "qdisk/5/51728/state"), "4");
		}
	}
}

static void gone(void)
{
	rm(BACK "qdisk/5/51728");
	rm("/local/domain/5/device/vbd/51728");
}

static void in_use(void)
{
	put_device("qdisk", "51728", "before", "4");
}

static void half_a_device_is_not_made(void **state)
{
	(void)state;
	put_device("qdisk", "51728", "before", "4");
	at_commit = gone;
	assert_int_equal(command(cmd_block_detach, "web", "xvdb", NULL), 0);
	assert_null(get(BACK "qdisk/5/51728/online"));
	assert_null(get(BACK "qdisk/5/51728/state"));
}

static void one_that_is_opened_just_now_stays(void **state)
{
	(void)state;
	put_device("qdisk", "51728", "before", "1");
	at_commit = in_use;
	assert_int_not_equal(command(cmd_block_detach, "web", "xvdb", NULL), 0);
	is_whose("qdisk", "51728", "before");
	at_commit = in_use;
	assert_int_equal(command(cmd_block_detach, "-f", "web", "xvdb"), 0);
	is_whose("qdisk", "51728", NULL);
}

static void a_backend_lets_go_first(void **state)
{
	(void)state;
	held = 3;
	assert_int_equal(attach(), 0);
	held = 3;
	assert_int_equal(command(cmd_block_detach, "-f", "web", "xvdb"), 0);
	assert_int_equal(held, 0);
	held = 1;
	assert_int_equal(command(cmd_network_attach, "web", NULL, NULL), 0);
	is_whose("vif", "0", NULL);
	is_whose("vif", "1", "us");
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		CASE(a_disk_comes_and_goes),
		CASE(of_two_who_attach_one_does),
		CASE(two_cards_get_two_numbers),
		CASE(who_fails_removes_its_own),
		CASE(another_s_is_not_taken_for_ours),
		CASE(what_the_guest_was_not_asked_for_stays),
		CASE(what_came_in_its_place_stays),
		CASE(half_a_device_is_not_made),
		CASE(one_that_is_opened_just_now_stays),
		CASE(a_backend_lets_go_first),
		CASE(a_guest_that_is_gone_gets_no_nodes),
		CASE(what_landed_is_ours),
	};

	return cmocka_run_group_tests_name("attach", tests, NULL, NULL);
}
