/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel images, honest and not: what the parser makes of them, and that each lie is told by what
 * it says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <cmocka.h>

#include <torc/abi.h>
#include <torc/elf.h>

/* A small kernel of two segments and a note segment, to be spoilt by each test. */
#define NOTES_AT 0x200
#define TEXT_AT	 0x1000
struct kernel {
	Elf64_Ehdr e;
	Elf64_Phdr p[3];
	uint8_t gap[NOTES_AT - sizeof(Elf64_Ehdr) - 3 * sizeof(Elf64_Phdr)];
	uint8_t notes[TEXT_AT - NOTES_AT];
	uint8_t text[0x3000];
};
static struct kernel k;
static unsigned int notes_used;
static char why[160];

static void note(uint32_t type, const void *desc, uint32_t n)
{
	Elf64_Nhdr h = { 4, n, type };
	uint8_t *p = k.notes + notes_used;

	memcpy(p, &h, sizeof(h));
	memcpy(p + sizeof(h), "Xen", 4);
	memcpy(p + sizeof(h) + 4, desc, n);
	notes_used += (unsigned int)sizeof(h) + 4 + ((n + 3) & ~3u);
	k.p[2].p_filesz = notes_used;
}

static void note_number(uint32_t type, uint64_t v)
{
	note(type, &v, 8);
}

#define BASE 0xffffffff80000000ull

static int setup(void **state)
{
	(void)state;
	memset(&k, 0, sizeof(k));
	notes_used = 0;
	memcpy(k.e.e_ident, ELFMAG, SELFMAG);
	k.e.e_ident[EI_CLASS] = ELFCLASS64;
	k.e.e_ident[EI_DATA] = ELFDATA2LSB;
	k.e.e_type = ET_EXEC;
	k.e.e_machine = EM_X86_64;
	k.e.e_phoff = sizeof(k.e);
	k.e.e_phnum = 3;
	k.e.e_phentsize = sizeof(k.p[0]);
	k.p[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
			       .p_offset = TEXT_AT,
			       .p_vaddr = BASE + 0x100000,
			       .p_paddr = 0x100000,
			       .p_filesz = 0x2000,
			       .p_memsz = 0x2000 };
	k.p[1] = (Elf64_Phdr){ .p_type = PT_LOAD,
			       .p_offset = TEXT_AT + 0x2000,
			       .p_vaddr = 0,
			       .p_paddr = 0x102000,
			       .p_filesz = 0x1000,
			       .p_memsz = 0x5000 };
	k.p[2] = (Elf64_Phdr){ .p_type = PT_NOTE, .p_offset = NOTES_AT };
	note_number(XEN_ELFNOTE_VIRT_BASE, BASE);
	note_number(XEN_ELFNOTE_ENTRY, BASE + 0x100010);
	note(XEN_ELFNOTE_LOADER, "generic", 8);
	note(XEN_ELFNOTE_XEN_VERSION, "xen-3.0", 8);
	return 0;
}

static int parse(struct pv_kernel *out)
{
	why[0] = 0;
	return pv_kernel_parse(out, &k, sizeof(k), why, sizeof(why));
}

static void refused(int err, const char *word)
{
	struct pv_kernel out;

	assert_int_equal(parse(&out), err);
	if (!strstr(why, word))
		fail_msg("\"%s\" does not say \"%s\"", why, word);
}

static void an_honest_kernel_is_understood(void **state)
{
	struct pv_segment s;
	struct pv_kernel out;

	(void)state;
	note_number(XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x101000);
	note_number(XEN_ELFNOTE_INIT_P2M, 0x8000000000ull);
	note_number(XEN_ELFNOTE_MOD_START_PFN, 1);
	note(XEN_ELFNOTE_FEATURES, "!writable_page_tables|pae_pgdir_above_4gb", 41);
	note(XEN_ELFNOTE_SUPPORTED_FEATURES, &(uint32_t){ 0x8801 }, 4);
	note(XEN_ELFNOTE_L1_MFN_VALID, &(uint64_t[2]){ 1, 1 }, 16);
	assert_int_equal(parse(&out), 0);
	assert_true(out.is_64bit && out.has_hypercall_page && out.has_init_p2m && out.mod_start_pfn);
	assert_true(out.entry == BASE + 0x100010);
	assert_true(out.start == BASE + 0x100000 && out.end == BASE + 0x107000);
	assert_true(out.features == (0x8801 | 1ull << XENFEAT_pae_pgdir_above_4gb));
	assert_int_equal(out.l1_valid_mask, 1);
	assert_true(pv_kernel_segment(&out, 1, &s));
	assert_true(s.vaddr == BASE + 0x102000); /* by p_paddr: p_vaddr may be anything */
	assert_int_equal(s.file_size, 0x1000);
	assert_int_equal(s.mem_size, 0x5000);
	assert_false(pv_kernel_segment(&out, 2, &s));
}

