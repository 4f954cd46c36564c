/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel loader: what it takes, and what it says about what it does not take. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <bzlib.h>
#include <lz4.h>
#include <lzma.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "dom0-tools/builder/image.h"
#include "tests/unit/fake_kernel.h"

static int load(const struct fake_kernel *k, size_t size, struct image *im, struct why *why)
{
	uint8_t *copy = malloc(size ? size : 1); /* exactly as large as it says: ASan watches */

	memcpy(copy, k->data, size);
	return image_from_memory(im, "k", copy, size, why);
}

static void refused(const struct fake_kernel *k, const char *word)
{
	struct image im;
	struct why why = { 0 };

	assert_int_not_equal(load(k, k->size, &im, &why), 0);
	if (!strstr(why.text, word))
		fail_msg("\"%s\" does not say \"%s\"", why.text, word);
	assert_int_equal(why.error, TE_KERNEL);
	free(k->data);
}

static void good_64(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	struct image im;
	struct why why = { 0 };

	(void)state;
	assert_int_equal(load(&k, k.size, &im, &why), 0);
	assert_true(im.is_64);
	assert_int_equal(im.entry, 0xffffffff80200010ull);
	assert_int_equal(im.virt_start, 0xffffffff80200000ull);
	assert_int_equal(im.virt_end, 0xffffffff80204000ull);
	assert_int_equal(im.nr_segments, 1);
	assert_string_equal(im.guest_os, "test");
	image_close(&im);
	free(k.data);
}

static void good_32(void **state)
{
	struct fake_kernel k = fake_kernel_good(0);
	struct image im;
	struct why why = { 0 };

	(void)state;
	assert_int_equal(load(&k, k.size, &im, &why), 0);
	assert_false(im.is_64);
	assert_true(im.extended_cr3);
	assert_int_equal(im.virt_start, 0xc0200000);
	image_close(&im);
	free(k.data);
}

/* Debian's GRUB as it is: its last note claims more bytes than its segment has. */
static void grub_32(void **state)
{
	const char *path = "/usr/lib/grub-xen/grub-i386-xen.bin";
	struct image im;
	struct why why = { 0 };

	(void)state;
	if (access(path, R_OK))
		skip();
	assert_int_equal(image_open(&im, path, &why), 0);
	assert_false(im.is_64);
	assert_int_equal(im.virt_base, 0);
	assert_int_equal(im.entry, 0);
	assert_true(im.extended_cr3);
	assert_non_null(strstr(im.note, "note 9"));
	assert_string_equal(im.guest_os, "GRUB");
	image_close(&im);
}

static void grub_64(void **state)
{
	const char *path = "/usr/lib/grub-xen/grub-x86_64-xen.bin";
	struct image im;
	struct why why = { 0 };

	(void)state;
	if (access(path, R_OK))
		skip();
	assert_int_equal(image_open(&im, path, &why), 0);
	assert_true(im.is_64);
	assert_string_equal(im.note, "");
	image_close(&im);
}

static void not_a_kernel(void **state)
{
	char text[] = "#!/bin/sh\n";
	struct fake_kernel k = { .data = malloc(sizeof(text)), .size = sizeof(text) };

	(void)state;
	memcpy(k.data, text, sizeof(text));
	refused(&k, "neither an ELF file");
}

static void no_notes(void **state)
{
	struct fake_kernel k = fake_kernel_bare(1, 0x200000);

	(void)state;
	refused(&k, "no PV kernel");
}

static void other_architecture(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	((Elf64_Ehdr *)(void *)k.data)->e_machine = EM_AARCH64;
	refused(&k, "64-bit ARM");
}

static void pvh_only(void **state)
{
	struct fake_kernel k = fake_kernel_bare(0, 0x100000);
	uint32_t entry = 0x100000;

	(void)state;
	fake_note(&k, XEN_ELFNOTE_PHYS32_ENTRY, &entry, 4);
	refused(&k, "PVH");
}

/* Cut anywhere, it is refused, and nothing outside the bytes is read (ASan). */
static void truncated(void **state)
{
	(void)state;
	for (int is_64 = 0; is_64 < 2; is_64++) {
		struct fake_kernel k = fake_kernel_good(is_64);

		for (size_t size = 0; size < k.size; size += size < 1400 ? 1 : 97) {
			struct image im;
			struct why why = { 0 };

			assert_int_not_equal(load(&k, size, &im, &why), 0);
			assert_true(why.text[0]);
		}
		free(k.data);
	}
}

static void note_beyond(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	Elf64_Nhdr *h = (Elf64_Nhdr *)(void *)(k.data + k.notes_at);

	(void)state;
	h->n_descsz = 0x7fffffff;
	refused(&k, "notes lie");
}

