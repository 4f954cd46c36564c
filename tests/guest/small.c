/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls with little to them: console_io, vm_assist, set_segment_base, nmi_op, physdev_op. */
#include "check.h"

#include <xen/nmi.h>

void test_console_io(void);
void test_vm_assist(void);
void test_set_segment_base(void);
void test_nmi_op(void);
void test_physdev_op(void);

static long write_at(void *p)
{
	return hc_console_io(CONSOLEIO_write, 8, p);
}

void test_console_io(void)
{
	long rc = hc_console_io(CONSOLEIO_write, 0, "");
	char buf[4];

	/* A guest may be allowed to write to the hypervisor's log, or not: a build's or an
	 * administrator's choice. */
	expect_true(rc == 0 || rc == -XEN_EPERM, "write of nothing is taken or forbidden");
	for (int i = 0; i < 2; i++) {
		rc = write_at(i ? hypervisor_address : UNMAPPED);
		expect_true(rc == -XEN_EFAULT || rc == -XEN_EPERM,
			    "write from a bad address is refused");
	}
	expect(hc_console_io(CONSOLEIO_read, sizeof(buf), buf), -XEN_EPERM, "read");
	expect(hc_console_io(99, 0, buf), -XEN_EPERM, "command 99");
}

void test_vm_assist(void)
{
	static const unsigned int types[] = {
		VMASST_TYPE_4gb_segments,	 VMASST_TYPE_4gb_segments_notify,
		VMASST_TYPE_writable_pagetables, VMASST_TYPE_pae_extended_cr3,
		VMASST_TYPE_architectural_iopl,	 VMASST_TYPE_runstate_update_flag,
		VMASST_TYPE_m2p_strict,
	};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		long want = sizeof(long) == 4 && types[i] == VMASST_TYPE_m2p_strict ? -XEN_EINVAL :
										      0;

		expect(hc_vm_assist(VMASST_CMD_enable, types[i]), want, "enable %u", types[i]);
		expect(hc_vm_assist(VMASST_CMD_disable, types[i]), want, "disable %u", types[i]);
	}
	expect(hc_vm_assist(VMASST_CMD_enable, 6), -XEN_EINVAL, "enable 6");
	expect(hc_vm_assist(VMASST_CMD_enable, 64), -XEN_EINVAL, "enable 64");
	expect(hc_vm_assist(VMASST_CMD_enable, ~0u), -XEN_EINVAL, "enable ~0");
	expect(hc_vm_assist(2, VMASST_TYPE_writable_pagetables), -XEN_ENOSYS, "command 2");
}

#ifdef __x86_64__
static unsigned long word = 0x1234;

static unsigned long fs_word(void)
{
	unsigned long v;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(v));
	return v;
}

static unsigned long gs_word(void)
{
	unsigned long v;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	return v;
}

void test_set_segment_base(void)
{
	unsigned long va = (unsigned long)&word;

	expect(hc_set_segment_base(SEGBASE_FS, va), 0, "FS");
	expect(fs_word(), 0x1234, "a word through fs");
	expect(hc_set_segment_base(SEGBASE_GS_KERNEL, va), 0, "the kernel's GS");
	expect(gs_word(), 0x1234, "a word through gs");
	expect(hc_set_segment_base(SEGBASE_GS_USER, va), 0, "the user's GS");
	expect(hc_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0, "the user's gs selector: null");
	expect(hc_set_segment_base(SEGBASE_GS_USER_SEL, 0xe008), 0,
	       "the user's gs selector: the hypervisor's");
	expect(hc_set_segment_base(SEGBASE_FS, 0x8000000000000000), -XEN_EINVAL,
	       "FS, not canonical");
	expect(hc_set_segment_base(SEGBASE_GS_KERNEL, 0x8000000000000000), -XEN_EINVAL,
	       "the kernel's GS, not canonical");
	expect(hc_set_segment_base(SEGBASE_GS_USER, 0x8000000000000000), -XEN_EINVAL,
	       "the user's GS, not canonical");
	expect(hc_set_segment_base(4, 0), -XEN_EINVAL, "base 4");
	expect(hc_set_segment_base(~0u, 0), -XEN_EINVAL, "base ~0");
	hc_set_segment_base(SEGBASE_FS, 0);
	hc_set_segment_base(SEGBASE_GS_KERNEL, 0);
	hc_set_segment_base(SEGBASE_GS_USER, 0);
}
#endif

