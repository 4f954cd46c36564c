/* SPDX-License-Identifier: BSD-2-Clause */
/* torc destroy, pause, unpause, shutdown, reboot, rename, sysrq, trigger. */
#include "dom0-tools/cli/guest.h"
#include "dom0-tools/gdb/gdb.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A guest that crashes at once is made again and again, but not often while one destroy runs. */
#define BACK_TIMES 8
#define GONE_MS	   5000 /* how long frames may stay with backends before we say so */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_gone(struct cli *c, uint32_t domid, struct domain_info *info)
{
	struct why ignored = { 0 };

	return host_domain_info(c->host, domid, info, &ignored) != 0;
}

/*
 * The nodes first, of a guest that does not run any more: the backends let go of its frames then,
 * and the store, which looks for all that a dead domain owns, finds that there is nothing. A mark
 * says whose domain this is meanwhile.
 */
static int end_domain(struct cli *c, uint32_t domid)
{
	struct why *outer = c->why, ignored = { 0 };
	struct domain_info info;
	int mark = -1, nodes, rc;

	c->why = &ignored;
	if (host_domain_info(c->host, domid, &info, &ignored) == 0 && !info.dying) {
		mark = creating_begin(domid, info.uuid);
		host_domain_pause(c->host, domid, &ignored);
	}
	c->why = outer;
	nodes = nodes_remove(c, domid);
	rc = host_domain_destroy(c->host, domid, nodes ? &ignored : c->why);
	if (rc && (nodes ? &ignored : c->why)->error == TE_NO_DOMAIN)
		rc = 0;
	if (rc)
		creating_leave(mark);
	else
		creating_end(mark, domid);
	return nodes ? nodes : rc;
}

int guest_destroy(struct cli *c, uint32_t domid, const char *reason)
{
	struct timespec nap = { .tv_nsec = 200000 };
	struct json_object *record = NULL, *refusals;
	struct domain_info info;
	struct why ignored = { 0 };
	int64_t until;
	char *name;
	int rc;

	if (domid == 0)
		return why_set(c->why, TE_STATE,
			       "domain 0 is the control domain: it is not destroyed from inside");
	name = cli_read(c, "/local/domain/%u/name", domid);
	refusals = record_refusals(c->host, domid, &ignored); /* they go with the domain */
	rc = end_domain(c, domid);
	if (rc && host_domain_info(c->host, domid, &info, &ignored) == 0 && !info.dying) {
		json_object_put(refusals);
		free(name);
		return rc;
	}
	store_release(c->store, domid);
	if (name)
		record = record_load(name);
	if (record) {
		if (refusals)
			json_object_object_add(record, "refusals", json_object_get(refusals));
		record_event(record, "destroyed", reason);
		record_save(name, record, &ignored);
		json_object_put(record);
	}
	json_object_put(refusals);
	free(name);
	for (until = now_ms() + GONE_MS; !is_gone(c, domid, &info); nanosleep(&nap, NULL))
		if (now_ms() > until) {
			cli_note("domain %u is dead, but %llu KiB of it are still held by backends or other guests; "
				 "they are freed when those let go",
				 domid, (unsigned long long)info.pages * 4);
			break;
		}
	return rc;
}

/*
 * A name that no domain has may be that of one that is being made again; the note that says so may
 * have come or gone while it was looked for.
 */
static int find(struct cli *c, const char *word, bool (*absent)(const char *name), uint32_t *domid,
		bool *called_off)
{
	int rc;

	*called_off = false;
	for (unsigned int look = 0; look < 3; look++) {
		rc = cli_find_domain(c, word, domid);
		if (!rc || !absent || c->why->error != TE_NO_DOMAIN)
			return rc;
		*called_off = absent(word);
		if (*called_off)
			return 0;
	}
	return rc;
}

/*
 * fn is told the word as well by which its domain was found. absent, or NULL: of a name that no
 * domain has, false if that is an error.
 */
