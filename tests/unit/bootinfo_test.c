/* SPDX-License-Identifier: BSD-2-Clause */
/* boot/{cmdline,multiboot}.c and x86/boot_mem.c: options, the loader's memory map, and taking
 * memory out of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <torc/boot_early.h>
#include <torc/boot_mem.h>
#include <torc/console.h>
#include <torc/x86.h>

static char arena[65536];
char *host_ram = arena;
static int complaints;

void log_err(const char *fmt, ...)
{
	(void)fmt;
	complaints++;
}
void log_warn(const char *fmt, ...)
{
	(void)fmt;
	complaints++;
}
void panic(const char *fmt, ...)
{
	fail_msg("%s", fmt);
	abort();
}
size_t str_copy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src);

	if (size) {
		strncpy(dst, src, size - 1);
		dst[size - 1] = '\0';
	}
	return len;
}

static void options_are_read(void **state)
{
	(void)state;
	complaints = 0;
	memset(&options, 0, sizeof(options));
	cmdline_parse(
		"  dom0_mem=1G,min:256M,max:1048576K dom0_max_vcpus=2 noreboot console=com1,vga loglvl=all nosmp --");
	assert_int_equal(complaints, 0);
	assert_int_equal(options.dom0_mem, GB(1ul));
	assert_int_equal(options.dom0_mem_min, MB(256));
	assert_int_equal(options.dom0_mem_max, GB(1ul));
	assert_int_equal(options.dom0_max_vcpus, 2);
	assert_true(options.noreboot);
	assert_int_equal(options.max_cpus, 1);
	assert_string_equal(options.console, "com1,vga");
	cmdline_parse("no-noreboot dom0_mem=2048M");
	assert_false(options.noreboot);
	cmdline_parse("console=none console=vga,com2 console=com1,vga");
	assert_int_equal(complaints, 0);
	assert_int_equal(options.dom0_mem, GB(2ul));
}

static void what_is_not_understood_is_reported(void **state)
{
	static const char *const bad[] = {
		"frobnicate",
		"dom0_mem=",
		"dom0_mem=12Q",
		"dom0_mem=1G,",
		"dom0_max_vcpus=two",
		"noreboot=perhaps",
		"nosmp=3",
		"maxcpus",
		"dom0_mem=99999999999999999999999999G",
		"no-dom0_mem",
		"=",
		"console=",
		"console=com1,vag",
		"console=ttyS0",
		"console=com1,",
		"com1="
		"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
	};

	(void)state;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		complaints = 0;
		cmdline_parse(bad[i]);
		if (complaints != 1)
			fail_msg("\"%s\": %d complaints", bad[i], complaints);
		assert_string_equal(options.console, "com1,vga"); /* what was said before */
	}
}

static void dom0_has_what_is_left_and_can_be_listed(void **state)
{
	(void)state;
	memset(&options, 0, sizeof(options));
	assert_int_equal(cmdline_dom0_pages(MB(1024) >> 12), MB(960) >> 12);
	assert_int_equal(cmdline_dom0_pages(GB(64ul) >> 12), GB(63ul) >> 12);
	assert_int_equal(cmdline_dom0_pages(GB(768ul) >> 12), GB(512ul) >> 12);
	cmdline_parse("dom0_mem=2G,min:1G,max:1536M");
	assert_int_equal(cmdline_dom0_pages(GB(768ul) >> 12), MB(1536) >> 12);
	cmdline_parse("dom0_mem=768G,max:1T"); /* refused by who builds it, with a word */
	assert_true(cmdline_dom0_pages(GB(1024ul) >> 12) > DOM0_PAGES_MAX);
	memset(&options, 0, sizeof(options));
}

static void put_range(uint8_t **p, uint64_t start, uint64_t size, uint32_t type)
{
	memcpy(*p, &(uint32_t){ 20 }, 4);
	memcpy(*p + 4, &start, 8);
	memcpy(*p + 12, &size, 8);
	memcpy(*p + 20, &type, 4);
	*p += 24;
}

static void the_map_is_sorted_and_without_overlaps(void **state)
{
	uint8_t *map = (uint8_t *)arena + 4096, *p = map;
	uint32_t info[32] = { [0] = 0x40 };
	unsigned int i;

	(void)state;
	put_range(&p, MB(16), MB(64), 1);
	put_range(&p, 0, 0x9f000, 1);
	put_range(&p, MB(32), MB(1), 2); /* inside RAM */
	put_range(&p, MB(79), MB(4), 2); /* across its end */
	info[11] = (uint32_t)(p - map);
	info[12] = 4096;
	memcpy(arena, info, sizeof(info));
	memset(&boot_info, 0, sizeof(boot_info));
	multiboot_parse(0x2badb002, 0);
	for (i = 0; i + 1 < boot_info.nr_map; i++)
		assert_true(boot_info.map[i].start + boot_info.map[i].size <=
			    boot_info.map[i + 1].start);
	assert_int_equal(boot_info.nr_map, 5);
	assert_int_equal(boot_info.map[1].size, MB(16));
	assert_int_equal(boot_info.map[2].type, 2);
	assert_int_equal(boot_info.map[3].start, MB(33));
	assert_int_equal(boot_info.map[3].size, MB(46));
}

