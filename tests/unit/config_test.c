/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest files: what is understood, and where and how it is said that something is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "dom0-tools/config/config.h"

#define BASE "name = \"g\"\nkernel = \"/k\"\n"

static char warned[1024];

static void warn(void *arg, const char *text)
{
	(void)arg;
	strncat(warned, text, sizeof(warned) - strlen(warned) - 1);
	strncat(warned, "\n", sizeof(warned) - strlen(warned) - 1);
}

static int parse(struct guest_config *g, const char *text, struct why *why)
{
	char *copy = malloc(strlen(text) + 1); /* exactly so long: ASan watches */
	int rc;

	warned[0] = 0;
	memset(why, 0, sizeof(*why));
	memcpy(copy, text, strlen(text));
	rc = config_from_text(g, "f", copy, strlen(text), warn, NULL, why);
	free(copy);
	return rc;
}

static struct guest_config good(const char *text)
{
	struct guest_config g;
	struct why why;

	if (parse(&g, text, &why))
		fail_msg("%s (%s)", why.text, why.hint);
	return g;
}

static void bad(const char *text, enum torc_error e, const char *words, const char *hint)
{
	struct guest_config g;
	struct why why;

	if (!parse(&g, text, &why))
		fail_msg("accepted: %s", text);
	assert_int_equal(why.error, e);
	if (!strstr(why.text, words))
		fail_msg("\"%s\" does not say \"%s\"", why.text, words);
	if (hint && !strstr(why.hint, hint))
		fail_msg("the hint \"%s\" does not say \"%s\"", why.hint, hint);
}

static void usual(void **state)
{
	struct guest_config g = good("# a guest\n"
				     "name = \"web.example\"   # its name\n"
				     "type='pv'; kernel = \"/boot/vmlinuz\"\n"
				     "ramdisk = \"/boot/initrd\"\r\n"
				     "memory = 512\nmaxmem = 0x400\nvcpus = 2\n"
				     "root = \"/dev/xvda1 ro\"\nextra = \"quiet\"\n"
				     "disk = [ 'phy:/dev/vg/web,xvda,w',\n"
				     "         'file:/srv/iso.img,hdc:cdrom,r', # second\n"
				     "]\n"
				     "vif = [ \"mac=00:16:3e:01:02:03, bridge=br0\", ]\n"
				     "on_crash = \"coredump-restart\"\ncpus = \"0-3,^1\"\n");

	(void)state;
	assert_string_equal(g.name, "web.example");
	assert_int_equal(g.memory, 512);
	assert_int_equal(g.maxmem, 1024);
	assert_int_equal(g.maxvcpus, 2);
	assert_string_equal(g.command_line, "root=/dev/xvda1 ro quiet");
	assert_int_equal(g.nr_disks, 2);
	assert_string_equal(g.disks[0].target, "/dev/vg/web");
	assert_int_equal(g.disks[0].number, 51712);
	assert_true(g.disks[0].writable);
	assert_string_equal(g.disks[1].target, "/srv/iso.img");
	assert_true(g.disks[1].cdrom);
	assert_false(g.disks[1].writable);
	assert_int_equal(g.nr_vifs, 1);
	assert_int_equal(g.vifs[0].mac[5], 3);
	assert_string_equal(g.vifs[0].bridge, "br0");
	assert_int_equal(g.on_crash, ACT_COREDUMP_RESTART);
	assert_int_equal(g.on_reboot, ACT_RESTART);
	assert_int_equal(g.on_poweroff, ACT_DESTROY);
	assert_string_equal(warned, "");
	config_free(&g);
	g = good("\xef\xbb\xbfname = \"g\"\r\nkernel = \"/k\"\r\n"); /* Windows's editor */
	assert_string_equal(g.name, "g");
	config_free(&g);
}

/* The shell takes a pair of quotes away. */
static void overrides_without_their_quotes(void **state)
{
	static const char *const lines[] = { "extra=console=hvc0 quiet", "extra=a,b", "extra=" };
	struct guest_config g;
	struct why why;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_not_equal(config_load(&g, "f", BASE, strlen(BASE), lines[i], NULL, NULL,
						 &why),
				     0);
		assert_string_equal(why.hint, i < 2 ? "quote it once more: 'extra=\"...\"'" :
						      "nothing is \"\" or []");
	}
}

