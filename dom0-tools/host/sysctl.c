/* SPDX-License-Identifier: BSD-2-Clause */
/* The whole machine: what it has, what runs it, and what the hypervisor has to say. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/version.h>

static int version_op(struct host *h, int cmd, void *out, size_t size)
{
	long rc;

	memset(h->arg, 0, HOST_PAGE_SIZE);
	rc = xencall2(h->call, __HYPERVISOR_xen_version, (uint64_t)cmd, (uintptr_t)h->arg);
	if (out && rc >= 0)
		memcpy(out, h->arg, size);
	return (int)rc;
}

static void text_from(char *to, size_t room, const char *from, size_t size)
{
	size_t n = strnlen(from, size < room ? size : room - 1);

	memcpy(to, from, n);
	to[n] = 0;
}

int host_info(struct host *h, struct host_info *info, struct why *why)
{
	const struct xen_sysctl_physinfo *p = &h->sysctl->u.physinfo;
	struct xen_compile_info compile;
	xen_platform_parameters_t platform = { 0 };
	xen_extraversion_t extra = { 0 };
	xen_capabilities_info_t caps = { 0 };
	xen_changeset_info_t changeset = { 0 };
	xen_commandline_t cmdline = { 0 };
	int rc, version;

	memset(info, 0, sizeof(*info));
	memset(&compile, 0, sizeof(compile));
	sysctl_new(h, XEN_SYSCTL_physinfo);
	rc = sysctl_do(h, "ask about the machine", why);
	if (rc)
		return rc;
	info->cpus = p->nr_cpus;
	info->threads_per_core = p->threads_per_core;
	info->cores_per_socket = p->cores_per_socket;
	info->nodes = p->nr_nodes;
	info->max_cpu_id = p->max_cpu_id;
	info->cpu_khz = p->cpu_khz;
	memcpy(info->hw_caps, p->hw_cap, sizeof(info->hw_caps));
	info->cap_hvm = p->capabilities & XEN_SYSCTL_PHYSCAP_hvm;
	info->cap_pv = p->capabilities & XEN_SYSCTL_PHYSCAP_pv;
	info->cap_shadow = p->capabilities & XEN_SYSCTL_PHYSCAP_shadow;
	info->cap_gnttab_v2 = p->capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2;
	info->total_pages = p->total_pages;
	info->free_pages = p->free_pages;
	info->scrub_pages = p->scrub_pages;
	info->outstanding_pages = p->outstanding_pages;

	version = version_op(h, XENVER_version, NULL, 0);
	if (version < 0)
		return host_refused(why, errno, "cannot ask for the hypervisor's version");
	info->version_major = (unsigned int)version >> 16;
	info->version_minor = (unsigned int)version & 0xffff;
	/* what follows is for people to read: a hypervisor may leave any of it out */
	version_op(h, XENVER_extraversion, extra, sizeof(extra));
	version_op(h, XENVER_capabilities, caps, sizeof(caps));
	version_op(h, XENVER_changeset, changeset, sizeof(changeset));
	version_op(h, XENVER_commandline, cmdline, sizeof(cmdline));
	version_op(h, XENVER_compile_info, &compile, sizeof(compile));
	version_op(h, XENVER_platform_parameters, &platform, sizeof(platform));
	text_from(info->version_extra, sizeof(info->version_extra), extra, sizeof(extra));
	text_from(info->capabilities, sizeof(info->capabilities), caps, sizeof(caps));
	text_from(info->changeset, sizeof(info->changeset), changeset, sizeof(changeset));
	text_from(info->command_line, sizeof(info->command_line), cmdline, sizeof(cmdline));
	text_from(info->compiler, sizeof(info->compiler), compile.compiler,
		  sizeof(compile.compiler));
	text_from(info->compile_by, sizeof(info->compile_by), compile.compile_by,
		  sizeof(compile.compile_by));
	text_from(info->compile_domain, sizeof(info->compile_domain), compile.compile_domain,
		  sizeof(compile.compile_domain));
	text_from(info->compile_date, sizeof(info->compile_date), compile.compile_date,
		  sizeof(compile.compile_date));
	info->virt_start = platform.virt_start;

	sysctl_new(h, XEN_SYSCTL_sched_id);
	if (sysctl_do(h, "ask for the scheduler", why) == 0)
		info->scheduler = h->sysctl->u.sched_id.sched_id;
	return 0;
}

