/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The store's log: standard error in the foreground, syslog as a daemon, and a file if one was
 * asked for.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <syslog.h>
#include <time.h>

#include "xenbus/store/util.h"

bool log_verbose, log_quiet;
static bool use_syslog;
static FILE *file;

void log_to_syslog(void)
{
	openlog("torc-stored", LOG_PID, LOG_DAEMON);
	use_syslog = true;
}

int log_to_file(const char *path)
{
	FILE *f = fopen(path, "ae");

	if (!f)
		return -errno;
	if (file)
		fclose(file);
	file = f;
	return 0;
}

static void emit(int level, const char *fmt, va_list ap)
{
	char line[1024];
	struct timespec t;
	struct tm tm;

	vsnprintf(line, sizeof(line), fmt, ap);
	if (file) {
		clock_gettime(CLOCK_REALTIME, &t);
		gmtime_r(&t.tv_sec, &tm);
		fprintf(file, "%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ %s\n", tm.tm_year + 1900,
			tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
			t.tv_nsec / 1000000, line);
		fflush(file);
	}
	if (use_syslog)
		syslog(level, "%s", line);
	else if (!file || level <= LOG_WARNING)
		fprintf(stderr, "torc-stored: %s\n", line);
}

#define EMIT(level)                   \
	do {                          \
		va_list ap;           \
		va_start(ap, fmt);    \
		emit(level, fmt, ap); \
		va_end(ap);           \
	} while (0)

void log_info(const char *fmt, ...)
{
	if (!log_quiet)
		EMIT(LOG_INFO);
}

void log_warn(const char *fmt, ...)
{
	if (!log_quiet)
		EMIT(LOG_WARNING);
}

void log_debug(const char *fmt, ...)
{
	if (log_verbose && !log_quiet)
		EMIT(LOG_DEBUG);
}

void log_fatal(const char *fmt, ...)
{
	EMIT(LOG_CRIT);
	abort();
}
