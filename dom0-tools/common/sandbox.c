/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon's list of system calls as a filter of the kernel's. */
#include "dom0-tools/common/sandbox.h"

#include <errno.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/socket.h>

int sandbox_allow(const int *calls, size_t n)
{
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc = f ? 0 : -ENOMEM;

	for (size_t i = 0; !rc && i < n; i++) {
		if (calls[i] == SCMP_SYS(socket))
			rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 1,
					      SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
		else if (calls[i] == SCMP_SYS(mmap) || calls[i] == SCMP_SYS(mprotect))
			rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 1,
					      SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
		else
			rc = seccomp_rule_add(f, SCMP_ACT_ALLOW, calls[i], 0);
	}
	if (!rc)
		rc = seccomp_load(f);
	seccomp_release(f);
	return rc;
}
