/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line: options by table, named as administrators of the field know them. What is not
 * understood is reported, not swallowed. */
#include <torc/boot.h>
#include <torc/console.h>

struct options options = { .loglvl = "", .guest_loglvl = "" };

/* Sizes as "512M", "1G", "65536K", "4096B"; a bare number is in KiB. False: it is none. */
static bool parse_size(const char *s, size_t len, uint64_t *out)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; i < len && s[i] >= '0' && s[i] <= '9'; i++) {
		if (n > 1ull << 44)
			return false;
		n = n * 10 + (uint64_t)(s[i] - '0');
	}
	if (!i)
		return false;
	if (i == len) {
		*out = n << 10;
		return true;
	}
	if (i + 1 != len)
		return false;
	switch (s[i] | 0x20) {
	case 'b': *out = n; return true;
	case 'k': *out = n << 10; return true;
	case 'm': *out = n << 20; return true;
	case 'g': *out = n << 30; return true;
	case 't': *out = n << 40; return true;
	}
	return false;
}

static size_t part_length(const char *s)
{
	size_t n = 0;

	while (s[n] && s[n] != ',')
		n++;
	return n;
}

/* "1G", "min:256M,max:2G" and their like. */
static bool set_dom0_mem(void *field, const char *s)
{
	struct options *o = field;
	uint64_t *to;
	size_t n;

	for (;;) {
		to = &o->dom0_mem;
		if (!strncmp(s, "min:", 4) || !strncmp(s, "max:", 4)) {
			to = s[1] == 'i' ? &o->dom0_mem_min : &o->dom0_mem_max;
			s += 4;
		}
		n = part_length(s);
		if (!parse_size(s, n, to))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool set_number(void *field, const char *s)
{
	unsigned int n = 0;

	if (!*s)
		return false;
	for (; *s >= '0' && *s <= '9' && n < 100000; s++)
		n = n * 10 + (unsigned int)(*s - '0');
	*(unsigned int *)field = n;
	return !*s;
}

static bool is_word(const char *s, const char *a, const char *b, const char *c, const char *d)
{
	return !strcmp(s, a) || !strcmp(s, b) || !strcmp(s, c) || !strcmp(s, d);
}

static bool set_bool(void *field, const char *s)
{
	*(bool *)field = !is_word(s, "0", "no", "off", "false");
	return *(bool *)field ? !*s || is_word(s, "1", "yes", "on", "true") : true;
}

static bool set_reboot(void *field, const char *s)
{
	*(bool *)field = *s == 'n';
	return *s != '\0';
}

static bool set_one_cpu(void *field, const char *s)
{
	*(unsigned int *)field = 1;
	return !*s;
}

static bool set_text(void *field, const char *s)
{
	return str_copy(field, s, sizeof(options.console)) < sizeof(options.console);
}

/* A slip here would leave a machine that says nothing at all: then it is as if nothing had been
 * said. */
static bool set_console(void *field, const char *s)
{
	static const char *const known[] = { "com1", "com2", "vga", "none" };
	unsigned int i;
	size_t n;

	for (const char *p = s;; p += n + 1) {
		n = part_length(p);
		for (i = 0; i < ARRAY_SIZE(known); i++)
			if (strlen(known[i]) == n && !strncmp(p, known[i], n))
				break;
		if (i == ARRAY_SIZE(known))
			return false;
		if (!p[n])
			return set_text(field, s);
	}
}

static bool set_level(void *field, const char *s)
{
	return str_copy(field, s, sizeof(options.loglvl)) < sizeof(options.loglvl);
}

static const struct option {
	const char *name;
	bool (*set)(void *field, const char *value);
	void *field;
	const char *form;
} table[] = {
	{ "dom0_mem", set_dom0_mem, &options, "SIZE, min:SIZE, max:SIZE, with commas between" },
	{ "dom0_max_vcpus", set_number, &options.dom0_max_vcpus, "a number" },
	{ "maxcpus", set_number, &options.max_cpus, "a number" },
	{ "nosmp", set_one_cpu, &options.max_cpus, "no value" },
	{ "noreboot", set_bool, &options.noreboot, "yes or no" },
	{ "reboot", set_reboot, &options.noreboot, "n[o] or a way to reboot" },
	{ "sync_console", set_bool, &options.sync_console, "yes or no" },
	{ "no-xsave", set_bool, &options.no_xsave, "yes or no" },
	{ "console", set_console, options.console, "com1, com2, vga or none, with commas between" },
	{ "com1", set_text, options.com1, "RATE[,8n1[,PORT]]" },
	{ "loglvl", set_level, options.loglvl, "none, error, warning, info, debug or all" },
	{ "guest_loglvl", set_level, options.guest_loglvl,
	  "none, error, warning, info, debug or all" },
};

static void apply(char *word)
{
	char *value = word;
	bool negated = !strncmp(word, "no-", 3) && strcmp(word, "no-xsave");
	unsigned int i;

	while (*value && *value != '=')
		value++;
	if (*value)
		*value++ = '\0';
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		if (strcmp(word, table[i].name) &&
		    !(negated && table[i].set == set_bool && !strcmp(word + 3, table[i].name)))
			continue;
		if (!table[i].set(table[i].field,
				  negated && strcmp(word, table[i].name) ? "no" : value))
			log_err("option %s: \"%s\" is not understood; it wants %s", word, value,
				table[i].form);
		return;
	}
	log_warn("option \"%s\" is not known to Torc and has no effect", word);
}

uint64_t cmdline_dom0_pages(uint64_t avail)
{
	uint64_t keep, want = options.dom0_mem >> PAGE_SHIFT;

	/* Without dom0_mem= it gets all but a sixteenth, of which at most 1 GiB is kept for Torc
	 * and guests, or as much as it may be given. */
	if (!options.dom0_mem) {
		keep = MIN(avail / 16, GB(1) >> PAGE_SHIFT);
		want = MIN(avail - keep, DOM0_PAGES_MAX);
	}
	if (options.dom0_mem_min)
		want = MAX(want, options.dom0_mem_min >> PAGE_SHIFT);
	if (options.dom0_mem_max)
		want = MIN(want, options.dom0_mem_max >> PAGE_SHIFT);
	return want;
}

void cmdline_parse(const char *line)
{
	char word[128];
	size_t n;

	for (;;) {
		while (*line == ' ' || *line == '\t')
			line++;
		if (!*line)
			return;
		for (n = 0; line[n] && line[n] != ' ' && line[n] != '\t'; n++)
			;
		if (n >= sizeof(word)) {
			log_err("an option of %lu characters is too long: \"%.40s...\"", n, line);
		} else if (!(n == 2 && line[0] == '-')) { /* "--" is harmless */
			memcpy(word, line, n);
			word[n] = '\0';
			apply(word);
		}
		line += n;
	}
}
