/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Before the first page goes: what the guest needs, told by the host that has it, held against what
 * the other one has. All that is missing is named, not only the first.
 */
#include "dom0-tools/migrated/migrated.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS 32u

static const char *feature_name(unsigned int bit)
{
	static const struct {
		unsigned int bit;
		const char *name;
	} names[] = {
#define XEN_CPUFEATURE(name, value) { value, #name },
#include <xen/arch-x86/cpufeatureset.h>
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].bit == bit)
			return names[i].name;
	return NULL;
}

static uint32_t word_of(struct json_object *features, unsigned int i)
{
	if (!features || !json_object_is_type(features, json_type_array) ||
	    i >= json_object_array_length(features))
		return 0;
	return (uint32_t)json_object_get_int64(json_object_array_get_idx(features, i));
}

struct json_object *checks_features(struct cli *c, struct json_object *record)
{
	struct json_object *old = json_object_object_get(record, "cpu_features"),
			   *a = json_object_new_array();
	uint32_t words[WORDS] = { 0 }, n = WORDS;

	/* its programs ask the processor itself, and so may have found any that a host of its had */
	if (host_guest_features(c->host, words, &n, c->why))
		n = 0;
	for (uint32_t i = 0; i < WORDS; i++)
		json_object_array_add(a, json_object_new_int64((i < n ? words[i] : 0) |
							       word_of(old, i)));
	return a;
}

/* --- what the guest needs */

static int64_t size_of(const char *target)
{
	int64_t size = -1;
	uint64_t bytes;
	struct stat st;
	int fd;

	if (*target != '/')
		return -1;
	fd = open(target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		size = st.st_size;
	else if (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &bytes) == 0)
		size = (int64_t)bytes;
	close(fd);
	return size;
}

static struct json_object *disk_facts(struct json_object *record)
{
	struct json_object *a = json_object_new_array();
	struct why ignored = { 0 };
	struct guest_config g;
	struct guest_source s;
	char *lines;

	if (image_source(&(struct cli){ .why = &ignored }, record, "its record", &s, &lines) == 0 &&
	    config_load(&g, s.path, s.text, strlen(s.text), s.overrides, NULL, NULL, &ignored) == 0) {
		for (size_t i = 0; i < g.nr_disks; i++) {
			struct json_object *o = json_object_new_object();

			fact_str(o, "vdev", g.disks[i].vdev);
			fact_num(o, "bytes", g.disks[i].target ? size_of(g.disks[i].target) : -1);
			json_object_array_add(a, o);
		}
		config_free(&g);
	}
	free(lines);
	return a;
}

struct json_object *checks_facts(struct cli *c, uint32_t domid, const char *name,
				 struct json_object *record)
{
	struct json_object *o = json_object_new_object();
	struct domain_info info;
	struct host_info host;
	bool is_32bit;
	char uuid[37];

	if (host_domain_info(c->host, domid, &info, c->why) || host_info(c->host, &host, c->why) ||
	    host_domain_is_32bit(c->host, domid, &is_32bit, c->why)) {
		json_object_put(o);
		return NULL;
	}
	config_uuid_format(uuid, info.uuid);
	fact_str(o, "guest", name);
	fact_str(o, "uuid", uuid);
	fact_num(o, "bits", is_32bit ? 32 : 64);
	fact_num(o, "pages", (int64_t)info.pages);
	fact_num(o, "version_major", host.version_major);
	fact_num(o, "version_minor", host.version_minor);
	json_object_object_add(o, "cpu_features", checks_features(c, record));
	json_object_object_add(o, "disks", disk_facts(record));
	return o;
}

/* --- what this host has */

struct checks {
	struct cli *c;
	struct json_object *facts, *refused;
	struct guest_config config;
};

static void refuse(struct checks *k)
{
	json_object_array_add(k->refused, talk_reason(k->c->why));
	*k->c->why = (struct why){ 0 };
}

static int64_t fact(struct json_object *o, const char *key)
{
	return json_object_get_int64(json_object_object_get(o, key));
}

static void check_version(struct checks *k, const struct host_info *host)
{
	int64_t major = fact(k->facts, "version_major"), minor = fact(k->facts, "version_minor");

	if (major > host->version_major ||
	    (major == host->version_major && minor > host->version_minor)) {
		why_hint(k->c->why,
			 why_set(k->c->why, TE_NOT_OFFERED,
				 "the guest comes from version %lld.%lld of the hypervisor, here is %u.%u",
				 (long long)major, (long long)minor, host->version_major,
				 host->version_minor),
			 "bring this host up to the same version first");
		refuse(k);
	}
	if (fact(k->facts, "bits") == 32 && !strstr(host->capabilities, "xen-3.0-x86_32p")) {
		why_set(k->c->why, TE_NOT_OFFERED,
			"the guest is a 32-bit one, and this hypervisor runs no 32-bit PV guests");
		refuse(k);
	}
}