static void syntax_errors(void **state)
{
	(void)state;
	bad("name = \"g\nkernel=\"/k\"\n", TE_CONFIG, "f:1:8: this string is not closed", "\"");
	bad("name = g\n", TE_CONFIG, "f:1:8:", "quoted");
	bad("name \"g\"\n", TE_CONFIG, "f:1:6: '=' expected", NULL);
	bad("name = \"g\" kernel = \"/k\"\n", TE_CONFIG, "f:1:12: the end of the line expected",
	    NULL);
	bad(BASE "disk = [ 'a' 'b' ]\n", TE_CONFIG, "f:3:14: ',' or ']' expected", NULL);
	bad(BASE "disk = [ 'a',\n", TE_CONFIG, "f:3:8: this list is never closed", NULL);
	bad(BASE "memory = 12x\n", TE_CONFIG, "f:3:10: \"12x\" is not a number", NULL);
	bad(BASE "memory = -1\n", TE_CONFIG, "is not a number", NULL);
	bad(BASE "= 3\n", TE_CONFIG, "f:3:1: the name of a key expected", NULL);
	bad(BASE "extra = \"a\\q\"\n", TE_CONFIG, "f:3:11: unknown escape", "\\\\");
	bad(BASE "disk = [[[[[[[[[[[[[[[[\n", TE_CONFIG, "nested too deep", NULL);
	bad("\x01", TE_CONFIG, "byte 0x01", NULL);
}

static void keys(void **state)
{
	struct guest_config g;

	(void)state;
	bad(BASE "memroy = 512\n", TE_CONFIG_KEY, "f:3:1: there is no key \"memroy\"", "memory");
	g = good(BASE "xyzzy = 1\n"); /* files of the field have variables of their own */
	assert_non_null(strstr(warned, "f:3:1: xyzzy: no key of Torc's"));
	config_free(&g);
	bad(BASE "on_carsh = \"destroy\"\n", TE_CONFIG_KEY, "f:3:1: there is no key \"on_carsh\"",
	    "on_crash");
	bad(BASE "Memory = 64\n", TE_CONFIG_KEY, "f:3:1: there is no key \"Memory\"", "memory");
	bad(BASE "firmware = \"uefi\"\n", TE_UNSUPPORTED, "firmware \"uefi\"", "pvgrub64");
	g = good("name = \"g\"\nfirmware = \"pvgrub64\"\n");
	assert_string_equal(g.firmware, "pvgrub64");
	config_free(&g);
	bad(BASE "vfb = [ 'vnc=1' ]\n", TE_UNSUPPORTED, "framebuffer", NULL);
	bad(BASE "seclabel = \"x\"\n", TE_UNSUPPORTED, "security labels", NULL);
	bad(BASE "pci = [ '00:1f.0' ]\n", TE_UNSUPPORTED, "PCI", NULL);
	g = good(BASE "vfb = [ ]\nacpi = 1\n");
	assert_non_null(strstr(warned, "f:4:1: acpi: for HVM guests"));
	config_free(&g);
	g = good(BASE "memory = 64\nmemory = 96\n");
	assert_int_equal(g.memory, 96);
	assert_non_null(strstr(warned, "f:4:1: memory: given before"));
	config_free(&g);
}

