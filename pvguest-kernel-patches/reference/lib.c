/* SPDX-License-Identifier: BSD-2-Clause */
/* The few string functions that the compiler and the kernel need. */
#include "lib.h"

void *memset(void *p, int c, size_t n)
{
	void *d = p;

	__asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return p;
}

void *memcpy(void *to, const void *from, size_t n)
{
	void *d = to;

	__asm__ volatile("rep movsb" : "+D"(d), "+S"(from), "+c"(n) : : "memory");
	return to;
}

void *memmove(void *to, const void *from, size_t n)
{
	char *d = to;
	const char *s = from;

	if (d <= s || d >= s + n)
		return memcpy(to, from, n);
	while (n--)
		d[n] = s[n];
	return to;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const unsigned char *p = a, *q = b;

	for (; n; n--, p++, q++)
		if (*p != *q)
			return *p - *q;
	return 0;
}

size_t strlen(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (unsigned char)*a - (unsigned char)*b;
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n && *a && *a == *b; n--)
		a++, b++;
	return n ? (unsigned char)*a - (unsigned char)*b : 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (!*s)
			return NULL;
	return (char *)s;
}

unsigned long parse_number(const char *s, const char **end)
{
	unsigned long n = 0;

	while (*s >= '0' && *s <= '9')
		n = n * 10 + (*s++ - '0');
	if (end)
		*end = s;
	return n;
}

struct out {
	char *buf;
	size_t size, len;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void pad(struct out *o, char c, int n)
{
	while (n-- > 0)
		put(o, c);
}

static void number(struct out *o, unsigned long long v, unsigned int base, bool negative, int width,
		   bool zero, bool left)
{
	char digits[24];
	int n = 0;

	do {
		digits[n++] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (negative && zero)
		put(o, '-');
	else if (negative)
		digits[n++] = '-';
	if (!left)
		pad(o, zero ? '0' : ' ', width - n);
	for (int i = n; i--;)
		put(o, digits[i]);
	if (left)
		pad(o, ' ', width - n);
}

static unsigned long long argument(va_list *ap, int longs)
{
	if (longs == 0)
		return va_arg(*ap, unsigned int);
	return longs == 1 ? va_arg(*ap, unsigned long) : va_arg(*ap, unsigned long long);
}

static long long signed_argument(va_list *ap, int longs)
{
	if (longs == 0)
		return va_arg(*ap, int);
	return longs == 1 ? va_arg(*ap, long) : va_arg(*ap, long long);
}

static void string(struct out *o, const char *s, int width, bool left)
{
	int n = strlen(s);

	if (!left)
		pad(o, ' ', width - n);
	while (*s)
		put(o, *s++);
	if (left)
		pad(o, ' ', width - n);
}

int format(char *buf, size_t size, const char *fmt, va_list args)
{
	struct out o = { buf, size, 0 };
	va_list ap;

	va_copy(ap, args);
	for (; *fmt; fmt++) {
		bool zero = false, left = false;
		int width = 0, longs = 0;
		long long v;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		for (fmt++; *fmt == '0' || *fmt == '-'; fmt++)
			*fmt == '0' ? (zero = true) : (left = true);
		width = parse_number(fmt, &fmt);
		for (; *fmt == 'l'; fmt++)
			longs++;
		switch (*fmt) {
		case 's': string(&o, va_arg(ap, const char *), width, left); break;
		case 'c': put(&o, va_arg(ap, int)); break;
		case 'd':
			v = signed_argument(&ap, longs);
			number(&o, v < 0 ? -(unsigned long long)v : (unsigned long long)v, 10,
			       v < 0, width, zero, left);
			break;
		case 'u': number(&o, argument(&ap, longs), 10, false, width, zero, left); break;
		case 'x': number(&o, argument(&ap, longs), 16, false, width, zero, left); break;
		case '\0': fmt--; break;
		default: put(&o, *fmt);
		}
	}
	va_end(ap);
	if (size)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return o.len;
}

int format_to(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = format(buf, size, fmt, ap);
	va_end(ap);
	return n;
}