/* All of it gives way, and what it lay in is in one piece still. */
static void ram_inside_of_what_is_reserved_is_none(void **state)
{
	uint8_t *map = (uint8_t *)arena + 4096, *p = map;
	uint32_t info[32] = { [0] = 0x40 };

	(void)state;
	put_range(&p, MB(1), MB(15), 1);
	put_range(&p, MB(32), MB(32), 2);
	put_range(&p, MB(40), MB(8), 1);
	put_range(&p, MB(32), MB(2), 1); /* and from its start */
	put_range(&p, MB(60), MB(68), 1);
	info[11] = (uint32_t)(p - map);
	info[12] = 4096;
	memcpy(arena, info, sizeof(info));
	memset(&boot_info, 0, sizeof(boot_info));
	alarm(10); /* or it would go on for ever */
	multiboot_parse(0x2badb002, 0);
	alarm(0);
	assert_int_equal(boot_info.nr_map, 3);
	assert_int_equal(boot_info.map[1].start, MB(32));
	assert_int_equal(boot_info.map[1].size, MB(32));
	assert_int_equal(boot_info.map[1].type, 2);
	assert_int_equal(boot_info.map[2].start, MB(64));
	assert_int_equal(boot_info.map[2].size, MB(64));
}

static void modules_keep_their_command_lines(void **state)
{
	uint32_t info[32] = { [0] = 0x248, [5] = 2, [6] = 512, [11] = 24, [12] = 2048, [16] = 1500 };
	uint32_t mods[8] = { MB(4), MB(5), 1024, 0, MB(6), MB(7), 0, 0 };
	uint8_t *p = (uint8_t *)arena + 2048;

	(void)state;
	put_range(&p, MB(1), MB(64), 1);
	memcpy(arena, info, sizeof(info));
	memcpy(arena + 512, mods, sizeof(mods));
	strcpy(arena + 1024, "/vmlinux console=hvc0");
	strcpy(arena + 1500, "a loader");
	memset(&boot_info, 0, sizeof(boot_info));
	multiboot_parse(0x2badb002, 0);
	memset(arena, 0xff, sizeof(arena)); /* the loader's memory is not looked at again */
	assert_int_equal(boot_info.nr_modules, 2);
	assert_int_equal(boot_info.module[0].start, MB(4));
	assert_int_equal(boot_info.module[0].size, MB(1));
	assert_string_equal(boot_info.module[0].cmdline, "/vmlinux console=hvc0");
	assert_string_equal(boot_info.module[1].cmdline, "");
	assert_string_equal(boot_info.loader, "a loader");
}

static uint64_t left;
static void count(maddr_t start, maddr_t end)
{
	left += end - start;
	assert_false(start < MB(12) && end > MB(10));
}

static void memory_is_taken_once(void **state)
{
	maddr_t a[40];
	unsigned int i, j;

	(void)state;
	boot_mem_add(MB(1), MB(64));
	boot_mem_add(MB(100), MB(101));
	boot_mem_reserve(MB(10), MB(12));
	boot_mem_reserve(MB(63), MB(100) + 4096);
	for (i = 0; i < ARRAY_SIZE(a); i++) {
		a[i] = boot_mem_alloc(i % 3 ? 4096 : MB(1), i % 3 ? 4096 : MB(1));
		assert_int_equal(a[i] % (i % 3 ? 4096 : MB(1)), 0);
		for (j = 0; j < i; j++)
			assert_true(a[i] + (i % 3 ? 4096 : MB(1)) <= a[j] ||
				    a[i] >= a[j] + (j % 3 ? 4096 : MB(1)));
	}
	boot_mem_each(count);
	assert_int_equal(left,
			 MB(64) - MB(1) - MB(2) - MB(1) + MB(1) - 4096 - 14 * MB(1) - 26 * 4096);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(what_is_not_understood_is_reported),
		cmocka_unit_test(dom0_has_what_is_left_and_can_be_listed),
		cmocka_unit_test(the_map_is_sorted_and_without_overlaps),
		cmocka_unit_test(ram_inside_of_what_is_reserved_is_none),
		cmocka_unit_test(modules_keep_their_command_lines),
		cmocka_unit_test(memory_is_taken_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
