/* SPDX-License-Identifier: BSD-2-Clause */
/* torc list, vm-list, domid, domname, uptime: which domains there are. */
#include "dom0-tools/cli/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dom0-tools/config/config.h"

static void note_zombie(struct cli *c, const struct domain_info *d, const char *name,
			struct json_object *o)
{
	struct why ignored;
	uint64_t held = d->pages;
	char text[160];

	host_domain_held(c->host, d->domid, &held, &ignored);
	snprintf(text, sizeof(text),
		 "dead; %llu KiB of it are still held by backends or other guests",
		 (unsigned long long)held * 4);
	fact_str(o, "note", text);
	if (!c->json)
		cli_note("domain %u (%s) is %s", d->domid, *name ? name : "no name left", text);
}

static int describe(struct cli *c, const struct domain_info *d, struct json_object **out)
{
	struct json_object *o;
	char letters[7], uuid[37], *name;
	int rc;

	rc = cli_domain_name(c, d->domid, &name);
	if (rc)
		return rc;
	o = json_object_new_object();
	cli_state_letters(d, letters);
	config_uuid_format(uuid, d->uuid);
	fact_str(o, "name", name);
	fact_num(o, "domid", d->domid);
	fact_str(o, "uuid", uuid);
	fact_num(o, "memory_mib", (int64_t)((d->pages + d->outstanding_pages) >> 8));
	if (c->json) { /* no table shows these, and with many guests they add up */
		fact_num(o, "max_memory_mib", (int64_t)(d->max_pages >> 8));
		fact_num(o, "pages", (int64_t)d->pages);
	}
	fact_num(o, "vcpus", d->vcpus_online);
	if (c->json)
		fact_num(o, "max_vcpus", d->vcpus_max);
	fact_str(o, "state", letters);
	if (c->json) {
		fact_str(o, "state_word", cli_state_word(d));
		fact_str(o, "shutdown_reason", d->shutdown ? cli_reason_word(d->reason) : NULL);
	}
	fact_seconds(o, "cpu_seconds", d->cpu_time_ns);
	if (c->json) {
		fact_str(o, "type", d->hvm ? "hvm" : "pv");
		fact_num(o, "cpupool", d->cpupool);
	}
	if (d->dying) /* a zombie: somebody still holds frames of it */
		note_zombie(c, d, name, o);
	free(name);
	*out = o;
	return 0;
}

static int gather(struct cli *c, char **who, size_t count, struct json_object *rows)
{
	struct domain_info *list;
	size_t n;
	int rc;

	rc = host_domain_list(c->host, &list, &n, c->why);
	if (rc)
		return rc;
	if (!count)
		cli_names_ahead(c, list, n);
	for (size_t i = 0; !rc && i < (count ? count : n); i++) {
		struct json_object *o = NULL;
		struct domain_info *d = NULL;
		uint32_t domid;

		if (count) {
			rc = cli_find_domain(c, who[i], &domid);
			for (size_t j = 0; !rc && j < n; j++)
				if (list[j].domid == domid)
					d = &list[j];
			if (!rc && !d)
				rc = why_set(c->why, TE_NO_DOMAIN, "domain %s has just gone",
					     who[i]);
		} else {
			d = &list[i];
		}
		if (!rc)
			rc = describe(c, d, &o);
		if (!rc)
			json_object_array_add(rows, o);
	}
	free(list);
	return rc;
}

int cmd_list(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "Name", -40 }, { "domid", "ID", 5 },	   { "memory_mib", "Mem", 5 },
		{ "vcpus", "VCPUs", 5 }, { "state", "State", -8 }, { "cpu_seconds", "Time(s)", 9 },
	};
	static const struct option options[] = { { "long", no_argument, NULL, 'l' }, { 0 } };
	struct json_object *rows;
	int o, rc;

	while ((o = getopt_long(argc, argv, "lv", options, NULL)) != -1) {
		if (o == 'l')
			c->json = true;
		else if (o != 'v')
			return cli_bad_option(c, argv);
	}
	rc = cli_host(c);
	if (rc)
		return rc;
	rows = json_object_new_array();
	rc = gather(c, argv + optind, (size_t)(argc - optind), rows);
	if (rc) {
		json_object_put(rows);
		return rc;
	}
	out_rows(c, "domains", rows, columns, sizeof(columns) / sizeof(columns[0]));
	return 0;
}

