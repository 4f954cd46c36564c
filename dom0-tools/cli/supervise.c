/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supervisor: acts on guests that stopped, as their configs say. It keeps nothing in its
 * own memory: which guests are ours and what they want is in their records, which of them
 * stopped is in the hypervisor. So it may die and be started again at any moment: what is to be
 * made again is noted in RUN/again before its domain goes, and a supervisor that starts looks for
 * such notes.
 *
 * One runs at a time, by a lock on RUN/supervise.lock. torc create starts it when none does
 * (supervisor.c).
 */
#include "dom0-tools/cli/guest.h"

#include <dirent.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/log.h"
#include "dom0-tools/common/paths.h"
#include "dom0-tools/common/ready.h"

#define LOOK_MS	 2000 /* look around even if the store says nothing */
#define RESTARTS 10   /* this often in a row is a loop, ... */
#define LIVED_S	 60   /* ... if none of them lived longer */

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v ? json_object_get_string(v) : NULL;
}

static enum guest_action action_for(struct json_object *record, unsigned int reason)
{
	static const char *const keys[] = { [SHUT_POWEROFF] = "on_poweroff",
					    [SHUT_REBOOT] = "on_reboot",
					    [SHUT_CRASH] = "on_crash",
					    [SHUT_WATCHDOG] = "on_watchdog" };
	const char *key = reason < sizeof(keys) / sizeof(keys[0]) ? keys[reason] : NULL;
	const char *word = key ? text_of(record, key) : NULL;
	enum guest_action a;

	return word && config_action_parse(word, &a) == 0 ? a : ACT_PRESERVE;
}

/*
 * Created more than RESTARTS times, each at most LIVED_S after the one before it? How fast this
 * machine makes guests has no part in it.
 */
static bool restarts_in_a_loop(struct json_object *record)
{
	struct json_object *events = json_object_object_get(record, "events");
	time_t next = time(NULL);
	unsigned int n = 0;

	for (size_t i = events ? json_object_array_length(events) : 0; i-- > 0;) {
		struct json_object *e = json_object_array_get_idx(events, i);
		const char *when = text_of(e, "time"), *what = text_of(e, "event");
		struct tm tm = { 0 };

		if (!when || !what || strcmp(what, "created") != 0 ||
		    !strptime(when, "%Y-%m-%dT%H:%M:%SZ", &tm))
			continue;
		if (next - timegm(&tm) > LIVED_S)
			break;
		next = timegm(&tm);
		n++;
	}
	return n > RESTARTS;
}

/* Of a guest, for the log. */
#define ABOUT(...) (&(struct log_about){ __VA_ARGS__ })

static void note(const char *name, struct json_object *record, const char *what, const char *detail)
{
	struct why ignored = { 0 };

	record_event(record, what, detail);
	record_save(name, record, &ignored);
	log_say(LOG_INFO, ABOUT(.guest = name, .event = what), "%s: %s: %s", name, what, detail);
}

static int make_again(struct cli *c, const char *name, struct json_object *record, uint32_t *domid)
{
	const char *dir = text_of(record, "directory");
	struct guest_source from = { .path = text_of(record, "config"),
				     .text = text_of(record, "config_text"),
				     .quiet = true,
				     .events = json_object_object_get(record, "events") };
	char *lines;
	int rc;

	if (!from.path || !from.text || !text_of(record, "uuid"))
		return why_set(c->why, TE_FILE, "its record does not hold its config");
	/* the same guest again: it keeps its name, if it was renamed, and its uuid, and so its
	 * addresses */
	lines = config_again(text_of(record, "overrides"), name, text_of(record, "uuid"));
	if (!lines)
		return why_set(c->why, TE_NO_MEMORY, "no memory");
	from.overrides = lines;
	if (dir && chdir(dir))
		log_say(LOG_WARNING, NULL, "%s: %m", dir);
	rc = guest_create(c, &from, false, false, domid);
	free(lines);
	return rc;
}

/* Who destroys it by hand meanwhile takes the note away, and has the last word: of two who do,
 * one has taken it. Where no note could be made, nobody took it away. */
