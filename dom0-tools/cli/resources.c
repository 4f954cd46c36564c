/* SPDX-License-Identifier: BSD-2-Clause */
/* torc vcpu-list, vcpu-pin, vcpu-set, mem-set, mem-max, sched: what a guest may use. */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define CPU_BYTES 128u

/* "0-3,7" from bits; "all" if every one of the host's is there. */
static void cpus_format(const uint8_t *map, uint32_t cpus, char *out, size_t room)
{
	size_t n = 0;
	uint32_t all = 0;

	for (uint32_t i = 0; i < cpus; i++)
		all += map[i / 8] >> i % 8 & 1;
	if (all == cpus) {
		snprintf(out, room, "all");
		return;
	}
	out[0] = 0;
	for (uint32_t i = 0; i < cpus && n < room; i++) {
		uint32_t to = i;

		if (!(map[i / 8] >> i % 8 & 1))
			continue;
		while (to + 1 < cpus && map[(to + 1) / 8] >> (to + 1) % 8 & 1)
			to++;
		n += (size_t)snprintf(out + n, room - n, to > i ? "%s%u-%u" : "%s%u", n ? "," : "",
				      i, to);
		i = to;
	}
}

static int vcpus_of(struct cli *c, const struct domain_info *d, uint32_t cpus,
		    struct json_object *rows)
{
	char *name, hard[128], soft[128], state[4];
	int rc;

	rc = cli_domain_name(c, d->domid, &name);
	for (uint32_t v = 0; !rc && v < d->vcpus_max; v++) {
		uint8_t map[CPU_BYTES] = { 0 };
		struct vcpu_info_row row;
		struct json_object *o;

		rc = host_vcpu_info(c->host, d->domid, v, &row, c->why);
		if (!rc)
			rc = host_vcpu_get_affinity(c->host, d->domid, v, false, map, sizeof(map),
						    c->why);
		if (rc)
			break;
		cpus_format(map, cpus, hard, sizeof(hard));
		memset(map, 0, sizeof(map));
		rc = host_vcpu_get_affinity(c->host, d->domid, v, true, map, sizeof(map), c->why);
		if (rc)
			break;
		cpus_format(map, cpus, soft, sizeof(soft));
		o = json_object_new_object();
		fact_str(o, "name", name);
		fact_num(o, "domid", d->domid);
		fact_num(o, "vcpu", v);
		if (row.online)
			fact_num(o, "cpu", row.cpu);
		snprintf(state, sizeof(state), "%c%c%c", row.running ? 'r' : '-',
			 row.blocked ? 'b' : '-', row.online ? '-' : 'p');
		fact_str(o, "state", state);
		fact_seconds(o, "cpu_seconds", row.cpu_time_ns);
		fact_str(o, "hard", hard);
		fact_str(o, "soft", soft);
		json_object_array_add(rows, o);
	}
	if (!rc || name)
		free(name);
	return rc;
}

int cmd_vcpu_list(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "Name", -32 },
		{ "domid", "ID", 5 },
		{ "vcpu", "VCPU", 5 },
		{ "cpu", "CPU", 5 },
		{ "state", "State", 6 },
		{ "cpu_seconds", "Time(s)", 9 },
		{ "hard", "Hard affinity", -13 },
		{ "soft", "Soft", -4 },
	};
	struct json_object *rows = json_object_new_array();
	struct domain_info *list = NULL;
	struct host_info host = { 0 };
	size_t n = 0;
	int rc;

	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc)
		rc = host_info(c->host, &host, c->why);
	if (!rc && argc == 1)
		rc = host_domain_list(c->host, &list, &n, c->why);
	for (size_t i = 0; !rc && i < n; i++)
		rc = vcpus_of(c, &list[i], host.max_cpu_id + 1, rows);
	for (int i = 1; !rc && i < argc; i++) {
		struct domain_info d;
		uint32_t domid;

		rc = cli_find_domain(c, argv[i], &domid);
		if (!rc)
			rc = host_domain_info(c->host, domid, &d, c->why);
		if (!rc)
			rc = vcpus_of(c, &d, host.max_cpu_id + 1, rows);
	}
	free(list);
	if (rc) {
		json_object_put(rows);
		return rc;
	}
	out_rows(c, "vcpus", rows, columns, sizeof(columns) / sizeof(columns[0]));
	return 0;
}

