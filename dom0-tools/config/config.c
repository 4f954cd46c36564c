/* SPDX-License-Identifier: BSD-2-Clause */
/* From parsed entries to a guest: each key by its row in keys.tbl, then what hangs together. */
#include "dom0-tools/config/config.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum key_type { TEXT, NUMBER, BOOL, ACTION, DISKS, VIFS, UUID, CPUS };

struct key {
	const char *key;
	char kind;
	enum key_type type;
	size_t offset;
	uint64_t least, most;
	const char *text;
};

static const struct key keys[] = {
#define KEY(key, type, field, least, most, text) \
	{ #key, 'k', type, offsetof(struct guest_config, field), least, most, text },
#define IGNORED(key, text) { #key, 'i', TEXT, 0, 0, 0, text },
#define REFUSED(key, text) { #key, 'r', TEXT, 0, 0, 0, text },
#include "dom0-tools/config/keys.tbl"
#undef KEY
#undef IGNORED
#undef REFUSED
};

const struct config_key config_keys[] = {
#define KEY(key, type, field, least, most, text) { #key, #type, text, 'k', least, most },
#define IGNORED(key, text)			 { #key, "", text, 'i', 0, 0 },
#define REFUSED(key, text)			 { #key, "", text, 'r', 0, 0 },
#include "dom0-tools/config/keys.tbl"
#undef KEY
#undef IGNORED
#undef REFUSED
};
#define KEY_COUNT (sizeof(keys) / sizeof(keys[0]))
const size_t config_key_count = KEY_COUNT;

static const char *const actions[] = {
	[ACT_DESTROY] = "destroy",
	[ACT_RESTART] = "restart",
	[ACT_RENAME_RESTART] = "rename-restart",
	[ACT_PRESERVE] = "preserve",
	[ACT_COREDUMP_DESTROY] = "coredump-destroy",
	[ACT_COREDUMP_RESTART] = "coredump-restart",
	[ACT_SOFT_RESET] = "soft-reset",
};

const char *config_action_name(enum guest_action a)
{
	return actions[a];
}

int config_action_parse(const char *text, enum guest_action *a)
{
	for (unsigned int i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(text, actions[i]) == 0) {
			*a = (enum guest_action)i;
			return 0;
		}
	return -EINVAL;
}

int config_uuid_parse(const char *text, uint8_t uuid[16])
{
	unsigned int n = 0;

	for (; *text; text++) {
		unsigned int v;
		char pair[3] = { 0 };

		if (*text == '-' && (n == 4 || n == 6 || n == 8 || n == 10))
			continue;
		if (n == 16 || !strchr("0123456789abcdefABCDEF", *text) || !text[1] ||
		    !strchr("0123456789abcdefABCDEF", text[1]))
			return -EINVAL;
		pair[0] = text[0];
		pair[1] = text[1];
		v = (unsigned int)strtoul(pair, NULL, 16);
		uuid[n++] = (uint8_t)v;
		text++;
	}
	return n == 16 ? 0 : -EINVAL;
}

int config_uuid_make(uint8_t uuid[16], struct why *why)
{
	/* unique, not secret: no waiting for the kernel's pool to fill at boot */
	if (getrandom(uuid, 16, GRND_INSECURE) != 16)
		return why_set(why, TE_INTERNAL, "no random numbers: %s", strerror(errno));
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40); /* version 4: random */
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	return 0;
}

void config_uuid_format(char out[37], const uint8_t u[16])
{
	static const char digits[] = "0123456789abcdef";

	for (unsigned int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*out++ = '-';
		*out++ = digits[u[i] >> 4];
		*out++ = digits[u[i] & 15];
	}
	*out = 0;
}

#define DEFAULT_MEMORY 128 /* MiB */

struct loader {
	struct guest_config *g;
	const char *file;
	config_warn_fn *warn;
	void *arg;
	struct why *why;
};

static void warn_at(const struct loader *l, const struct cfg_entry *e, const char *text)
{
	char line[512];

	if (!l->warn)
		return;
	snprintf(line, sizeof(line), "%s:%u:%u: %s: %s", l->file, e->line, e->column, e->key, text);
	l->warn(l->arg, line);
}

