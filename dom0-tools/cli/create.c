/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Making a guest. Everything that can be wrong with files is found before a domain exists; what
 * fails after that takes the domain and all that belongs to it away again. No other program is
 * started, and nothing waits for the guest.
 */
#include "dom0-tools/cli/guest.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dom0-tools/common/paths.h"

#define MAX_EVTCHN_PORT 1023 /* as xl gives PV guests */
#define OVERHEAD_PAGES	512  /* what the hypervisor needs for a domain, roughly */
#define BIG_IMAGE	(32ull << 20)
#define GRUB64		"/usr/lib/grub-xen/grub-x86_64-xen.bin"
#define GRUB32		"/usr/lib/grub-xen/grub-i386-xen.bin"

struct creation {
	struct cli *c;
	struct guest_config config;
	struct build build;
	const struct guest_image *image; /* or NULL */
	struct disk_source disks[CONFIG_MAX_DISKS];
	size_t nr_open; /* disks */
	uint32_t domid;
	bool exists;
	int mark;	   /* by creating_begin() */
	const char *stage; /* for the record: where it failed */
	struct timespec start;
	int percent; /* shown last of a big image; -1: none yet */
};

/* What is being done now, for the record and for torc -v. */
static void stage(struct creation *k, const char *text)
{
	struct timespec now;

	if (k->c->verbose) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		cli_note("%lld us: %s",
			 (long long)(now.tv_sec - k->start.tv_sec) * 1000000 +
				 (now.tv_nsec - k->start.tv_nsec) / 1000,
			 text);
	}
	k->stage = text;
}

/* Of images that take long, on a terminal. */
static void show_build(void *arg, uint64_t done, uint64_t all)
{
	struct creation *k = arg;
	int percent = (int)(done * 100 / (all ? all : 1));

	if (all < BIG_IMAGE || percent == k->percent)
		return;
	k->percent = percent;
	fprintf(stderr, "\rbuilt %3d %%", percent);
}

static void end_show(struct creation *k)
{
	if (k->percent >= 0)
		fputs("\r           \r", stderr);
	k->percent = -1;
}

static void warn(void *arg, const char *text)
{
	(void)arg;
	cli_note("%s", text);
}

/* "grub" and "pygrub" boot the guest's own disk, but nothing of it is read in dom0. */
static int choose_kernel(struct creation *k, const char **kernel)
{
	const struct guest_config *g = &k->config;
	struct why *why = k->c->why;
	const char *base, *key = g->firmware ? "firmware" : "bootloader";
	const char *grub = g->firmware && strcmp(g->firmware, "pvgrub32") == 0 ? GRUB32 : GRUB64;

	*kernel = g->kernel;
	if (!g->firmware && (!g->bootloader || !*g->bootloader))
		return 0;
	if (g->kernel)
		return why_set(why, TE_CONFIG_VALUE, "kernel and %s are both given: which is it?",
			       key);
	base = g->firmware ? "grub" : strrchr(g->bootloader, '/');
	base = g->firmware ? base : base ? base + 1 : g->bootloader;
	if (strcmp(base, "grub") != 0 && strcmp(base, "pygrub") != 0 && strcmp(base, "pvgrub") != 0)
		return why_hint(
			why, why_set(why, TE_UNSUPPORTED, "bootloader: \"%s\"", g->bootloader),
			"\"grub\": GRUB runs inside the guest and reads the guest's disk there");
	if (!g->nr_disks)
		return why_set(why, TE_CONFIG_VALUE, "%s: the guest has no disk to boot from", key);
	if (access(grub, R_OK))
		return why_hint(why, why_set(why, TE_FILE, "%s: %s: %s", key, grub, strerror(errno)),
				"apt install grub-xen-host");
	*kernel = grub;
	return 0;
}

static int prepare(struct creation *k)
{
	struct build_spec spec = { .ramdisk = k->config.ramdisk,
				   .cmdline = k->config.command_line,
				   .nr_pages = k->config.memory << 8,
				   .progress_arg = k };
	int rc;

	if (isatty(STDERR_FILENO))
		spec.progress = show_build;

	if (k->image) {
		k->build.image = (struct image){ .fd = -1, .is_64 = !k->image->is_32bit };
		k->build.spec = spec;
		k->build.spec.kernel = k->config.kernel ? k->config.kernel : "";
		k->build.spec.ramdisk = NULL;
		k->build.spec.cmdline = k->config.command_line ? k->config.command_line : "";
		return 0;
	}
	stage(k, "loading the kernel");
	rc = choose_kernel(k, &spec.kernel);
	if (!rc)
		rc = build_prepare(&k->build, &spec, k->c->why);
	end_show(k);
	return rc;
}

