/* SPDX-License-Identifier: BSD-2-Clause */
/* How many files a test has open: what it leaves open is seen by a second look. */
#ifndef TORC_TESTS_COUNT_FDS_H
#define TORC_TESTS_COUNT_FDS_H

#include <dirent.h>

static inline int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

#endif