static int pin(struct cli *c, uint32_t domid, uint32_t vcpu, const char *set, bool soft,
	       uint32_t cpus)
{
	uint8_t map[CPU_BYTES];
	int rc;

	if (strcmp(set, "-") == 0)
		return 0;
	rc = config_cpus_among(set, cpus, map, sizeof(map), c->why);
	return rc ? rc :
		    host_vcpu_set_affinity(c->host, domid, vcpu, soft, map, (cpus + 7) / 8, c->why);
}

int cmd_vcpu_pin(struct cli *c, int argc, char **argv)
{
	uint32_t domid, first, last;
	struct domain_info d;
	struct host_info host;
	int64_t one;
	int rc;

	if (argc != 4 && argc != 5)
		return cli_usage(c, "a domain, a vCPU and a set of processors are expected");
	rc = cli_find_domain(c, argv[1], &domid);
	if (!rc)
		rc = host_domain_info(c->host, domid, &d, c->why);
	if (!rc)
		rc = host_info(c->host, &host, c->why);
	if (rc)
		return rc;
	if (strcmp(argv[2], "all") == 0) {
		first = 0;
		last = d.vcpus_max;
	} else {
		one = cli_parse_number(argv[2], 0, (int64_t)d.vcpus_max - 1);
		if (one < 0)
			return why_hint(c->why,
					why_set(c->why, TE_NO_DEVICE, "domain %u has no vCPU %s",
						domid, argv[2]),
					"0 to %u, or all", d.vcpus_max - 1);
		first = (uint32_t)one;
		last = first + 1;
	}
	for (uint32_t v = first; !rc && v < last; v++) {
		rc = pin(c, domid, v, argv[3], false, host.max_cpu_id + 1);
		if (!rc && argc == 5)
			rc = pin(c, domid, v, argv[4], true, host.max_cpu_id + 1);
	}
	return rc;
}

int cmd_vcpu_set(struct cli *c, int argc, char **argv)
{
	struct domain_info d;
	uint32_t domid;
	int64_t count;
	int rc;

	if (argc != 3)
		return cli_usage(c, "a domain and a count are expected");
	rc = cli_store(c);
	if (!rc)
		rc = cli_find_domain(c, argv[1], &domid);
	if (!rc)
		rc = host_domain_info(c->host, domid, &d, c->why);
	if (rc)
		return rc;
	count = cli_parse_number(argv[2], 1, d.vcpus_max);
	if (count < 0)
		return why_hint(c->why,
				why_set(c->why, TE_CONFIG_VALUE, "domain %u cannot run %s vCPUs",
					domid, argv[2]),
				"1 to %u; maxvcpus= of its config sets the limit", d.vcpus_max);
	for (uint32_t v = 0; v < d.vcpus_max; v++) {
		char path[STORE_PATH_MAX];

		store_path(path, "/local/domain/%u/cpu/%u/availability", domid, v);
		if (store_printf(c->store, STORE_NO_TXN, path, "%s",
				 v < count ? "online" : "offline"))
			return cli_store_failed(c, "cannot tell the guest");
	}
	return 0;
}

