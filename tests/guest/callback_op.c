/* SPDX-License-Identifier: BSD-2-Clause */
/* callback_op and its elder form set_callbacks: the guest's entry points besides traps. */
#include "check.h"
#include "event.h"

void test_callback_op(void);

extern char trap_event[], trap_failsafe[], trap_syscall64[];

static long add(uint16_t type, unsigned long address)
{
#ifdef __x86_64__
	struct callback_register cb = { .type = type, .address = address };
#else
	struct callback_register cb = { .type = type, .address = { FLAT_KERNEL_CS, address } };
#endif
	return hc_callback_op(CALLBACKOP_register, &cb);
}

static long drop(uint16_t type)
{
	struct callback_unregister cb = { .type = type };

	return hc_callback_op(CALLBACKOP_unregister, &cb);
}

static long add_at(void *p)
{
	return hc_callback_op(CALLBACKOP_register, p);
}

static long drop_at(void *p)
{
	return hc_callback_op(CALLBACKOP_unregister, p);
}

void test_callback_op(void)
{
	unsigned long event = (unsigned long)trap_event;

	expect(add(CALLBACKTYPE_event, event), 0, "the event callback");
	expect(add(CALLBACKTYPE_failsafe, (unsigned long)trap_failsafe), 0, "the failsafe callback");
	expect(add(CALLBACKTYPE_nmi, event), 0, "the NMI callback");
	expect(drop(CALLBACKTYPE_nmi), 0, "the NMI callback goes");
	expect(drop(CALLBACKTYPE_event), -XEN_EINVAL, "the event callback cannot go");
	expect(drop(CALLBACKTYPE_failsafe), -XEN_EINVAL, "the failsafe callback cannot go");
	expect(add(CALLBACKTYPE_sysenter_deprecated, event), -XEN_ENOSYS,
	       "the deprecated sysenter callback");
	expect(add(CALLBACKTYPE_sysenter, event), 0, "the sysenter callback");
	expect(add(99, event), -XEN_ENOSYS, "type 99");
	expect(drop(99), -XEN_ENOSYS, "type 99 goes");
	expect(hc_callback_op(2, &event), -XEN_ENOSYS, "command 2");
	expect_bad_pointers(add_at, -XEN_EFAULT, "register");
	expect_bad_pointers(drop_at, -XEN_EFAULT, "unregister");
	section("set_callbacks");
#ifdef __x86_64__
	expect(add(CALLBACKTYPE_event, 0x8000000000000000), -XEN_EINVAL,
	       "an address that is not canonical");
	expect(HC3(__HYPERVISOR_set_callbacks, trap_event, trap_failsafe, trap_syscall64), 0,
	       "all three");
	expect(HC3(__HYPERVISOR_set_callbacks, 0x8000000000000000, trap_failsafe, trap_syscall64),
	       0, "an address that is not canonical, which is passed over");
	add(CALLBACKTYPE_event, event);
	add(CALLBACKTYPE_syscall, (unsigned long)trap_syscall64);
#else
	expect(HC4(__HYPERVISOR_set_callbacks, FLAT_KERNEL_CS, trap_event, FLAT_KERNEL_CS,
		   trap_failsafe),
	       0, "both");
	expect(HC4(__HYPERVISOR_set_callbacks, FLAT_KERNEL_CS & ~3, trap_event, FLAT_KERNEL_CS & ~3,
		   trap_failsafe),
	       0, "selectors that ask for ring 0");
#endif
	expect_true(event_send(event_alloc_unbound(DOMID_SELF)) == 0, "events go on");
}
