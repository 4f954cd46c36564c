/* SPDX-License-Identifier: BSD-2-Clause */
/* Who has which image and which name, as guests come and go: on a store that is a list of nodes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/cli/guest.h"

#define NODES 160

static struct {
	char path[128], value[128];
} nodes[NODES];

static int find(const char *path)
{
	for (int i = 0; i < NODES; i++)
		if (strcmp(nodes[i].path, path) == 0)
			return i;
	return -1;
}

static void put(const char *path, const char *value)
{
	int i = find(path) < 0 ? find("") : find(path);

	assert_true(i >= 0);
	/* what the store takes in a path */
	assert_int_equal(strspn(path, "/-_@0123456789abcdefghijklmnopqrstuvwxyz"), strlen(path));
	snprintf(nodes[i].path, sizeof(nodes[i].path), "%s", path);
	snprintf(nodes[i].value, sizeof(nodes[i].value), "%s", value);
}

static bool below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncmp(path, dir, n) == 0 && path[n] == '/';
}

/* --- what claim.c asks of others */

static char *value_at(const char *fmt, va_list ap)
{
	char path[STORE_PATH_MAX];
	int i;

	vsnprintf(path, sizeof(path), fmt, ap);
	i = find(path);
	return i < 0 ? NULL : strdup(nodes[i].value);
}

char *cli_read(struct cli *c, const char *fmt, ...)
{
	va_list ap;
	char *v;

	(void)c;
	va_start(ap, fmt);
	v = value_at(fmt, ap);
	va_end(ap);
	return v;
}

char *node_read(struct cli *c, store_txn_t t, const char *fmt, ...)
{
	va_list ap;
	char *v;

	(void)c, (void)t;
	va_start(ap, fmt);
	v = value_at(fmt, ap);
	va_end(ap);
	return v;
}

int node_write(struct cli *c, store_txn_t t, const char *dir, const char *name, const char *fmt, ...)
{
	char path[STORE_PATH_MAX], value[4096];
	va_list ap;

	(void)c, (void)t;
	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	put(dir, ""); /* what is above it comes by itself */
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	put(path, value);
	return 0;
}

int node_put(struct cli *c, store_txn_t t, const char *path, const char *value, size_t len)
{
	(void)c, (void)t;
	assert_int_equal(strlen(value), len);
	put(path, value);
	return 0;
}

int node_perms(struct cli *c, store_txn_t t, const char *path, uint32_t owner, uint32_t reader)
{
	(void)c, (void)t, (void)path, (void)owner, (void)reader;
	return 0;
}

int node_dir(struct cli *c, store_txn_t t, const char *path, uint32_t owner, uint32_t reader)
{
	(void)c, (void)t, (void)owner, (void)reader;
	put(path, "");
	return 0;
}

/* the guests here have none */
int disk_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_disk *d,
	       const struct disk_source *s, bool hold)
{
	(void)c, (void)t, (void)domid, (void)d, (void)s, (void)hold;
	return -ENOSYS;
}

int nic_write(struct cli *c, store_txn_t t, uint32_t domid, const struct config_vif *v, bool hold)
{
	(void)c, (void)t, (void)domid, (void)v, (void)hold;
	return -ENOSYS;
}

int host_domain_set_uuid(struct host *h, uint32_t domid, const uint8_t uuid[16], struct why *why)
{
	(void)h, (void)domid, (void)uuid, (void)why;
	return -ENOSYS;
}

void node_rm(struct cli *c, store_txn_t t, const char *fmt, ...)
{
	char path[STORE_PATH_MAX];
	va_list ap;

	(void)c, (void)t;
	va_start(ap, fmt);
	vsnprintf(path, sizeof(path), fmt, ap);
	va_end(ap);
	for (int i = 0; i < NODES; i++)
		if (strcmp(nodes[i].path, path) == 0 || below(nodes[i].path, path))
			nodes[i].path[0] = 0;
}

int node_list(struct cli *c, store_txn_t t, const char *path, char ***names, size_t *count)
{
	(void)c, (void)t;
	if (find(path) < 0)
		return -ENOENT;
	*names = calloc(NODES, sizeof(**names));
	*count = 0;
	for (int i = 0; i < NODES; i++)
		if (below(nodes[i].path, path))
			(*names)[(*count)++] = nodes[i].path + strlen(path) + 1;
	return 0;
}

