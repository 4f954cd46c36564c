/* SPDX-License-Identifier: BSD-2-Clause */
/* x86/paging.c when guests have all memory: whoever wants something mapped then is refused, and has
 * it once there is memory again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <torc/x86.h>

maddr_t image_to_maddr(const void *v);
#include "../../hypervisor/x86/paging.c"

#define FRAMES 2048 /* of which the second 512 are the block of 2 MiB, and those after it tables */
#define BLOCK  512
#define TABLES 1024

char *host_ram, image_end[1], text_start[1], rodata_start[1], data_start[1];
uint64_t boot_l4[512];
struct frame *frame_table;
mfn_t max_mfn, zero_page;
cpumask_t cpus_online = 1;
struct cpu_features cpu_features = { .nx = true };

static unsigned int pages_left, next_page;
static bool block_given;

void panic(const char *fmt, ...)
{
	fail_msg("panic: %s", fmt);
	abort();
}
unsigned int this_cpu(void)
{
	return 0;
}
void spin_lock(spinlock_t *l)
{
	(void)l;
}
void spin_unlock(spinlock_t *l)
{
	(void)l;
}
void cpu_call(cpumask_t cpus, void (*fn)(void *), void *arg)
{
	(void)cpus;
	fn(arg);
}
maddr_t boot_mem_alloc(uint64_t size, uint64_t align)
{
	(void)size, (void)align;
	fail_msg("boot memory is asked for");
	return 0;
}
void boot_mem_lift_limit(void)
{
}

void *page_alloc(unsigned int order)
{
	assert_int_equal(order, 0);
	if (!pages_left)
		return NULL;
	pages_left--;
	return mfn_to_virt(MFN(TABLES + next_page++));
}
struct frame *frames_alloc(unsigned int order, unsigned int below_bits)
{
	(void)below_bits;
	assert_int_equal(order, 9);
	assert_false(block_given);
	block_given = true;
	return &frame_table[BLOCK];
}
/* As what is no longer zero. */
void page_free(void *p, unsigned int order)
{
	assert_ptr_equal(p, mfn_to_virt(MFN(BLOCK)));
	assert_int_equal(order, 9);
	block_given = false;
}

static int setup(void **s)
{
	(void)s;
	if (!host_ram) {
		host_ram = aligned_alloc(PAGE_SIZE, FRAMES * PAGE_SIZE);
		frame_table = calloc(FRAMES, sizeof(*frame_table));
	}
	memset(host_ram, 0, FRAMES * PAGE_SIZE);
	max_mfn = MFN(FRAMES);
	root = mfn_to_virt(MFN(1));
	idle_root = MFN(1);
	heap_ready = true;
	block_given = false;
	pages_left = next_page = 0;
	return 0;
}

static void first_32_bit_guest_on_a_full_host(void **s)
{
	(void)s;
	assert_int_equal(m2p32_make(), -XEN_ENOMEM);
	assert_false(block_given);
	assert_null(m2p32);
	assert_int_equal(m2p32_l2e[0], 0);
	pages_left = 1; /* half of what it takes */
	assert_int_equal(m2p32_make(), -XEN_ENOMEM);
	pages_left = 1;
	assert_int_equal(m2p32_make(), 0);
	assert_true(block_given);
	assert_int_equal(pte_mfn(m2p32_l2e[0]).n & ~511ull, BLOCK);
	assert_ptr_equal(m2p32, M2P32_RW_BASE);
}

static void device_on_a_full_host(void **s)
{
	const uint64_t *t;
	unsigned long va;
	unsigned int level;

	(void)s;
	assert_null(map_device(0xfebf0ff8, 16, 0));
	pages_left = 3;
	va = (unsigned long)map_device(0xfebf0ff8, 16, 0);
	assert_int_equal(va & (PAGE_SIZE - 1), 0xff8);
	for (t = root, level = 4; level > 1; level--)
		t = mfn_to_virt(pte_mfn(t[slot(va, level)]));
	assert_int_equal(pte_mfn(t[slot(va, 1)]).n, 0xfebf0);
	assert_int_equal(pte_mfn(t[slot(va, 1) + 1]).n, 0xfebf1);
	assert_ptr_equal(map_device(0xfebf0ff8, 16, 0), va); /* the same only once */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(first_32_bit_guest_on_a_full_host, setup),
		cmocka_unit_test_setup(device_on_a_full_host, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
