/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts to people or programs: a table, or JSON with the name and version of its schema. */
#include "dom0-tools/cli/cli.h"

#include <stdio.h>
#include <string.h>

void fact_str(struct json_object *o, const char *key, const char *value)
{
	json_object_object_add(o, key, value ? json_object_new_string(value) : NULL);
}

void fact_num(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

void fact_bool(struct json_object *o, const char *key, bool value)
{
	json_object_object_add(o, key, json_object_new_boolean(value));
}

void fact_seconds(struct json_object *o, const char *key, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu.%01llu", (unsigned long long)(ns / 1000000000),
		 (unsigned long long)(ns / 100000000 % 10));
	json_object_object_add(o, key, json_object_new_double_s((double)ns / 1e9, text));
}

static void print_json(const char *kind, struct json_object *body)
{
	struct json_object *all = json_object_new_object();
	char schema[64];

	snprintf(schema, sizeof(schema), "torc-%s/1", kind);
	fact_str(all, "schema", schema);
	json_object_object_add(all, kind, body);
	puts(json_object_to_json_string_ext(all, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(all);
}

/* Guests choose some of these strings: nothing in them may move a terminal's cursor. */
static const char *cell(struct json_object *v, char *buf, size_t room)
{
	const char *s = v ? json_object_get_string(v) : "-";
	size_t n = 0;

	if (json_object_is_type(v, json_type_boolean))
		s = json_object_get_boolean(v) ? "yes" : "no";
	for (; *s && n + 1 < room; s++)
		buf[n++] = (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s;
	buf[n] = 0;
	return buf;
}

void out_rows(struct cli *c, const char *kind, struct json_object *rows, const struct column *columns,
	      size_t count)
{
	int width[16];
	char buf[256];
	size_t nr = json_object_array_length(rows);

	if (c->json) {
		print_json(kind, rows);
		return;
	}
	if (count > 16)
		count = 16;
	for (size_t i = 0; i < count; i++) {
		int sign = columns[i].width < 0 ? -1 : 1, w = columns[i].width * sign;

		if ((int)strlen(columns[i].title) > w)
			w = (int)strlen(columns[i].title);
		for (size_t r = 0; r < nr; r++) {
			struct json_object *v =
				json_object_object_get(json_object_array_get_idx(rows, r), columns[i].key);
			int len = (int)strlen(cell(v, buf, sizeof(buf)));

			if (len > w)
				w = len;
		}
		width[i] = w * sign;
	}
	for (size_t i = 0; i < count; i++)
		printf("%*s%s", i + 1 < count || width[i] > 0 ? width[i] : 0, columns[i].title,
		       i + 1 < count ? " " : "\n");
	for (size_t r = 0; r < nr; r++)
		for (size_t i = 0; i < count; i++) {
			struct json_object *v =
				json_object_object_get(json_object_array_get_idx(rows, r), columns[i].key);

			printf("%*s%s", i + 1 < count || width[i] > 0 ? width[i] : 0,
			       cell(v, buf, sizeof(buf)), i + 1 < count ? " " : "\n");
		}
	json_object_put(rows);
}

void out_facts(struct cli *c, const char *kind, struct json_object *facts)
{
	if (c->json) {
		print_json(kind, facts);
		return;
	}
	json_object_object_foreach(facts, key, v) {
		char buf[1100];

		printf("%-23s: %s\n", key, cell(v, buf, sizeof(buf)));
	}
	json_object_put(facts);
}
