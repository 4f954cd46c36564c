/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines out, TAP among them, and the last words of a kernel that cannot go on. */
#include "drivers/frontend/console.h"
#include "hypercall.h"
#include "lib.h"
#include "power.h"
#include "print.h"

static unsigned int tap_count, tap_failed;

void vprint(const char *fmt, va_list ap)
{
	char line[512];
	int n = format(line, sizeof(line), fmt, ap);

	if (n >= (int)sizeof(line))
		n = sizeof(line) - 1;
	if (console_ready())
		console_write(line, n);
	else
		hc_console_io(CONSOLEIO_write, n, line);
}

void print(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprint(fmt, ap);
	va_end(ap);
}

void panic(const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	va_end(ap);
	hc_console_io(CONSOLEIO_write, strlen(line), line); /* if we may */
	hc_console_io(CONSOLEIO_write, 1, "\n");
	print("panic: %s\n", line);
	console_drain();
	power_off(SHUTDOWN_crash);
}

bool tap(bool ok, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	va_end(ap);
	tap_count++;
	tap_failed += !ok;
	print("%sok %u - %s\n", ok ? "" : "not ", tap_count, line);
	return ok;
}

void tap_skip(const char *why, const char *fmt, ...)
{
	char line[400];
	va_list ap;

	va_start(ap, fmt);
	format(line, sizeof(line), fmt, ap);
	va_end(ap);
	print("ok %u - %s # SKIP %s\n", ++tap_count, line, why);
}

unsigned int tap_plan(void)
{
	print("1..%u\n", tap_count);
	print("# %u passed, %u failed\n", tap_count - tap_failed, tap_failed);
	return tap_failed;
}