static int start_over(struct cli *c, const char *name, struct json_object *record, bool noted)
{
	uint32_t domid;
	int rc;

	if (noted && !supervisor_remembers(name))
		return 0;
	rc = make_again(c, name, record, &domid);
	if (noted && !supervisor_forget(name) && !rc)
		rc = guest_destroy(c, domid, "it was destroyed by hand while it was made again");
	return rc;
}

static void free_name(struct cli *c, const char *name, char to[80])
{
	bool taken = true;
	uint32_t other;

	for (unsigned int i = 1; taken && i < 1000; i++) {
		snprintf(to, 80, "%.60s-%u", name, i);
		if (cli_name_taken(c, to, &taken, &other))
			break;
	}
}

static int let_go(struct cli *c, uint32_t domid)
{
	uint8_t uuid[16];
	int rc = config_uuid_make(uuid, c->why);

	return rc ? rc : nodes_set_aside(c, domid, uuid);
}

/* The dump first: it is what a crash leaves behind, and the guest is gone afterwards. */
static void dump(struct cli *c, const struct domain_info *d, const char *name,
		 struct json_object *record)
{
	struct why *outer = c->why, why = { 0 };
	char file[PATH_MAX], text[PATH_MAX];

	c->why = &why;
	if (guest_dump_path(name, file))
		why_set(&why, TE_FILE, "no directory for dumps: %s", strerror(errno));
	else
		guest_dump(c, d->domid, file, false);
	c->why = outer;
	if (why.error)
		snprintf(text, sizeof(text), "%s", why.text);
	else
		snprintf(text, sizeof(text), "%s", file);
	note(name, record, why.error ? "no core dump" : "dumped", text);
}

/* This domain has been seen to, so that it is not done twice. */
static void handled(const char *name, struct json_object *record, uint32_t domid)
{
	struct why ignored = { 0 };

	fact_num(record, "handled", domid);
	record_save(name, record, &ignored);
}

/* false: there is none. */
static bool again_note(const char *name, const char *record)
{
	char path[PATH_MAX];
	int rc;

	supervisor_again_path(NULL, path);
	rc = path_make_dirs(path);
	supervisor_again_path(name, path);
	if (!rc)
		rc = path_write_file(path, record, strlen(record));
	if (rc)
		log_say(LOG_ERR, ABOUT(.guest = name, .event = "failed"),
			"%s: %s; it is made again all the same, but not if the supervisor ends meanwhile",
			path, strerror(-rc));
	return rc == 0;
}

/* Killed before the old one went: it is seen to from the beginning. */
static void once_more(const char *name, uint32_t domid)
{
	struct json_object *record = record_load(name), *v;
	struct why ignored = { 0 };

	if (record && (v = json_object_object_get(record, "handled")) &&
	    json_object_get_int64(v) == domid) {
		json_object_object_del(record, "handled");
		record_save(name, record, &ignored);
	}
	json_object_put(record);
}

/* Killed after it went, or got its new name. */
static void make_now(struct cli *c, const char *name, const char *old)
{
	struct json_object *record = record_load(old);
	struct domain_info info;
	uint8_t uuid[16];
	uint32_t domid;
	bool there;
	int rc = 0;

	if (!record)
		record = record_load(name);
	if (!record)
		return;
	log_say(LOG_WARNING, ABOUT(.guest = name, .event = "made-late"),
		"%s: the supervisor ended before it was made again: it is made now", name);
	/* the one with the new name may still have what its successor needs */
	if (strcmp(old, name) != 0 && cli_name_taken(c, old, &there, &domid) == 0 && there &&
	    host_domain_info(c->host, domid, &info, c->why) == 0 && text_of(record, "uuid") &&
	    config_uuid_parse(text_of(record, "uuid"), uuid) == 0 &&
	    memcmp(uuid, info.uuid, sizeof(uuid)) == 0)
		rc = let_go(c, domid);
	if (!rc)
		rc = start_over(c, name, record, true);
	if (rc)
		log_say(LOG_ERR, ABOUT(.guest = name, .event = "failed"), "%s: %s", name,
			c->why->text);
	json_object_put(record);
}

