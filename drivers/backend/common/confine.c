/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Capabilities and system calls of a device's process (confine.h). It stays root by number, since
 * the store's socket is root's and the process must find back to a store that was restarted; a root
 * without capabilities that cannot open files is nobody.
 */
#include "drivers/backend/common/confine.h"

#include <errno.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>

#include <seccomp.h>
#include <xen/xen.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/sys/evtchn.h>
#include <xen/sys/gntdev.h>

#include "dom0-tools/common/drop.h"

static const int calls[] = {
	/* descriptors */
	SCMP_SYS(read),
	SCMP_SYS(write),
	SCMP_SYS(readv),
	SCMP_SYS(writev),
	SCMP_SYS(pread64),
	SCMP_SYS(pwrite64),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(sendmsg),
	SCMP_SYS(connect),
	SCMP_SYS(getsockopt),
	SCMP_SYS(shutdown),
	SCMP_SYS(close),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(lseek),
	SCMP_SYS(fcntl),
	SCMP_SYS(fallocate),
	SCMP_SYS(fdatasync),
	SCMP_SYS(fsync),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(timerfd_settime),
	/* disks */
	SCMP_SYS(io_submit),
	SCMP_SYS(io_getevents),
	SCMP_SYS(io_pgetevents),
	SCMP_SYS(io_destroy),
	/* memory, time, the end */
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(getrandom),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(getrusage),
	SCMP_SYS(tgkill),
	SCMP_SYS(futex),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_setscheduler),
};

static const unsigned long requests[] = {
	/* of ioctl */
	IOCTL_GNTDEV_MAP_GRANT_REF,
	IOCTL_GNTDEV_UNMAP_GRANT_REF,
	IOCTL_GNTDEV_GET_OFFSET_FOR_VADDR,
	IOCTL_GNTDEV_GRANT_COPY,
	IOCTL_EVTCHN_BIND_INTERDOMAIN,
	IOCTL_EVTCHN_UNBIND,
	IOCTL_EVTCHN_NOTIFY,
	BLKDISCARD,
	BLKGETSIZE64,
	BLKSSZGET,
	BLKPBSZGET,
	TUNSETOFFLOAD,
};

static int allow(scmp_filter_ctx f)
{
	struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < sizeof(calls) / sizeof(calls[0]); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	for (i = 0; !rc && i < sizeof(requests) / sizeof(requests[0]); i++)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				      SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, requests[i]));
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1,
				      SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, no_code);
	if (!rc)
		rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1, no_code);
	return rc;
}

int confine(struct why *why)
{
	scmp_filter_ctx f;
	int rc;

	tzset(); /* the log's time stamps want a file, once */
	rc = drop_capabilities();
	if (rc)
		return why_set(why, TE_DEVICE, "capabilities cannot be dropped: %s", strerror(-rc));
	f = seccomp_init(SCMP_ACT_KILL_PROCESS);
	rc = f ? seccomp_attr_set(f, SCMP_FLTATR_CTL_OPTIMIZE, 2) :
		 -ENOMEM; /* a tree, not a list: each ioctl goes through it */
	if (!rc)
		rc = allow(f);
	if (!rc)
		rc = seccomp_load(f); /* sets no_new_privs, too */
	seccomp_release(f);
	return rc ? why_set(why, TE_DEVICE, "system calls cannot be confined: %s", strerror(-rc)) :
		    0;
}
