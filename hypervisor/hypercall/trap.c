/* SPDX-License-Identifier: BSD-2-Clause */
/* The calls by which a kernel says where it is to be entered, and those of the virtual processor's
 * small state. */
#include <torc/pv.h>
#include <torc/sched.h>
#include <torc/x86.h>
#include "internal.h"

HC(hc_set_trap_table)
{
	unsigned int size = sizeof_trap_info(v), i;
	struct trap_info t;
	gaddr_t at = GADDR(a1);
	long rc;

	(void)a2, (void)a3, (void)a4, (void)a5;
	if (!a1) { /* ABI: no table, no handlers */
		memset(v->traps, 0, sizeof(v->traps));
		return 0;
	}
	for (i = 0;; i++, at.n += size) {
		if (i && i % 64 == 0 && must_yield())
			return hypercall_restart(v, 0, at.n);
		if (read_trap_info(v, at, &t))
			return refuse(v, -XEN_EFAULT,
				      "set_trap_table: entry at %#lx is not readable", at.n);
		if (!t.address)
			return 0;
		rc = trap_set(v, t.vector, t.flags, t.cs, t.address);
		if (rc)
			return rc;
	}
}

HC(hc_stack_switch)
{
	(void)a3, (void)a4, (void)a5;
	stack_set(v, a1, a2);
	return 0;
}

HC(hc_set_callbacks) /* the old form: an address that cannot be is passed over (and noted), not
			refused */
{
	(void)a4, (void)a5;
	trap_callback_register(v, CALLBACKTYPE_event, 0, 0, a1);
	trap_callback_register(v, CALLBACKTYPE_failsafe, 0, 0, a2);
	trap_callback_register(v, CALLBACKTYPE_syscall, 0, 0, a3);
	return 0;
}

HC(hc_set_callbacks_32)
{
	(void)a5;
	trap_callback_register(v, CALLBACKTYPE_event, 0, a1, a2);
	trap_callback_register(v, CALLBACKTYPE_failsafe, 0, a3, a4);
	return 0;
}

HC(hc_callback_op)
{
	struct callback_register reg;
	struct callback_unregister un;
	unsigned long cs;

	(void)a3, (void)a4, (void)a5;
	switch (a1) {
	case CALLBACKOP_register:
		if (read_callback(v, GADDR(a2), &reg, &cs))
			return refuse(v, -XEN_EFAULT,
				      "callback_op: argument at %#lx is not readable", a2);
		return trap_callback_register(v, reg.type, reg.flags, cs, reg.address);
	case CALLBACKOP_unregister:
		if (guest_get(&un, GADDR(a2)))
			return refuse(v, -XEN_EFAULT,
				      "callback_op: argument at %#lx is not readable", a2);
		return trap_callback_unregister(v, un.type);
	default: return refuse(v, -XEN_ENOSYS, "callback_op: no command %lu", a1);
	}
}

HC(hc_callback_op_32)
{
	return hc_callback_op(v, a1, a2, a3, a4, a5);
}

HC(hc_nmi_op)
{
	unsigned long eip = 0;

	(void)a3, (void)a4, (void)a5;
	switch (a1) {
	case XENNMI_register_callback:
		if (read_pointer(v, GADDR(a2), &eip))
			return refuse(v, -XEN_EFAULT, "nmi_op: argument at %#lx is not readable",
				      a2);
		return trap_callback_register(v, CALLBACKTYPE_nmi, 0, 0, eip);
	case XENNMI_unregister_callback: return trap_callback_unregister(v, CALLBACKTYPE_nmi);
	default: return refuse(v, -XEN_ENOSYS, "nmi_op: no command %lu", a1);
	}
}

HC(hc_iret)
{
	(void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
	return trap_iret(v);
}

HC(hc_fpu_taskswitch)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	if (a1) {
		v->ctrlreg[0] |= CR0_TS;
		write_cr0(read_cr0() | CR0_TS);
	} else {
		v->ctrlreg[0] &= ~CR0_TS;
		__asm__ volatile("clts");
	}
	return 0;
}

HC(hc_set_debugreg)
{
	int rc;

	(void)a3, (void)a4, (void)a5;
	rc = a1 < 8 ? debugreg_set(v, (unsigned int)a1, a2) : -XEN_ENODEV;
	return rc ? refuse(v, rc, "set_debugreg: DR%lu cannot be %#lx", a1, a2) : 0;
}

HC(hc_get_debugreg)
{
	(void)a2, (void)a3, (void)a4, (void)a5;
	if (a1 >= 8)
		return refuse(v, -XEN_ENODEV, "get_debugreg: no DR%lu", a1);
	if (a1 == 4 || a1 == 5) /* as the processor has it without CR4.DE */
		a1 += 2;
	return (long)v->debugreg[index_nospec(a1, 8)];
}

HC(hc_vm_assist)
{
	struct domain *d = v->domain;

	(void)a3, (void)a4, (void)a5;
	if (a2 >= 64 || !(vm_assists_offered(d) >> a2 & 1))
		return refuse(v, -XEN_EINVAL, "vm_assist: type %lu is not offered", a2);
	switch (a1) {
	case VMASST_CMD_enable: atomic_or(&d->vm_assist, 1ull << a2); return 0;
	case VMASST_CMD_disable: atomic_and(&d->vm_assist, ~(1ull << a2)); return 0;
	default: return refuse(v, -XEN_ENOSYS, "vm_assist: no command %lu", a1);
	}
}
