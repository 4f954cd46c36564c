/* SPDX-License-Identifier: BSD-2-Clause */
/* See parts.h. */
#include "migration/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "migration/io.h"

#define MOST_NS 3600000000000ull /* an hour: longer is no duration of a pause */

static const struct {
	const char *name;
	bool targets;
} parts[PARTS] = {
	[PART_STOPPED] = { "stopped", false }, [PART_MAP] = { "map", false },
	[PART_PAGES] = { "pages", false },     [PART_STATE] = { "state", false },
	[PART_TABLES] = { "tables", true },    [PART_LISTS] = { "lists", true },
	[PART_PINS] = { "pins", true },	       [PART_VCPUS] = { "vcpus", true },
	[PART_NODES] = { "nodes", true },      [PART_READY] = { "ready", true },
	[PART_DRAIN] = { "drain", false },     [PART_HANDED] = { "handed", false },
	[PART_RUN] = { "run", true },	       [PART_WIRE] = { "wire", false },
};

const char *mig_part_name(enum mig_part p)
{
	return p < PARTS ? parts[p].name : "?";
}

bool mig_part_is_targets(enum mig_part p)
{
	return p < PARTS && parts[p].targets;
}

void mig_part_end(struct mig_parts *p, enum mig_part part, uint64_t *since)
{
	uint64_t now = mig_now_ns();

	p->ns[part] += now - *since;
	*since = now;
}

uint64_t mig_parts_sum(const struct mig_parts *p)
{
	uint64_t sum = 0;

	for (enum mig_part i = 0; i < PARTS; i++)
		sum += i == PART_WIRE ? 0 : p->ns[i];
	return sum;
}

static uint64_t *field(struct mig_target_figures *f, unsigned int i, const char **name)
{
	if (i < PARTS) {
		*name = parts[i].targets ? parts[i].name : NULL;
		return &f->parts.ns[i];
	}
	*name = i == PARTS ? "answered" : "released";
	return i == PARTS ? &f->answered_ns : &f->released_ns;
}

size_t mig_target_figures_write(const struct mig_target_figures *f, char *text, size_t room)
{
	struct mig_target_figures copy = *f;
	const char *name;
	size_t at = 0;

	for (unsigned int i = 0; i < PARTS + 2; i++) {
		uint64_t *ns = field(&copy, i, &name);
		int n = name ? snprintf(text + at, room - at, "%s=%" PRIu64 " ", name, *ns) : 0;

		if (n < 0 || at + (size_t)n >= room)
			return 0;
		at += (size_t)n;
	}
	return at;
}

static void set(struct mig_target_figures *f, const char *word, size_t len, uint64_t value)
{
	const char *name;

	for (unsigned int i = 0; i < PARTS + 2; i++) {
		uint64_t *ns = field(f, i, &name);

		if (name && strlen(name) == len && memcmp(name, word, len) == 0)
			*ns = value <= MOST_NS ? value : 0;
	}
}

void mig_target_figures_read(struct mig_target_figures *f, const char *text, size_t len)
{
	const char *end = text + len, *word = text;

	*f = (struct mig_target_figures){ .answered_ns = 0 };
	while (word < end) {
		const char *equals = word, *p;
		uint64_t value = 0;

		while (equals < end && *equals != '=' && *equals != ' ')
			equals++;
		for (p = equals + 1; p < end && *p >= '0' && *p <= '9'; p++)
			value = value <= MOST_NS ? value * 10 + (uint64_t)(*p - '0') : value;
		if (equals < end && *equals == '=' && p > equals + 1 && (p == end || *p == ' '))
			set(f, word, (size_t)(equals - word), value);
		for (word = equals; word < end && *word != ' '; word++)
			;
		word++;
	}
}