/* MiB, or with a unit: 512m, 2g, 524288k. In KiB; -1: none. */
static int64_t parse_size(const char *s)
{
	char number[24];
	size_t n = strspn(s, "0123456789");
	int64_t v;

	if (n == 0 || n >= sizeof(number))
		return -1;
	memcpy(number, s, n);
	number[n] = 0;
	v = cli_parse_number(number, 1, 1ll << 40);
	s += n;
	if (v < 0 || (*s && s[1] && strcasecmp(s + 1, "b") != 0))
		return -1;
	switch (*s) {
	case 'k':
	case 'K': return v;
	case 0:
	case 'm':
	case 'M': return v << 10;
	case 'g':
	case 'G': return v << 20;
	case 't':
	case 'T': return v << 30;
	default: return -1;
	}
}

static int memory_arguments(struct cli *c, int argc, char **argv, uint32_t *domid, int64_t *kib)
{
	int rc;

	if (argc != 3)
		return cli_usage(c, "a domain and a size are expected");
	*kib = parse_size(argv[2]);
	if (*kib < 1024)
		return cli_usage(c, "\"%s\" is not a size of at least a MiB", argv[2]);
	rc = cli_store(c);
	return rc ? rc : cli_find_domain(c, argv[1], domid);
}

/* The control domain's kernel would prepare itself for memory that will never come, with what it
 * has. */
static int host_has(struct cli *c, int64_t kib)
{
	struct host_info info;
	int rc = host_info(c->host, &info, c->why);

	if (rc || (uint64_t)kib >> 2 <= info.total_pages)
		return rc;
	return why_hint(c->why,
			why_set(c->why, TE_CONFIG_VALUE, "the host has %llu MiB, not %lld",
				(unsigned long long)info.total_pages >> 8, (long long)kib >> 10),
			"torc info tells how much of it is free");
}

int cmd_mem_set(struct cli *c, int argc, char **argv)
{
	char path[STORE_PATH_MAX];
	uint64_t most;
	uint32_t domid;
	int64_t kib;
	int rc;

	rc = memory_arguments(c, argc, argv, &domid, &kib);
	if (!rc && !domid)
		rc = host_has(c, kib);
	if (rc)
		return rc;
	store_path(path, "/local/domain/%u/memory/static-max", domid);
	if (domid && store_read_u64(c->store, STORE_NO_TXN, path, &most) == 0 &&
	    (uint64_t)kib > most)
		return why_hint(c->why,
				why_set(c->why, TE_CONFIG_VALUE,
					"domain %u may have %llu MiB at most, not %lld", domid,
					(unsigned long long)most >> 10, (long long)kib >> 10),
				"maxmem= of its config sets the limit at its start");
	/* the limit first when it grows; what a guest gives back it cannot take again */
	rc = host_domain_max_mem(c->host, domid, (uint64_t)kib + 1024, c->why);
	store_path(path, "/local/domain/%u/memory/target", domid);
	if (!rc && store_printf(c->store, STORE_NO_TXN, path, "%lld", (long long)kib))
		rc = cli_store_failed(c, "cannot tell the guest");
	return rc;
}

int cmd_mem_max(struct cli *c, int argc, char **argv)
{
	char path[STORE_PATH_MAX];
	uint32_t domid;
	int64_t kib;
	int rc;

	rc = memory_arguments(c, argc, argv, &domid, &kib);
	if (rc)
		return rc;
	rc = host_domain_max_mem(c->host, domid, (uint64_t)kib + 1024, c->why);
	store_path(path, "/local/domain/%u/memory/static-max", domid);
	if (!rc && store_printf(c->store, STORE_NO_TXN, path, "%lld", (long long)kib))
		rc = cli_store_failed(c, "cannot note the limit");
	return rc;
}

static int sched_of(struct cli *c, uint32_t domid, struct json_object *rows)
{
	unsigned int weight, cap;
	struct json_object *o;
	char *name;
	int rc;

	rc = host_domain_sched_get(c->host, domid, &weight, &cap, c->why);
	if (!rc)
		rc = cli_domain_name(c, domid, &name);
	if (rc)
		return rc;
	o = json_object_new_object();
	fact_str(o, "name", name);
	fact_num(o, "domid", domid);
	fact_num(o, "weight", weight);
	fact_num(o, "cap", cap);
	json_object_array_add(rows, o);
	free(name);
	return 0;
}