static int has_room(struct cli *c, const struct host_info *info, const char *name, uint64_t pages)
{
	uint64_t need = pages + OVERHEAD_PAGES, free_pages = info->free_pages + info->scrub_pages;

	free_pages -= free_pages < info->outstanding_pages ? free_pages : info->outstanding_pages;
	if (free_pages >= need)
		return 0;
	return why_hint(c->why,
			why_set(c->why, TE_NO_MEMORY,
				"\"%s\" needs %llu MiB, the host has %llu MiB free", name,
				(unsigned long long)(need + 255) >> 8,
				(unsigned long long)free_pages >> 8),
			"lower memory=, or take some from others: torc mem-set");
}

int guest_room(struct cli *c, const char *name, uint64_t pages)
{
	struct host_info info;
	int rc = host_info(c->host, &info, c->why);

	return rc ? rc : has_room(c, &info, name, pages);
}

int guest_name_free(struct cli *c, const struct guest_config *g)
{
	uint32_t other;
	bool taken = false;
	int rc = cli_host(c);

	if (!rc)
		rc = cli_store(c);
	if (!rc)
		rc = guest_elsewhere(g->name, g->uuid, c->why);
	if (!rc)
		rc = cli_name_taken(c, g->name, &taken, &other);
	if (!rc && taken)
		rc = why_set(c->why, TE_NAME_TAKEN, "domain %u is named \"%s\" already", other,
			     g->name);
	return rc;
}

static int check_host(struct creation *k, struct host_info *info)
{
	struct cli *c = k->c;
	int rc;

	stage(k, "asking the host");
	rc = guest_name_free(c, &k->config);
	if (!rc)
		rc = host_info(c->host, info, c->why);
	if (rc)
		return rc;
	rc = has_room(c, info, k->config.name, k->build.spec.nr_pages);
	if (rc)
		return rc;
	if (!k->build.image.is_64 && !strstr(info->capabilities, "xen-3.0-x86_32p"))
		return why_hint(
			c->why,
			why_set(c->why, TE_NOT_OFFERED,
				"%s is a 32-bit kernel, and this hypervisor runs no 32-bit PV guests",
				k->build.spec.kernel),
			"Torc does; see xen_caps in torc info");
	return 0;
}

static int open_devices(struct creation *k)
{
	int rc = 0;

	stage(k, "preparing its devices");
	for (size_t i = 0; !rc && i < k->config.nr_disks; i++) {
		rc = k->image && k->image->hold ?
			     disk_look(&k->config.disks[i], &k->disks[i], k->c->why) :
			     disk_open(&k->config.disks[i], &k->disks[i], k->c->why);
		k->nr_open = i + 1;
	}
	for (size_t i = 0; !rc && i < k->config.nr_vifs; i++)
		rc = nic_check(&k->config.vifs[i], k->c->why);
	return rc;
}

static int set_affinity(struct creation *k, const struct config_cpus *set, bool soft,
			const struct host_info *info)
{
	size_t bytes = info->max_cpu_id / 8 + 1;
	uint8_t map[128];
	int rc = 0;

	if (bytes > sizeof(map))
		bytes = sizeof(map);
	for (uint32_t v = 0; !rc && set->count && v < k->config.maxvcpus; v++) {
		const char *text = set->text[v < set->count ? v : set->count - 1];

		rc = config_cpus_among(text, info->max_cpu_id + 1, map, sizeof(map), k->c->why);
		if (rc)
			return why_prefix(k->c->why, rc, soft ? "cpus_soft: " : "cpus: ");
		rc = host_vcpu_set_affinity(k->c->host, k->domid, v, soft, map, bytes, k->c->why);
	}
	return rc;
}

