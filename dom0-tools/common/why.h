/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reasons. A function that can fail fills in a struct why and returns a negative errno;
 * whoever talks to the user prints it once. The text names the object and the value, the
 * hint what would be right.
 */
#ifndef TORC_COMMON_WHY_H
#define TORC_COMMON_WHY_H

#include <stdarg.h>
#include <stdio.h>

enum torc_error {
	TE_NONE,
#define ERROR(name, code, err, status, text) TE_##name,
#include "dom0-tools/common/errors.tbl"
#undef ERROR
	TE_COUNT
};

struct why {
	enum torc_error error;
	char text[1024];
	char hint[384];
};

/* Say why. Returns the error's negative errno, so that it can be returned at once. */
int why_set(struct why *w, enum torc_error e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* What the user could do. Returns rc unchanged. */
int why_hint(struct why *w, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Put words in front of a reason on its way up. Returns rc unchanged. */
int why_prefix(struct why *w, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

const char *why_code(enum torc_error e); /* "no-such-domain" */
const char *why_meaning(enum torc_error e);
int why_status(enum torc_error e);	       /* exit status */
void why_print(FILE *to, const struct why *w); /* "torc: TEXT" and the hint on a second line */

#endif
