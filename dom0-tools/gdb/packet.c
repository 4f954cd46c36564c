/* SPDX-License-Identifier: BSD-2-Clause */
/* The remote protocol's packets: $DATA#SUM, and single bytes between them. */
#include "dom0-tools/gdb/gdb.h"

#include <string.h>

#define ESCAPE '}'

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Binary data comes with '}' in front of bytes that mean something, and these changed. */
static void unescape(struct packet *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->len; i++)
		if (p->data[i] == ESCAPE && i + 1 < p->len)
			p->data[n++] = (char)(p->data[++i] ^ 0x20);
		else
			p->data[n++] = p->data[i];
	p->len = n;
	p->data[n] = 0;
}

static enum packet_kind between(struct packet *p, char c)
{
	switch (c) {
	case '$':
		p->at = AT_DATA;
		p->len = 0;
		p->sum = 0;
		p->too_long = false;
		return PACKET_MORE;
	case 3: return PACKET_INTERRUPT;
	case '-': return PACKET_AGAIN;
	default: return PACKET_MORE;
	}
}

enum packet_kind packet_take(struct packet *p, uint8_t byte)
{
	char c = (char)byte;

	switch (p->at) {
	case AT_DATA:
		if (c == '#') {
			p->at = AT_SUM1;
		} else if (c == '$') { /* the peer gave the last one up */
			return between(p, c);
		} else {
			p->sum = (uint8_t)(p->sum + byte);
			if (p->len < PACKET_MAX)
				p->data[p->len++] = c;
			else
				p->too_long = true;
		}
		return PACKET_MORE;
	case AT_SUM1:
		p->want = (uint8_t)(digit(c) < 0 ? 0 : digit(c) << 4);
		p->too_long |= digit(c) < 0;
		p->at = AT_SUM2;
		return PACKET_MORE;
	case AT_SUM2:
		p->at = AT_NOTHING;
		if (digit(c) < 0 || p->too_long || (p->want | digit(c)) != p->sum)
			return PACKET_DAMAGED;
		unescape(p);
		return PACKET_WHOLE;
	default: return between(p, c);
	}
}

size_t packet_make(char *out, const char *data, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	uint8_t sum = 0;
	size_t n = 0;

	out[n++] = '$';
	for (size_t i = 0; i < len; i++) {
		char c = data[i];

		if (c == '$' || c == '#' || c == ESCAPE || c == '*') {
			out[n++] = ESCAPE;
			sum = (uint8_t)(sum + ESCAPE);
			c ^= 0x20;
		}
		out[n++] = c;
		sum = (uint8_t)(sum + (uint8_t)c);
	}
	out[n++] = '#';
	out[n++] = digits[sum >> 4];
	out[n++] = digits[sum & 15];
	return n;
}

void reply_add(struct reply *r, const void *data, size_t len)
{
	if (len > sizeof(r->data) - r->len) {
		r->full = true;
		return;
	}
	memcpy(r->data + r->len, data, len);
	r->len += len;
}

void reply_say(struct reply *r, const char *fmt, ...)
{
	char text[256];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(text))
		r->full = true;
	else
		reply_add(r, text, (size_t)n);
}

void reply_hex(struct reply *r, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		reply_say(r, "%02x", ((const uint8_t *)data)[i]);
}

bool take_hex(const char **s, uint64_t *value)
{
	const char *from = *s;

	*value = 0;
	for (; digit(**s) >= 0; ++*s) {
		if (*value >> 60)
			return false;
		*value = *value << 4 | (unsigned int)digit(**s);
	}
	return *s != from;
}

bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	++*s;
	return true;
}

bool take_word(const char **s, const char *word)
{
	size_t n = strlen(word);

	if (strncmp(*s, word, n) != 0)
		return false;
	*s += n;
	return true;
}

bool hex_bytes(const char *s, size_t len, uint8_t *out)
{
	for (size_t i = 0; i < len; i++) {
		int high = digit(s[2 * i]), low = high < 0 ? -1 : digit(s[2 * i + 1]);

		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