static int each(struct cli *c, int argc, char **argv,
		int (*fn)(struct cli *c, uint32_t domid, const char *word),
		bool (*absent)(const char *name))
{
	int rc;

	if (argc < 2)
		return cli_usage(c, "which domain?");
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	for (int i = 1; !rc && i < argc; i++) {
		bool called_off;
		uint32_t domid;

		rc = find(c, argv[i], absent, &domid, &called_off);
		if (called_off)
			continue;
		if (!rc)
			rc = fn(c, domid, argv[i]);
	}
	return rc;
}

static bool can_be_remembered(const char *name)
{
	return !strchr(name, '/') && *name != '.';
}

/* Whether a guest that was destroyed has been made again meanwhile: the same one, by its uuid; of
 * one that was gone before we looked at it (NULL) the name says so. What would make it again is
 * called off. */
static bool is_back(struct cli *c, const char *name, const struct domain_info *was, uint32_t *domid)
{
	struct why *outer = c->why, ignored = { 0 };
	struct domain_info info;
	bool called_off, back;

	c->why = &ignored;
	back = find(c, name, supervisor_forget, domid, &called_off) == 0 && !called_off &&
	       host_domain_info(c->host, *domid, &info, &ignored) == 0 &&
	       (!was || memcmp(info.uuid, was->uuid, sizeof(info.uuid)) == 0);
	c->why = outer;
	return back;
}

/*
 * It is gone when it stays gone. A supervisor may be making it again, and have taken the domain's
 * nodes away for that, and the name with them, since we found it by that; or it may have been
 * through with it before we were.
 */
static int destroy_one(struct cli *c, uint32_t domid, const char *word)
{
	char *name = cli_read(c, "/local/domain/%u/name", domid);
	struct why ignored = { 0 };
	struct domain_info was;
	bool known = host_domain_info(c->host, domid, &was, &ignored) == 0, ours;
	unsigned int times = 0;
	int rc;

	if (!name)
		name = strdup(word);
	ours = name && can_be_remembered(name);
	do {
		if (ours)
			supervisor_forget(name);
		rc = guest_destroy(c, domid, "torc destroy");
	} while (!rc && ours && ++times < BACK_TIMES &&
		 is_back(c, name, known ? &was : NULL, &domid));
	free(name);
	return rc;
}

static bool not_again(const char *name)
{
	if (!can_be_remembered(name) || !supervisor_forget(name))
		return false;
	cli_note("%s was about to be started again: that is called off", name);
	return true;
}

static int pause_one(struct cli *c, uint32_t domid, const char *word)
{
	(void)word;
	if (domid == 0)
		return why_set(c->why, TE_STATE,
			       "domain 0 cannot pause itself: nobody could unpause it");
	return host_domain_pause(c->host, domid, c->why);
}

static int unpause_all(struct cli *c, uint32_t domid)
{
	struct domain_info info;
	int rc;

	for (;;) {
		rc = host_domain_info(c->host, domid, &info, c->why);
		if (rc || !info.paused)
			return rc;
		rc = host_domain_unpause(c->host, domid, c->why);
		if (rc)
			return rc;
	}
}

/* Each pause counts; one unpause of an administrator is meant to set it running. */
static int unpause_one(struct cli *c, uint32_t domid, const char *word)
{
	struct domain_info info;
	int rc = host_domain_info(c->host, domid, &info, c->why);

	(void)word;
	if (!rc && info.debugged) {
		rc = gdb_recover(c->host, domid, c->why); /* if its debugger was killed */
		if (rc > 0)
			return unpause_all(c, domid);
	}
	if (!rc && !info.paused)
		return why_set(c->why, TE_STATE, "domain %u is not paused", domid);
	if (!rc)
		rc = host_domain_unpause(c->host, domid, c->why);
	return rc;
}

int cmd_destroy(struct cli *c, int argc, char **argv)
{
	return each(c, argc, argv, destroy_one, not_again);
}

int cmd_pause(struct cli *c, int argc, char **argv)
{
	return each(c, argc, argv, pause_one, NULL);
}