static void every_truncation_is_refused(void **state)
{
	struct pv_kernel out;

	(void)state;
	for (size_t n = 0; n < sizeof(k); n += n < TEXT_AT ? 1 : 64) {
		void *copy = malloc(n ? n : 1); /* the sanitizer watches its end */

		memcpy(copy, &k, n);
		assert_int_not_equal(pv_kernel_parse(&out, copy, n, why, sizeof(why)), 0);
		assert_true(why[0]);
		free(copy);
	}
}

static void what_is_no_kernel_for_this_machine_is_named(void **state)
{
	struct pv_kernel out;
	uint8_t bz[0x300] = { 0 };

	(void)state;
	memcpy(bz + 0x202, "HdrS", 4);
	assert_int_equal(pv_kernel_parse(&out, bz, sizeof(bz), why, sizeof(why)), -XEN_ENOEXEC);
	assert_non_null(strstr(why, "bzImage"));
	k.e.e_machine = EM_AARCH64;
	refused(-XEN_EOPNOTSUPP, "machine type 183");
	k.e.e_machine = EM_X86_64;
	k.p[2].p_type = PT_NULL;
	refused(-XEN_EOPNOTSUPP, "no Xen notes");
}

static void lying_segments_are_refused(void **state)
{
	(void)state;
	k.p[0].p_filesz = 0x3000;
	refused(-XEN_EINVAL, "in the file");
	k.p[0].p_filesz = 0x2000;
	k.p[1].p_offset = ~0ull - 0xfff;
	refused(-XEN_EINVAL, "truncated: segment 1");
	k.p[1].p_offset = TEXT_AT;
	k.p[1].p_paddr = 0 - BASE - 0x1000; /* ends at the very top */
	refused(-XEN_EINVAL, "too large");
	k.p[1].p_paddr = 0x40200000;
	refused(-XEN_EINVAL, "more than 1 GiB");
	k.p[1].p_paddr = 0x102000;
	k.p[1].p_memsz = 1ull << 40;
	refused(-XEN_EINVAL, "too large");
	k.p[0].p_type = k.p[1].p_type = PT_NULL;
	refused(-XEN_EINVAL, "nothing to load");
}

static void lying_notes_are_refused(void **state)
{
	unsigned int mark = notes_used;

	(void)state;
	note_number(XEN_ELFNOTE_ENTRY, BASE + 0x107000);
	refused(-XEN_EINVAL, "entry");
	notes_used = mark;
	note_number(XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x106800);
	refused(-XEN_EINVAL, "HYPERCALL_PAGE");
	notes_used = mark;
	note_number(XEN_ELFNOTE_HYPERCALL_PAGE, BASE + 0x107000);
	refused(-XEN_EINVAL, "HYPERCALL_PAGE");
	notes_used = mark;
	note(XEN_ELFNOTE_LOADER, "special", 8);
	refused(-XEN_EOPNOTSUPP, "special");
	notes_used = mark;
	note(XEN_ELFNOTE_FEATURES, "!supervisor_mode_kernel", 24);
	refused(-XEN_EOPNOTSUPP, "features");
	notes_used = mark;
	note(XEN_ELFNOTE_FEATURES, "!invented_tomorrow", 19);
	refused(-XEN_EOPNOTSUPP, "features");
	notes_used = mark;
	note_number(XEN_ELFNOTE_VIRT_BASE, BASE + 0x200000);
	note_number(XEN_ELFNOTE_PADDR_OFFSET, 0x200000);
	note_number(XEN_ELFNOTE_ENTRY, BASE + 0x100010);
	/* loads below its own base */
	assert_int_equal(parse(&(struct pv_kernel){ 0 }), -XEN_EINVAL);
}