int cmd_sched(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "Name", -33 },
		{ "domid", "ID", 5 },
		{ "weight", "Weight", 6 },
		{ "cap", "Cap", 4 },
	};
	int64_t weight = 0xffff, cap = 0xffff;
	struct domain_info *list = NULL;
	struct json_object *rows;
	const char *who = NULL;
	uint32_t domid = 0;
	size_t n = 0;
	int o, rc;

	while ((o = getopt(argc, argv, "d:w:c:")) != -1) {
		if (o == 'd')
			who = optarg;
		else if (o == 'w')
			weight = cli_parse_number(optarg, 1, 65535);
		else if (o == 'c')
			cap = cli_parse_number(optarg, 0, 51200);
		else
			return cli_bad_option(c, argv);
	}
	if (weight < 0 || cap < 0)
		return cli_usage(c, "weights are 1 to 65535, caps 0 to 51200");
	if (!who && optind < argc)
		who = argv[optind++];
	if (optind < argc)
		return cli_usage(c, "\"%s\" is too much", argv[optind]);
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (!rc && who)
		rc = cli_find_domain(c, who, &domid);
	if (!rc && (weight != 0xffff || cap != 0xffff))
		return who ? host_domain_sched_set(c->host, domid, (unsigned int)weight,
						   (unsigned int)cap, c->why) :
			     cli_usage(c, "which domain?");
	if (!rc && !who)
		rc = host_domain_list(c->host, &list, &n, c->why);
	if (rc)
		return rc;
	rows = json_object_new_array();
	if (who)
		rc = sched_of(c, domid, rows);
	for (size_t i = 0; !rc && i < n; i++)
		rc = sched_of(c, list[i].domid, rows);
	free(list);
	if (rc) {
		json_object_put(rows);
		return rc;
	}
	out_rows(c, "schedules", rows, columns, 4);
	return 0;
}

static const char *scheduler_word(uint32_t id)
{
	static const char *const names[] = { "credit", "credit2", "arinc653", "rtds", "null" };

	return id >= 5 && id <= 9 ? names[id - 5] : "unknown"; /* XEN_SCHEDULER_* of xen/domctl.h */
}

int cmd_cpupool_list(struct cli *c, int argc, char **argv)
{
	static const struct column columns[] = {
		{ "name", "Name", -16 },      { "cpus", "CPUs", 4 },
		{ "scheduler", "Sched", -9 }, { "domains", "Domains", 7 },
		{ "cpu_set", "CPU set", -7 },
	};
	struct json_object *rows;
	struct host_cpupool p;
	int rc;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, "it takes no arguments");
	rc = cli_host(c);
	if (!rc)
		rc = cli_store(c);
	if (rc)
		return rc;
	rows = json_object_new_array();
	for (uint32_t from = 0; (rc = host_cpupool(c->host, from, &p, c->why)) == 0;
	     from = p.id + 1) {
		struct json_object *o = json_object_new_object();
		char *name = cli_read(c, "/local/pool/%u/name", p.id), text[160];

		snprintf(text, sizeof(text), "Pool-%u", p.id);
		fact_str(o, "name", name ? name : text);
		fact_num(o, "id", p.id);
		fact_num(o, "cpus", p.cpus);
		fact_str(o, "scheduler", scheduler_word(p.scheduler));
		fact_num(o, "domains", p.domains);
		cpus_format(p.map, CPU_BYTES * 8, text, sizeof(text));
		fact_str(o, "cpu_set", text);
		json_object_array_add(rows, o);
		free(name);
	}
	if (c->why->error != TE_NO_DEVICE) {
		json_object_put(rows);
		return rc;
	}
	out_rows(c, "cpupools", rows, columns, 5);
	return 0;
}
