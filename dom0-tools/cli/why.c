/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * torc why: everything that is known about why a guest is in the state it is in, alive or gone.
 * The record says what torc did, the store how the devices stand, the console log what the
 * guest said last, the hypervisor why it stopped and what it refused.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/common/paths.h"
#include "dom0-tools/common/plain.h"

#define LAST_LINES    12
#define CONSOLE_LINES 40 /* a panic with its trace */
#define TAIL_BYTES    16384

static const char *device_state(const char *s)
{
	static const char *const names[] = { "Unknown",	    "Initialising",  "InitWait",
					     "Initialised", "Connected",     "Closing",
					     "Closed",	    "Reconfiguring", "Reconfigured" };
	int64_t n = s ? cli_parse_number(s, 0, 8) : -1;

	return n < 0 ? "missing" : names[n];
}

static void devices_of(struct cli *c, uint32_t domid, const char *back_kind, const char *kind,
		       struct json_object *rows)
{
	char path[STORE_PATH_MAX], **ids;
	size_t n;

	store_path(path, "/local/domain/0/backend/%s/%u", back_kind, domid);
	if (store_list(c->store, STORE_NO_TXN, path, &ids, &n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		char *back = cli_read(c, "%s/%s/state", path, ids[i]);
		char *front =
			cli_read(c, "/local/domain/%u/device/%s/%s/state", domid, kind, ids[i]);
		char *dev = cli_read(c, "%s/%s/%s", path, ids[i],
				     strcmp(kind, "vbd") == 0 ? "dev" : "mac");
		char *back_error = device_complaint(c, back_kind, domid, ids[i]);
		char *front_error = cli_read(c, "/local/domain/%u/error/device/%s/%s/error", domid,
					     kind, ids[i]);

		fact_str(o, "device", kind);
		fact_str(o, "id", ids[i]);
		fact_str(o, "name", dev);
		fact_str(o, "backend", device_state(back));
		fact_str(o, "frontend", device_state(front));
		fact_str(o, "backend_error", back_error);
		fact_str(o, "frontend_error", front_error);
		json_object_array_add(rows, o);
		free(back);
		free(front);
		free(dev);
		free(back_error);
		free(front_error);
	}
	free(ids);
}

/* The last lines of the guest's console, from our own daemon's log or another's. */
static struct json_object *last_lines(const char *name, char file[PATH_MAX])
{
	struct json_object *lines = json_object_new_array();
	char *text, *p, *end;
	size_t len;

	file[0] = 0;
	for (size_t i = 0; i < 2 && !file[0]; i++) {
		if (i == 0)
			snprintf(file, PATH_MAX, "%s/console/%s.log", path_log(), name);
		else
			snprintf(file, PATH_MAX, "/var/log/xen/console/guest-%s.log", name);
		if (path_read_plain(file, 64 << 20, &text, &len)) {
			file[0] = 0;
			continue;
		}
	}
	if (!file[0])
		return lines;
	p = text + (len > TAIL_BYTES ? len - TAIL_BYTES : 0);
	for (size_t i = (size_t)(p - text); i < len; i++)
		if (!text[i]) /* hides nothing behind it */
			text[i] = '?';
	for (; *p; p = end + (*end != 0)) {
		end = p + strcspn(p, "\n");
		if (end > p && !(end == p + 1 && *p == '\r')) {
			int n = (int)(end - p);

			if (p[n - 1] == '\r')
				n--;
			json_object_array_add(lines, json_object_new_string_len(p, n));
		}
	}
	free(text);
	len = json_object_array_length(lines);
	if (len > CONSOLE_LINES)
		json_object_array_del_idx(lines, 0, len - CONSOLE_LINES);
	return lines;
}

/* Lines of the hypervisor's log that are about this domain. */
static struct json_object *hypervisor_lines(struct cli *c, int64_t domid)
{
	struct json_object *lines = json_object_new_array();
	struct why ignored = { 0 };
	uint32_t index = 0;
	char *text, *p, *end, tag[24], domain[40];
	size_t len, n;