static int bad_value(const struct loader *l, const struct cfg_value *v, const char *key,
		     const char *what)
{
	return why_set(l->why, TE_CONFIG_VALUE, "%s:%u:%u: %s: %s", l->file, v->line, v->column,
		       key, what);
}

static int get_number(const struct loader *l, const struct key *k, const struct cfg_value *v,
		      uint64_t *out)
{
	char *end;
	uint64_t n;

	if (v->kind == CFG_LIST)
		return bad_value(l, v, k->key, "a number expected, found a list");
	errno = 0;
	n = strtoull(v->text, &end, 0); /* "512" in quotes has always worked */
	if (errno || *end || end == v->text || strchr(v->text, '-')) {
		int rc = why_set(l->why, TE_CONFIG_VALUE,
				 "%s:%u:%u: %s: a number expected, found \"%s\"", l->file, v->line,
				 v->column, k->key, v->text);

		return strncmp(k->text, "MiB", 3) ?
			       rc :
			       why_hint(l->why, rc, "in MiB, without a unit: 1024");
	}
	if (n < k->least || n > k->most)
		return why_hint(l->why,
				why_set(l->why, TE_CONFIG_VALUE,
					"%s:%u:%u: %s: %llu is out of range", l->file, v->line,
					v->column, k->key, (unsigned long long)n),
				"%llu to %llu", (unsigned long long)k->least,
				(unsigned long long)k->most);
	*out = n;
	return 0;
}

/* append: += puts the text behind what there is */
static int get_text(const struct loader *l, const struct key *k, const struct cfg_value *v,
		    bool append, char **out)
{
	const char *before = append && *out ? *out : "";
	size_t len;
	char *text;

	if (v->kind == CFG_LIST)
		return bad_value(l, v, k->key, "text expected, found a list");
	len = strlen(before) + strlen(v->text);
	if (len < k->least || len > k->most)
		return why_hint(l->why,
				why_set(l->why, TE_CONFIG_VALUE, "%s:%u:%u: %s: %zu characters",
					l->file, v->line, v->column, k->key, len),
				"%llu to %llu", (unsigned long long)k->least,
				(unsigned long long)k->most);
	if (asprintf(&text, "%s%s", before, v->text) < 0)
		return why_set(l->why, TE_NO_MEMORY, "no memory");
	free(*out);
	*out = text;
	return 0;
}

static int get_action(const struct loader *l, const struct key *k, const struct cfg_value *v,
		      enum guest_action *out)
{
	char word[32];
	const char *near;

	if (v->kind != CFG_STRING)
		return bad_value(l, v, k->key, "an action in quotes expected");
	snprintf(word, sizeof(word), "%s", v->text);
	for (char *p = word; *p; p++)
		if (*p == '_')
			*p = '-';
	if (config_action_parse(word, out) == 0)
		return 0;
	near = config_near(word, actions, sizeof(actions) / sizeof(actions[0]));
	return why_hint(l->why,
			why_set(l->why, TE_CONFIG_VALUE, "%s:%u:%u: %s: no action \"%s\"", l->file,
				v->line, v->column, k->key, v->text),
			near ? "did you mean \"%s\"?" :
			       "destroy, restart, rename-restart, preserve%.0s",
			near ? near : "");
}

/* A list of texts; one text alone is a list of one. */
static int list_item(const struct loader *l, const struct key *k, const struct cfg_value *v,
		     size_t i, const struct cfg_value **item)
{
	*item = v->kind == CFG_LIST ? &v->items[i] : v;
	if ((*item)->kind == CFG_LIST)
		return bad_value(l, *item, k->key, "text expected, found a list in a list");
	return 0;
}

static size_t list_count(const struct cfg_value *v)
{
	return v->kind == CFG_LIST ? v->count : 1;
}

static int located(const struct loader *l, const struct cfg_value *v, const char *key, int rc)
{
	return rc ? why_prefix(l->why, rc, "%s:%u:%u: %s: ", l->file, v->line, v->column, key) : 0;
}

