/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for something that dom0's kernel does at once, or never. */
#include "dom0-tools/cli/guest.h"

#include <stdlib.h>
#include <time.h>

#define GIVE_UP_MS 10000
#define LOOK_MS	   20 /* how often to ask the store for a complaint */

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void patience_start(struct patience *p, struct cli *c, const char *error)
{
	*p = (struct patience){ .c = c, .error = error, .until = now_ms() + GIVE_UP_MS };
	p->look = now_ms() + LOOK_MS;
}

int patience_wait(struct patience *p)
{
	struct timespec nap = { .tv_nsec = 500000 };
	int64_t now = now_ms();
	char *complaint;

	if (now >= p->look) {
		p->look = now + LOOK_MS;
		complaint = cli_read(p->c, "%s", p->error);
		if (complaint && *complaint) {
			int rc = why_set(p->c->why, TE_DEVICE, "it says \"%s\"", complaint);

			free(complaint);
			return why_hint(p->c->why, rc, "dom0's dmesg may say more");
		}
		free(complaint);
	}
	if (now >= p->until)
		return why_hint(p->c->why,
				why_set(p->c->why, TE_DEVICE, "not in %d s", GIVE_UP_MS / 1000),
				"dom0's dmesg may say more");
	nanosleep(&nap, NULL);
	return 0;
}