static long nmi_at(void *p)
{
	return HC2(__HYPERVISOR_nmi_op, XENNMI_register_callback, p);
}

void test_nmi_op(void)
{
	struct xennmi_callback cb = { .handler_address = (unsigned long)hypercall_page };

	expect(nmi_at(&cb), 0, "register_callback");
	expect_bad_pointers(nmi_at, -XEN_EFAULT, "register_callback");
	expect(HC2(__HYPERVISOR_nmi_op, XENNMI_unregister_callback, 0), 0, "unregister_callback");
	expect(HC2(__HYPERVISOR_nmi_op, 99, 0), -XEN_ENOSYS, "command 99");
}

static unsigned int physdev_cmd;

static long physdev_at(void *p)
{
	return hc_physdev_op(physdev_cmd, p);
}

/* The headers leave open how a guest without devices is told: as a call it may not make, or as one
 * that is not there. */
static void not_ours(long rc, const char *what)
{
	expect_true(rc == -XEN_EPERM || rc == -XEN_ENOSYS, "%s is refused", what);
}

static void out(void *p)
{
	(void)p;
	__asm__ volatile("out %%al, $0x80" : : "a"(0));
}

static long in(void)
{
	unsigned char c;

	__asm__ volatile("in $0x80, %0" : "=a"(c));
	return c;
}

void test_physdev_op(void)
{
	static const unsigned int with_pointer[] = {
		PHYSDEVOP_eoi,
		PHYSDEVOP_set_iopl,
		PHYSDEVOP_set_iobitmap,
		PHYSDEVOP_irq_status_query,
	};
	struct physdev_set_iopl iopl = { .iopl = 1 };
	struct physdev_irq irq = { .irq = 9 };
	struct physdev_eoi eoi = { .irq = 100000 };
	struct physdev_map_pirq map = {
		.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = -1
	};
	struct physdev_setup_gsi gsi = { .gsi = 9 };
	struct physdev_pci_device_add add = { .seg = 0 };
	struct physdev_set_iobitmap bitmap = { .nr_ports = 65537 };

	expect(hc_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0, "set_iopl 1");
	expect_trap(out, NULL, -1, 0,
		    "out to a port that is not ours, with that, which does nothing");
	expect(in(), 0xff, "in from it");
	iopl.iopl = 0;
	expect(hc_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0, "set_iopl 0");
	iopl.iopl = 4;
	expect(hc_physdev_op(PHYSDEVOP_set_iopl, &iopl), -XEN_EINVAL, "set_iopl 4");
	expect(hc_physdev_op(PHYSDEVOP_set_iobitmap, &bitmap), -XEN_EINVAL,
	       "set_iobitmap of 65537 ports");
	expect(hc_physdev_op(PHYSDEVOP_eoi, &eoi), -XEN_EINVAL, "eoi of interrupt 100000");
	not_ours(hc_physdev_op(PHYSDEVOP_map_pirq, &map), "map_pirq");
	not_ours(hc_physdev_op(PHYSDEVOP_alloc_irq_vector, &irq), "alloc_irq_vector");
	not_ours(hc_physdev_op(PHYSDEVOP_setup_gsi, &gsi), "setup_gsi");
	not_ours(hc_physdev_op(PHYSDEVOP_pci_device_add, &add), "pci_device_add");
	expect(hc_physdev_op(99, &irq), -XEN_ENOSYS, "command 99");
	for (size_t i = 0; i < ARRAY_SIZE(with_pointer); i++) {
		physdev_cmd = with_pointer[i];
		expect(physdev_at(UNMAPPED), -XEN_EFAULT,
		       "command %u at an address that is unmapped", physdev_cmd);
		expect(physdev_at(hypervisor_address), -XEN_EFAULT,
		       "command %u at the hypervisor's address", physdev_cmd);
	}
}
