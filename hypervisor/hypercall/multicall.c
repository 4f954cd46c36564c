/* SPDX-License-Identifier: BSD-2-Clause */
/* Several calls in one. One that stops half-way leaves its new arguments in its entry; the list is
 * gone on with from there. */
#include <torc/sched.h>
#include "internal.h"

static long again(struct vcpu *v, gaddr_t list, unsigned long left)
{
	hypercall_restart(v, 0, list.n);
	return hypercall_restart(v, 1, left);
}

/* A call wants to go on later: its entry is changed, so that it does when the list comes to it
 * again. */
static int keep_args(struct vcpu *v, gaddr_t entry)
{
	unsigned int i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(v->restart.arg) && !rc; i++)
		if (v->restart.mask >> i & 1)
			rc = write_multicall_arg(v, entry, i, v->restart.arg[i]);
	v->restart.mask = 0;
	return rc;
}

static long one(struct vcpu *v, gaddr_t entry)
{
	struct multicall_entry m;
	long rc;

	if (read_multicall(v, entry, &m))
		return refuse(v, -XEN_EFAULT, "multicall: entry at %#lx is not readable", entry.n);
	if (m.op == __HYPERVISOR_iret) /* would leave the middle of the list */
		rc = refuse(v, -XEN_ENOSYS, "multicall: iret cannot be part of one");
	else
		rc = hypercall_dispatch(v, m.op, m.args);
	if (rc == -XEN_ERESTART)
		return keep_args(v, entry) ?
			       refuse(v, -XEN_EFAULT, "multicall: entry at %#lx is not writable",
				      entry.n) :
			       rc;
	if (write_multicall_result(v, entry, (unsigned long)rc))
		return refuse(v, -XEN_EFAULT, "multicall: entry at %#lx is not writable", entry.n);
	return 0;
}

HC(hc_multicall)
{
	unsigned int size = sizeof_multicall(v);
	gaddr_t entry = GADDR(a1);
	unsigned long left;
	long rc = 0;

	(void)a3, (void)a4, (void)a5;
	if (v->in_multicall)
		return refuse(v, -XEN_EINVAL, "multicall within a multicall");
	for (left = a2; left && !rc; left--, entry.n += size) {
		if (left != a2 && must_yield()) {
			rc = -XEN_ERESTART;
			break;
		}
		v->in_multicall = true;
		rc = one(v, entry);
		v->in_multicall = false;
		if (rc)
			break;
	}
	return rc == -XEN_ERESTART ? again(v, entry, left) : rc;
}

HC(hc_multicall_32)
{
	return hc_multicall(v, a1, (uint32_t)a2, a3, a4, a5);
}
