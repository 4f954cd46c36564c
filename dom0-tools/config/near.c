/* SPDX-License-Identifier: BSD-2-Clause */
/* The near miss: which known word somebody probably meant. */
#include "dom0-tools/config/config.h"

#include <string.h>
#include <strings.h>

#define LONGEST 40

/* Edits (insert, delete, replace, swap of neighbours) from a to b. */
static unsigned int distance(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned int d[LONGEST + 1][LONGEST + 1];

	if (la > LONGEST || lb > LONGEST)
		return LONGEST;
	for (size_t i = 0; i <= la; i++)
		d[i][0] = (unsigned int)i;
	for (size_t j = 0; j <= lb; j++)
		d[0][j] = (unsigned int)j;
	for (size_t i = 1; i <= la; i++)
		for (size_t j = 1; j <= lb; j++) {
			unsigned int best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);

			if (d[i - 1][j] + 1 < best)
				best = d[i - 1][j] + 1;
			if (d[i][j - 1] + 1 < best)
				best = d[i][j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < best)
				best = d[i - 2][j - 2] + 1;
			d[i][j] = best;
		}
	return d[la][lb];
}

const char *config_near(const char *word, const char *const *known, size_t count)
{
	unsigned int best = strlen(word) > 4 ? 3 : 2; /* further away is another word */
	const char *found = NULL;

	for (size_t i = 0; i < count; i++) {
		unsigned int d = strcasecmp(word, known[i]) == 0 ? 0 : distance(word, known[i]);

		if (d < best) {
			best = d;
			found = known[i];
		}
	}
	return found;
}
