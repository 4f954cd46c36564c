/* SPDX-License-Identifier: BSD-2-Clause */
/* The door to the public Xen ABI headers (Debian's libxen-dev). Nothing else in the hypervisor
 * includes <xen/...>. */
#ifndef TORC_ABI_H
#define TORC_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __XEN_TOOLS__	    1
#define XEN_ERRNO_ABI_NAMES 1
#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/elfnote.h>
#include <xen/features.h>
#include <xen/version.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/callback.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/nmi.h>
#include <xen/physdev.h>
#include <xen/platform.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/io/console.h>
#include <xen/foreign/x86_32.h>

/* The header shows it to Xen itself only. Never returned to a guest: the call is made again. */
#define XEN_ERESTART 85

#endif