static bool answer_lost; /* of a transaction that landed: it is run again */

int node_transact(struct cli *c, store_txn_fn *fn, void *arg, const char *doing)
{
	int rc;

	(void)doing;
	if (answer_lost && (rc = fn(c->store, STORE_NO_TXN, arg)))
		return rc;
	answer_lost = false;
	return fn(c->store, STORE_NO_TXN, arg);
}

int64_t cli_parse_number(const char *s, int64_t least, int64_t most)
{
	long long n = strtoll(s, NULL, 10);

	return n < least || n > most ? -1 : n;
}

void cli_name_node(const char *name, char out[256])
{
	snprintf(out, 256, "%s", name);
}

static unsigned int records; /* that were renamed */

void record_rename(const char *from, const char *to)
{
	assert_string_not_equal(from, to);
	records++;
}

/* --- guests and disks */

static struct why why;
static struct cli c = { .why = &why };
static struct disk_source image = { .dev = 0xfe00, .inode = 0x123 };

static void back_of(unsigned int domid, unsigned int number, char back[64])
{
	snprintf(back, 64, "/local/domain/0/backend/vbd/%u/%u", domid, number);
}

static int takes(unsigned int domid, unsigned int number, bool writable)
{
	struct config_disk d = { .vdev = (char[]){ "xvda" },
				 .target = (char[]){ "/srv/a.img" },
				 .number = number,
				 .writable = writable };
	char path[64], back[64];

	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	put(path, "guest");
	back_of(domid, number, back);
	return claim_disk(&c, STORE_NO_TXN, domid, &d, &image, back);
}

static void lets_go(unsigned int domid, unsigned int number)
{
	char back[64];

	back_of(domid, number, back);
	claim_drop(&c, STORE_NO_TXN, back);
	node_rm(&c, STORE_NO_TXN, "%s", back);
}

static int set_up(void **state)
{
	(void)state;
	memset(nodes, 0, sizeof(nodes));
	put("/torc/disks", "");
	return 0;
}

/* --- the tests */

static void a_writer_is_alone(void **state)
{
	(void)state;
	assert_int_equal(takes(5, 51712, true), 0);
	assert_int_equal(takes(6, 51712, true), -EBUSY);
	assert_non_null(strstr(why.text, "/srv/a.img is in use by guest \"guest\" for writing"));
	assert_int_equal(takes(6, 51712, false), -EBUSY);
	lets_go(5, 51712);
	assert_int_equal(takes(6, 51712, false), 0);
}

static void the_last_of_several_readers_keeps_writers_out(void **state)
{
	(void)state;
	assert_int_equal(takes(5, 51712, false), 0);
	assert_int_equal(takes(6, 51712, false), 0);
	lets_go(5, 51712);
	assert_int_equal(takes(7, 51712, true), -EBUSY);
	assert_int_equal(takes(5, 51712, false), 0);
	lets_go(6, 51712);
	assert_int_equal(takes(7, 51712, true), -EBUSY);
	lets_go(5, 51712);
	assert_int_equal(takes(7, 51712, true), 0);
}

/* A guest may have it twice, and give one of the two back. */
static void another_device_of_the_same_guest_counts(void **state)
{
	(void)state;
	assert_int_equal(takes(5, 51712, true), 0);
	assert_int_equal(takes(5, 51728, true), 0);
	lets_go(5, 51728);
	assert_int_equal(takes(6, 51712, true), -EBUSY);
}

static void the_dead_have_nothing(void **state)
{
	(void)state;
	assert_int_equal(takes(5, 51712, true), 0);
	node_rm(&c, STORE_NO_TXN, "/local/domain/5");
	node_rm(&c, STORE_NO_TXN, "/local/domain/5/name");
	assert_int_equal(takes(6, 51712, true), 0);
}

static void nothing_is_left(void **state)
{
	(void)state;
	assert_int_equal(takes(5, 51712, false), 0);
	assert_int_equal(takes(6, 51712, false), 0);
	lets_go(5, 51712);
	lets_go(6, 51712);
	for (int i = 0; i < NODES; i++)
		assert_false(below(nodes[i].path, "/torc/disks"));
}