int cmd_unpause(struct cli *c, int argc, char **argv)
{
	return each(c, argc, argv, unpause_one, NULL);
}

static int request(struct cli *c, uint32_t domid, const char *word)
{
	char path[STORE_PATH_MAX], feature[64], *can;
	int rc = 0;

	snprintf(feature, sizeof(feature), "control/feature-%s", word);
	can = cli_read(c, "/local/domain/%u/%s", domid, feature);
	if (!can || strcmp(can, "1") != 0)
		cli_note("domain %u has not said that it reacts to %s requests (yet); \"torc destroy %u\" always works",
			 domid, word, domid);
	free(can);
	store_path(path, "/local/domain/%u/control/shutdown", domid);
	if (store_write(c->store, STORE_NO_TXN, path, word, strlen(word)))
		rc = cli_store_failed(c, "cannot ask the guest");
	return rc;
}

/* Until the domain has stopped or is gone. */
static int wait_down(struct cli *c, uint32_t domid, int64_t until)
{
	struct store_event *e;
	struct domain_info info;

	while (!is_gone(c, domid, &info) && !info.shutdown && !info.dying) {
		int64_t left = until - now_ms();

		if (left <= 0)
			return why_hint(c->why,
					why_set(c->why, TE_TIMEOUT, "domain %u is still running",
						domid),
					"its console may tell why: torc console %u", domid);
		/* the store tells of every domain that stops; look anyway from time to time */
		if (store_next_event(c->store, &e, left < 500 ? (int)left : 500) == 0)
			free(e);
	}
	return 0;
}

/* Off, but still there with all that it has open, and nobody to see to it: when the host goes down. */
static bool left_over(struct cli *c, uint32_t domid)
{
	struct domain_info info;

	return !supervisor_runs() && !is_gone(c, domid, &info) && info.shutdown;
}

/* destroy: whoever is not down by then is ended. */
static int wait_all(struct cli *c, const uint32_t *ids, size_t n, int64_t until, bool destroy)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n; i++) {
		char number[16];

		rc = ids[i] ? wait_down(c, ids[i], until) : 0;
		if (!destroy || !ids[i] ||
		    (rc ? c->why->error != TE_TIMEOUT : !left_over(c, ids[i])))
			continue;
		if (rc)
			cli_note("domain %u is still running: it is destroyed", ids[i]);
		snprintf(number, sizeof(number), "%u", ids[i]);
		rc = destroy_one(c, ids[i], number);
	}
	return rc;
}

/* Of many, one that cannot be asked is no reason not to ask the others. */
static int ask_all(struct cli *c, const uint32_t *ids, size_t n, const char *word)
{
	struct why first = { 0 };
	int rc = 0;

	for (size_t i = 0; i < n; i++)
		if (ids[i] && request(c, ids[i], word) && !rc) {
			first = *c->why;
			rc = -EIO;
		}
	if (rc)
		*c->why = first;
	return rc;
}

