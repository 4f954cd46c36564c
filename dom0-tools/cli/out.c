/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts to people or programs: a table, or JSON with the name and version of its schema. */
#include "dom0-tools/cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/common/plain.h"

/* Keys are literals everywhere: no copy of each is needed. */
static void add(struct json_object *o, const char *key, struct json_object *value)
{
	json_object_object_add_ex(o, key, value, JSON_C_OBJECT_ADD_CONSTANT_KEY);
}

void fact_str(struct json_object *o, const char *key, const char *value)
{
	add(o, key, value ? json_object_new_string(value) : NULL);
}

void fact_num(struct json_object *o, const char *key, int64_t value)
{
	add(o, key, json_object_new_int64(value));
}

void fact_bool(struct json_object *o, const char *key, bool value)
{
	add(o, key, json_object_new_boolean(value));
}

void fact_seconds(struct json_object *o, const char *key, uint64_t ns)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu.%01llu", (unsigned long long)(ns / 1000000000),
		 (unsigned long long)(ns / 100000000 % 10));
	add(o, key, json_object_new_double_s((double)ns / 1e9, text));
}

/* Bytes that are none of UTF-8 would make it no JSON: names of files, what a guest wrote. */
void out_json(FILE *to, struct json_object *o, int flags)
{
	const char *s = json_object_to_json_string_ext(o, flags | JSON_C_TO_STRING_NOSLASHESCAPE);

	for (size_t n; *s; s += n ? n : 1) {
		for (n = 0; (signed char)s[n] > 0; n++) /* most of it is ASCII */
			;
		n = n ? n : plain_char(s);
		fwrite(n ? s : "?", 1, n ? n : 1, to);
	}
	fputc('\n', to);
}

static void print_json(const char *kind, struct json_object *body)
{
	struct json_object *all = json_object_new_object();
	const char *whose = strchr(kind, '-'); /* the store's domains are its domains */
	char schema[64];

	snprintf(schema, sizeof(schema), "torc-%s/1", kind);
	fact_str(all, "schema", schema);
	json_object_object_add(all, whose ? whose + 1 : kind, body);
	out_json(stdout, all, JSON_C_TO_STRING_PRETTY);
	json_object_put(all);
}

/* Guests choose some of these strings: nothing in them may move a terminal's cursor. Its length. */
static size_t cell(struct json_object *v, char *buf, size_t room)
{
	const char *s = "-";

	if (json_object_is_type(v, json_type_boolean))
		s = json_object_get_boolean(v) ? "yes" : "no";
	else if (json_object_is_type(v, json_type_int))
		return (size_t)snprintf(buf, room, "%lld", (long long)json_object_get_int64(v));
	else if (v)
		s = json_object_get_string(v);
	return plain_text(buf, room, s);
}

#define COLUMNS_MAX 16
#define CELL_MAX    256

/* The cells of all rows behind one another, each with its length in front: they are wanted twice. */
struct cells {
	FILE *to;
	char *text;
	size_t size;
	int width[COLUMNS_MAX];
};

static bool gather(struct cells *k, struct json_object *rows, const struct column *columns,
		   size_t count)
{
	size_t nr = json_object_array_length(rows);
	char buf[1 + CELL_MAX];

	k->to = open_memstream(&k->text, &k->size);
	for (size_t r = 0; k->to && r < nr; r++) {
		struct json_object *row = json_object_array_get_idx(rows, r);

		for (size_t i = 0; i < count; i++) {
			size_t n = cell(json_object_object_get(row, columns[i].key), buf + 1,
					CELL_MAX);

			buf[0] = (char)(unsigned char)n;
			fwrite(buf, 1, n + 1, k->to);
			if ((int)n > k->width[i])
				k->width[i] = (int)n;
		}
	}
	return k->to && fclose(k->to) == 0;
}

static void put(const char *text, size_t n, int width, bool left, bool last)
{
	static const char blanks[] = "                                        ";
	size_t pad = (size_t)width > n && !(left && last) ? (size_t)width - n : 0;

	if (left)
		fwrite(text, 1, n, stdout);
	for (size_t some; pad; pad -= some) {
		some = pad < sizeof(blanks) - 1 ? pad : sizeof(blanks) - 1;
		fwrite(blanks, 1, some, stdout);
	}
	if (!left)
		fwrite(text, 1, n, stdout);
	putchar(last ? '\n' : ' ');
}

void out_rows(struct cli *c, const char *kind, struct json_object *rows,
	      const struct column *columns, size_t count)
{
	struct cells k = { 0 };

	if (c->json) {
		print_json(kind, rows);
		return;
	}
	if (count > COLUMNS_MAX)
		count = COLUMNS_MAX;
	for (size_t i = 0; i < count; i++) {
		int w = columns[i].width < 0 ? -columns[i].width : columns[i].width,
		    title = (int)strlen(columns[i].title);

		k.width[i] = title > w ? title : w;
	}
	if (gather(&k, rows, columns, count)) {
		const char *at = k.text;

		for (size_t i = 0; i < count; i++)
			put(columns[i].title, strlen(columns[i].title), k.width[i],
			    columns[i].width < 0, i + 1 == count);
		while (at < k.text + k.size)
			for (size_t i = 0; i < count; i++) {
				size_t n = (unsigned char)*at++;

				put(at, n, k.width[i], columns[i].width < 0, i + 1 == count);
				at += n;
			}
	}
	free(k.text);
	json_object_put(rows);
}

void out_facts(struct cli *c, const char *kind, struct json_object *facts)
{
	if (c->json) {
		print_json(kind, facts);
		return;
	}
	json_object_object_foreach(facts, key, v)
	{
		char buf[1100];

		cell(v, buf, sizeof(buf));
		printf("%-23s: %s\n", key, buf);
	}
	json_object_put(facts);
}
