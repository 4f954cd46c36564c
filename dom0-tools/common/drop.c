/* SPDX-License-Identifier: BSD-2-Clause */
/* A daemon's way down from root. */
#include "dom0-tools/common/drop.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* What a program that is executed could be given; takes a right that goes with the user. */
static int drop_bounding(void)
{
	for (int cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return -errno;
	return 0;
}

static int drop_held(void)
{
	struct __user_cap_header_struct h = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3];

	memset(none, 0, sizeof(none));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	return syscall(SYS_capset, &h, none) ? -errno : 0;
}

int drop_capabilities(void)
{
	int rc = drop_bounding();

	return rc ? rc : drop_held();
}

int drop_to_user(uid_t uid, gid_t gid)
{
	int rc = drop_bounding();
	uid_t r, e, s;

	if (rc)
		return rc;
	/* the groups first: the right to change them goes with the user */
	if (setgroups(0, NULL) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid))
		return -errno;
	if (getresuid(&r, &e, &s) || r != uid || e != uid || s != uid || (uid && setuid(0) == 0))
		return -EPERM;
	return drop_held();
}