static int make_domain(struct creation *k, const struct host_info *info)
{
	const struct guest_config *g = &k->config;
	struct domain_create d = {
		.max_vcpus = (uint32_t)g->maxvcpus,
		.max_evtchn_port = g->event_channels ? (uint32_t)g->event_channels : MAX_EVTCHN_PORT,
		.max_grant_frames = g->max_grant_frames ? (int32_t)g->max_grant_frames : -1,
		.max_maptrack_frames = g->max_maptrack_frames ? (int32_t)g->max_maptrack_frames : -1,
		.grant_v2 = info->cap_gnttab_v2,
	};
	struct cli *c = k->c;
	int64_t pool = g->pool ? cli_parse_number(g->pool, 0, 1 << 16) : 0;
	int rc;

	stage(k, "creating the domain");
	if (pool < 0 && strcmp(g->pool, "Pool-0") == 0)
		pool = 0;
	if (pool < 0)
		return why_set(c->why, TE_CONFIG_VALUE, "pool: there is no cpupool \"%s\"", g->pool);
	d.cpupool = (uint32_t)pool;
	memcpy(d.uuid, g->uuid, sizeof(d.uuid));
	rc = host_domain_create(c->host, &d, &k->domid, c->why);
	if (rc)
		return rc;
	k->exists = true;
	k->mark = creating_begin(k->domid, g->uuid);
	if (k->mark < 0)
		return why_hint(c->why,
				why_set(c->why, TE_FILE, "%s/creating/%u cannot be made: %s",
					path_run(), k->domid, strerror(-k->mark)),
				"who is killed while a guest is made could not be cleaned up after");
	if (!k->build.image.is_64)
		rc = host_domain_address_size(c->host, k->domid, 32, c->why);
	if (!rc)
		rc = host_domain_max_vcpus(c->host, k->domid, d.max_vcpus, c->why);
	if (!rc) /* a MiB more than asked: guests' balloons are not exact to the page */
		rc = host_domain_max_mem(c->host, k->domid,
					 ((k->image ? g->maxmem : g->memory) << 10) + 1024, c->why);
	if (!rc)
		rc = host_domain_memory_map(c->host, k->domid, g->maxmem << 10, c->why);
	if (!rc && (g->rtc_timeoffset || g->localtime)) {
		time_t now = time(NULL);
		struct tm tm;

		localtime_r(&now, &tm);
		rc = host_domain_time_offset(c->host, k->domid,
					     (int64_t)g->rtc_timeoffset +
						     (g->localtime ? tm.tm_gmtoff : 0),
					     c->why);
	}
	if (!rc && (g->cpu_weight || g->cap))
		rc = host_domain_sched_set(c->host, k->domid,
					   g->cpu_weight ? (unsigned int)g->cpu_weight : 0xffff,
					   (unsigned int)g->cap, c->why);
	if (!rc)
		rc = set_affinity(k, &g->cpus, false, info);
	if (!rc)
		rc = set_affinity(k, &g->cpus_soft, true, info);
	return rc;
}

static int connect_devices(struct creation *k)
{
	int rc = 0;

	stage(k, "connecting its devices");
	for (size_t i = 0; !rc && i < k->config.nr_vifs; i++)
		rc = nic_plug(k->c, k->domid, &k->config.vifs[i]);
	for (size_t i = 0; !rc && i < k->config.nr_disks; i++)
		rc = disk_wait(k->c, k->domid, &k->config.disks[i], &k->disks[i]);
	return rc;
}

static void remember(struct creation *k, const struct guest_source *from, int rc)
{
	struct json_object *r = record_new(&k->config, from);
	struct why later = { 0 };
	char text[1536];

	if (rc) {
		snprintf(text, sizeof(text), "while %s: %s [%s]", k->stage, k->c->why->text,
			 why_code(k->c->why->error));
		record_event(r, "create failed", text);
	} else {
		struct timespec now;

		clock_gettime(CLOCK_MONOTONIC, &now);
		fact_num(r, "domid", k->domid);
		fact_str(r, "kernel", k->build.spec.kernel);
		fact_str(r, "loader", k->build.image.note[0] ? k->build.image.note : NULL);
		snprintf(text, sizeof(text), "domain %u, %d-bit %s, %llu MiB, in %lld ms", k->domid,
			 k->build.image.is_64 ? 64 : 32,
			 k->build.image.guest_os[0] ? k->build.image.guest_os : "kernel",
			 (unsigned long long)k->config.memory,
			 (long long)(now.tv_sec - k->start.tv_sec) * 1000 +
				 (now.tv_nsec - k->start.tv_nsec) / 1000000);
		record_event(r, "created", text);
	}
	if (record_save(k->config.name, r, &later))
		cli_note("%s", later.text);
	json_object_put(r);
}