/* What a supervisor that was killed left to be done. */
static void go_on(struct cli *c, const char *name)
{
	char path[PATH_MAX], *old = NULL;
	uint32_t domid;
	bool taken;

	supervisor_again_path(name, path);
	if (path_read_file(path, NAME_MAX, &old, NULL)) {
		unlink(path);
		return;
	}
	if (cli_name_taken(c, name, &taken, &domid)) { /* the note stays for the next one */
		log_say(LOG_ERR, ABOUT(.guest = name, .event = "failed"), "%s: %s", name,
			c->why->text);
	} else {
		if (taken)
			once_more(name, domid);
		else
			make_now(c, name, old);
		unlink(path);
	}
	free(old);
}

static void go_on_all(struct cli *c)
{
	char path[PATH_MAX];
	struct dirent *e;
	DIR *d;

	supervisor_again_path(NULL, path);
	d = opendir(path);
	if (!d)
		return;
	while ((e = readdir(d)))
		if (e->d_name[0] != '.')
			go_on(c, e->d_name);
	closedir(d);
}

/* Since it was seen to have stopped. */
static bool ended_by_hand(struct cli *c, const struct domain_info *d)
{
	struct domain_info now;

	return host_domain_info(c->host, d->domid, &now, c->why) != 0 || now.dying ||
	       memcmp(now.uuid, d->uuid, sizeof(now.uuid)) != 0;
}

static void act(struct cli *c, const struct domain_info *d, const char *name,
		struct json_object *record)
{
	const char *reason = cli_reason_word(d->reason);
	enum guest_action a = action_for(record, d->reason);
	bool again = a == ACT_RESTART || a == ACT_RENAME_RESTART || a == ACT_COREDUMP_RESTART;
	bool noted = false;
	char text[128], aside[80];
	int rc = 0;

	if (again && restarts_in_a_loop(record)) {
		a = ACT_PRESERVE;
		again = false;
		log_say(LOG_WARNING, ABOUT(.guest = name, .domid = d->domid, .event = "loop"),
			"%s: stopped %d times in a row within a minute of its start: it is left as it is",
			name, RESTARTS + 1);
	}
	snprintf(text, sizeof(text), "%s; to do: %s", reason, config_action_name(a));
	note(name, record, "stopped", text);
	if (a == ACT_COREDUMP_DESTROY || a == ACT_COREDUMP_RESTART)
		dump(c, d, name, record);
	/* the note first: whatever is done after it can be taken up from it */
	snprintf(aside, sizeof(aside), "%s", name);
	if (a == ACT_RENAME_RESTART)
		free_name(c, name, aside);
	if (again)
		noted = again_note(name, aside);
	if (ended_by_hand(c, d)) {
		supervisor_forget(name);
		return;
	}
	if (a == ACT_PRESERVE || a == ACT_SOFT_RESET || a == ACT_RENAME_RESTART)
		handled(name, record, d->domid);
	if (a == ACT_PRESERVE || a == ACT_SOFT_RESET)
		return;
	if (a == ACT_RENAME_RESTART) {
		rc = guest_rename(c, d->domid, aside);
		if (!rc)
			rc = let_go(c, d->domid);
	} else {
		rc = guest_destroy(c, d->domid, reason);
	}
	if (rc)
		handled(name, record, d->domid);
	if (!rc && again)
		rc = start_over(c, name, record, noted);
	else if (again)
		supervisor_forget(name);
	if (rc)
		log_say(LOG_ERR, ABOUT(.guest = name, .domid = d->domid, .event = "failed"),
			"%s: %s: %s", name, config_action_name(a), c->why->text);
}

