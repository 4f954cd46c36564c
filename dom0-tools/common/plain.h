/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Text that a guest, a peer or a file chose, on its way to a terminal or a log: nothing in it may
 * move a cursor, end a line or change a colour. What is left are printable characters in UTF-8;
 * each byte of anything else becomes a '?', the control characters from U+0080 on included, which
 * terminals obey as they do an escape.
 */
#ifndef TORC_COMMON_PLAIN_H
#define TORC_COMMON_PLAIN_H

#include <stddef.h>
#include <string.h>

/* Bytes of the character at s if it may be shown, else 0. Reads no further than the first byte
 * that does not fit, so not beyond a NUL. */
static inline size_t plain_char(const char *s)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n, i;

	if (p[0] < 0x80)
		return p[0] >= ' ' && p[0] != 0x7f;
	n = p[0] >= 0xf0 && p[0] < 0xf5 ? 4 : (p[0] & 0xf0) == 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	if (p[0] >= 0xf5)
		n = 0;
	for (i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	/* U+0080 to U+009f; longer forms of shorter characters; halves of pairs; beyond U+10ffff */
	if ((p[0] == 0xc2 && p[1] < 0xa0) || (p[0] == 0xe0 && p[1] < 0xa0) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xed && p[1] >= 0xa0) ||
	    (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return n;
}

/* As much of s as fits, with a NUL; returns its length. out may be s. */
static inline size_t plain_text(char *out, size_t room, const char *s)
{
	size_t at = 0;

	while (*s) {
		size_t n = plain_char(s), len = n ? n : 1;

		if (at + len >= room)
			break;
		if (n)
			memmove(out + at, s, n);
		else
			out[at] = '?';
		at += len;
		s += len;
	}
	out[at] = 0;
	return at;
}

#endif
