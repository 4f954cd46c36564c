/* SPDX-License-Identifier: BSD-2-Clause */
/* torc info, dmesg, debug-keys: the machine and what its hypervisor says. */
#include "dom0-tools/cli/cli.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "dom0-tools/common/plain.h"

static const char *scheduler_name(uint32_t id)
{
	switch (id) { /* XEN_SCHEDULER_* of xen/domctl.h */
	case 5: return "credit";
	case 6: return "credit2";
	case 7: return "arinc653";
	case 8: return "rtds";
	case 9: return "null";
	default: return "unknown";
	}
}

int cmd_info(struct cli *c, int argc, char **argv)
{
	struct json_object *o;
	struct host_extras x;
	struct why ignored;
	struct host_info i;
	struct utsname u;
	char text[256];
	int rc;

	(void)argv;
	if (argc != 1)
		return cli_usage(c, "it takes no arguments");
	rc = cli_host(c);
	if (!rc)
		rc = host_info(c->host, &i, c->why);
	if (rc)
		return rc;
	uname(&u);
	o = json_object_new_object();
	fact_str(o, "host", u.nodename);
	fact_str(o, "release", u.release);
	fact_str(o, "version", u.version);
	fact_str(o, "machine", u.machine);
	fact_num(o, "nr_cpus", i.cpus);
	fact_num(o, "max_cpu_id", i.max_cpu_id);
	fact_num(o, "nr_nodes", i.nodes);
	fact_num(o, "cores_per_socket", i.cores_per_socket);
	fact_num(o, "threads_per_core", i.threads_per_core);
	snprintf(text, sizeof(text), "%u.%03u", i.cpu_khz / 1000, i.cpu_khz % 1000);
	fact_str(o, "cpu_mhz", text);
	snprintf(text, sizeof(text), "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", i.hw_caps[0],
		 i.hw_caps[1], i.hw_caps[2], i.hw_caps[3], i.hw_caps[4], i.hw_caps[5], i.hw_caps[6],
		 i.hw_caps[7]);
	fact_str(o, "hw_caps", text);
	snprintf(text, sizeof(text), "%s%s%sgnttab-v1%s", i.cap_pv ? "pv " : "",
		 i.cap_hvm ? "hvm " : "", i.cap_shadow ? "shadow " : "",
		 i.cap_gnttab_v2 ? " gnttab-v2" : "");
	fact_str(o, "virt_caps", text);
	fact_num(o, "total_memory", (int64_t)(i.total_pages >> 8));
	fact_num(o, "free_memory", (int64_t)((i.free_pages + i.scrub_pages) >> 8));
	fact_num(o, "outstanding_claims", (int64_t)(i.outstanding_pages >> 8));
	fact_num(o, "xen_major", i.version_major);
	fact_num(o, "xen_minor", i.version_minor);
	fact_str(o, "xen_extra", i.version_extra);
	snprintf(text, sizeof(text), "%u.%u%s", i.version_major, i.version_minor, i.version_extra);
	fact_str(o, "xen_version", text);
	fact_str(o, "xen_caps", i.capabilities);
	fact_bool(o, "pv32", strstr(i.capabilities, "xen-3.0-x86_32p") != NULL);
	if (host_extras(c->host, &x, &ignored) == 0) {
		/* what ring-1 guests cost is switched in with the first and out with the last */
		snprintf(text, sizeof(text),
			 x.domains_32bit ? "in use by %u of %u domains" : "nothing is paid for it",
			 x.domains_32bit, x.domains);
		fact_str(o, "ring1", text);
		fact_num(o, "hypervisor_image_kib", (int64_t)(x.image_bytes >> 10));
		fact_num(o, "hypervisor_kept_kib", (int64_t)(x.ram_pages - x.heap_pages) * 4);
	}
	fact_str(o, "xen_scheduler", scheduler_name(i.scheduler));
	fact_num(o, "xen_pagesize", HOST_PAGE_SIZE);
	snprintf(text, sizeof(text), "virt_start=%#llx", (unsigned long long)i.virt_start);
	fact_str(o, "platform_params", text);
	fact_str(o, "xen_changeset", i.changeset);
	fact_str(o, "xen_commandline", i.command_line);
	fact_str(o, "cc_compiler", i.compiler);
	fact_str(o, "cc_compile_by", i.compile_by);
	fact_str(o, "cc_compile_domain", i.compile_domain);
	fact_str(o, "cc_compile_date", i.compile_date);
	out_facts(c, "info", o);
	return 0;
}

/* Guests' words are in it, too: lines and blanks are what a terminal is told. */
static void print_log(const char *text, size_t len)
{
	for (size_t at = 0, n; at < len; at += n ? n : 1) {
		/* the control domain ends its lines with both */
		if (text[at] == '\r' && at + 1 < len && text[at + 1] == '\n')
			at++;
		n = plain_char(text + at);
		if (n > len - at)
			n = 0;
		if (n)
			fwrite(text + at, 1, n, stdout);
		else
			putchar(strchr("\n\t", text[at]) && text[at] ? text[at] : '?');
	}
}

int cmd_dmesg(struct cli *c, int argc, char **argv)
{
	static const struct option options[] = { { "clear", no_argument, NULL, 'c' },
						 { "follow", no_argument, NULL, 'f' },
						 { 0 } };
	const struct timespec nap = { .tv_nsec = 250000000 };
	bool clear = false, follow = false;
	uint32_t index = 0;
	int o, rc;

	while ((o = getopt_long(argc, argv, "cf", options, NULL)) != -1) {
		if (o == 'c')
			clear = true;
		else if (o == 'f')
			follow = true;
		else
			return cli_bad_option(c, argv);
	}
	if (optind != argc)
		return cli_usage(c, "\"%s\" is too much", argv[optind]);
	rc = cli_host(c);
	if (rc)
		return rc;
	do {
		char *text;
		size_t len;

		rc = host_console_read(c->host, &index, clear, &text, &len, c->why);
		if (rc)
			return rc;
		print_log(text, len);
		free(text);
		clear = false;
		if (follow && (fflush(stdout) || nanosleep(&nap, NULL)))
			break;
	} while (follow);
	return 0;
}

int cmd_debug_keys(struct cli *c, int argc, char **argv)
{
	int rc;

	if (argc != 2)
		return cli_usage(c, "the keys are expected");
	rc = cli_host(c);
	return rc ? rc : host_debug_keys(c->host, argv[1], c->why);
}
