/* SPDX-License-Identifier: BSD-2-Clause */
/* A file of xl save, up to the image: what becomes of its config, and what a damaged or hostile one
 * is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/cli/xlfile.h"
#include "dom0-tools/config/config.h"

#define UUID   "66431c4e-e59f-11f1-b16a-13dd47ddf219"
#define C_INFO "\"c_info\":{\"type\":\"pv\",\"name\":\"web\",\"uuid\":\"" UUID "\"}"
#define B_INFO \
	"\"b_info\":{\"max_vcpus\":2,\"max_memkb\":131072,\"target_memkb\":65536,\"kernel\":\"/boot/k\"}"
#define DISKS \
	"\"disks\":[{\"pdev_path\":\"/srv/d.img\",\"vdev\":\"xvda\",\"format\":\"raw\",\"readwrite\":1}]"
#define NICS \
	"\"nics\":[{\"devid\":0,\"mac\":\"00:16:3e:00:00:01\",\"bridge\":\"br0\",\"nictype\":\"vif\"}]"
#define GOOD "{" C_INFO "," B_INFO "," DISKS "," NICS ",\"on_crash\":\"preserve\"}"

static uint8_t *file;
static size_t size, at;

static int memory_read(struct mig_io *io, void *buf, size_t n)
{
	(void)io;
	if (n > size - at)
		return -EPIPE;
	memcpy(buf, file + at, n);
	at += n;
	return 0;
}

static const struct mig_io_ops ops = { .read = memory_read };

static void put(const void *p, size_t n)
{
	file = realloc(file, size + n);
	memcpy(file + size, p, n);
	size += n;
}

static void write_file(const char *json)
{
	uint32_t n = (uint32_t)strlen(json) + 1, words[] = { 0x01020304, 3, 0, n + 4 };

	free(file);
	file = NULL;
	size = 0;
	put(XL_MAGIC, 32);
	put(words, sizeof(words));
	put(&n, sizeof(n));
	put(json, n);
	put("LibxlFmt\0\0\0\2\0\0\0\0\1\0\0\0\0\0\0\0", 24);
}

static int read_file(struct json_object **record, struct why *why)
{
	struct mig_io io = { .ops = &ops };
	struct cli c = { .why = why };

	*why = (struct why){ 0 };
	at = 0;
	return xl_read_front(&c, &io, record);
}

static void config(void **state)
{
	struct json_object *record;
	struct guest_config g;
	const char *text;
	struct why why;

	(void)state;
	write_file(GOOD);
	if (read_file(&record, &why))
		fail_msg("%s", why.text);
	assert_int_equal(at, size);
	assert_string_equal(json_object_get_string(json_object_object_get(record, "uuid")), UUID);
	text = json_object_get_string(json_object_object_get(record, "config_text"));
	if (config_from_text(&g, "xl", text, strlen(text), NULL, NULL, &why))
		fail_msg("%s\n%s", why.text, text);
	assert_string_equal(g.name, "web");
	assert_int_equal(g.memory, 64);
	assert_int_equal(g.maxmem, 128);
	assert_int_equal(g.vcpus, 2);
	assert_int_equal(g.nr_disks, 1);
	assert_int_equal(g.nr_vifs, 1);
	config_free(&g);
	json_object_put(record);
}

static void refused(const char *words)
{
	struct json_object *record;
	struct why why;

	if (!read_file(&record, &why) || !strstr(why.text, words))
		fail_msg("expected \"%s\", got \"%s\"", words, why.text);
	assert_null(record);
}

static void hostile(void **state)
{
	size_t whole;

	(void)state;
	write_file(GOOD);
	whole = size;
	for (size = 0; size < whole; size++)
		refused("ends in the middle");
	size = whole;
	file[36] = 7;
	refused("flags 0x7");
	write_file(GOOD);
	file[32] = 1;
	refused("byte order");
	write_file(GOOD);
	memset(file + 44, 0xff, 4);
	refused("no config of a length");
	write_file(GOOD);
	memset(file + 48, 0xff, 4);
	refused("longer than its place");
	write_file(GOOD);
	file[size - 8] = 4;
	refused("does not begin with the domain's image");
	write_file("{}");
	refused("no config that is understood");
	write_file("[1,");
	refused("no config that is understood");
	write_file("{\"c_info\":{\"type\":\"hvm\",\"name\":\"w\",\"uuid\":\"" UUID "\"}}");
	refused("type \"hvm\"");
	write_file("{\"c_info\":{\"type\":\"pv\",\"name\":\"w\\\"\\nkernel=\\\"/x\",\"uuid\":\"" UUID
		   "\"}}");
	refused("quotes");
	write_file("{" C_INFO
		   ",\"disks\":[{\"pdev_path\":\"/a,script=x\"}, 7, {\"readwrite\":\"no\"}]}");
	refused("quotes, commas");
	write_file("{" C_INFO ",\"disks\":[7,[]],\"nics\":[{\"mac\":{}}],\"b_info\":[]}");
	free(file);
	file = NULL;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(config), cmocka_unit_test(hostile) };

	return cmocka_run_group_tests_name("xlfile", tests, NULL, NULL);
}
