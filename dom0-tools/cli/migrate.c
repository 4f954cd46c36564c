/* SPDX-License-Identifier: BSD-2-Clause */
/* torc migrate: asks torc-migrated to move a guest, and shows how that goes. Ended before the guest
 * is handed over, it stays. */
#include "dom0-tools/cli/cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"
#include "dom0-tools/migrated/protocol.h"
#include "migration/handover.h"
#include "migration/lanes.h"

/* Its row in subcommands.tbl says so too. */
subcommand_fn cmd_migrate;

struct watching {
	struct cli *c;
	bool terminal, shown, check, over;
};

/* "50ms", "60s", "2m", or seconds. In ns; -1: it is none. */
static int64_t parse_time(const char *s)
{
	static const struct {
		const char *unit;
		double ns;
	} units[] = { { "ms", 1e6 }, { "s", 1e9 }, { "m", 6e10 }, { "", 1e9 } };
	char *end;
	double n = strtod(s, &end);

	for (size_t i = 0; end != s && n >= 0 && n < 1e6 && i < sizeof(units) / sizeof(units[0]);
	     i++)
		if (strcmp(end, units[i].unit) == 0)
			return (int64_t)(n * units[i].ns);
	return -1;
}

/* "100M": bytes a second. -1: it is none. */
static int64_t parse_rate(const char *s)
{
	static const char units[] = "KMG";
	const char *unit;
	char *end;
	long long n = strtoll(s, &end, 10);

	if (end == s || n <= 0 || n > 1 << 30)
		return -1;
	if (!*end)
		return n;
	unit = strchr(units, *end);
	return unit && !end[1] ? n << (10 * (unit - units + 1)) : -1;
}

static const char *text_of(struct json_object *o, const char *key)
{
	struct json_object *v = json_object_object_get(o, key);

	return v && json_object_is_type(v, json_type_string) ? json_object_get_string(v) : "";
}

static double num(struct json_object *o, const char *key)
{
	return json_object_get_double(json_object_object_get(o, key));
}

static void reason(struct json_object *o, struct why *why)
{
	const char *code = text_of(o, "code"), *hint = text_of(o, "hint");
	int e;

	for (e = TE_NONE + 1; e < TE_COUNT && strcmp(code, why_code(e)) != 0; e++)
		;
	why_set(why, e < TE_COUNT ? e : TE_INTERNAL, "%s", text_of(o, "text"));
	why->hint[0] = 0;
	if (*hint)
		why_hint(why, 0, "%s", hint);
}

static void clear_line(struct watching *w)
{
	if (w->shown)
		fputs("\r\033[K", stderr);
	w->shown = false;
}

static void show_progress(struct watching *w, struct json_object *o)
{
	double pause = num(o, "predicted_pause_seconds");

	if (!w->terminal)
		return;
	fprintf(stderr, "\r\033[Kround %.0f%s: %.0f of %.0f MiB", num(o, "round"),
		json_object_get_boolean(json_object_object_get(o, "last")) ? ", the last" : "",
		num(o, "pages_sent") / 256, num(o, "pages_all") / 256);
	if (num(o, "bytes_per_s") > 0)
		fprintf(stderr, ", %.1f MiB/s", num(o, "bytes_per_s") / 1048576);
	if (num(o, "dirty_pages_per_s") > 0)
		fprintf(stderr, ", written %.1f MiB/s", num(o, "dirty_pages_per_s") / 256);
	if (pause > 0)
		fprintf(stderr, ", pause then %.0f ms", pause * 1000);
	w->shown = true;
}

static void show_state(struct watching *w, const char *state)
{
	if (!w->terminal)
		return;
	clear_line(w);
	if (strcmp(state, "SUSPENDED") == 0)
		fputs("it stands still", stderr);
	else if (strcmp(state, "HANDED") == 0)
		fputs("it is the other host's", stderr);
	else
		return;
	w->shown = true;
}

static int done(struct watching *w, struct json_object *o)
{
	double predicted = num(o, "predicted_pause_seconds");

	w->over = true;
	if (w->c->json)
		return 0;
	if (w->check) {
		puts("nothing is missing there");
		return 0;
	}
	printf("%s runs on %s: %.2f s in all, paused for %.0f ms", text_of(o, "guest"),
	       text_of(o, "host"), num(o, "total_seconds"), num(o, "pause_seconds") * 1000);
	if (predicted > 0)
		printf(" (predicted %.0f)", predicted * 1000);
	printf(", %.1f MiB in %.0f round%s\n", num(o, "bytes") / 1048576, num(o, "rounds"),
	       num(o, "rounds") > 1 ? "s" : "");
	return 0;
}

static int take(struct watching *w, struct json_object *o)
{
	const char *event = text_of(o, "event");

	if (w->c->json) {
		out_json(stdout, o, JSON_C_TO_STRING_PLAIN);
		fflush(stdout);
	} else if (strcmp(event, "progress") == 0) {
		show_progress(w, o);
		return 0;
	} else if (strcmp(event, "state") == 0) {
		show_state(w, text_of(o, "state"));
		return 0;
	}
	if (strcmp(event, "done") == 0 || strcmp(event, "error") == 0)
		clear_line(w);
	if (strcmp(event, "done") == 0)
		return done(w, o);
	if (strcmp(event, "error") == 0) {
		w->over = true;
		reason(o, w->c->why);
		return -EIO;
	}
	if (strcmp(event, "refused") == 0) { /* the last of them comes as the error again */
		if (w->c->why->error && !w->c->json)
			why_print(stderr, w->c->why);
		reason(o, w->c->why);
	}
	return 0;
}

