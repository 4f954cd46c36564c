/* SPDX-License-Identifier: BSD-2-Clause */
/* A recursive-descent parser for guest files: one character of look-ahead, bounded depth. */
#include "dom0-tools/config/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 8

struct parser {
	const char *name;
	const char *p, *end;
	unsigned int line, column;
	unsigned int depth;
	bool bare;
	struct why *why;
};

static int peek(const struct parser *s)
{
	return s->p < s->end ? (unsigned char)*s->p : -1;
}

static int next(struct parser *s)
{
	int c = peek(s);

	if (c < 0)
		return c;
	s->p++;
	if (c == '\n') {
		s->line++;
		s->column = 1;
	} else {
		s->column++;
	}
	return c;
}

static int syntax(const struct parser *s, unsigned int line, unsigned int column, const char *what)
{
	return why_set(s->why, TE_CONFIG, "%s:%u:%u: %s", s->name, line, column, what);
}

static int unexpected(const struct parser *s, const char *wanted)
{
	int c = peek(s);

	if (c < 0)
		return why_set(s->why, TE_CONFIG, "%s:%u:%u: %s expected, the file ends", s->name,
			       s->line, s->column, wanted);
	if (c == '\n' || c == '\r')
		return why_set(s->why, TE_CONFIG, "%s:%u:%u: %s expected, the line ends", s->name,
			       s->line, s->column, wanted);
	if (!isprint(c))
		return why_set(s->why, TE_CONFIG, "%s:%u:%u: %s expected, found byte 0x%02x",
			       s->name, s->line, s->column, wanted, c);
	return why_set(s->why, TE_CONFIG, "%s:%u:%u: %s expected, found '%c'", s->name, s->line,
		       s->column, wanted, c);
}

static void skip_comment(struct parser *s)
{
	while (peek(s) >= 0 && peek(s) != '\n')
		next(s);
}

/* Blanks and comments; newlines too where a value goes on over them. */
static void skip(struct parser *s, bool newlines)
{
	for (;;) {
		int c = peek(s);

		if (c == '#')
			skip_comment(s);
		else if (c == ' ' || c == '\t' || c == '\r' || (newlines && c == '\n'))
			next(s);
		else if (c == '\\' && s->p + 1 < s->end && s->p[1] == '\n')
			next(s), next(s);
		else
			return;
	}
}

struct text {
	char *s;
	size_t len, room;
};

static bool text_add(struct text *t, char c)
{
	if (t->len + 2 > t->room) {
		size_t room = t->room ? t->room * 2 : 32;
		char *grown = realloc(t->s, room);

		if (!grown)
			return false;
		t->s = grown;
		t->room = room;
	}
	t->s[t->len++] = c;
	t->s[t->len] = 0;
	return true;
}