static int get_disks(const struct loader *l, const struct key *k, const struct cfg_value *v,
		     bool append)
{
	struct guest_config *g = l->g;
	int rc = 0;

	while (!append && g->nr_disks)
		config_disk_free(&g->disks[--g->nr_disks]);
	for (size_t i = 0; !rc && i < list_count(v); i++) {
		const struct cfg_value *item;

		rc = list_item(l, k, v, i, &item);
		if (!rc && g->nr_disks == CONFIG_MAX_DISKS)
			return bad_value(l, item, k->key, "more than 64 disks");
		if (!rc)
			rc = located(l, item, k->key,
				     config_disk_parse(&g->disks[g->nr_disks], item->text, l->why));
		if (rc)
			return rc;
		for (size_t j = 0; j < g->nr_disks; j++)
			if (g->disks[j].number == g->disks[g->nr_disks].number) {
				rc = why_set(l->why, TE_CONFIG_VALUE,
					     "%s:%u:%u: disk: virtual device %s is given twice",
					     l->file, item->line, item->column,
					     g->disks[g->nr_disks].vdev);
				config_disk_free(&g->disks[g->nr_disks]);
				return rc;
			}
		g->nr_disks++;
	}
	return rc;
}

static int get_vifs(const struct loader *l, const struct key *k, const struct cfg_value *v,
		    bool append)
{
	struct guest_config *g = l->g;
	int rc;

	while (!append && g->nr_vifs)
		config_vif_free(&g->vifs[--g->nr_vifs]);
	for (size_t i = 0; i < list_count(v); i++) {
		const struct cfg_value *item;

		rc = list_item(l, k, v, i, &item);
		if (!rc && g->nr_vifs == CONFIG_MAX_VIFS)
			rc = bad_value(l, item, k->key, "more than 32 network cards");
		if (!rc)
			rc = located(l, item, k->key,
				     config_vif_parse(&g->vifs[g->nr_vifs], item->text, l->why));
		if (rc)
			return rc;
		g->nr_vifs++;
	}
	return 0;
}

static void cpus_free(struct config_cpus *c)
{
	for (size_t i = 0; i < c->count; i++)
		free(c->text[i]);
	free(c->text);
	*c = (struct config_cpus){ 0 };
}

static int get_cpus(const struct loader *l, const struct key *k, const struct cfg_value *v,
		    struct config_cpus *out)
{
	uint8_t scratch[128];
	int rc;

	cpus_free(out);
	if (v->kind == CFG_LIST && !v->count)
		return 0;
	out->text = calloc(list_count(v), sizeof(*out->text));
	if (!out->text)
		return why_set(l->why, TE_NO_MEMORY, "no memory");
	for (size_t i = 0; i < list_count(v); i++) {
		const struct cfg_value *item;

		rc = list_item(l, k, v, i, &item);
		if (!rc)
			rc = located(l, item, k->key,
				     config_cpus_parse(item->text, scratch, sizeof(scratch),
						       l->why));
		if (rc)
			return rc;
		out->text[i] = strdup(item->text);
		if (!out->text[i])
			return why_set(l->why, TE_NO_MEMORY, "no memory");
		out->count = i + 1;
	}
	return 0;
}

int config_cpus_parse(const char *text, uint8_t *cpus, size_t bytes, struct why *why)
{
	char copy[512], *save, *word;

	memset(cpus, 0, bytes);
	if (strlen(text) >= sizeof(copy))
		return why_set(why, TE_CONFIG_VALUE, "a set of processors of %zu characters",
			       strlen(text));
	strcpy(copy, text);
	for (word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		bool without = *word == '^';
		char *p = word + without, *end;
		unsigned long from, to;

		if (strcmp(p, "all") == 0) {
			memset(cpus, without ? 0 : 0xff, bytes);
			continue;
		}
		from = to = strtoul(p, &end, 10);
		if (end != p && *end == '-') {
			p = end + 1;
			to = strtoul(p, &end, 10);
		}
		if (end == p || *end || from > to || to >= bytes * 8)
			return why_hint(why,
					why_set(why, TE_CONFIG_VALUE, "\"%s\" names no processors",
						word),
					"\"0-3\", \"0,2,4\", \"0-7,^5\" or \"all\"; below %zu",
					bytes * 8);
		for (unsigned long c = from; c <= to; c++)
			if (without)
				cpus[c / 8] &= (uint8_t) ~(1u << c % 8);
			else
				cpus[c / 8] |= (uint8_t)(1u << c % 8);
	}
	return 0;
}