static void values(void **state)
{
	struct guest_config g;

	(void)state;
	bad(BASE "memory = 0\n", TE_CONFIG_VALUE, "f:3:10: memory: 0 is out of range", "1 to");
	bad(BASE "vcpus = 1000\n", TE_CONFIG_VALUE, "out of range", "1 to 512");
	bad(BASE "memory = [ 3 ]\n", TE_CONFIG_VALUE, "found a list", NULL);
	bad(BASE "memory = \"lots\"\n", TE_CONFIG_VALUE, "a number expected, found \"lots\"", NULL);
	bad(BASE "memory = 99999999999999999999\n", TE_CONFIG, "is not a number", NULL);
	bad(BASE "on_crash = \"restrat\"\n", TE_CONFIG_VALUE, "no action", "restart");
	bad(BASE "uuid = \"1234\"\n", TE_CONFIG_VALUE, "uuid", NULL);
	bad(BASE "memory = 64\nmaxmem = 32\n", TE_CONFIG_VALUE, "maxmem 32 is less", NULL);
	bad(BASE "cpus = \"3-1\"\n", TE_CONFIG_VALUE, "names no processors", NULL);
	bad(BASE "cpus = \"99999\"\n", TE_CONFIG_VALUE, "names no processors", NULL);
	bad("kernel = \"/k\"\n", TE_CONFIG_VALUE, "no name", NULL);
	bad("name = \"g\"\n", TE_CONFIG_VALUE, "neither kernel nor bootloader", NULL);
	bad("name = \"a/b\"\nkernel = \"/k\"\n", TE_CONFIG_VALUE, "cannot be a guest's name", NULL);
	bad("name = \"..\"\nkernel = \"/k\"\n", TE_CONFIG_VALUE, "cannot be a guest's name", NULL);
	bad("name = \"12\"\nkernel = \"/k\"\n", TE_CONFIG_VALUE, "cannot be a guest's name", NULL);
	bad(BASE "type = \"hvm\"\n", TE_UNSUPPORTED, "hvm", "PV");
	bad(BASE "builder = \"hvm\"\n", TE_UNSUPPORTED, "hvm", "PV");
	g = good(BASE "memory = \"64\"\n"); /* files from the field have it so */
	assert_int_equal(g.memory, 64);
	config_free(&g);
	g = good(BASE "maxmem = 192\n");
	assert_int_equal(g.memory, 192);
	config_free(&g);
	g = good(
		BASE
		"extra = \"a\"\nextra += \" b\"\nroot += \"/dev/xvda\"\nmax_event_channels = 255\n");
	assert_string_equal(g.command_line, "root=/dev/xvda a b");
	assert_int_equal(g.event_channels, 255);
	config_free(&g);
	bad(BASE
	    "name = \"0123456789012345678901234567890123456789\"\nname += \"012345678901234567890123\"\n",
	    TE_CONFIG_VALUE, "f:4:9: name: 64 characters", "1 to 63");
	bad(BASE "memory = 64\nmemory += 64\n", TE_CONFIG_VALUE,
	    "f:4:1: memory: += is for lists and texts", NULL);
}