	if (domid < 0 || host_console_read(c->host, &index, false, &text, &len, &ignored))
		return lines;
	n = (size_t)snprintf(tag, sizeof(tag), "d%lld", (long long)domid);
	snprintf(domain, sizeof(domain), "omain %lld", (long long)domid);
	for (p = text; p < text + len; p = end + 1) {
		char *at;

		end = memchr(p, '\n', (size_t)(text + len - p));
		if (!end)
			end = text + len;
		*end = 0;
		if (end > p && end[-1] == '\r') /* what the control domain prints */
			end[-1] = 0;
		at = strstr(p, tag);
		if ((at && (at == p || strchr(" )([", at[-1])) && strchr("v :.,", at[n])) ||
		    ((at = strstr(p, domain)) &&
		     !strchr("0123456789", at[strlen(domain)] ? at[strlen(domain)] : 'x')))
			json_object_array_add(lines, json_object_new_string(p));
	}
	free(text);
	n = json_object_array_length(lines);
	if (n > LAST_LINES)
		json_object_array_del_idx(lines, 0, n - LAST_LINES);
	return lines;
}

/* What the hypervisor refused it, and its last words: from itself while it is there, then from its
 * record. */
static void failed_hypercalls(struct cli *c, bool alive, uint32_t domid, struct json_object *record,
			      struct json_object *o)
{
	struct why why = { 0 };
	struct json_object *list = NULL, *kept;

	if (alive)
		list = record_refusals(c->host, domid, &why);
	if (!list && record && json_object_object_get_ex(record, "refusals", &kept))
		list = json_object_get(kept);
	if (!list && alive)
		fact_str(o, "failed_hypercalls_note",
			 why.error == TE_NOT_OFFERED ? "not offered by this hypervisor" : why.text);
	json_object_object_add(o, "failed_hypercalls", list ? list : json_object_new_array());
}

static const char *field(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v ? json_object_get_string(v) : NULL;
}

/* A line of the output. Guests chose much of it: nothing of that reaches the terminal as an order. */
static void line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void line(const char *fmt, ...)
{
	char *text;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&text, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	plain_text(text, (size_t)n + 1, text);
	puts(text);
	free(text);
}

static void print_refusals(struct json_object *list)
{
	size_t n = list ? json_object_array_length(list) : 0;

	if (n)
		puts("what the hypervisor refused it, and its last words");
	for (size_t i = n > LAST_LINES ? n - LAST_LINES : 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(list, i);
		struct json_object *call = json_object_object_get(e, "hypercall");
		int err = json_object_get_int(json_object_object_get(e, "error"));

		char which[32] = "";

		if (call)
			snprintf(which, sizeof(which), "  hypercall %d", json_object_get_int(call));
		line("    %s s%s%s%s  %s", field(e, "seconds"), which, err ? "  " : "",
		     err ? strerror(err < 0 ? -err : err) : "", field(e, "text"));
	}
}

static void print_lines(const char *title, struct json_object *lines)
{
	if (!json_object_array_length(lines))
		return;
	line("%s", title);
	for (size_t i = 0; i < json_object_array_length(lines); i++)
		line("    %s", json_object_get_string(json_object_array_get_idx(lines, i)));
}

static void print_why(struct json_object *o)
{
	struct json_object *list;
	const char *log = field(o, "console_log");
	char title[PATH_MAX + 64];

	line("%s: %s", field(o, "name"), field(o, "verdict"));
	list = json_object_object_get(o, "events");
	if (list && json_object_array_length(list)) {
		size_t n = json_object_array_length(list);

		puts("what happened");
		for (size_t i = n > 6 ? n - 6 : 0; i < n; i++) {
			struct json_object *e = json_object_array_get_idx(list, i);

			line("    %s  %s%s%s", field(e, "time"), field(e, "event"),
			     field(e, "detail") ? ": " : "",
			     field(e, "detail") ? field(e, "detail") : "");
		}
	}
	list = json_object_object_get(o, "devices");
	if (list && json_object_array_length(list)) {
		puts("devices");
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			struct json_object *d = json_object_array_get_idx(list, i);

			line("    %s %s (%s): backend %s, guest %s%s%s%s%s", field(d, "device"),
			     field(d, "id"), field(d, "name") ? field(d, "name") : "?",
			     field(d, "backend"), field(d, "frontend"),
			     field(d, "backend_error") ? "; backend says: " : "",
			     field(d, "backend_error") ? field(d, "backend_error") : "",
			     field(d, "frontend_error") ? "; guest says: " : "",
			     field(d, "frontend_error") ? field(d, "frontend_error") : "");
		}
	}
	print_refusals(json_object_object_get(o, "failed_hypercalls"));
	print_lines("the hypervisor's log about it", json_object_object_get(o, "hypervisor"));
	if (field(o, "failed_hypercalls_note"))
		line("failed hypercalls: %s", field(o, "failed_hypercalls_note"));
	snprintf(title, sizeof(title), "last lines of its console (%s)", log ? log : "");
	print_lines(title, json_object_object_get(o, "console"));
}

