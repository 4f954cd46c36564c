/* SPDX-License-Identifier: BSD-2-Clause */
/* Dumps of guests that mean ill: frames with the same number or none, page tables that go in
 * circles. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/foreign/x86_32.h>

#include "dom0-tools/dump/dump.h"
#include "tests/unit/fake_host.h"

#define PAGES 16u
#define PTE   7u /* present, writable, user */

static struct host *h;
static uint64_t mfn[PAGES]; /* of each pfn */

static void set_word(uint64_t frame, unsigned int i, uint64_t value)
{
	memcpy((uint8_t *)(uintptr_t)fake_frame(h, frame) + i * 8, &value, 8);
}

/* 16 pages; vCPU 0's root is page 8. */
static int setup(void **state)
{
	struct vcpu_guest_context c = { .user_regs.rip = 0x1234 };
	struct why why = { 0 };
	size_t done;

	(void)state;
	h = fake_host_new();
	for (uint64_t i = 0; i < PAGES; i++)
		mfn[i] = i;
	if (host_populate(h, 5, 0, mfn, PAGES, &done, &why))
		return -1;
	for (unsigned int i = 0; i < PAGES; i++)
		memset((uint8_t *)(uintptr_t)fake_frame(h, mfn[i]), i >= 8 ? 0 : (int)i,
		       HOST_PAGE_SIZE);
	c.ctrlreg[3] = xen_pfn_to_cr3(mfn[8]);
	memcpy(fake_host_of(h)->context, &c, sizeof(c));
	fake_host_of(h)->vcpus = 2;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	fake_host_free(h);
	return 0;
}

struct read_back {
	uint8_t *data;
	size_t size;
	const Elf64_Ehdr *e;
	const Elf64_Shdr *p2m, *pages;
	const Elf64_Phdr *p;
};

static struct read_back dump(bool headers)
{
	char path[] = "/tmp/dump-test-XXXXXX";
	struct read_back r = { 0 };
	struct why why = { 0 };
	int fd = mkstemp(path);

	unlink(path);
	if (dump_write(h, 5, fd, headers, NULL, NULL, &why))
		fail_msg("%s", why.text);
	r.size = (size_t)lseek(fd, 0, SEEK_END);
	r.data = malloc(r.size);
	assert_int_equal(pread(fd, r.data, r.size, 0), r.size);
	close(fd);
	r.e = (const void *)r.data;
	r.p2m = (const Elf64_Shdr *)(const void *)(r.data + r.e->e_shoff) + 5;
	r.pages = r.p2m + 1;
	r.p = (const void *)(r.data + r.e->e_phoff);
	assert_int_equal(fake_host_of(h)->mapped, 0);
	return r;
}

static int no_more(void *arg, uint64_t done, uint64_t all)
{
	(void)done, (void)all;
	return ++*(unsigned int *)arg;
}

static void given_up(void **state)
{
	char path[] = "/tmp/dump-test-XXXXXX";
	struct why why = { 0 };
	unsigned int told = 0;
	int fd = mkstemp(path);

	(void)state;
	unlink(path);
	assert_int_not_equal(dump_write(h, 5, fd, false, no_more, &told, &why), 0);
	assert_string_equal(why.text, "given up by the user");
	assert_int_equal(told, 1);
	assert_int_equal(fake_host_of(h)->mapped, 0);
	close(fd);
}

static void usual(void **state)
{
	struct read_back r = dump(false);
	const struct dump_page *p2m = (const void *)(r.data + r.p2m->sh_offset);

	(void)state;
	assert_int_equal(r.e->e_phnum, 0);
	assert_int_equal(r.e->e_machine, EM_X86_64);
	assert_int_equal(r.p2m->sh_size, PAGES * 16);
	for (unsigned int i = 0; i < PAGES; i++) {
		assert_int_equal(p2m[i].pfn, i);
		assert_int_equal(p2m[i].mfn, mfn[i]);
		assert_int_equal(r.data[r.pages->sh_offset + i * HOST_PAGE_SIZE + 99],
				 i < 8 ? i : 0);
	}
	free(r.data);
	fake_host_of(h)->is_32bit = true;
	r = dump(false);
	assert_int_equal(r.e->e_machine, EM_386);
	free(r.data);
}

static void false_numbers(void **state)
{
	struct read_back r;
	const struct dump_page *p2m;

	(void)state;
	fake_host_of(h)->pfn_of[mfn[3]] = 2;	      /* two say they are page 2 */
	fake_host_of(h)->pfn_of[mfn[4]] = UINT64_MAX; /* this one is none */
	fake_host_of(h)->pfn_of[mfn[5]] = 1ull << 40; /* this one is far away */
	r = dump(true);
	p2m = (const void *)(r.data + r.p2m->sh_offset);
	assert_int_equal(r.p2m->sh_size, (PAGES - 2) * 16);
	for (unsigned int i = 1; i < PAGES - 2; i++)
		assert_true(p2m[i - 1].pfn < p2m[i].pfn);
	assert_int_equal(p2m[PAGES - 3].pfn, 1ull << 40);
	free(r.data);
}