static void disks(void **state)
{
	struct guest_config g;

	(void)state;
	g = good(BASE "disk = [ 'format=raw, vdev=xvdb2, access=r, target=/a,b c.img' ]\n"
		      "disk += [ '/dev/x,raw,sda,rw', ',,hdc,,cdrom' ]\n");
	assert_int_equal(g.nr_disks, 2);
	assert_non_null(strstr(warned, "f: drive hdc has no medium: it is left out"));
	assert_string_equal(g.disks[0].target, "/a,b c.img");
	assert_int_equal(g.disks[0].number, 202 << 8 | 1 << 4 | 2);
	assert_int_equal(g.disks[1].number, 2048);
	config_free(&g);
	/* places that were named are skipped; /dev is in front of what has no slash; xl's words */
	g = good(
		BASE
		"disk = [ '/c,raw,vdev=xvdc,ro', 'raw:/b,xvdb,w', 'vg/d,,xvdd,untrusted',\n"
		"  'nbd://host/x,,xvde', '/f,,xvdf,cdrom', 'vdev=xvdg,backendtype=qdisk,target=g' ]\n");
	assert_int_equal(g.nr_disks, 6);
	assert_false(g.disks[0].writable);
	assert_string_equal(g.disks[1].vdev, "xvdb");
	assert_string_equal(g.disks[2].target, "/dev/vg/d");
	assert_true(g.disks[2].untrusted);
	assert_string_equal(g.disks[3].target, "nbd://host/x");
	assert_true(g.disks[4].cdrom && !g.disks[4].writable);
	assert_string_equal(g.disks[5].backendtype, "torc");
	assert_string_equal(g.disks[5].target, "/dev/g");
	config_free(&g);
	bad(BASE "disk = [ '/a,raw,xvda,rw,more' ]\n", TE_CONFIG_VALUE, "one too many", NULL);
	bad(BASE "disk = [ 'vdev=xvda,specification=virtio,target=/a' ]\n", TE_UNSUPPORTED,
	    "virtio", NULL);
	bad(BASE "disk = [ 'target=/a' ]\n", TE_CONFIG_VALUE, "f:3:10: disk: ", "vdev");
	bad(BASE "disk = [ '/a,qcow2,xvda,w' ]\n", TE_UNSUPPORTED, "qcow2", "qemu-nbd");
	bad(BASE "disk = [ 'tap2:qcow2:/a,xvda,w' ]\n", TE_UNSUPPORTED, "qcow2", "qemu-nbd");
	bad(BASE "maxmem = \"1G\"\n", TE_CONFIG_VALUE, "a number expected, found \"1G\"", "in MiB");
	bad(BASE "disk = [ '/a,xvda,w' ]\n", TE_UNSUPPORTED, "format \"xvda\"", ",raw,xvda,w");
	bad(BASE "disk = [ '/a,raw,zda,w' ]\n", TE_CONFIG_VALUE, "zda", NULL);
	bad(BASE "disk = [ '/a,raw,xvda,x' ]\n", TE_CONFIG_VALUE, "access", "rw");
	bad(BASE "disk = [ '/a,raw,xvda,w', '/b,raw,xvda,w' ]\n", TE_CONFIG_VALUE, "given twice",
	    NULL);
	bad(BASE "disk = [ 'vdev=xvda,acess=r,target=/a' ]\n", TE_CONFIG_VALUE, "acess", "access");
	bad(BASE "disk = [ 'vdev=xvda,script=/x,target=/a' ]\n", TE_UNSUPPORTED, "script", NULL);
	bad(BASE "disk = [ 3, [ 4 ] ]\n", TE_CONFIG_VALUE, "", NULL);
}

static void vdevs(void **state)
{
	static const struct {
		const char *name;
		unsigned int number;
	} known[] = {
		{ "xvda", 51712 },
		{ "xvda1", 51713 },
		{ "xvdp", 51712 + 240 },
		{ "xvdq", 1 << 28 | 16 << 8 },
		{ "xvdaa", 1 << 28 | 26 << 8 },
		{ "sda", 2048 },
		{ "hda", 768 },
		{ "hdb1", 833 },
		{ "hdc", 5632 },
		{ "d0", 51712 },
		{ "d5p2", 51712 + 82 },
		{ "51712", 51712 },
		{ "0xca00", 51712 },
	};
	static const char *const wrong[] = {
		"",    "xvd",  "xvdA",	 "xvda999",	"sdq",		 "hde",
		"d0p", "5x",   "xvda1b", "d4294967296", "d0p4294967297", "xvda4294967297",
		"d1x", "d1p2x"
	};
	unsigned int n;

	(void)state;
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		assert_int_equal(config_vdev_number(known[i].name, &n), 0);
		assert_int_equal(n, known[i].number);
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_not_equal(config_vdev_number(wrong[i], &n), 0);
}

