/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening and closing the door, and making domctl and sysctl calls through it. */
#include "dom0-tools/host/priv.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void log_swallow(struct xentoollog_logger *l, xentoollog_level level, int err,
			const char *context, const char *format, va_list ap)
{
	(void)l, (void)level, (void)err, (void)context, (void)format, (void)ap;
}

static void log_progress(struct xentoollog_logger *l, const char *context, const char *what,
			 int percent, unsigned long done, unsigned long total)
{
	(void)l, (void)context, (void)what, (void)percent, (void)done, (void)total;
}

static void log_destroy(struct xentoollog_logger *l)
{
	(void)l;
}

int host_refused(struct why *why, int err, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	switch (err) {
	case ENOSYS:
	case EOPNOTSUPP:
		return why_set(why, TE_NOT_OFFERED, "%s: this hypervisor does not offer it (%s)",
			       text, strerror(err));
	case EPERM:
	case EACCES:
		return why_set(why, TE_NO_RIGHTS, "%s: not permitted (%s)", text, strerror(err));
	case ENOMEM: return why_set(why, TE_NO_MEMORY, "%s: the hypervisor is out of memory", text);
	case ESRCH: return why_set(why, TE_NO_DOMAIN, "%s: there is no such domain", text);
	default: return why_set(why, TE_HYPERVISOR, "%s: %s (errno %d)", text, strerror(err), err);
	}
}

static int refused_to_open(struct why *why, int err)
{
	if (err == EACCES || err == EPERM)
		return why_hint(why,
				why_set(why, TE_NO_RIGHTS, "no right to open /dev/xen/privcmd: %s",
					strerror(err)),
				"torc controls the whole machine: run it as root");
	return why_hint(why,
			why_set(why, TE_NO_HOST,
				"this system is not a control domain: /dev/xen/privcmd: %s",
				strerror(err)),
			"boot Torc, load the module xen-privcmd, and run torc in its first domain");
}

int host_open(struct host **out, struct why *why)
{
	struct host *h = calloc(1, sizeof(*h));
	int rc;

	*out = NULL;
	if (!h)
		return why_set(why, TE_NO_MEMORY, "no memory");
	h->log = (xentoollog_logger){ log_swallow, log_progress, log_destroy };
	errno = ENODEV;
	h->call = xencall_open(&h->log, 0);
	if (!h->call) {
		rc = refused_to_open(why, errno);
		goto fail;
	}
	h->mem = xenforeignmemory_open(&h->log, 0);
	if (!h->mem) {
		rc = refused_to_open(why, errno);
		goto fail;
	}
	h->domctl = xencall_alloc_buffer(h->call, sizeof(*h->domctl));
	h->sysctl = xencall_alloc_buffer(h->call, sizeof(*h->sysctl));
	h->arg = xencall_alloc_buffer_pages(h->call, 1);
	if (!h->domctl || !h->sysctl || !h->arg) {
		rc = why_set(why, TE_NO_MEMORY, "no memory for hypercall buffers: %s",
			     strerror(errno));
		goto fail;
	}
	*out = h;
	return 0;
fail:
	host_close(&h);
	return rc;
}

void host_close(struct host **hp)
{
	struct host *h = *hp;

	*hp = NULL;
	if (!h)
		return;
	if (h->arg)
		xencall_free_buffer_pages(h->call, h->arg, 1);
	if (h->sysctl)
		xencall_free_buffer(h->call, h->sysctl);
	if (h->domctl)
		xencall_free_buffer(h->call, h->domctl);
	if (h->mem)
		xenforeignmemory_close(h->mem);
	if (h->call)
		xencall_close(h->call);
	free(h);
}

struct xen_domctl *domctl_new(struct host *h, uint32_t cmd, uint32_t domid)
{
	memset(h->domctl, 0, sizeof(*h->domctl));
	h->domctl->cmd = cmd;
	h->domctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	h->domctl->domain = (domid_t)domid;
	return h->domctl;
}

int domctl_do(struct host *h, const char *what, struct why *why)
{
	unsigned int domid = h->domctl->domain;

	if (xencall1(h->call, __HYPERVISOR_domctl, (uintptr_t)h->domctl) >= 0)
		return 0;
	if (errno == EACCES) /* the ABI's answer to a wrong interface version */
		return why_set(
			why, TE_NOT_OFFERED,
			"cannot %s domain %u: the hypervisor speaks another domctl version than %#x",
			what, domid, XEN_DOMCTL_INTERFACE_VERSION);
	return host_refused(why, errno, "cannot %s domain %u", what, domid);
}

struct xen_sysctl *sysctl_new(struct host *h, uint32_t cmd)
{
	memset(h->sysctl, 0, sizeof(*h->sysctl));
	h->sysctl->cmd = cmd;
	h->sysctl->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return h->sysctl;
}

int sysctl_do(struct host *h, const char *what, struct why *why)
{
	if (xencall1(h->call, __HYPERVISOR_sysctl, (uintptr_t)h->sysctl) >= 0)
		return 0;
	if (errno == EACCES)
		return why_set(why, TE_NOT_OFFERED,
			       "cannot %s: the hypervisor speaks another sysctl version than %#x",
			       what, XEN_SYSCTL_INTERFACE_VERSION);
	return host_refused(why, errno, "cannot %s", what);
}