static void for_gdb(void **state)
{
	struct read_back r;

	(void)state;
	set_word(mfn[8], 511, mfn[9] << 12 | PTE);
	set_word(mfn[9], 510, mfn[10] << 12 | PTE);
	set_word(mfn[10], 0, mfn[11] << 12 | PTE);
	for (unsigned int i = 0; i < 4; i++)
		set_word(mfn[11], i, mfn[i] << 12 | PTE);
	set_word(mfn[11], 9, mfn[6] << 12 | PTE);
	set_word(mfn[11], 10, 7ull << 12 | PTE); /* not its frame */
	set_word(mfn[11], 11, mfn[7] << 12);	 /* not present */
	r = dump(true);
	assert_int_equal(r.e->e_phnum, 3);
	assert_int_equal(r.p[0].p_type, PT_NOTE);
	/* a vCPU each, the second all zero */
	assert_int_equal(r.p[0].p_filesz, 2 * (12 + 8 + 336));
	assert_true(r.p[1].p_vaddr == 0xffffffff80000000ull);
	assert_int_equal(r.p[1].p_filesz, 4 * HOST_PAGE_SIZE);
	assert_true(r.p[2].p_vaddr == 0xffffffff80009000ull);
	assert_int_equal(r.data[r.p[2].p_offset], 6);
	free(r.data);
}

/* 32 bits: three levels, the root's four entries, and headers as gdb has them for an i386 */
static void for_gdb_32(void **state)
{
	struct vcpu_guest_context_x86_32 c = { .user_regs.eip = 0xc0001234,
					       .user_regs.ebx = 0xb,
					       .user_regs.esp = 0xc0100000 };
	const Elf32_Ehdr *e;
	const Elf32_Phdr *p;
	const uint32_t *regs;
	struct read_back r;

	(void)state;
	fake_host_of(h)->is_32bit = true;
	c.ctrlreg[3] = (uint32_t)(mfn[8] << 12 | mfn[8] >> 20);
	memcpy(fake_host_of(h)->context, &c, sizeof(c));
	set_word(mfn[8], 3, mfn[9] << 12 | PTE);
	set_word(mfn[8], 4, mfn[9] << 12 | PTE); /* behind the four */
	set_word(mfn[9], 1, mfn[10] << 12 | PTE);
	set_word(mfn[10], 2, mfn[5] << 12 | PTE);
	set_word(mfn[10], 3, mfn[6] << 12 | PTE);
	r = dump(true);
	e = (const void *)r.data;
	p = (const void *)(r.data + e->e_phoff);
	assert_int_equal(e->e_ident[EI_CLASS], ELFCLASS32);
	assert_int_equal(e->e_machine, EM_386);
	assert_int_equal(e->e_shnum, 0);
	assert_int_equal(e->e_phnum, 2);
	assert_int_equal(p[0].p_type, PT_NOTE);
	assert_int_equal(p[0].p_filesz, 2 * (12 + 8 + 144));
	regs = (const void *)(r.data + p[0].p_offset + 20 + 72);
	assert_int_equal(regs[0], 0xb);
	assert_int_equal(regs[12], 0xc0001234);
	assert_int_equal(regs[15], 0xc0100000);
	assert_int_equal(p[1].p_vaddr, 0xc0202000);
	assert_int_equal(p[1].p_filesz, 2 * HOST_PAGE_SIZE);
	assert_int_equal(r.data[p[1].p_offset], 5);
	assert_int_equal(r.data[p[1].p_offset + HOST_PAGE_SIZE], 6);
	free(r.data);
}

static void circles(void **state)
{
	struct read_back r;

	(void)state;
	for (unsigned int i = 0; i < 512; i++)
		/* a root that is its own tables, 512 times */
		set_word(mfn[8], i, mfn[8] << 12 | PTE);
	r = dump(true);
	assert_true(r.e->e_phnum > 2); /* and it came to an end */
	free(r.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(usual, setup, teardown),
		cmocka_unit_test_setup_teardown(false_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(for_gdb, setup, teardown),
		cmocka_unit_test_setup_teardown(for_gdb_32, setup, teardown),
		cmocka_unit_test_setup_teardown(circles, setup, teardown),
		cmocka_unit_test_setup_teardown(given_up, setup, teardown),
	};

	return cmocka_run_group_tests_name("dump", tests, NULL, NULL);
}