static void a_guest(unsigned int domid, const char *name)
{
	char path[64], vm[64], number[16];

	snprintf(vm, sizeof(vm), "/vm/uuid-%u", domid);
	snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
	put(path, vm);
	snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
	put(path, name);
	strcat(vm, "/name");
	put(vm, name);
	snprintf(path, sizeof(path), "/torc/names/%s", name);
	snprintf(number, sizeof(number), "%u", domid);
	put(path, number);
}

static const char *at(const char *path)
{
	return find(path) < 0 ? "" : nodes[find(path)].value;
}

/* Both were told that it is free before either began. */
static void of_two_who_take_a_name_one_has_it(void **state)
{
	(void)state;
	a_guest(5, "web");
	a_guest(6, "mail");
	records = 0;
	assert_int_equal(guest_rename(&c, 5, "www"), 0);
	assert_int_equal(guest_rename(&c, 6, "www"), -EEXIST);
	assert_non_null(strstr(why.text, "domain 5 is named \"www\" already"));
	assert_string_equal(at("/torc/names/www"), "5");
	assert_string_equal(at("/torc/names/mail"), "6");
	assert_string_equal(at("/local/domain/6/name"), "mail");
	assert_string_equal(at("/local/domain/5/name"), "www");
	assert_string_equal(at("/vm/uuid-5/name"), "www");
	assert_int_equal(find("/torc/names/web"), -1);
	assert_int_equal(records, 1);
}

static void a_new_name_that_landed_is_kept(void **state)
{
	(void)state;
	a_guest(5, "web");
	answer_lost = true;
	assert_int_equal(guest_rename(&c, 5, "www"), 0);
	assert_string_equal(at("/torc/names/www"), "5");
	assert_int_equal(find("/torc/names/web"), -1);
}

static int make(uint32_t domid, const char *name, const char *uuid)
{
	struct guest_config config = { .name = (char *)(uintptr_t)name, .vcpus = 1, .maxvcpus = 1 };
	struct build build = { .spec = { .kernel = "vmlinuz", .cmdline = "" } };
	struct guest_nodes g = { .config = &config, .build = &build, .domid = domid };

	assert_int_equal(config_uuid_parse(uuid, config.uuid), 0);
	return nodes_create(&c, &g);
}

static void a_guest_that_landed_is_not_another(void **state)
{
	static const char one[] = "11111111-2222-3333-4444-555555555555",
			  two[] = "11111111-2222-3333-4444-666666666666";

	(void)state;
	answer_lost = true;
	assert_int_equal(make(5, "web", one), 0);
	assert_string_equal(at("/local/domain/5/name"), "web");
	answer_lost = true;
	assert_int_equal(make(6, "mail", one), -EEXIST); /* but this is */
	assert_non_null(strstr(why.text, "guest \"web\" has the uuid"));
	assert_int_equal(make(6, "web", two), -EEXIST);
	assert_int_equal(make(6, "mail", two), 0);
}

static void a_name_of_the_dead_is_free(void **state)
{
	(void)state;
	a_guest(5, "web");
	put("/torc/names/www", "4");
	assert_int_equal(guest_rename(&c, 5, "www"), 0);
	put("/torc/names/www", "7"); /* another's by now */
	put("/local/domain/7/name", "www");
	assert_int_equal(guest_rename(&c, 5, "web"), 0);
	assert_string_equal(at("/torc/names/www"), "7");
	assert_string_equal(at("/torc/names/web"), "5");
}

static void a_guest_that_is_gone_has_no_node_again(void **state)
{
	(void)state;
	assert_int_not_equal(guest_rename(&c, 5, "www"), 0);
	assert_int_equal(why.error, TE_NO_DOMAIN);
	assert_int_equal(find("/local/domain/5/name"), -1);
	assert_int_equal(find("/torc/names/www"), -1);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup(f, set_up)
	const struct CMUnitTest tests[] = {
		CASE(a_writer_is_alone),
		CASE(the_last_of_several_readers_keeps_writers_out),
		CASE(another_device_of_the_same_guest_counts),
		CASE(the_dead_have_nothing),
		CASE(nothing_is_left),
		CASE(of_two_who_take_a_name_one_has_it),
		CASE(a_new_name_that_landed_is_kept),
		CASE(a_guest_that_landed_is_not_another),
		CASE(a_name_of_the_dead_is_free),
		CASE(a_guest_that_is_gone_has_no_node_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