static void note_name_beyond(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	Elf64_Nhdr *h = (Elf64_Nhdr *)(void *)(k.data + k.notes_at);

	(void)state;
	h->n_namesz = 0xfffffffd; /* wraps when rounded up in 32 bits */
	refused(&k, "notes lie");
}

/* Many headers of the same many notes. */
static void notes_without_end(void **state)
{
	enum { COUNT = 65535, SIZE = 8 << 20 };
	struct fake_kernel k = fake_kernel_good(1);
	Elf64_Ehdr *e;
	Elf64_Phdr *p;

	(void)state;
	k.data = realloc(k.data, k.size + SIZE);
	memset(k.data + k.size, 0, SIZE);
	e = (Elf64_Ehdr *)(void *)k.data;
	p = (Elf64_Phdr *)(void *)(k.data + k.size);
	for (unsigned int i = 0; i < COUNT; i++)
		p[i] = (Elf64_Phdr){ .p_type = PT_NOTE,
				     .p_offset = k.size + SIZE / 2,
				     .p_filesz = SIZE / 2 };
	e->e_phoff = k.size;
	e->e_phnum = COUNT;
	k.size += SIZE;
	alarm(20);
	refused(&k, "1 MiB of notes");
	alarm(0);
}

static int cut = -1; /* to so many bytes, when its size has been asked for */

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
	char path[32];
	int rc = __real_fstat(fd, st);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (cut >= 0)
		assert_int_equal(truncate(path, cut), 0);
	cut = -1;
	return rc;
}

/* Its owner may write to it at any time. */
static void cut_short_meanwhile(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	char path[] = "/tmp/torc-image-test.XXXXXX";
	struct why why = { 0 };
	struct image im;
	int fd = mkstemp(path);

	(void)state;
	assert_int_equal(write(fd, k.data, k.size), (ssize_t)k.size);
	assert_int_equal(image_open(&im, path, &why), 0);
	image_close(&im);
	for (int size = 4; size < 4096; size += 1000) {
		assert_int_equal(pwrite(fd, k.data, k.size, 0), (ssize_t)k.size);
		cut = size;
		/* the headers and notes may be there yet: then it is seen later */
		if (image_open(&im, path, &why) == 0)
			image_close(&im);
		else
			assert_non_null(strstr(why.text, "changed while it was being read"));
	}
	cut = 0;
	assert_int_not_equal(image_open(&im, path, &why), 0);
	close(fd);
	unlink(path);
	free(k.data);
}

static void number_note_of_odd_size(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	fake_note(&k, XEN_ELFNOTE_INIT_P2M, "abc", 3);
	refused(&k, "4 or 8");
}

static void wrong_interface(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	fake_note_text(&k, XEN_ELFNOTE_XEN_VERSION, "xen-2.0");
	refused(&k, "xen-3.0");
}

static void feature_not_given(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	fake_note_text(&k, XEN_ELFNOTE_FEATURES, "writable_page_tables|!auto_translated_physmap");
	refused(&k, "auto_translated_physmap");
}

static void entry_outside(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	fake_note_number(&k, XEN_ELFNOTE_ENTRY, 0xffffffff80300000ull);
	refused(&k, "entry");
}

static void into_the_hypervisor_64(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	fake_note_number(&k, XEN_ELFNOTE_VIRT_BASE, 0xffff800000000000ull);
	fake_note_number(&k, XEN_ELFNOTE_ENTRY, 0xffff800000200010ull);
	refused(&k, "outside");
}

static void into_the_hypervisor_32(void **state)
{
	struct fake_kernel k = fake_kernel_good(0);

	(void)state;
	fake_note_number(&k, XEN_ELFNOTE_VIRT_BASE, 0xf5600000);
	fake_note_number(&k, XEN_ELFNOTE_ENTRY, 0xf5800010);
	refused(&k, "outside");
}

static void address_wraps(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	fake_note_number(&k, XEN_ELFNOTE_VIRT_BASE, 0xffffffffffffe000ull);
	refused(&k, "outside");
}

static void more_in_file_than_memory(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	((Elf64_Phdr *)(void *)(k.data + k.phdr_at))->p_memsz = 100;
	refused(&k, "more bytes in the file");
}

static void huge_bss(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);

	(void)state;
	((Elf64_Phdr *)(void *)(k.data + k.phdr_at))->p_memsz = 1ull << 62;
	refused(&k, "out of reach");
}

/* --- packed */

static void packed_loads(const uint8_t *data, size_t size, size_t from)
{
	struct fake_kernel k = { .data = (uint8_t *)data, .size = size };
	struct image im;
	struct why why = { 0 };

	assert_int_equal(load(&k, size, &im, &why), 0);
	assert_true(im.is_64);
	image_close(&im);
	for (size_t cut = from; cut < size - 8; cut += 13) { /* truncated: refused */
		assert_int_not_equal(load(&k, cut, &im, &why), 0);
		assert_true(why.text[0]);
	}
}