static int ask_down(struct cli *c, int argc, char **argv, const char *word)
{
	static const struct option options[] = { { "wait", no_argument, NULL, 'w' },
						 { "all", no_argument, NULL, 'a' },
						 { "destroy", no_argument, NULL, 'd' },
						 { 0 } };
	bool all = false, wait = false, destroy = false, reboots = strcmp(word, "reboot") == 0;
	struct domain_info *list = NULL;
	int64_t seconds = 180;
	uint32_t *ids = NULL;
	size_t n = 0;
	int o, rc;

	while ((o = getopt_long(argc, argv, "wat:F", options, NULL)) != -1) {
		if (o == 'w')
			wait = true;
		else if (o == 'd' && !reboots)
			destroy = wait = true;
		else if (o == 'a')
			all = true;
		else if (o == 't')
			seconds = cli_parse_number(optarg, 1, 86400);
		else if (o != 'F') /* xl's "fall back to the power button" is for HVM */
			return cli_bad_option(c, argv);
	}
	if (seconds < 0)
		return cli_usage(c, "-t takes seconds, 1 to 86400");
	if (all == (optind < argc))
		return cli_usage(c, all ? "-a names every domain already" : "which domain?");
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc && all)
		rc = host_domain_list(c->host, &list, &n, c->why);
	if (!rc && !all)
		n = (size_t)(argc - optind);
	if (!rc) {
		ids = calloc(n ? n : 1, sizeof(*ids));
		if (!ids)
			rc = why_set(c->why, TE_NO_MEMORY, "no memory");
	}
	for (size_t i = 0; !rc && i < n; i++) {
		if (all)
			ids[i] = list[i].domid;
		else
			rc = cli_find_domain(c, argv[(size_t)optind + i], &ids[i]);
	}
	if (!rc && wait)
		store_watch(c->store, "@releaseDomain", "down");
	for (size_t i = 0; !rc && !all && i < n; i++)
		if (!ids[i])
			rc = why_set(c->why, TE_STATE,
				     "domain 0 is the control domain: use dom0's own %s", word);
	if (!rc) {
		rc = ask_all(c, ids, n, word);
		if (wait && (!rc || all))
			rc = wait_all(c, ids, n, now_ms() + seconds * 1000, destroy);
	}
	free(ids);
	free(list);
	return rc;
}

int cmd_shutdown(struct cli *c, int argc, char **argv)
{
	return ask_down(c, argc, argv, "poweroff");
}

int cmd_reboot(struct cli *c, int argc, char **argv)
{
	return ask_down(c, argc, argv, "reboot");
}

int cmd_rename(struct cli *c, int argc, char **argv)
{
	const char *to = argc == 3 ? argv[2] : "";
	uint32_t domid, other;
	bool taken;
	int rc;

	if (argc != 3)
		return cli_usage(c, "a domain and its new name are expected");
	rc = config_name_check(to, c->why);
	if (!rc)
		rc = cli_find_domain(c, argv[1], &domid);
	if (!rc && domid == 0)
		return why_set(c->why, TE_STATE, "domain 0 keeps its name");
	if (!rc)
		rc = cli_name_taken(c, to, &taken, &other);
	if (rc)
		return rc;
	if (taken)
		return why_set(c->why, TE_NAME_TAKEN, "domain %u is named \"%s\" already", other,
			       to);
	return guest_rename(c, domid, to);
}

int cmd_sysrq(struct cli *c, int argc, char **argv)
{
	char path[STORE_PATH_MAX];
	uint32_t domid;
	int rc;

	if (argc != 3 || strlen(argv[2]) != 1)
		return cli_usage(c, "a domain and one letter are expected");
	rc = cli_store(c);
	if (!rc)
		rc = cli_find_domain(c, argv[1], &domid);
	if (rc)
		return rc;
	store_path(path, "/local/domain/%u/control/sysrq", domid);
	if (store_write(c->store, STORE_NO_TXN, path, argv[2], 1))
		return cli_store_failed(c, "cannot send the SysRq");
	return 0;
}

int cmd_trigger(struct cli *c, int argc, char **argv)
{
	/* XEN_DOMCTL_SENDTRIGGER_* */
	static const char *const names[] = { "nmi", "reset", "init", "power", "sleep" };
	int64_t vcpu = argc == 4 ? cli_parse_number(argv[3], 0, 8191) : 0;
	uint32_t domid, i;
	int rc;

	if ((argc != 3 && argc != 4) || vcpu < 0)
		return cli_usage(c, "a domain, a trigger and maybe a vCPU are expected");
	for (i = 0; i < 5 && strcmp(names[i], argv[2]) != 0; i++)
		;
	if (i == 5)
		return cli_usage(c, "there is no trigger \"%s\"", argv[2]);
	rc = cli_find_domain(c, argv[1], &domid);
	return rc ? rc : host_domain_trigger(c->host, domid, i, (uint32_t)vcpu, c->why);
}
