/* SPDX-License-Identifier: BSD-2-Clause */
/* Rights to ports, interrupts and device memory, and the configuration ports' shadow; hardware is a
 * fake that remembers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <torc/heap.h>
#include <torc/io.h>
#include <torc/irq.h>
#include <torc/pv.h>
#include <torc/serial.h>

struct cpu_features cpu_features = { .phys_bits = 40 };
static struct frame frames[64];
struct frame *frame_table = frames;
mfn_t max_mfn = { 64 };
static uint8_t guest_bitmap[8192];
static bool in_kernel, kernel_root = true;
static struct {
	unsigned int bus, devfn, reg, width;
	uint32_t val;
	int reads, writes;
} pci;

void *zalloc(size_t n)
{
	return calloc(1, n);
}
void zfree(void *p)
{
	free(p);
}
void *page_alloc(unsigned int order)
{
	return calloc(1, PAGE_SIZE << order);
}
void page_free(void *p, unsigned int order)
{
	(void)order;
	free(p);
}
void spin_init(spinlock_t *l, enum lock_rank r)
{
	l->rank = (uint8_t)r;
}
void spin_lock(spinlock_t *l)
{
	assert_int_equal(l->owner, 0);
	l->owner = 1;
}
void spin_unlock(spinlock_t *l)
{
	assert_int_equal(l->owner, 1);
	l->owner = 0;
}
bool ioapic_owns_frame(mfn_t m)
{
	return m.n == 0xfec00;
}
uint16_t serial_port(void)
{
	return 0x2f8;
}
bool guest_in_kernel(const struct vcpu *v, const struct cpu_user_regs *r)
{
	(void)v;
	(void)r;
	return in_kernel;
}
void guest_mode_set(struct vcpu *v, bool kernel)
{
	(void)v;
	kernel_root = kernel;
}

int guest_read(void *dst, gaddr_t src, size_t n)
{
	assert_true(kernel_root);
	if (src.n < 0x10000 || src.n + n > 0x10000 + sizeof(guest_bitmap))
		return -XEN_EFAULT;
	memcpy(dst, guest_bitmap + (src.n - 0x10000), n);
	return 0;
}

uint32_t pci_read(uint8_t bus, uint8_t devfn, unsigned int reg, unsigned int width)
{
	pci.bus = bus, pci.devfn = devfn, pci.reg = reg, pci.width = width, pci.reads++;
	return 0xabcd;
}

void pci_write(uint8_t bus, uint8_t devfn, unsigned int reg, unsigned int width, uint32_t val)
{
	pci.bus = bus, pci.devfn = devfn, pci.reg = reg, pci.width = width, pci.val = val,
	pci.writes++;
}

static struct domain d;
static struct vcpu v = { .domain = &d };

static int setup(void **state)
{
	(void)state;
	memset(&pci, 0, sizeof(pci));
	d = (struct domain){ .id = 1 };
	v = (struct vcpu){ .domain = &d };
	in_kernel = kernel_root = true;
	frames[5].flags = FRAME_RAM;
	return io_init(&d, false);
}

static int teardown(void **state)
{
	(void)state;
	io_free(&d);
	return 0;
}

static void ports_are_given_and_taken(void **state)
{
	(void)state;
	assert_false(io_ports_allowed(&d, 0x60, 1));
	assert_int_equal(io_ports_set(&d, 0x60, 5, true), 0);
	assert_true(io_ports_allowed(&d, 0x60, 5));
	assert_false(io_ports_allowed(&d, 0x60, 6));
	assert_false(io_ports_allowed(&d, 0x5f, 1));
	assert_int_equal(io_ports_set(&d, 0x62, 1, false), 0);
	assert_false(io_ports_allowed(&d, 0x60, 4));
	assert_int_equal(io_ports_set(&d, 0xffff, 2, true), -XEN_EINVAL);
	assert_int_equal(io_ports_set(&d, 0x10000, 1, true), -XEN_EINVAL);
	assert_int_equal(io_ports_set(&d, 1, ~0u, true), -XEN_EINVAL);
	assert_false(io_ports_allowed(&d, 0xffff, 2));
	assert_false(io_ports_allowed(&d, ~0u, 2));
}

static void the_hypervisors_own_are_not_to_be_had(void **state)
{
	(void)state;
	assert_int_equal(io_init(&d, true), 0);
	assert_true(io_ports_allowed(&d, 0x70, 2));
	assert_false(io_ports_allowed(&d, 0x20, 1));
	assert_false(io_ports_allowed(&d, 0x2ff, 1));
	assert_true(io_ports_allowed(&d, 0x300, 1));
	assert_true(io_ports_allowed(&d, 0x3f8, 8)); /* the console is on the other line */
	assert_false(io_irq_allowed(&d, 3));
	assert_true(io_irq_allowed(&d, 4));
	assert_false(io_irq_allowed(&d, NR_PIRQS));
	assert_int_equal(io_port_read(&v, 0x2f8, 1), 0xff); /* as where no device is */
}