#define CONSOLE_CHUNK 16384u

int host_console_read(struct host *h, uint32_t *index, bool clear, char **text, size_t *len,
		      struct why *why)
{
	char *buf = xencall_alloc_buffer(h->call, CONSOLE_CHUNK);
	char *all = NULL, *grown;
	size_t n = 0;
	int rc = 0;

	*text = NULL;
	*len = 0;
	if (!buf)
		return why_set(why, TE_NO_MEMORY, "no memory for the hypervisor's log");
	for (;;) {
		struct xen_sysctl *s = sysctl_new(h, XEN_SYSCTL_readconsole);
		uint32_t got;

		s->u.readconsole.incremental = 1;
		s->u.readconsole.index = *index;
		s->u.readconsole.count = CONSOLE_CHUNK;
		set_xen_guest_handle(s->u.readconsole.buffer, buf);
		rc = sysctl_do(h, "read the hypervisor's log", why);
		if (rc)
			break;
		got = s->u.readconsole.count;
		if (got > CONSOLE_CHUNK)
			got = CONSOLE_CHUNK;
		*index = s->u.readconsole.index;
		if (got == 0)
			break;
		grown = realloc(all, n + got + 1);
		if (!grown) {
			rc = why_set(why, TE_NO_MEMORY, "no memory for the hypervisor's log");
			break;
		}
		all = grown;
		memcpy(all + n, buf, got);
		n += got;
		all[n] = 0;
	}
	if (!rc && clear) {
		struct xen_sysctl *s = sysctl_new(h, XEN_SYSCTL_readconsole);

		s->u.readconsole.clear = 1;
		s->u.readconsole.count = CONSOLE_CHUNK;
		set_xen_guest_handle(s->u.readconsole.buffer, buf);
		rc = sysctl_do(h, "clear the hypervisor's log", why);
	}
	xencall_free_buffer(h->call, buf);
	if (rc) {
		free(all);
		return rc;
	}
	*text = all ? all : calloc(1, 1);
	*len = n;
	return *text ? 0 : why_set(why, TE_NO_MEMORY, "no memory for the hypervisor's log");
}

int host_cpupool(struct host *h, uint32_t from, struct host_cpupool *pool, struct why *why)
{
	struct xen_sysctl *s = sysctl_new(h, XEN_SYSCTL_cpupool_op);

	memset(h->arg, 0, HOST_PAGE_SIZE);
	s->u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
	s->u.cpupool_op.cpupool_id = from;
	set_xen_guest_handle(s->u.cpupool_op.cpumap.bitmap, (uint8_t *)h->arg);
	s->u.cpupool_op.cpumap.nr_bits = sizeof(pool->map) * 8;
	if (xencall1(h->call, __HYPERVISOR_sysctl, (uintptr_t)s) < 0) {
		if (errno == ENOENT)
			return why_set(why, TE_NO_DEVICE, "there is no cpupool from %u on", from);
		return host_refused(why, errno, "cannot ask about cpupool %u", from);
	}
	*pool = (struct host_cpupool){ .id = s->u.cpupool_op.cpupool_id,
				       .scheduler = s->u.cpupool_op.sched_id,
				       .domains = s->u.cpupool_op.n_dom };
	memcpy(pool->map, h->arg, sizeof(pool->map));
	for (size_t i = 0; i < sizeof(pool->map); i++)
		pool->cpus += (uint32_t)__builtin_popcount(pool->map[i]);
	return 0;
}

int host_debug_keys(struct host *h, const char *keys, struct why *why)
{
	struct xen_sysctl *s = sysctl_new(h, XEN_SYSCTL_debug_keys);
	size_t n = strlen(keys);

	if (n == 0 || n > HOST_PAGE_SIZE)
		return why_set(why, TE_USAGE, "no debug keys given");
	memcpy(h->arg, keys, n);
	set_xen_guest_handle(s->u.debug_keys.keys, (const char *)h->arg);
	s->u.debug_keys.nr_keys = (uint32_t)n;
	return sysctl_do(h, "send debug keys", why);
}