static int hex_digit(int c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

/* What follows a backslash. -1: not an escape. */
static int escape(struct parser *s)
{
	static const char from[] = "ntrabfv\\\"'", to[] = "\n\t\r\a\b\f\v\\\"'";
	int c = next(s), v;
	const char *at;

	if (c == 'x') {
		int hi = hex_digit(next(s)), lo = hex_digit(next(s));

		return hi < 0 || lo < 0 ? -1 : hi * 16 + lo;
	}
	if (c >= '0' && c <= '7') {
		v = c - '0';
		for (int i = 0; i < 2 && peek(s) >= '0' && peek(s) <= '7'; i++)
			v = v * 8 + next(s) - '0';
		return v > 255 ? -1 : v;
	}
	at = c > 0 ? strchr(from, c) : NULL;
	return at ? to[at - from] : -1;
}

static int parse_string(struct parser *s, struct cfg_value *v)
{
	unsigned int line = s->line, column = s->column;
	struct text t = { 0 };
	int quote = next(s), c;

	v->kind = CFG_STRING;
	for (;;) {
		c = peek(s);
		if (c < 0 || c == '\n') {
			free(t.s);
			return why_hint(s->why,
					syntax(s, line, column,
					       "this string is not closed on its line"),
					"end it with %c", quote);
		}
		next(s);
		if (c == quote)
			break;
		if (c == '\\') {
			unsigned int at = s->column - 1;

			c = escape(s);
			if (c <= 0) {
				free(t.s);
				return why_hint(s->why,
						syntax(s, line, at, "unknown escape in a string"),
						"a backslash itself is written \\\\");
			}
		}
		if (c == 0 || !text_add(&t, (char)c)) {
			free(t.s);
			return c ? why_set(s->why, TE_NO_MEMORY, "no memory") :
				   syntax(s, line, column, "a NUL byte in a string");
		}
	}
	v->text = t.s ? t.s : strdup("");
	return v->text ? 0 : why_set(s->why, TE_NO_MEMORY, "no memory");
}

static bool word_char(int c)
{
	return c == '_' || isalnum(c);
}

static int parse_number(struct parser *s, struct cfg_value *v)
{
	unsigned int line = s->line, column = s->column;
	const char *start = s->p;
	char *end;

	while (peek(s) == '-' || peek(s) == '+' || word_char(peek(s)))
		next(s);
	v->kind = CFG_NUMBER;
	v->text = strndup(start, (size_t)(s->p - start));
	if (!v->text)
		return why_set(s->why, TE_NO_MEMORY, "no memory");
	errno = 0;
	v->number = strtoull(v->text, &end, 0);
	if (errno || *end || strchr(v->text, '-')) {
		int rc = why_set(s->why, TE_CONFIG, "%s:%u:%u: \"%s\" is not a number", s->name,
				 line, column, v->text);

		return why_hint(
			s->why, rc,
			"numbers are 0 and up, decimal, 0x hexadecimal or 0 octal, without units; text is quoted");
	}
	return 0;
}

static int parse_bare(struct parser *s, struct cfg_value *v)
{
	const char *start = s->p;

	while (peek(s) > ' ' && peek(s) != ';' && peek(s) != ',' && peek(s) != ']')
		next(s);
	v->kind = CFG_STRING;
	v->text = strndup(start, (size_t)(s->p - start));
	return v->text ? 0 : why_set(s->why, TE_NO_MEMORY, "no memory");
}

static void value_free(struct cfg_value *v)
{
	free(v->text);
	for (size_t i = 0; i < v->count; i++)
		value_free(&v->items[i]);
	free(v->items);
	memset(v, 0, sizeof(*v));
}

static int parse_value(struct parser *s, struct cfg_value *v);

static int parse_list(struct parser *s, struct cfg_value *v)
{
	unsigned int line = s->line, column = s->column;
	int rc;

	v->kind = CFG_LIST;
	if (++s->depth > MAX_DEPTH)
		return syntax(s, line, column, "lists are nested too deep");
	next(s);
	for (;;) {
		struct cfg_value *grown;

		skip(s, true);
		if (peek(s) == ']')
			break;
		if (peek(s) < 0)
			return syntax(s, line, column, "this list is never closed with ]");
		grown = realloc(v->items, (v->count + 1) * sizeof(*grown));
		if (!grown)
			return why_set(s->why, TE_NO_MEMORY, "no memory");
		v->items = grown;
		memset(&grown[v->count], 0, sizeof(*grown));
		v->count++;
		rc = parse_value(s, &v->items[v->count - 1]);
		if (rc)
			return rc;
		skip(s, true);
		if (peek(s) == ',')
			next(s);
		else if (peek(s) != ']')
			return unexpected(s, "',' or ']'");
	}
	next(s);
	s->depth--;
	return 0;
}

static int parse_value(struct parser *s, struct cfg_value *v)
{
	int c = peek(s);

	v->line = s->line;
	v->column = s->column;
	if (c == '"' || c == '\'')
		return parse_string(s, v);
	if (c == '[')
		return parse_list(s, v);
	if (isdigit(c) && !s->bare)
		return parse_number(s, v);
	if (s->bare && c > ' ')
		return parse_bare(s, v);
	if (c == '-' || c == '+')
		return parse_number(s, v);
	if (isalpha(c) || c == '/')
		return why_hint(s->why, unexpected(s, "a value"), "text is quoted: \"...\"");
	return why_hint(s->why, unexpected(s, "a value: a number, \"text\" or [ a list ]"),
			"nothing is \"\" or []");
}

static int parse_entry(struct parser *s, struct cfg_entry *e)
{
	const char *start = s->p;
	int rc;

	e->line = s->line;
	e->column = s->column;
	if (!isalpha(peek(s)) && peek(s) != '_')
		return unexpected(s, "the name of a key");
	while (word_char(peek(s)))
		next(s);
	e->key = strndup(start, (size_t)(s->p - start));
	if (!e->key)
		return why_set(s->why, TE_NO_MEMORY, "no memory");
	skip(s, false);
	if (peek(s) == '+') {
		next(s);
		e->append = true;
	}
	if (peek(s) != '=')
		return why_prefix(s->why, unexpected(s, "'='"), "after \"%s\": ", e->key);
	next(s);
	skip(s, false);
	rc = parse_value(s, &e->value);
	if (rc)
		return rc;
	skip(s, false);
	if (peek(s) < 0 || peek(s) == '\n' || peek(s) == ';')
		return 0;
	rc = unexpected(s, "the end of the line");
	return s->bare ? why_hint(s->why, rc, "quote it once more: '%s=\"...\"'", e->key) : rc;
}

int cfg_parse(struct cfg_file *f, const char *name, const char *text, size_t len, bool bare,
	      struct why *why)
{
	struct parser s = { .name = name,
			    .p = text,
			    .end = text + len,
			    .line = 1,
			    .column = 1,
			    .bare = bare,
			    .why = why };
	struct cfg_entry **tail = &f->entries;
	int rc = 0;

	f->name = name;
	f->entries = NULL;
	if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* some editors' mark of UTF-8 */
		s.p += 3;
	for (;;) {
		struct cfg_entry *e;

		skip(&s, true);
		if (peek(&s) < 0)
			return 0;
		if (peek(&s) == ';') {
			next(&s);
			continue;
		}
		e = calloc(1, sizeof(*e));
		if (!e) {
			rc = why_set(why, TE_NO_MEMORY, "no memory");
			break;
		}
		*tail = e;
		tail = &e->next;
		rc = parse_entry(&s, e);
		if (rc)
			break;
	}
	cfg_free(f);
	return rc;
}

void cfg_free(struct cfg_file *f)
{
	struct cfg_entry *e, *after;

	for (e = f->entries; e; e = after) {
		after = e->next;
		free(e->key);
		value_free(&e->value);
		free(e);
	}
	f->entries = NULL;
}
