/* SPDX-License-Identifier: BSD-2-Clause */
/* What is said of a kernel image's notes and of the instructions in its text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "dom0-tools/builder/scan.h"
#include "tests/unit/fake_kernel.h"

#define TEXT 4096 /* of fake kernels in the file */

static struct image image_of(const struct fake_kernel *k)
{
	return (struct image){ .name = "k", .data = k->data, .size = k->size, .fd = -1 };
}

static const struct note_row *note(const struct scan_notes *n, const char *name)
{
	for (size_t i = 0; i < NOTE_ROWS; i++)
		if (strcmp(n->rows[i].name, name) == 0)
			return &n->rows[i];
	fail_msg("no row for %s", name);
	return NULL;
}

static void good_notes(void **state)
{
	(void)state;
	for (int is_64 = 0; is_64 < 2; is_64++) {
		struct fake_kernel k = fake_kernel_good(is_64);
		struct image im = image_of(&k);
		struct scan_notes n;

		scan_notes(&n, &im);
		assert_true(n.is_elf && n.pv && !n.pvh);
		assert_int_equal(n.is_64, is_64);
		assert_int_equal(n.missing + n.wrong, 0);
		assert_string_equal(note(&n, "LOADER")->value, "generic");
		assert_int_equal(note(&n, "ENTRY")->state, NOTE_PRESENT);
		assert_int_equal(note(&n, "INIT_P2M")->state, NOTE_ABSENT);
		free(k.data);
	}
}

static void bad_notes(void **state)
{
	struct fake_kernel k = fake_kernel_bare(0, 0x200000);
	struct image im;
	struct scan_notes n;

	(void)state;
	fake_note_text(&k, XEN_ELFNOTE_LOADER, "special\x1b[2J");
	fake_note_text(&k, XEN_ELFNOTE_PAE_MODE, "no");
	fake_note_number(&k, XEN_ELFNOTE_VIRT_BASE, 0xc0000123);
	fake_note(&k, XEN_ELFNOTE_ENTRY, "abc", 3);
	im = image_of(&k);
	scan_notes(&n, &im);
	assert_int_equal(n.wrong, 4);
	assert_string_equal(note(&n, "LOADER")->value, "special?[2J");
	assert_int_equal(note(&n, "PAE_MODE")->state, NOTE_WRONG);
	assert_non_null(strstr(note(&n, "ENTRY")->value, "3 bytes"));
	assert_int_equal(n.missing, 1);
	assert_int_equal(note(&n, "XEN_VERSION")->state, NOTE_MISSING);
	free(k.data);
}

static void pvh_notes(void **state)
{
	struct fake_kernel k = fake_kernel_bare(1, 0x200000);
	struct image im;
	struct scan_notes n;

	(void)state;
	fake_note_number(&k, XEN_ELFNOTE_PHYS32_ENTRY, 0x200000);
	im = image_of(&k);
	scan_notes(&n, &im);
	assert_true(n.pvh && !n.pv);
	free(k.data);
}

/* Scans code as the whole text of a kernel of this width. */
static void scan(int is_64, const uint8_t *code, size_t size, struct scan_code *s)
{
	struct fake_kernel k = fake_kernel_good(is_64);
	struct image im = image_of(&k);
	struct why why = { 0 };

	memset(k.data + TEXT, 0x90, FAKE_TEXT);
	memcpy(k.data + TEXT, code, size);
	if (is_64)
		((Elf64_Phdr *)(void *)(k.data + k.phdr_at))->p_flags = PF_R | PF_X;
	else
		((Elf32_Phdr *)(void *)(k.data + k.phdr_at))->p_flags = PF_R | PF_X;
	assert_int_equal(scan_code(s, &im, &why), 0);
	assert_int_equal(s->bytes, FAKE_TEXT);
	free(k.data);
}