static void device_memory_is_ranges(void **state)
{
	(void)state;
	assert_int_equal(io_mem_set(&d, MFN(0xe0000), 16, true), 0);
	assert_true(io_mem_allowed(&d, MFN(0xe0000), 16));
	assert_false(io_mem_allowed(&d, MFN(0xdffff), 2));
	assert_false(io_mem_allowed(&d, MFN(0xe000f), 2));
	assert_int_equal(io_mem_set(&d, MFN(0xe0020), 16, true), 0);
	assert_false(io_mem_allowed(&d, MFN(0xe0000), 0x30));
	assert_int_equal(io_mem_set(&d, MFN(0xe0010), 16, true), 0); /* closes the gap */
	assert_true(io_mem_allowed(&d, MFN(0xe0000), 0x30));
	assert_int_equal(io_mem_set(&d, MFN(0xe0008), 8, false), 0); /* and is cut in two */
	assert_true(io_mem_allowed(&d, MFN(0xe0000), 8));
	assert_false(io_mem_allowed(&d, MFN(0xe0008), 1));
	assert_true(io_mem_allowed(&d, MFN(0xe0010), 0x20));
	assert_int_equal(io_mem_set(&d, MFN(0), 1ull << 28, false), 0);
	assert_false(io_mem_allowed(&d, MFN(0xe0000), 1));
}

static void ranges_run_out_cleanly(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 0; n < 100; n++)
		if (io_mem_set(&d, MFN(0x100000 + n * 2), 1, true))
			break;
	assert_int_equal(n, 64);
	assert_int_equal(io_mem_set(&d, MFN(0x100000), 200, true), 0); /* one for all */
	assert_true(io_mem_allowed(&d, MFN(0x100000), 200));
	assert_int_equal(io_mem_set(&d, MFN(0x200000), 1, true), 0);
}

static void ram_and_our_devices_are_no_device_memory(void **state)
{
	(void)state;
	d.io_mem_all = true;
	assert_true(io_mem_allowed(&d, MFN(4), 1));
	assert_false(io_mem_allowed(&d, MFN(5), 1));
	assert_false(io_mem_allowed(&d, MFN(4), 3));
	assert_true(io_mem_allowed(&d, MFN(0xfebff), 1));
	assert_false(io_mem_allowed(&d, MFN(0xfebff), 2));
	assert_false(io_mem_allowed(&d, MFN(1ull << 28), 1)); /* beyond the processor's addresses */
	assert_false(io_mem_allowed(&d, MFN((1ull << 28) - 1), 2));
	assert_false(io_mem_allowed(&d, MFN(~0ull), 2));
	assert_false(io_mem_allowed(&d, MFN(4), 0));
}

static void the_guests_own_door_is_iopl_and_bitmap(void **state)
{
	struct cpu_user_regs r = { 0 };

	(void)state;
	assert_false(io_guest_may(&v, &r, 0x60, 1));
	v.iopl = 1;
	assert_true(io_guest_may(&v, &r, 0x60, 1));
	in_kernel = false;
	assert_false(io_guest_may(&v, &r, 0x60, 1));
	v.iobitmap = 0x10000;
	v.iobitmap_ports = 0x80;
	memset(guest_bitmap, 0xff, sizeof(guest_bitmap));
	guest_bitmap[0x60 / 8] = 0xf0;
	assert_true(io_guest_may(&v, &r, 0x60, 4));
	assert_false(kernel_root); /* back where it was */
	assert_false(io_guest_may(&v, &r, 0x62, 4));
	assert_false(io_guest_may(&v, &r, 0x7f, 4)); /* past its end */
	v.iobitmap = 0x100;			     /* unreadable: no */
	assert_false(io_guest_may(&v, &r, 0x60, 1));
	v.iopl = 3;
	assert_true(io_guest_may(&v, &r, 0x60, 1));
	v.iopl = 0;
	in_kernel = true;
	d.vm_assist = 1ull << VMASST_TYPE_architectural_iopl;
	assert_true(io_guest_may(&v, &r, 0x60, 1));
}

static void configuration_goes_by_the_shadowed_address(void **state)
{
	(void)state;
	assert_int_equal(io_init(&d, true), 0);
	io_port_write(&v, 0xcf8, 4, 0x80031254);
	assert_int_equal(pci.reads + pci.writes, 0);
	assert_int_equal(io_port_read(&v, 0xcf8, 4), 0x80031254);
	assert_int_equal(io_port_read(&v, 0xcfe, 2), 0xabcd);
	assert_int_equal(pci.bus, 3);
	assert_int_equal(pci.devfn, 0x12);
	assert_int_equal(pci.reg, 0x56);
	assert_int_equal(pci.width, 2);
	io_port_write(&v, 0xcf8, 4, 0x81031254); /* the extended register bits */
	io_port_write(&v, 0xcfc, 4, 7);
	assert_int_equal(pci.reg, 0x154);
	assert_int_equal(pci.val, 7);
	assert_int_equal(pci.writes, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(ports_are_given_and_taken),
		TEST(the_hypervisors_own_are_not_to_be_had),
		TEST(device_memory_is_ranges),
		TEST(ranges_run_out_cleanly),
		TEST(ram_and_our_devices_are_no_device_memory),
		TEST(the_guests_own_door_is_iopl_and_bitmap),
		TEST(configuration_goes_by_the_shadowed_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
