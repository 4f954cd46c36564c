/* SPDX-License-Identifier: BSD-2-Clause */
/* torc top, claims: how much of the machine each domain uses, now and as it goes on. */
#include "dom0-tools/cli/cli.h"

#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/cli/terminal.h"

struct sample {
	struct domain_info *list;
	size_t count;
	uint64_t at_ns;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int take(struct cli *c, struct sample *s)
{
	s->at_ns = now_ns();
	return host_domain_list(c->host, &s->list, &s->count, c->why);
}

/* Percent of one processor, in tenths, between two samples. */
static int64_t use_of(const struct sample *before, const struct sample *after,
		      const struct domain_info *d)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct domain_info *o = &before->list[i];

		if (o->domid == d->domid && memcmp(o->uuid, d->uuid, sizeof(o->uuid)) == 0 &&
		    d->cpu_time_ns >= o->cpu_time_ns && after->at_ns > before->at_ns)
			return (int64_t)((d->cpu_time_ns - o->cpu_time_ns) * 1000 /
					 (after->at_ns - before->at_ns));
	}
	return 0;
}

static struct json_object *rows_of(struct cli *c, const struct sample *before,
				   const struct sample *after, uint64_t total_pages)
{
	struct json_object *rows = json_object_new_array();

	cli_names_ahead(c, after->list, after->count);
	for (size_t i = 0; i < after->count; i++) {
		const struct domain_info *d = &after->list[i];
		struct json_object *o = json_object_new_object();
		int64_t use = use_of(before, after, d);
		char text[32], letters[7], *name = NULL;

		if (cli_domain_name(c, d->domid, &name))
			name = NULL;
		cli_state_letters(d, letters);
		fact_str(o, "name", name ? name : "");
		fact_num(o, "domid", d->domid);
		fact_str(o, "state", letters);
		fact_seconds(o, "cpu_seconds", d->cpu_time_ns);
		snprintf(text, sizeof(text), "%lld.%lld", (long long)use / 10, (long long)use % 10);
		json_object_object_add(o, "cpu_percent",
				       json_object_new_double_s((double)use / 10, text));
		fact_num(o, "memory_kib", (int64_t)d->pages * 4);
		snprintf(text, sizeof(text), "%.1f",
			 total_pages ? 100.0 * (double)d->pages / (double)total_pages : 0);
		json_object_object_add(o, "memory_percent",
				       json_object_new_double_s(strtod(text, NULL), text));
		fact_num(o, "vcpus", d->vcpus_online);
		json_object_array_add(rows, o);
		free(name);
	}
	return rows;
}

static int by_use(const void *a, const void *b)
{
	struct json_object *const *x = a, *const *y = b;
	double u = json_object_get_double(json_object_object_get(*x, "cpu_percent"));
	double v = json_object_get_double(json_object_object_get(*y, "cpu_percent"));

	return u < v ? 1 : u > v ? -1 : 0;
}

/* Wait; true if the user wants out. */
static bool wait_for_user(int64_t ms, bool keys)
{
	struct pollfd p = { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN };
	char key;

	return poll(&p, 1, (int)ms) > 0 &&
	       (read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 3);
}

int cmd_top(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "NAME", -20 },	   { "domid", "ID", 5 },
		{ "state", "STATE", -6 },	   { "cpu_seconds", "CPU(sec)", 9 },
		{ "cpu_percent", "CPU(%)", 6 },	   { "memory_kib", "MEM(k)", 9 },
		{ "memory_percent", "MEM(%)", 6 }, { "vcpus", "VCPUS", 5 },
	};
	int64_t delay = 3, times = 0;
	struct sample before = { 0 }, after = { 0 };
	struct host_info info;
	bool batch = false, screen;
	int o, rc;

	while ((o = getopt(argc, argv, "bd:n:i:")) != -1) {
		if (o == 'b')
			batch = true;
		else if (o == 'd')
			delay = cli_parse_number(optarg, 1, 3600);
		else if (o == 'n' || o == 'i')
			times = cli_parse_number(optarg, 1, INT32_MAX);
		else
			return cli_bad_option(c, argv);
	}
	if (optind < argc)
		return cli_usage(c, "\"%s\" is too much", argv[optind]);
	if (delay < 0 || times < 0)
		return cli_usage(c, "-d takes seconds, -n a count");
	screen = !batch && !c->json && isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
	if (!screen && !times)
		times = 1;
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc)
		rc = take(c, &before);
	if (rc)
		return rc;
	if (screen)
		terminal_take(TERMINAL_ONE_BY_ONE);
	for (int64_t i = 0; !rc && (!times || i < times); i++) {
		struct json_object *rows;

		if (wait_for_user(i || !screen ? delay * 1000 : 200, screen))
			break;
		rc = host_info(c->host, &info, c->why);
		if (!rc)
			rc = take(c, &after);
		if (rc)
			break;
		rows = rows_of(c, &before, &after, info.total_pages);
		json_object_array_sort(rows, by_use);
		if (screen)
			printf("\033[H\033[Jtorc top: %zu domains; memory %llu MiB, free %llu MiB; %u processors at %u MHz; q leaves\n\n",
			       after.count, (unsigned long long)info.total_pages >> 8,
			       (unsigned long long)(info.free_pages + info.scrub_pages) >> 8,
			       info.cpus, info.cpu_khz / 1000);
		out_rows(c, "top", rows, columns, sizeof(columns) / sizeof(columns[0]));
		fflush(stdout);
		free(before.list);
		before = after;
		after = (struct sample){ 0 };
	}
	terminal_restore();
	free(before.list);
	free(after.list);
	return rc;
}

int cmd_claims(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "Name", -40 },
		{ "domid", "ID", 5 },
		{ "memory_mib", "Mem", 6 },
		{ "claimed_mib", "Claimed", 7 },
	};
	struct json_object *rows;
	struct domain_info *list;
	size_t n;
	int rc;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, "it takes no arguments");
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc)
		rc = host_domain_list(c->host, &list, &n, c->why);
	if (rc)
		return rc;
	rows = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_new_object();
		char *name = NULL;

		if (cli_domain_name(c, list[i].domid, &name))
			name = NULL;
		fact_str(o, "name", name ? name : "");
		fact_num(o, "domid", list[i].domid);
		fact_num(o, "memory_mib", (int64_t)(list[i].pages >> 8));
		fact_num(o, "claimed_mib", (int64_t)(list[i].outstanding_pages >> 8));
		json_object_array_add(rows, o);
		free(name);
	}
	free(list);
	out_rows(c, "claims", rows, columns, 4);
	return 0;
}
