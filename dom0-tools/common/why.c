/* SPDX-License-Identifier: BSD-2-Clause */
/* Reasons for failures, and the table of stable codes behind them. */
#include "dom0-tools/common/why.h"

#include <errno.h>
#include <string.h>

#include "dom0-tools/common/plain.h"

static const struct {
	const char *code;
	int err;
	int status;
	const char *text;
} errors[TE_COUNT] = {
	[TE_NONE] = { "none", 0, 0, "no error" },
#define ERROR(name, code, err, status, text) [TE_##name] = { code, err, status, text },
#include "dom0-tools/common/errors.tbl"
#undef ERROR
};

int why_set(struct why *w, enum torc_error e, const char *fmt, ...)
{
	va_list ap;

	w->error = e;
	w->hint[0] = 0;
	va_start(ap, fmt);
	vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	return -errors[e].err;
}

int why_hint(struct why *w, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(w->hint, sizeof(w->hint), fmt, ap);
	va_end(ap);
	return rc;
}

int why_prefix(struct why *w, int rc, const char *fmt, ...)
{
	char old[sizeof(w->text)];
	va_list ap;
	int n;

	memcpy(old, w->text, sizeof(old));
	va_start(ap, fmt);
	n = vsnprintf(w->text, sizeof(w->text), fmt, ap);
	va_end(ap);
	if (n >= 0 && (size_t)n < sizeof(w->text))
		snprintf(w->text + n, sizeof(w->text) - (size_t)n, "%s", old);
	return rc;
}

const char *why_code(enum torc_error e)
{
	return errors[e].code;
}

const char *why_meaning(enum torc_error e)
{
	return errors[e].text;
}

int why_status(enum torc_error e)
{
	return errors[e].status;
}

/* Guests and files have their say in these: a backend's complaint, a name, a value. */
void why_print(FILE *to, const struct why *w)
{
	char text[sizeof(w->text)];

	plain_text(text, sizeof(text), w->text);
	fprintf(to, "torc: %s [%s]\n", text, why_code(w->error));
	plain_text(text, sizeof(text), w->hint);
	if (text[0])
		fprintf(to, "      %s\n", text);
}