static const struct {
	const char *name;
	int widths; /* 1: 32, 2: 64, 3: both */
	enum sensitive kind;
	uint8_t code[8];
	uint8_t size;
} each[] = {
	{ "pushfd", 1, SENSITIVE_SILENT, { 0x9c }, 1 },
	{ "pushfq", 2, SENSITIVE_SILENT, { 0x9c }, 1 },
	{ "popfd", 1, SENSITIVE_SILENT, { 0x9d }, 1 },
	{ "popfq", 2, SENSITIVE_SILENT, { 0x9d }, 1 },
	{ "pushf", 3, SENSITIVE_SILENT, { 0x66, 0x9c }, 2 },
	{ "popf", 3, SENSITIVE_SILENT, { 0x66, 0x9d }, 2 },
	{ "sgdt", 3, SENSITIVE_SILENT, { 0x0f, 0x01, 0x03 }, 3 },
	{ "sidt", 3, SENSITIVE_SILENT, { 0x0f, 0x01, 0x0b }, 3 },
	{ "sldt", 3, SENSITIVE_SILENT, { 0x0f, 0x00, 0xc0 }, 3 },
	{ "str", 3, SENSITIVE_SILENT, { 0x0f, 0x00, 0xc8 }, 3 },
	{ "smsw", 3, SENSITIVE_SILENT, { 0x0f, 0x01, 0xe0 }, 3 },
	{ "lar", 3, SENSITIVE_SILENT, { 0x0f, 0x02, 0xc1 }, 3 },
	{ "lsl", 3, SENSITIVE_SILENT, { 0x0f, 0x03, 0xc1 }, 3 },
	{ "verr", 3, SENSITIVE_SILENT, { 0x0f, 0x00, 0xe0 }, 3 },
	{ "verw", 3, SENSITIVE_SILENT, { 0x0f, 0x00, 0xe8 }, 3 },
	{ "call far", 3, SENSITIVE_SILENT, { 0xff, 0x1b }, 2 },
	{ "jmp far", 3, SENSITIVE_SILENT, { 0xff, 0x2b }, 2 },
	{ "call far", 1, SENSITIVE_SILENT, { 0x9a, 0, 0, 0, 0, 8, 0 }, 7 },
	{ "jmp far", 1, SENSITIVE_SILENT, { 0xea, 0, 0, 0, 0, 8, 0 }, 7 },
	{ "ret far", 3, SENSITIVE_SILENT, { 0xcb }, 1 },
	{ "iretd", 3, SENSITIVE_SILENT, { 0xcf }, 1 },
	{ "iretq", 2, SENSITIVE_SILENT, { 0x48, 0xcf }, 2 },
	{ "mov from cs, ss", 3, SENSITIVE_SILENT, { 0x8c, 0xc8 }, 2 },
	{ "mov from cs, ss", 3, SENSITIVE_SILENT, { 0x8c, 0xd0 }, 2 },
	{ "push cs, ss", 1, SENSITIVE_SILENT, { 0x0e }, 1 },
	{ "pop ss", 1, SENSITIVE_TRAPS, { 0x17 }, 1 },
	{ "mov to ss", 3, SENSITIVE_TRAPS, { 0x8e, 0xd0 }, 2 },
	{ "cpuid", 3, SENSITIVE_SILENT, { 0x0f, 0xa2 }, 2 },
	{ "int n", 3, SENSITIVE_GATE, { 0xcd, 0x80 }, 2 },
	{ "cli", 3, SENSITIVE_TRAPS, { 0xfa }, 1 },
	{ "sti", 3, SENSITIVE_TRAPS, { 0xfb }, 1 },
	{ "hlt", 3, SENSITIVE_TRAPS, { 0xf4 }, 1 },
	{ "mov cr", 3, SENSITIVE_TRAPS, { 0x0f, 0x20, 0xd8 }, 3 },
	{ "mov cr", 3, SENSITIVE_TRAPS, { 0x0f, 0x22, 0xd8 }, 3 },
	{ "mov dr", 3, SENSITIVE_TRAPS, { 0x0f, 0x23, 0xf8 }, 3 },
	{ "lgdt", 3, SENSITIVE_TRAPS, { 0x0f, 0x01, 0x13 }, 3 },
	{ "ltr", 3, SENSITIVE_TRAPS, { 0x0f, 0x00, 0xd8 }, 3 },
	{ "swapgs", 2, SENSITIVE_TRAPS, { 0x0f, 0x01, 0xf8 }, 3 },
	{ "out", 3, SENSITIVE_TRAPS, { 0xee }, 1 },
};

static void every_instruction(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(each) / sizeof(each[0]); i++)
		for (int is_64 = 0; is_64 < 2; is_64++) {
			static struct scan_code s;

			if (!(each[i].widths & (is_64 ? 2 : 1)))
				continue;
			scan(is_64, each[i].code, each[i].size, &s);
			if (s.nr_rows != 1 || strcmp(s.rows[0].mnemonic, each[i].name) != 0 ||
			    s.rows[0].kind != each[i].kind || s.rows[0].count != 1 || s.unknown)
				fail_msg("%s in %d bits: %u rows, first %s", each[i].name,
					 is_64 ? 64 : 32, s.nr_rows,
					 s.nr_rows ? s.rows[0].mnemonic : "none");
			assert_int_equal(s.silent, each[i].kind == SENSITIVE_SILENT);
		}
}

/* What is fine is not reported: other segments, the forced cpuid, near calls, int3, ud2. */
static void harmless(void **state)
{
	static const uint8_t code[] = { 0x8c, 0xd8, 0x8e, 0xd8, 0x0f, 0x0b, 'x', 'e',
					'n',  0x0f, 0xa2, 0xe8, 0,    0,    0,	 0,
					0xc3, 0xcc, 0x0f, 0x0b, 0x0f, 0xae, 0xf0 };
	static struct scan_code s;

	(void)state;
	for (int is_64 = 0; is_64 < 2; is_64++) {
		scan(is_64, code, sizeof(code), &s);
		if (s.nr_rows)
			fail_msg("%s is reported in %d bits", s.rows[0].mnemonic, is_64 ? 64 : 32);
		assert_int_equal(s.unknown, 0);
	}
}

