/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files behind host.h only: the handles, and how a hypercall is made. */
#ifndef TORC_HOST_PRIV_H
#define TORC_HOST_PRIV_H

#ifndef __XEN_TOOLS__
#define __XEN_TOOLS__ 1
#endif
#include <stdint.h> /* the ABI's headers expect it */

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/memory.h>
#include <xen/sysctl.h>
#include <xencall.h>
#include <xenforeignmemory.h>
#include <xentoollog.h>

#include "dom0-tools/host/host.h"

struct host {
	xentoollog_logger log; /* swallows: reasons go through struct why */
	xencall_handle *call;
	xenforeignmemory_handle *mem;
	struct xen_domctl *domctl; /* hypercall-safe memory, one call at a time */
	struct xen_sysctl *sysctl;
	void *arg; /* one page for any other argument */
};

/* Fill in h->domctl's head and clear its body. */
struct xen_domctl *domctl_new(struct host *h, uint32_t cmd, uint32_t domid);
/* Make the call; "what" completes "cannot ... domain 5". */
int domctl_do(struct host *h, const char *what, struct why *why);
struct xen_sysctl *sysctl_new(struct host *h, uint32_t cmd);
int sysctl_do(struct host *h, const char *what, struct why *why);

/* errno of a failed call to a reason. */
int host_refused(struct why *why, int err, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