static void notes_that_run_out_are_read_as_far_as_they_go(void **state)
{
	struct pv_kernel out;
	unsigned int whole;

	(void)state;
	note(XEN_ELFNOTE_GUEST_OS, "Plan\0nine", 9);
	note(XEN_ELFNOTE_FEATURES, "pae_pgdir_above_4gb", 20);
	whole = notes_used;
	k.p[2].p_filesz = whole - 8; /* as some linkers leave it */
	assert_int_equal(parse(&out), 0);
	assert_string_equal(out.guest_os, "Plan");
	for (unsigned int n = 0; n < whole; n++) {
		k.p[2].p_filesz = n;
		parse(&out); /* whatever it says, nothing is read beyond */
	}
	/* a size near 2^32 does not wrap around */
	notes_used = whole;
	note(XEN_ELFNOTE_GUEST_VERSION, "x", 2);
	((Elf64_Nhdr *)(k.notes + whole))->n_namesz = 0xfffffffe;
	assert_int_equal(parse(&out), 0);
	((Elf64_Nhdr *)(k.notes + whole))->n_namesz = 4;
	((Elf64_Nhdr *)(k.notes + whole))->n_descsz = 0xffffffff;
	assert_int_equal(parse(&out), 0);
	assert_string_equal(out.guest_version, "x");
}

static void a_32_bit_kernel_needs_pae(void **state)
{
	static struct {
		Elf32_Ehdr e;
		Elf32_Phdr p[2];
		uint8_t rest[0x2000];
	} s;
	struct pv_kernel out;
	Elf32_Nhdr n = { 4, 4, XEN_ELFNOTE_VIRT_BASE };

	(void)state;
	memcpy(s.e.e_ident, ELFMAG, SELFMAG);
	s.e.e_ident[EI_CLASS] = ELFCLASS32;
	s.e.e_ident[EI_DATA] = ELFDATA2LSB;
	s.e.e_type = ET_EXEC;
	s.e.e_machine = EM_386;
	s.e.e_phoff = sizeof(s.e);
	s.e.e_phnum = 2;
	s.e.e_phentsize = sizeof(s.p[0]);
	s.p[0] = (Elf32_Phdr){
		.p_type = PT_LOAD, .p_offset = 0x1000, .p_filesz = 0x1000, .p_memsz = 0x4000
	};
	s.p[1] = (Elf32_Phdr){ .p_type = PT_NOTE, .p_offset = 0x200, .p_filesz = 20 };
	memcpy((char *)&s + 0x200, &n, sizeof(n));
	memcpy((char *)&s + 0x20c, "Xen", 4);
	assert_int_equal(pv_kernel_parse(&out, &s, sizeof(s), why, sizeof(why)), -XEN_EOPNOTSUPP);
	assert_non_null(strstr(why, "PAE"));
	n.n_type = XEN_ELFNOTE_PAE_MODE;
	memcpy((char *)&s + 0x200, &n, sizeof(n));
	memcpy((char *)&s + 0x210, "yes", 4);
	assert_int_equal(pv_kernel_parse(&out, &s, sizeof(s), why, sizeof(why)), 0);
	assert_int_equal(out.start, 0);
	assert_int_equal(out.end, 0x4000);
}

/* A ring-1 kernel that nobody here made. */
static void grubs_32_bit_image_is_understood(void **state)
{
	static uint8_t image[4 << 20];
	FILE *f = fopen("/usr/lib/grub-xen/grub-i386-xen.bin", "rb");
	struct pv_kernel out;
	size_t n;

	(void)state;
	if (!f) {
		print_message("grub-xen-host is not installed\n");
		skip();
	}
	n = fread(image, 1, sizeof(image), f);
	fclose(f);
	assert_int_equal(pv_kernel_parse(&out, image, n, why, sizeof(why)), 0);
	assert_false(out.is_64bit);
	assert_string_equal(out.guest_os, "GRUB");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_honest_kernel_is_understood, setup),
		cmocka_unit_test_setup(every_truncation_is_refused, setup),
		cmocka_unit_test_setup(what_is_no_kernel_for_this_machine_is_named, setup),
		cmocka_unit_test_setup(lying_segments_are_refused, setup),
		cmocka_unit_test_setup(lying_notes_are_refused, setup),
		cmocka_unit_test_setup(notes_that_run_out_are_read_as_far_as_they_go, setup),
		cmocka_unit_test(a_32_bit_kernel_needs_pae),
		cmocka_unit_test(grubs_32_bit_image_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
