/* SPDX-License-Identifier: BSD-2-Clause */
/* Entries of the guest kernel: the trap table's and the callbacks. An address that could never be
 * returned to is refused here, so that entering the kernel cannot fail for it later. */
#include <torc/guestmem.h>
#include <torc/pv.h>
#include <torc/why.h>

static bool entry_ok(const struct vcpu *v, unsigned long eip)
{
	return guest_range_ok(v, GADDR(eip), 1);
}

long trap_set(struct vcpu *v, unsigned int vector, unsigned int flags, uint16_t cs,
	      unsigned long address)
{
	struct trap_info *t = &v->traps[vector & 0xff];

	if (address && !entry_ok(v, address))
		return refuse(v, -XEN_EINVAL,
			      "handler of vector %u at %#lx is no address of a guest", vector,
			      address);
	fast_int80_forget();
	t->address = 0; /* never half of each */
	t->vector = (uint8_t)vector;
	t->flags = (uint8_t)flags;
	t->cs = guest_fixup_selector(v->domain, cs);
	t->address = address;
	return 0;
}

static struct pv_callback *callback_of(struct vcpu *v, unsigned int type)
{
	switch (type) {
	case CALLBACKTYPE_event: return &v->event_cb;
	case CALLBACKTYPE_failsafe: return &v->failsafe_cb;
	case CALLBACKTYPE_syscall: return v->domain->is_32bit ? NULL : &v->syscall_cb;
	case CALLBACKTYPE_syscall32: return &v->syscall32_cb;
	case CALLBACKTYPE_sysenter: return &v->sysenter_cb;
	default: return NULL;
	}
}

/* Any vcpu may: hardware's NMIs go to the control domain's first one only, but a vcpu can be sent
 * one by another. */
static long nmi_register(struct vcpu *v, unsigned long eip)
{
	v->nmi_entry = eip;
	return 0;
}

long trap_callback_register(struct vcpu *v, unsigned int type, unsigned int flags, unsigned long cs,
			    unsigned long eip)
{
	struct pv_callback *cb = callback_of(v, type);

	if (eip && !entry_ok(v, eip))
		return refuse(v, -XEN_EINVAL, "callback %u at %#lx is no address of a guest", type,
			      eip);
	if (type == CALLBACKTYPE_nmi)
		return nmi_register(v, eip);
	if (!cb)
		return refuse(v, -XEN_ENOSYS, "no callback of type %u", type);
	cb->eip = eip;
	cb->cs = guest_fixup_selector(v->domain, (uint16_t)cs);
	cb->mask_events = flags & CALLBACKF_mask_events;
	return 0;
}

long trap_callback_unregister(struct vcpu *v, unsigned int type)
{
	switch (type) {
	case CALLBACKTYPE_event:
	case CALLBACKTYPE_failsafe:
	case CALLBACKTYPE_syscall:
		return refuse(v, -XEN_EINVAL, "callback %u is needed for good", type);
	case CALLBACKTYPE_nmi: return nmi_register(v, 0);
	default:
		if (!callback_of(v, type))
			return refuse(v, -XEN_ENOSYS, "no callback of type %u", type);
		callback_of(v, type)->eip = 0;
		return 0;
	}
}