static int open_daemon(struct cli *c, int *fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", path_run(), MIGRATED_SOCKET);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd >= 0 && connect(*fd, (struct sockaddr *)&a, sizeof(a)) == 0)
		return 0;
	why_set(c->why, TE_STATE, "torc-migrated is not reachable at %s: %s", a.sun_path,
		strerror(errno));
	if (*fd >= 0)
		close(*fd);
	return why_hint(c->why, -EIO, "start torc-migrated, on both hosts");
}

static int watch(struct watching *w, FILE *f)
{
	struct json_object *o;
	char *line = NULL;
	size_t room = 0;
	int rc = 0;

	while (!w->over && getline(&line, &room, f) > 0) {
		o = json_tokener_parse(line);
		if (o)
			rc = take(w, o);
		json_object_put(o);
	}
	free(line);
	if (w->over)
		return rc;
	clear_line(w);
	return why_hint(
		w->c->why, why_set(w->c->why, TE_STATE, "torc-migrated has ended meanwhile"),
		"it goes on from its records when it is started again: torc migrate --status");
}

static int move(struct watching *w, struct json_object *request)
{
	const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
	int fd, rc = open_daemon(w->c, &fd);
	FILE *f;

	if (rc)
		return rc;
	f = fdopen(fd, "r+");
	if (!f || fprintf(f, "%s\n", text) < 0 || fflush(f))
		rc = why_set(w->c->why, TE_STATE, "torc-migrated does not listen: %s",
			     strerror(errno));
	else
		rc = watch(w, f);
	if (f)
		fclose(f);
	else
		close(fd);
	return rc;
}

static int add_status(void *arg, const struct handover_record *r)
{
	struct json_object *o = json_object_new_object();
	char text[512], *tell;

	handover_explain(r, text, sizeof(text));
	tell = strstr(text, handover_state_name(r->state));
	tell = tell ? strstr(tell, ": ") : NULL;
	fact_str(o, "guest", r->guest);
	fact_str(o, "host", r->peer);
	fact_str(o, "state", handover_state_name(r->state));
	fact_str(o, "means", tell ? tell + 2 : text);
	json_object_array_add(arg, o);
	return 0;
}

static int status(struct cli *c)
{
	static const struct column columns[] = {
		{ "guest", "Guest", -20 },
		{ "host", "Other host", -16 },
		{ "state", "State", -9 },
		{ "means", "", -1 },
	};
	struct json_object *rows = json_object_new_array();
	char dir[PATH_MAX];
	int rc;

	snprintf(dir, sizeof(dir), "%s/%s", path_state(), MIGRATED_RECORDS);
	/* one that cannot be read is an error, and hides no other */
	rc = handover_each(dir, add_status, rows, c->why);
	out_rows(c, "migrations", rows, columns, sizeof(columns) / sizeof(columns[0]));
	return rc;
}

int cmd_migrate(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = {
		{ "check", no_argument, NULL, 'c' },
		{ "non-live", no_argument, NULL, 'n' },
		{ "downtime", required_argument, NULL, 'd' },
		{ "deadline", required_argument, NULL, 't' },
		{ "on-deadline", required_argument, NULL, 'o' },
		{ "bandwidth", required_argument, NULL, 'b' },
		{ "lanes", required_argument, NULL, 'l' },
		{ "status", no_argument, NULL, 's' },
		{ 0 },
	};
	struct watching w = { .c = c, .terminal = isatty(STDERR_FILENO) && !c->json };
	struct json_object *request = json_object_new_object();
	bool live = true, ask_status = false;
	int64_t n = 0;
	int o = 0, rc, at = 0;

	while (n >= 0 && (o = getopt_long(argc, argv, "", options, &at)) != -1) {
		switch (o) {
		case 'c': w.check = true; break;
		case 'n': live = false; break;
		case 's': ask_status = true; break;
		case 'd': fact_num(request, "downtime_ns", n = parse_time(optarg)); break;
		case 't': fact_num(request, "deadline_ns", n = parse_time(optarg)); break;
		case 'b': fact_num(request, "max_bytes_per_s", n = parse_rate(optarg)); break;
		case 'l':
			fact_num(request, "lanes", n = cli_parse_number(optarg, 0, LANES_MOST));
			break;
		case 'o':
			fact_str(request, "on_deadline", optarg);
			n = strcmp(optarg, "abort") && strcmp(optarg, "force") &&
					    strcmp(optarg, "throttle") ?
				    -1 :
				    0;
			break;
		default: n = -1;
		}
	}
	if (o == '?') {
		rc = cli_bad_option(c, argv);
	} else if (n < 0) {
		rc = cli_usage(c, "\"%s\" is no value for --%s", optarg, options[at].name);
	} else if (argc - optind != (ask_status ? 0 : 2)) {
		rc = cli_usage(c, ask_status ? "--status names no domain" :
					       "a domain and a host are expected");
	} else if (ask_status) {
		rc = status(c);
	} else {
		fact_str(request, "what", w.check ? "check" : "move");
		fact_str(request, "guest", argv[optind]);
		fact_str(request, "host", argv[optind + 1]);
		fact_bool(request, "live", live);
		rc = move(&w, request);
	}
	json_object_put(request);
	return rc;
}