int cmd_vm_list(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "uuid", "UUID", -36 },
		{ "domid", "ID", 5 },
		{ "name", "Name", -20 },
	};
	struct json_object *rows;
	int rc;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, "it takes no arguments");
	rc = cli_host(c);
	if (rc)
		return rc;
	rows = json_object_new_array();
	rc = gather(c, NULL, 0, rows);
	if (rc) {
		json_object_put(rows);
		return rc;
	}
	out_rows(c, "domains", rows, columns, 3);
	return 0;
}

int cmd_domid(struct cli *c, int argc, char **argv)
{
	uint32_t domid;
	int rc;

	if (argc != 2)
		return cli_usage(c, "one name is expected");
	rc = cli_find_domain(c, argv[1], &domid);
	if (!rc)
		printf("%u\n", domid);
	return rc;
}

int cmd_domname(struct cli *c, int argc, char **argv)
{
	uint32_t domid;
	char *name;
	int rc;

	if (argc != 2 || cli_parse_number(argv[1], 0, HOST_FIRST_RESERVED - 1) < 0)
		return cli_usage(c, "the number of a domain is expected");
	rc = cli_find_domain(c, argv[1], &domid);
	if (!rc)
		rc = cli_domain_name(c, domid, &name);
	if (rc)
		return rc;
	puts(name);
	free(name);
	return 0;
}

static int uptime_of(struct cli *c, uint32_t domid, struct json_object *rows)
{
	struct json_object *o = json_object_new_object();
	struct timespec now;
	double started = 0, up = 0;
	char *name = NULL, *vm, *text, shown[64];

	clock_gettime(CLOCK_BOOTTIME, &now);
	up = (double)now.tv_sec;
	if (domid) {
		clock_gettime(CLOCK_REALTIME, &now);
		vm = cli_read(c, "/local/domain/%u/vm", domid);
		text = vm ? cli_read(c, "%s/start_time", vm) : NULL;
		started = text ? strtod(text, NULL) : 0;
		up = started ? (double)now.tv_sec - started : 0;
		free(text);
		free(vm);
	}
	if (cli_domain_name(c, domid, &name))
		name = NULL;
	snprintf(shown, sizeof(shown), "%lld:%02lld:%02lld", (long long)up / 3600,
		 (long long)up / 60 % 60, (long long)up % 60);
	fact_str(o, "name", name ? name : "");
	fact_num(o, "domid", domid);
	fact_num(o, "seconds", (int64_t)up);
	fact_str(o, "uptime", shown);
	json_object_array_add(rows, o);
	free(name);
	return 0;
}

int cmd_uptime(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "Name", -33 },
		{ "domid", "ID", 3 },
		{ "uptime", "Uptime", -10 },
	};
	struct json_object *rows = json_object_new_array();
	struct domain_info *list = NULL;
	size_t n = 0;
	int rc;

	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc && argc == 1) {
		rc = host_domain_list(c->host, &list, &n, c->why);
		if (!rc)
			cli_names_ahead(c, list, n);
		for (size_t i = 0; !rc && i < n; i++)
			rc = uptime_of(c, list[i].domid, rows);
		free(list);
	}
	for (int i = 1; !rc && i < argc; i++) {
		uint32_t domid;

		rc = cli_find_domain(c, argv[i], &domid);
		if (!rc)
			rc = uptime_of(c, domid, rows);
	}
	if (rc) {
		json_object_put(rows);
		return rc;
	}
	out_rows(c, "uptimes", rows, columns, 3);
	return 0;
}