static bool alive(const struct domain_info *list, size_t n, uint32_t domid)
{
	size_t low = 0, high = n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (list[mid].domid == domid)
			return true;
		if (list[mid].domid < domid)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/*
 * Whoever ends a guest may be killed between its domain and its nodes. Ours alone are swept away:
 * those of which the record says that this very domain was made from it.
 */
static void sweep(struct cli *c)
{
	struct domain_info *list;
	char **ids;
	size_t n, count;

	/* the store first: a domain that comes meanwhile is in the second list only */
	if (store_list(c->store, STORE_NO_TXN, "/local/domain", &ids, &count))
		return;
	if (host_domain_list(c->host, &list, &n, c->why)) {
		free(ids);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		int64_t id = cli_parse_number(ids[i], 1, HOST_FIRST_RESERVED - 1);
		struct json_object *record, *v;
		char *name;

		if (id < 0 || alive(list, n, (uint32_t)id))
			continue;
		name = cli_read(c, "/local/domain/%u/name", (unsigned int)id);
		record = name ? record_load(name) : NULL;
		if (record && (v = json_object_object_get(record, "domid")) &&
		    json_object_get_int64(v) == id) {
			log_say(LOG_WARNING,
				ABOUT(.guest = name, .domid = (uint32_t)id, .event = "swept"),
				"%s: its domain %u is gone, its nodes were left: they are removed",
				name, (unsigned int)id);
			if (nodes_remove(c, (uint32_t)id))
				log_say(LOG_ERR, ABOUT(.guest = name, .event = "failed"), "%s: %s",
					name, c->why->text);
		}
		json_object_put(record);
		free(name);
	}
	free(list);
	free(ids);
}

static void look(struct cli *c)
{
	struct domain_info *list;
	size_t n;

	if (host_domain_list(c->host, &list, &n, c->why)) {
		log_say(LOG_ERR, NULL, "%s", c->why->text);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *record, *v;
		char *name;

		if (!list[i].shutdown || list[i].dying || list[i].domid == 0 ||
		    list[i].reason == SHUT_SUSPEND)
			continue;
		name = cli_read(c, "/local/domain/%u/name", list[i].domid);
		record = name ? record_load(name) : NULL;
		/* ours, this very domain of that name, and not seen to before */
		if (record && (v = json_object_object_get(record, "domid")) &&
		    json_object_get_int64(v) == list[i].domid &&
		    !((v = json_object_object_get(record, "handled")) &&
		      json_object_get_int64(v) == list[i].domid))
			act(c, &list[i], name, record);
		json_object_put(record);
		free(name);
	}
	free(list);
}

int cmd_supervise(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "foreground", no_argument, NULL, 'f' },
						 { "on-request", no_argument, NULL, 'r' },
						 { 0 } };
	bool foreground = false, on_request = false, swept = true;
	struct store_event *e;
	int o, rc;

	while ((o = getopt_long(argc, argv, "f", options, NULL)) != -1) {
		if (o != 'f' && o != 'r')
			return cli_usage(c, "unknown option");
		foreground |= o == 'f';
		on_request |= o == 'r';
	}
	if (optind != argc)
		return cli_usage(c, "\"%s\" is too much", argv[optind]);
	if (on_request) {
		log_start("torc-supervise");
		return supervisor_on_request(STDIN_FILENO);
	}
	prctl(PR_SET_NAME, "torc-supervise"); /* as it is to be found by */
	/* where it would end at once, in the background, who calls it is told */
	rc = foreground ? 0 : cli_host(c);
	if (rc)
		return rc;
	host_close(&c->host);
	/* fork first: neither the lock nor the doors may be a parent's */
	if (!foreground && daemon(0, 0) < 0)
		return why_set(c->why, TE_INTERNAL, "no background: %s", strerror(errno));
	log_start("torc-supervise");
	if (supervisor_lock(foreground) < 0)
		return errno == EWOULDBLOCK ?
			       why_set(c->why, TE_STATE, "a supervisor is running already") :
			       why_set(c->why, TE_FILE, "%s/supervise.lock: %s", path_run(),
				       strerror(errno));
	ready_tell();
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc && store_watch(c->store, "@releaseDomain", "stopped"))
		rc = cli_store_failed(c, "cannot watch");
	if (rc) {
		log_say(LOG_ERR, NULL, "%s", c->why->text);
		return rc;
	}
	creating_clean_up(c);
	saving_clean_up(c);
	dumping_clean_up(c);
	sweep(c);
	go_on_all(c);
	for (;;) {
		look(c);
		creating_clean_up(c);
		saving_clean_up(c);
		dumping_clean_up(c);
		if (store_next_event(c->store, &e, LOOK_MS) == 0) {
			free(e);
			swept = false;
		} else if (!swept) { /* in a quiet moment: whoever ends guests is done with that */
			sweep(c);
			swept = true;
		}
	}
}
