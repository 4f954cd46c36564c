/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is remembered of a guest after it is gone: STATE/guests/NAME.json, with the config it
 * was made from and the last events. torc why reads it.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

#define KEEP_EVENTS 64u
#define MOST_RECORD (16u << 20) /* a config of a MiB, and what JSON makes of each of its bytes */

static int file_of(const char *name, char out[PATH_MAX])
{
	/* names have no slash and no dot in front: config.c sees to that, others are refused here */
	if (!*name || *name == '.' || strchr(name, '/'))
		return -EINVAL;
	return snprintf(out, PATH_MAX, "%s/guests/%s.json", path_state(), name) < PATH_MAX ?
		       0 :
		       -ENAMETOOLONG;
}

struct json_object *record_load(const char *name)
{
	struct json_object *o, *events;
	char file[PATH_MAX], *text;

	if (file_of(name, file) || path_read_file(file, MOST_RECORD, &text, NULL))
		return NULL;
	o = json_tokener_parse(text);
	free(text);
	if (o && !json_object_is_type(o, json_type_object)) {
		json_object_put(o);
		o = NULL;
	}
	/* who reads them counts them, and only a list can be counted */
	if (o && json_object_object_get_ex(o, "events", &events) &&
	    !json_object_is_type(events, json_type_array))
		json_object_object_del(o, "events");
	return o;
}

int record_save(const char *name, struct json_object *record, struct why *why)
{
	char file[PATH_MAX], dir[PATH_MAX];
	const char *text =
		json_object_to_json_string_ext(record, JSON_C_TO_STRING_PRETTY |
							       JSON_C_TO_STRING_NOSLASHESCAPE);
	int rc;

	rc = file_of(name, file);
	if (rc)
		return why_set(why, TE_FILE, "no record can be kept of \"%s\"", name);
	snprintf(dir, sizeof(dir), "%s/guests", path_state());
	rc = path_make_dirs(dir);
	if (!rc)
		rc = path_write_file(file, text, strlen(text));
	if (rc)
		return why_set(why, TE_FILE, "cannot keep a record of \"%s\" in %s: %s", name, file,
			       strerror(-rc));
	return 0;
}

struct json_object *record_refusals(struct host *h, uint32_t domid, struct why *why)
{
	struct host_refusal *list;
	struct json_object *a;
	size_t n;

	if (host_domain_refusals(h, domid, &list, &n, why))
		return NULL;
	a = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();

		fact_seconds(o, "seconds", list[i].when_ns);
		fact_num(o, "vcpu", list[i].vcpu);
		if (list[i].hypercall >= 0)
			fact_num(o, "hypercall", list[i].hypercall);
		fact_num(o, "error", list[i].err);
		fact_str(o, "text", list[i].text);
		json_object_array_add(a, o);
	}
	free(list);
	return a;
}

void record_rename(const char *from, const char *to)
{
	struct json_object *o = record_load(from);
	struct why ignored = { 0 };
	char file[PATH_MAX], text[160];

	if (!o)
		return;
	snprintf(text, sizeof(text), "from %s to %s", from, to);
	record_event(o, "renamed", text);
	fact_str(o, "name", to);
	if (record_save(to, o, &ignored) == 0 && file_of(from, file) == 0)
		unlink(file);
	json_object_put(o);
}

struct json_object *record_new(const struct guest_config *g, const struct guest_source *from)
{
	struct json_object *o = json_object_new_object(), *old = record_load(g->name),
			   *events = NULL;
	char uuid[37], whole[PATH_MAX];

	config_uuid_format(uuid, g->uuid);
	fact_str(o, "schema", "torc-record/1");
	fact_str(o, "name", g->name);
	fact_str(o, "uuid", uuid);
	fact_str(o, "config", realpath(from->path, whole) ? whole : from->path);
	fact_str(o, "config_text", from->text);
	fact_str(o, "overrides", from->overrides);
	fact_str(o, "directory", getcwd(whole, sizeof(whole)) ? whole : "/");
	fact_str(o, "on_poweroff", config_action_name(g->on_poweroff));
	fact_str(o, "on_reboot", config_action_name(g->on_reboot));
	fact_str(o, "on_crash", config_action_name(g->on_crash));
	fact_str(o, "on_watchdog", config_action_name(g->on_watchdog));
	if (old)
		json_object_object_get_ex(old, "events", &events);
	else
		events = from->events;
	if (events)
		json_object_object_add(o, "events", json_object_get(events));
	json_object_put(old);
	return o;
}

void record_event(struct json_object *record, const char *what, const char *detail)
{
	struct json_object *events, *e = json_object_new_object();
	struct timespec now;
	char when[40];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &tm);
	fact_str(e, "time", when);
	fact_str(e, "event", what);
	fact_str(e, "detail", detail);
	if (!json_object_object_get_ex(record, "events", &events) ||
	    !json_object_is_type(events, json_type_array)) {
		events = json_object_new_array();
		json_object_object_add(record, "events", events);
	}
	if (json_object_array_length(events) >= KEEP_EVENTS)
		json_object_array_del_idx(events, 0,
					  json_object_array_length(events) - KEEP_EVENTS + 1);
	json_object_array_add(events, e);
}

/*
 * RUN/again/NAME: a guest that is about to go and to be made again, with the name of the record
 * that says how. It is there while neither the old domain nor the new one may be, so that a
 * supervisor killed then is no loss.
 */
void supervisor_again_path(const char *name, char out[PATH_MAX])
{
	snprintf(out, PATH_MAX, "%s/again%s%s", path_run(), name ? "/" : "", name ? name : "");
}

bool supervisor_forget(const char *name)
{
	char path[PATH_MAX];

	supervisor_again_path(name, path);
	return unlink(path) == 0;
}

bool supervisor_remembers(const char *name)
{
	char path[PATH_MAX];

	supervisor_again_path(name, path);
	return access(path, F_OK) == 0;
}