static void vifs(void **state)
{
	struct guest_config a, b;

	(void)state;
	a = good(
		BASE
		"uuid = \"2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2\"\nvif = [ '', 'bridge=br1,mtu=9000' ]\n");
	b = good(BASE "uuid = \"2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2\"\nvif = [ '', '' ]\n");
	assert_int_equal(a.nr_vifs, 2);
	assert_int_equal(a.vifs[1].mtu, 9000);
	assert_memory_equal(a.vifs[0].mac, b.vifs[0].mac, 6); /* the same at every start */
	assert_memory_not_equal(a.vifs[0].mac, a.vifs[1].mac, 6);
	assert_memory_equal(a.vifs[0].mac, "\x00\x16\x3e", 3);
	config_free(&a);
	config_free(&b);
	a = good(
		BASE
		"vif = [ 'rate=10Mb/s', 'rate=250KB/s@20ms,untrusted', 'devid=7', 'rate=1GB/s@1s' ]\n");
	assert_int_equal(a.vifs[0].rate_bytes, 62500);
	assert_int_equal(a.vifs[0].rate_us, 50000);
	assert_int_equal(a.vifs[1].rate_bytes, 5000);
	assert_int_equal(a.vifs[1].rate_us, 20000);
	assert_true(a.vifs[1].untrusted);
	assert_int_equal(a.vifs[2].devid, 7);
	assert_int_equal(a.vifs[3].rate_bytes, 1000000000);
	config_free(&a);
	bad(BASE "vif = [ 'rate=fast' ]\n", TE_CONFIG_VALUE, "f:3:9: vif: rate \"fast\"", "10Mb/s");
	bad(BASE "vif = [ 'rate=-1b/s' ]\n", TE_CONFIG_VALUE, "rate", NULL);
	bad(BASE "vif = [ 'rate=10Mb' ]\n", TE_CONFIG_VALUE, "rate", NULL);
	bad(BASE "vif = [ 'rate=10Mb/s@' ]\n", TE_CONFIG_VALUE, "rate", NULL);
	bad(BASE "vif = [ 'rate=0b/s' ]\n", TE_CONFIG_VALUE, "rate", NULL);
	a = good(BASE "vif = [ 'script=vif-route,ip=192.168.1.7,guard=1', 'bridge=br1' ]\n");
	assert_true(a.vifs[0].routed && a.vifs[0].guard);
	assert_false(a.vifs[1].routed || a.vifs[1].guard);
	config_free(&a);
	bad(BASE "vif = [ 'script=vif-route' ]\n", TE_CONFIG_VALUE, "without an address", "ip=");
	bad(BASE "vif = [ 'script=vif-route,ip=192.168.1.7,bridge=br0' ]\n", TE_CONFIG_VALUE,
	    "on a bridge", "no bridge=");
	bad(BASE "vif = [ 'script=/root/own' ]\n", TE_UNSUPPORTED, "/root/own", "bridge=");
	bad(BASE "vif = [ 'guard=2' ]\n", TE_CONFIG_VALUE, "guard", NULL);
	bad(BASE "vif = [ 'gatewaydev=eth0' ]\n", TE_UNSUPPORTED, "gatewaydev", "bridge");
	bad(BASE "vif = [ 'devid=1', '' ]\n", TE_CONFIG_VALUE, "two network cards with devid 1",
	    NULL);
	bad(BASE "vif = [ 'mac=00:16:3e:1' ]\n", TE_CONFIG_VALUE, "mac address", NULL);
	bad(BASE "vif = [ 'mac=00:16:3e:-1:02:03' ]\n", TE_CONFIG_VALUE, "mac address", NULL);
	bad(BASE "vif = [ 'mac=01:16:3e:01:02:03' ]\n", TE_CONFIG_VALUE, "multicast", NULL);
	bad(BASE "vif = [ 'brigde=br0' ]\n", TE_CONFIG_VALUE, "brigde", "bridge");
	bad(BASE "vif = [ 'bridge' ]\n", TE_CONFIG_VALUE, "has no value", NULL);
	bad(BASE "vif = [ 'bridge=abcdefghijklmnop' ]\n", TE_CONFIG_VALUE, "15 characters", NULL);
}

static void strings(void **state)
{
	struct guest_config g;

	(void)state;
	g = good(BASE "extra = 'a\\tb \\\"c\\\" \\x41\\101'\n");
	assert_string_equal(g.extra, "a\tb \"c\" AA");
	config_free(&g);
	g = good("name='g';kernel='/k';extra=\"it's\";;\n");
	assert_string_equal(g.extra, "it's");
	config_free(&g);
	g = good(BASE "cmdline = \"whole\"\nextra = \"unused\"\n");
	assert_string_equal(g.command_line, "whole");
	assert_non_null(strstr(warned, "not used"));
	config_free(&g);
}

static void uuids(void **state)
{
	char text[37];
	uint8_t u[16];

	(void)state;
	assert_int_equal(config_uuid_parse("2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2", u), 0);
	config_uuid_format(text, u);
	assert_string_equal(text, "2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2");
	assert_int_equal(config_uuid_parse("2b9ab1c67f4c4e3e9a3f01b6d4c0a4d2", u), 0);
	assert_int_not_equal(config_uuid_parse("2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d", u), 0);
	assert_int_not_equal(config_uuid_parse("2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2a", u), 0);
	assert_int_not_equal(config_uuid_parse("zz9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2", u), 0);
}