static void check_features(struct checks *k)
{
	struct json_object *need = json_object_object_get(k->facts, "cpu_features");
	uint32_t words[WORDS] = { 0 }, n = WORDS;
	char missing[700] = "";
	size_t len = 0;

	if (host_guest_features(k->c->host, words, &n, k->c->why)) {
		refuse(k);
		return;
	}
	for (unsigned int bit = 0; bit < WORDS * 32; bit++) {
		uint32_t lack = word_of(need, bit / 32) & ~words[bit / 32];
		const char *name = feature_name(bit);

		if (!(lack >> (bit % 32) & 1) || len > sizeof(missing) - 40)
			continue;
		if (name)
			len += (size_t)snprintf(missing + len, sizeof(missing) - len, " %s", name);
		else
			len += (size_t)snprintf(missing + len, sizeof(missing) - len, " %u:%u",
						bit / 32, bit % 32);
	}
	if (!len)
		return;
	why_hint(k->c->why,
		 why_set(k->c->why, TE_NOT_OFFERED, "the processor lacks what the guest may use:%s",
			 missing),
		 "a guest that is started on the lesser of two hosts can go to both");
	refuse(k);
}

static void check_identity(struct checks *k)
{
	struct domain_info *list;
	uint8_t uuid[16];
	uint32_t other;
	bool taken;
	size_t n;

	if (cli_name_taken(k->c, k->config.name, &taken, &other)) {
		refuse(k);
	} else if (taken) {
		why_hint(k->c->why,
			 why_set(k->c->why, TE_NAME_TAKEN, "domain %u is named \"%s\" already",
				 other, k->config.name),
			 "torc rename, on either host");
		refuse(k);
	}
	if (host_domain_list(k->c->host, &list, &n, k->c->why)) {
		refuse(k);
		return;
	}
	memcpy(uuid, k->config.uuid, sizeof(uuid));
	for (size_t i = 0; i < n; i++)
		if (list[i].domid && memcmp(list[i].uuid, uuid, sizeof(uuid)) == 0 && !taken) {
			why_set(k->c->why, TE_NAME_TAKEN, "domain %u has the guest's uuid already",
				list[i].domid);
			refuse(k);
		}
	free(list);
}

static void check_memory(struct checks *k)
{
	uint64_t pages = (uint64_t)fact(k->facts, "pages");

	if (pages < k->config.memory << 8)
		pages = k->config.memory << 8;
	if (guest_room(k->c, k->config.name, pages))
		refuse(k);
}

static void check_disk(struct checks *k, size_t i)
{
	struct json_object *all = json_object_object_get(k->facts, "disks"), *there;
	const struct config_disk *d = &k->config.disks[i];
	struct disk_source s;
	int64_t size, other;

	if (d->target && d->target[0] != '/' && !strstr(d->target, "://")) {
		why_hint(k->c->why,
			 why_set(k->c->why, TE_CONFIG_VALUE,
				 "disk %s: %s is relative to a directory of the other host",
				 d->vdev, d->target),
			 "give the whole path in the config");
		refuse(k);
		return;
	}
	if (disk_look(d, &s, k->c->why)) {
		why_hint(k->c->why, 0,
			 "both hosts must reach the guest's disks by the same name: network disks, or a shared filesystem");
		refuse(k);
		return;
	}
	there = all && json_object_is_type(all, json_type_array) &&
				i < json_object_array_length(all) ?
			json_object_array_get_idx(all, i) :
			NULL;
	size = size_of(d->target);
	other = there ? fact(there, "bytes") : -1;
	if (size >= 0 && other >= 0 && size != other) {
		why_set(k->c->why, TE_STATE,
			"disk %s: %s has %lld bytes here and %lld on the other host: it is not the same disk",
			d->vdev, d->target, (long long)size, (long long)other);
		refuse(k);
	}
}

static void check_config(struct checks *k)
{
	const char *guest = talk_text(k->facts, "guest"), *want = talk_text(k->facts, "uuid");
	char uuid[37];

	config_uuid_format(uuid, k->config.uuid);
	if (!guest || !want || strcmp(guest, k->config.name) != 0 || strcmp(want, uuid) != 0) {
		why_set(k->c->why, TE_STREAM,
			"the config is another guest's than the one that is to come");
		refuse(k);
	}
	check_identity(k);
	check_memory(k);
	for (size_t i = 0; i < k->config.nr_disks; i++)
		check_disk(k, i);
	for (size_t i = 0; i < k->config.nr_vifs; i++)
		if (nic_check(&k->config.vifs[i], k->c->why))
			refuse(k);
}

struct json_object *checks_run(struct cli *c, struct json_object *facts, struct json_object *record)
{
	struct checks k = { .c = c, .facts = facts, .refused = json_object_new_array() };
	struct guest_source s;
	struct host_info host;
	char *lines;

	if (host_info(c->host, &host, c->why)) {
		refuse(&k);
		return k.refused;
	}
	check_version(&k, &host);
	check_features(&k);
	if (image_source(c, record, "the other host", &s, &lines) ||
	    config_load(&k.config, s.path, s.text, strlen(s.text), s.overrides, NULL, NULL, c->why)) {
		refuse(&k);
	} else {
		check_config(&k);
		config_free(&k.config);
	}
	free(lines);
	return k.refused;
}