int config_cpus_among(const char *text, uint32_t host, uint8_t *cpus, size_t bytes, struct why *why)
{
	int rc = config_cpus_parse(text, cpus, bytes, why);

	if (rc)
		return rc;
	for (uint32_t i = 0; i < host && i / 8 < bytes; i++)
		if (cpus[i / 8] >> i % 8 & 1)
			return 0;
	return why_hint(why,
			why_set(why, TE_CONFIG_VALUE, "\"%s\" has none of this host's processors",
				text),
			"they are 0 to %u", host - 1);
}

/*
 * A word close to a key is a slip, and what was meant would not happen. Any other is a variable of
 * the file's own, as files of the field have them: reported, and no error.
 */
static int unknown_key(const struct loader *l, const struct cfg_entry *e)
{
	const char *names[KEY_COUNT], *near;

	for (size_t i = 0; i < KEY_COUNT; i++)
		names[i] = keys[i].key;
	near = config_near(e->key, names, KEY_COUNT);
	if (!near) {
		warn_at(l, e, "no key of Torc's; it is ignored");
		return 0;
	}
	return why_hint(l->why,
			why_set(l->why, TE_CONFIG_KEY, "%s:%u:%u: there is no key \"%s\"", l->file,
				e->line, e->column, e->key),
			"did you mean \"%s\"?", near);
}

static int apply(const struct loader *l, const struct cfg_entry *e)
{
	const struct key *k = NULL;
	const struct cfg_value *v = &e->value;
	char *field;
	uint64_t n;
	int rc;

	for (size_t i = 0; i < KEY_COUNT; i++)
		if (strcmp(keys[i].key, e->key) == 0)
			k = &keys[i];
	if (!k)
		return unknown_key(l, e);
	if (k->kind == 'r') {
		if (v->kind == CFG_LIST && v->count == 0) /* vfb = [ ] asks for nothing */
			return 0;
		return why_set(l->why, TE_UNSUPPORTED, "%s:%u:%u: %s: %s", l->file, e->line,
			       e->column, e->key, k->text);
	}
	if (k->kind == 'i') {
		warn_at(l, e, k->text);
		return 0;
	}
	if (e->append && k->type != DISKS && k->type != VIFS && k->type != TEXT)
		return why_set(l->why, TE_CONFIG_VALUE, "%s:%u:%u: %s: += is for lists and texts",
			       l->file, e->line, e->column, e->key);
	field = (char *)l->g + k->offset;
	switch (k->type) {
	case TEXT: return get_text(l, k, v, e->append, (char **)(void *)field);
	case NUMBER: return get_number(l, k, v, (uint64_t *)(void *)field);
	case BOOL:
		rc = get_number(l, k, v, &n);
		if (!rc)
			*(bool *)field = n != 0;
		return rc;
	case ACTION: return get_action(l, k, v, (enum guest_action *)(void *)field);
	case DISKS: return get_disks(l, k, v, e->append);
	case VIFS: return get_vifs(l, k, v, e->append);
	case CPUS: return get_cpus(l, k, v, (struct config_cpus *)(void *)field);
	case UUID:
		if (v->kind != CFG_STRING || config_uuid_parse(v->text, l->g->uuid))
			return bad_value(
				l, v, k->key,
				"a uuid such as \"2b9ab1c6-7f4c-4e3e-9a3f-01b6d4c0a4d2\" expected");
		l->g->uuid_given = true;
		return 0;
	}
	return 0;
}

static int apply_all(struct loader *l, const struct cfg_file *f)
{
	int rc;

	l->file = f->name;
	for (const struct cfg_entry *e = f->entries; e; e = e->next) {
		if (!e->append)
			for (const struct cfg_entry *o = f->entries; o != e; o = o->next)
				if (strcmp(o->key, e->key) == 0) {
					warn_at(l, e, "given before: this one counts");
					break;
				}
		rc = apply(l, e);
		if (rc)
			return rc;
	}
	return 0;
}