static void counted_and_cut(void **state)
{
	uint8_t code[10];
	static struct scan_code s;

	(void)state;
	memset(code, 0xfa, sizeof(code));
	scan(1, code, sizeof(code), &s);
	assert_int_equal(s.rows[0].count, sizeof(code));
	assert_int_equal(s.rows[0].first[3].address - s.rows[0].first[0].address, 3);
	assert_false(s.symbols || s.sections);
}

/* A 64-bit file with sections and two functions; the first ends in the first byte of a long
 * instruction. */
struct sectioned {
	Elf64_Ehdr e;
	uint8_t text[16];
	char names[32];
	Elf64_Sym sym[3];
	Elf64_Shdr sh[4];
};

static struct sectioned *sectioned(void)
{
	struct sectioned *f = calloc(1, sizeof(*f));

	memcpy(f->e.e_ident, ELFMAG, SELFMAG);
	f->e.e_ident[EI_CLASS] = ELFCLASS64;
	f->e.e_ident[EI_DATA] = ELFDATA2LSB;
	f->e.e_machine = EM_X86_64;
	f->e.e_shoff = offsetof(struct sectioned, sh);
	f->e.e_shentsize = sizeof(Elf64_Shdr);
	f->e.e_shnum = 4;
	memset(f->text, 0x90, sizeof(f->text));
	f->text[7] = 0xb8; /* mov imm32: would swallow what follows */
	f->text[9] = 0x9c; /* pushfq, in the second function */
	memcpy(f->names, "\0first\0sec\033ond", 14);
	f->sym[1] =
		(Elf64_Sym){ .st_name = 7, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x1008 };
	f->sym[2] =
		(Elf64_Sym){ .st_name = 1, .st_info = STT_FUNC, .st_shndx = 1, .st_value = 0x1000 };
	f->sh[1] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
				 .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
				 .sh_addr = 0x1000,
				 .sh_offset = offsetof(struct sectioned, text),
				 .sh_size = sizeof(f->text) };
	f->sh[2] = (Elf64_Shdr){ .sh_type = SHT_SYMTAB,
				 .sh_link = 3,
				 .sh_size = sizeof(f->sym),
				 .sh_offset = offsetof(struct sectioned, sym) };
	f->sh[3] = (Elf64_Shdr){ .sh_type = SHT_STRTAB,
				 .sh_size = sizeof(f->names),
				 .sh_offset = offsetof(struct sectioned, names) };
	return f;
}

static void symbols(void **state)
{
	struct sectioned *f = sectioned();
	struct image im = { .name = "k", .data = (uint8_t *)f, .size = sizeof(*f), .fd = -1 };
	static struct scan_code s;
	struct why why = { 0 };

	(void)state;
	assert_int_equal(scan_code(&s, &im, &why), 0);
	assert_true(s.symbols && s.sections);
	assert_int_equal(s.nr_rows, 1);
	assert_string_equal(s.rows[0].first[0].symbol, "sec?ond");
	assert_int_equal(s.rows[0].first[0].offset, 1);
	assert_int_equal(s.unknown, 1);
	free(f);
}

/* Names and sizes that lie stay inside the file; sections that lie over each other end. */
static void lies(void **state)
{
	struct sectioned *f = sectioned();
	struct image im = { .name = "k", .data = (uint8_t *)f, .size = sizeof(*f), .fd = -1 };
	static struct scan_code s;
	struct why why = { 0 };

	(void)state;
	f->sym[1].st_name = 0xfffffff0;
	f->sym[2].st_value = UINT64_MAX;
	assert_int_equal(scan_code(&s, &im, &why), 0);
	assert_string_equal(s.rows[0].first[0].symbol, "");
	f->sh[1].sh_offset = UINT64_MAX - 4;
	f->sh[2].sh_size = UINT64_MAX;
	assert_int_equal(scan_code(&s, &im, &why), 0);
	assert_int_equal(s.bytes, 0);
	for (int i = 0; i < 4; i++)
		f->sh[i] = (Elf64_Shdr){ .sh_type = SHT_PROGBITS,
					 .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
					 .sh_size = sizeof(*f) };
	assert_int_equal(scan_code(&s, &im, &why), 0);
	assert_int_equal(s.bytes, sizeof(*f));
	assert_true(s.cut);
	free(f);
}

static void no_elf(void **state)
{
	uint8_t text[] = "#!/bin/sh, and more so that it is long enough for a header to be in it";
	struct image im = { .name = "k", .data = text, .size = sizeof(text), .fd = -1 };
	static struct scan_code s;
	struct scan_notes n;
	struct why why = { 0 };

	(void)state;
	scan_notes(&n, &im);
	assert_false(n.is_elf);
	assert_int_not_equal(scan_code(&s, &im, &why), 0);
	assert_int_equal(why.error, TE_KERNEL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_notes), cmocka_unit_test(bad_notes),
		cmocka_unit_test(pvh_notes),  cmocka_unit_test(every_instruction),
		cmocka_unit_test(harmless),   cmocka_unit_test(counted_and_cut),
		cmocka_unit_test(symbols),    cmocka_unit_test(lies),
		cmocka_unit_test(no_elf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