static void packed_gzip(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	z_stream z = { 0 };
	uint8_t out[32768];

	(void)state;
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, 0), Z_OK);
	z.next_in = k.data;
	z.avail_in = (uInt)k.size;
	z.next_out = out;
	z.avail_out = sizeof(out);
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	packed_loads(out, z.total_out, 20);
	deflateEnd(&z);
	free(k.data);
}

static void packed_xz(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	uint8_t out[32768];
	size_t n = 0;

	(void)state;
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, k.data, k.size, out, &n,
						 sizeof(out)),
			 LZMA_OK);
	packed_loads(out, n, 20);
	free(k.data);
}

static void packed_bzip2(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	unsigned int n = 32768;
	char out[32768];

	(void)state;
	assert_int_equal(BZ2_bzBuffToBuffCompress(out, &n, (char *)k.data, (unsigned int)k.size, 9,
						  0, 0),
			 BZ_OK);
	packed_loads((uint8_t *)out, n, 20);
	free(k.data);
}

static void packed_zstd(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	uint8_t out[32768];
	size_t n = ZSTD_compress(out, sizeof(out), k.data, k.size, 9);

	(void)state;
	assert_false(ZSTD_isError(n));
	packed_loads(out, n, 20);
	free(k.data);
}

static void packed_lz4(void **state)
{
	struct fake_kernel k = fake_kernel_good(1);
	uint8_t out[32768] = { 0x02, 0x21, 0x4c, 0x18 };
	uint32_t n;

	(void)state;
	n = (uint32_t)LZ4_compress_default((char *)k.data, (char *)out + 8, (int)k.size,
					   sizeof(out) - 8);
	assert_int_not_equal(n, 0);
	memcpy(out + 4, &n, 4);
	packed_loads(out, n + 8, 20);
	free(k.data);
}

/* A bzImage: header, padding, an xz payload with the size behind it. */
static void bzimage(void **state)
{
	struct fake_kernel k = fake_kernel_good(1), b = { .size = 1024 + 32768 };
	uint32_t offset = 16, length;
	struct image im;
	struct why why = { 0 };
	size_t n = 0;

	(void)state;
	b.data = calloc(1, b.size);
	assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, k.data, k.size,
						 b.data + 1024 + offset, &n, 32000),
			 LZMA_OK);
	b.data[0x1f1] = 1;
	b.data[0x1fe] = 0x55;
	b.data[0x1ff] = 0xaa;
	memcpy(b.data + 0x202, "HdrS", 4);
	b.data[0x206] = 0x0f;
	b.data[0x207] = 0x02;
	length = (uint32_t)n + 4;
	memcpy(b.data + 0x248, &offset, 4);
	memcpy(b.data + 0x24c, &length, 4);
	assert_int_equal(load(&b, b.size, &im, &why), 0);
	image_close(&im);

	length = 0x40000000;
	memcpy(b.data + 0x24c, &length, 4);
	assert_int_not_equal(load(&b, b.size, &im, &why), 0);
	assert_non_null(strstr(why.text, "truncated"));
	b.data[0x207] = 0x01;
	assert_int_not_equal(load(&b, b.size, &im, &why), 0);
	assert_non_null(strstr(why.text, "boot protocol"));
	free(b.data);
	free(k.data);
}

static void lzo_is_named(void **state)
{
	struct fake_kernel k = { .data = calloc(1, 64), .size = 64 };

	(void)state;
	memcpy(k.data, "\x89LZO", 4);
	refused(&k, "lzo");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_64),
		cmocka_unit_test(good_32),
		cmocka_unit_test(grub_32),
		cmocka_unit_test(grub_64),
		cmocka_unit_test(not_a_kernel),
		cmocka_unit_test(no_notes),
		cmocka_unit_test(notes_without_end),
		cmocka_unit_test(cut_short_meanwhile),
		cmocka_unit_test(other_architecture),
		cmocka_unit_test(pvh_only),
		cmocka_unit_test(truncated),
		cmocka_unit_test(note_beyond),
		cmocka_unit_test(note_name_beyond),
		cmocka_unit_test(number_note_of_odd_size),
		cmocka_unit_test(wrong_interface),
		cmocka_unit_test(feature_not_given),
		cmocka_unit_test(entry_outside),
		cmocka_unit_test(into_the_hypervisor_64),
		cmocka_unit_test(into_the_hypervisor_32),
		cmocka_unit_test(address_wraps),
		cmocka_unit_test(more_in_file_than_memory),
		cmocka_unit_test(huge_bss),
		cmocka_unit_test(packed_gzip),
		cmocka_unit_test(packed_xz),
		cmocka_unit_test(packed_bzip2),
		cmocka_unit_test(packed_zstd),
		cmocka_unit_test(packed_lz4),
		cmocka_unit_test(bzimage),
		cmocka_unit_test(lzo_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