int config_name_check(const char *name, struct why *why)
{
	const char *digits = name + (*name == '+');
	bool good = *name && strlen(name) <= CONFIG_MAX_NAME && *name != '.' && *name != '-' &&
		    digits[strspn(digits, "0123456789")];

	for (const char *p = name; *p; p++) /* it becomes a file name and a path in the store */
		good = good && (unsigned char)*p > ' ' && *p != 0x7f && *p != '/';
	return good ? 0 :
		      why_hint(why,
			       why_set(why, TE_CONFIG_VALUE, "\"%s\" cannot be a guest's name",
				       name),
			       "1 to %u characters; no blanks, no slashes, not a number, no dot or dash in front",
			       CONFIG_MAX_NAME);
}

char *config_again(const char *overrides, const char *name, const char *uuid)
{
	size_t before = overrides ? strlen(overrides) : 0, own = 0;
	char *text = NULL;
	size_t len = 0;
	FILE *m = open_memstream(&text, &len);

	if (!m)
		return NULL;
	fprintf(m, "%s\n", overrides ? overrides : "");
	if (name) {
		fputs("name=\"", m);
		for (; *name; name++)
			fprintf(m, *name == '"' || *name == '\\' ? "\\%c" : "%c", *name);
		fputs("\"\n", m);
	}
	fprintf(m, "uuid=\"%s\"\n", uuid);
	if (fclose(m))
		return NULL;
	own = len - before;
	/* made again before, and nothing else since */
	if (own <= before && strcmp(overrides + before - own, text + before) == 0)
		text[before] = 0;
	return text;
}

/* A drive without a medium would need somebody to put one in, which PV guests' drives have not. */
static void drop_empty_drives(struct loader *l)
{
	struct guest_config *g = l->g;
	char text[512];
	size_t n = 0;

	for (size_t i = 0; i < g->nr_disks; i++) {
		if (g->disks[i].target && *g->disks[i].target) {
			g->disks[n++] = g->disks[i];
			continue;
		}
		if (l->warn) {
			snprintf(text, sizeof(text), "%s: drive %s has no medium: it is left out",
				 l->file, g->disks[i].vdev);
			l->warn(l->arg, text);
		}
		config_disk_free(&g->disks[i]);
	}
	g->nr_disks = n;
}

static int finish(struct loader *l)
{
	struct guest_config *g = l->g;
	struct why *why = l->why;

	if (!g->name)
		return why_hint(why,
				why_set(why, TE_CONFIG_VALUE, "%s: the guest has no name", l->file),
				"name = \"web\"");
	if (config_name_check(g->name, why))
		return why_prefix(why, -EINVAL, "%s: name: ", l->file);
	if ((g->type && strcmp(g->type, "pv") != 0) ||
	    (g->builder && strcmp(g->builder, "hvm") == 0))
		return why_hint(why,
				why_set(why, TE_UNSUPPORTED, "%s: a guest of type \"%s\"", l->file,
					g->type ? g->type : g->builder),
				"Torc runs PV guests: type = \"pv\"");
	if (g->firmware && strcmp(g->firmware, "pvgrub64") != 0 &&
	    strcmp(g->firmware, "pvgrub32") != 0)
		return why_hint(why,
				why_set(why, TE_UNSUPPORTED, "%s: firmware \"%s\"", l->file,
					g->firmware),
				"pvgrub64 or pvgrub32; others are for HVM guests");
	if (!g->kernel && !g->bootloader && !g->firmware)
		return why_hint(
			why,
			why_set(why, TE_CONFIG_VALUE, "%s: neither kernel nor bootloader is given",
				l->file),
			"kernel = \"/boot/vmlinuz\", or bootloader = \"grub\" to boot from the guest's disk");
	if (g->ramdisk && !*g->ramdisk) {
		free(g->ramdisk);
		g->ramdisk = NULL;
	}
	if (!g->memory)
		g->memory = g->maxmem ? g->maxmem : DEFAULT_MEMORY;
	if (g->maxmem && g->maxmem < g->memory)
		return why_set(why, TE_CONFIG_VALUE, "%s: maxmem %llu is less than memory %llu",
			       l->file, (unsigned long long)g->maxmem,
			       (unsigned long long)g->memory);
	if (!g->maxmem)
		g->maxmem = g->memory;
	if (g->maxvcpus && g->maxvcpus < g->vcpus)
		return why_set(why, TE_CONFIG_VALUE, "%s: maxvcpus %llu is less than vcpus %llu",
			       l->file, (unsigned long long)g->maxvcpus,
			       (unsigned long long)g->vcpus);
	if (!g->maxvcpus)
		g->maxvcpus = g->vcpus;
	if (g->cmdline) {
		if ((g->root || g->extra) && l->warn)
			l->warn(l->arg, "cmdline is given: root and extra are not used");
		g->command_line = strdup(g->cmdline);
	} else if (g->root && *g->root) {
		if (asprintf(&g->command_line, "root=%s%s%s", g->root,
			     g->extra && *g->extra ? " " : "", g->extra ? g->extra : "") < 0)
			g->command_line = NULL;
	} else {
		g->command_line = strdup(g->extra ? g->extra : "");
	}
	if (!g->command_line)
		return why_set(why, TE_NO_MEMORY, "no memory");
	if (strlen(g->command_line) > 1023)
		return why_set(why, TE_CONFIG_VALUE,
			       "%s: the kernel's command line has %zu characters, of 1023 at most",
			       l->file, strlen(g->command_line));
	drop_empty_drives(l);
	if (!g->uuid_given && config_uuid_make(g->uuid, why))
		return -EIO;
	for (size_t i = 0; i < g->nr_vifs; i++) {
		struct config_vif *v = &g->vifs[i];

		if (v->devid < 0)
			v->devid = (int)i;
		for (size_t j = 0; j < i; j++)
			if (g->vifs[j].devid == v->devid)
				return why_set(why, TE_CONFIG_VALUE,
					       "%s: two network cards with devid %d", l->file,
					       v->devid);
		if (!v->mac_given)
			config_vif_mac(v, g->uuid);
	}
	return 0;
}