/* What a guest that comes from elsewhere can have before its memory, it has: it stands still for
 * the rest. */
static int bring_nodes(struct creation *k, const struct guest_source *from,
		       const struct guest_nodes *nodes)
{
	int rc;

	stage(k, "writing its nodes");
	rc = nodes_create(k->c, nodes);
	if (!rc && nodes->late)
		remember(k, from, 0);
	return rc;
}

static int bring_up(struct creation *k, const struct guest_source *from, bool paused)
{
	bool hold = k->image && k->image->hold;
	struct guest_nodes nodes = { .config = &k->config,
				     .build = &k->build,
				     .disks = k->disks,
				     .hold = hold,
				     .late = hold };
	struct cli *c = k->c;
	struct host_info info;
	int rc;

	rc = check_host(k, &info);
	if (!rc)
		rc = open_devices(k);
	if (!rc)
		rc = make_domain(k, &info);
	if (!rc && k->image && k->image->made)
		rc = k->image->made(k->image->arg, k->domid, c->why);
	nodes.domid = k->domid;
	if (!rc && nodes.late)
		rc = bring_nodes(k, from, &nodes);
	if (rc)
		return rc;
	stage(k, "building the guest");
	rc = k->image ? k->image->fill(k->image->arg, c->host, k->domid,
				       (k->config.maxmem << 8) + 256, &k->build, c->why) :
			build_domain(&k->build, c->host, k->domid, c->why);
	end_show(k);
	if (rc)
		return rc;
	rc = nodes.late ? nodes_complete(c, &nodes) : bring_nodes(k, from, &nodes);
	if (!rc && store_introduce(c->store, k->domid, k->build.store_frame, k->build.store_port))
		rc = cli_store_failed(c, "cannot connect the guest to the store");
	if (!rc && !hold)
		rc = connect_devices(k);
	if (!rc && !paused && !hold) {
		stage(k, "starting it");
		rc = host_domain_unpause(c->host, k->domid, c->why);
	}
	return rc;
}

/* Whatever there is of it goes away again; the first reason stays the one that is told. What does
 * not go keeps its mark. */
static void undo(struct creation *k)
{
	struct why later = { 0 }, *first = k->c->why;

	k->c->why = &later;
	if (k->exists && guest_destroy(k->c, k->domid, "did not come up")) {
		creating_leave(k->mark);
		k->mark = -1;
	}
	k->c->why = first;
}

int guest_create(struct cli *c, const struct guest_source *from, bool paused, bool dry,
		 uint32_t *domid)
{
	struct creation k = { .c = c, .mark = -1, .image = from->image, .percent = -1 };
	int rc;

	clock_gettime(CLOCK_MONOTONIC, &k.start);
	rc = config_load(&k.config, from->path, from->text, strlen(from->text), from->overrides,
			 from->quiet ? NULL : warn, NULL, c->why);
	if (rc)
		return rc;
	rc = prepare(&k);
	if (!rc && k.build.image.note[0] && !from->quiet)
		cli_note("%s: %s", k.build.spec.kernel, k.build.image.note);
	if (!rc && dry) {
		c->json = true;
		out_facts(c, "guest", guest_describe(&k.config, &k.build));
	}
	if (!rc && !dry)
		rc = bring_up(&k, from, paused);
	if (rc)
		undo(&k);
	else if (!dry)
		stage(&k, "done");
	/* a name that another guest has keeps that guest's record; one that was held has its own */
	if (!dry && (rc || !k.image || !k.image->hold) && !(rc && c->why->error == TE_NAME_TAKEN))
		remember(&k, from, rc);
	/* not before: a guest that nobody marks and no record tells of would be nobody's */
	creating_end(k.mark, k.domid);
	for (size_t i = 0; i < k.nr_open; i++)
		disk_close(&k.disks[i]);
	if (!rc)
		*domid = k.domid;
	build_free(&k.build);
	config_free(&k.config);
	return rc;
}