/* One sentence from the facts. */
static void verdict(struct json_object *o, const struct domain_info *d, struct json_object *record)
{
	struct json_object *events = record ? json_object_object_get(record, "events") : NULL,
			   *last = NULL;
	char text[1600];

	if (events && json_object_array_length(events))
		last = json_object_array_get_idx(events, json_object_array_length(events) - 1);
	if (d && d->dying)
		snprintf(text, sizeof(text),
			 "dying: %llu KiB of it are still held by backends or other guests",
			 (unsigned long long)d->pages * 4);
	else if (d && d->shutdown)
		snprintf(text, sizeof(text), "stopped: %s", cli_reason_word(d->reason));
	else if (d && d->paused)
		snprintf(text, sizeof(text),
			 "paused (by \"torc pause\", \"create -p\", or a debugger)");
	else if (d)
		snprintf(text, sizeof(text), "running; it has used %llu.%01llu s of processor time",
			 (unsigned long long)(d->cpu_time_ns / 1000000000),
			 (unsigned long long)(d->cpu_time_ns / 100000000 % 10));
	else if (last)
		snprintf(text, sizeof(text), "not there; %s%s%s", field(last, "event"),
			 field(last, "detail") ? ": " : "",
			 field(last, "detail") ? field(last, "detail") : "");
	else
		snprintf(text, sizeof(text), "not there");
	fact_str(o, "verdict", text);
}

int cmd_why(struct cli *c, int argc, char **argv)
{
	struct json_object *o, *record, *devices, *v;
	struct domain_info info;
	char file[PATH_MAX], *name = NULL;
	uint32_t domid = 0;
	int64_t last_domid = -1;
	bool alive;
	int rc;

	if (argc != 2)
		return cli_usage(c, "which guest?");
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (rc)
		return rc;
	alive = cli_find_domain(c, argv[1], &domid) == 0 &&
		host_domain_info(c->host, domid, &info, c->why) == 0;
	if (alive && cli_domain_name(c, domid, &name))
		name = NULL;
	if (!name)
		name = strdup(argv[1]);
	record = record_load(name);
	if (!alive && !record) {
		free(name);
		return why_hint(c->why,
				why_set(c->why, TE_NO_DOMAIN, "nothing is known of a guest \"%s\"",
					argv[1]),
				"it was not created here under this name");
	}
	o = json_object_new_object();
	fact_str(o, "name", name);
	if (alive)
		last_domid = domid;
	else if ((v = json_object_object_get(record, "domid")))
		last_domid = json_object_get_int64(v);
	if (last_domid >= 0)
		fact_num(o, "domid", last_domid);
	verdict(o, alive ? &info : NULL, record);
	fact_str(o, "state", alive ? cli_state_word(&info) : "gone");
	fact_str(o, "exit_reason", alive && info.shutdown ? cli_reason_word(info.reason) : NULL);
	if (record && (v = json_object_object_get(record, "events")))
		json_object_object_add(o, "events", json_object_get(v));
	if (record && (v = json_object_object_get(record, "loader")))
		json_object_object_add(o, "loader", json_object_get(v));
	devices = json_object_new_array();
	if (alive) {
		devices_of(c, domid, "vbd", "vbd", devices);
		devices_of(c, domid, "qdisk", "vbd", devices);
		devices_of(c, domid, "vif", "vif", devices);
	}
	json_object_object_add(o, "devices", devices);
	failed_hypercalls(c, alive, domid, record, o);
	json_object_object_add(o, "hypervisor", hypervisor_lines(c, last_domid));
	json_object_object_add(o, "console", last_lines(name, file));
	if (file[0])
		fact_str(o, "console_log", file);
	if (c->json)
		out_facts(c, "why", o);
	else {
		print_why(o);
		json_object_put(o);
	}
	json_object_put(record);
	free(name);
	return 0;
}