static void defaults(struct guest_config *g)
{
	memset(g, 0, sizeof(*g));
	g->vcpus = 1;
	g->on_poweroff = ACT_DESTROY;
	g->on_reboot = ACT_RESTART;
	g->on_crash = ACT_DESTROY;
	g->on_watchdog = ACT_DESTROY;
	g->on_soft_reset = ACT_SOFT_RESET;
}

static int load(struct guest_config *g, const struct cfg_file *f, const struct cfg_file *over,
		config_warn_fn *warn, void *arg, struct why *why)
{
	struct loader l = { .g = g, .warn = warn, .arg = arg, .why = why };
	int rc;

	defaults(g);
	rc = apply_all(&l, f);
	if (!rc && over)
		rc = apply_all(&l, over);
	l.file = f->name;
	if (!rc)
		rc = finish(&l);
	if (rc)
		config_free(g);
	return rc;
}

int config_from_text(struct guest_config *g, const char *name, const char *text, size_t len,
		     config_warn_fn *warn, void *arg, struct why *why)
{
	struct cfg_file f;
	int rc = cfg_parse(&f, name, text, len, false, why);

	if (rc)
		return rc;
	rc = load(g, &f, NULL, warn, arg, why);
	cfg_free(&f);
	return rc;
}

int config_load(struct guest_config *g, const char *name, const char *text, size_t len,
		const char *overrides, config_warn_fn *warn, void *arg, struct why *why)
{
	struct cfg_file f, over = { 0 };
	int rc;

	rc = cfg_parse(&f, name, text, len, false, why);
	if (rc)
		return rc;
	if (overrides)
		rc = cfg_parse(&over, "(command line)", overrides, strlen(overrides), true, why);
	if (!rc)
		rc = load(g, &f, &over, warn, arg, why);
	cfg_free(&over);
	cfg_free(&f);
	return rc;
}

void config_free(struct guest_config *g)
{
	free(g->name);
	free(g->type);
	free(g->builder);
	free(g->kernel);
	free(g->ramdisk);
	free(g->cmdline);
	free(g->root);
	free(g->extra);
	free(g->bootloader);
	free(g->firmware);
	free(g->pool);
	free(g->command_line);
	cpus_free(&g->cpus);
	cpus_free(&g->cpus_soft);
	while (g->nr_disks)
		config_disk_free(&g->disks[--g->nr_disks]);
	while (g->nr_vifs)
		config_vif_free(&g->vifs[--g->nr_vifs]);
	memset(g, 0, sizeof(*g));
}