static void names(void **state)
{
	static const char *const good_ones[] = { "web", "a", "5x", "+x", "a-b.c", "\xc3\xa4" };
	static const char *const bad_ones[] = {
		"",    ".web", "-web", "12",	   "+12",   "a b",
		"a/b", "a\rb", "a\nb", "x\x1b[2J", "x\x7f", "99999999999999999999"
	};
	struct why why;

	(void)state;
	for (size_t i = 0; i < sizeof(good_ones) / sizeof(*good_ones); i++)
		assert_int_equal(config_name_check(good_ones[i], &why), 0);
	for (size_t i = 0; i < sizeof(bad_ones) / sizeof(*bad_ones); i++) {
		assert_int_not_equal(config_name_check(bad_ones[i], &why), 0);
		assert_non_null(strstr(why.text, "cannot be a guest's name"));
	}
	bad("name = '-x'\nkernel = '/k'\n", TE_CONFIG_VALUE, "f: name: \"-x\" cannot be", "dash");
}

#define FILE_OF_WEB "name = \"web\"\nkernel = \"/k\"\nmemory = 64\n"
#define ITS_UUID    "2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2"

static void renamed(const char **over, char **text, const char *name)
{
	struct guest_config g;
	struct why why;
	char uuid[37];

	*text = config_again(*over, name, ITS_UUID);
	assert_non_null(*text);
	assert_int_equal(config_load(&g, "f", FILE_OF_WEB, strlen(FILE_OF_WEB), *text, NULL, NULL,
				     &why),
			 0);
	assert_string_equal(g.name, name ? name : "web");
	assert_int_equal(g.memory, 96);
	config_uuid_format(uuid, g.uuid);
	assert_string_equal(uuid, ITS_UUID);
	config_free(&g);
	*over = *text;
}

static void a_guest_is_made_again_as_it_was_named_last(void **state)
{
	static const char *const named[] = { NULL, "www", "it's\"\\;#x", "web", "www" };
	const char *over = "memory=96";
	char *kept[5], *same;

	(void)state;
	for (size_t i = 0; i < 5; i++)
		renamed(&over, &kept[i], named[i]);
	same = config_again(over, "www", ITS_UUID);
	assert_string_equal(same, over); /* however often it is made again */
	free(same);
	for (size_t i = 0; i < 5; i++)
		free(kept[i]);
	same = config_again(NULL, "www", ITS_UUID);
	assert_string_equal(same, "\nname=\"www\"\nuuid=\"" ITS_UUID "\"\n");
	free(same);
}

static void processors_of_a_host(void **state)
{
	uint8_t map[16];
	struct why why;

	(void)state;
	assert_int_equal(config_cpus_among("0-127", 2, map, sizeof(map), &why), 0);
	assert_int_equal(map[0] & 3, 3);
	assert_int_equal(config_cpus_among("1", 2, map, sizeof(map), &why), 0);
	/* as many bits as a byte has are not as many processors */
	assert_int_not_equal(config_cpus_among("2-7", 2, map, sizeof(map), &why), 0);
	assert_non_null(strstr(why.text, "\"2-7\" has none of this host's processors"));
	assert_string_equal(why.hint, "they are 0 to 1");
	assert_int_not_equal(config_cpus_among("x", 2, map, sizeof(map), &why), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(usual),
		cmocka_unit_test(syntax_errors),
		cmocka_unit_test(keys),
		cmocka_unit_test(values),
		cmocka_unit_test(disks),
		cmocka_unit_test(vdevs),
		cmocka_unit_test(vifs),
		cmocka_unit_test(strings),
		cmocka_unit_test(uuids),
		cmocka_unit_test(overrides_without_their_quotes),
		cmocka_unit_test(processors_of_a_host),
		cmocka_unit_test(names),
		cmocka_unit_test(a_guest_is_made_again_as_it_was_named_last),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
