/* SPDX-License-Identifier: BSD-2-Clause */
/* Waiting for something that a backend does at once, or never. */
#include "dom0-tools/cli/guest.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define GIVE_UP_MS 10000
#define LOOK_MS	   20 /* how often to ask the store for a complaint */
/* Each nap is twice as long as the one before: to ask all the time would take the processor from
 * who is to open the device. */
#define FIRST_NAP_NS 500000
#define LAST_NAP_NS  8000000

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void patience_start(struct patience *p, struct cli *c, const char *kind, uint32_t domid,
		    unsigned int id)
{
	*p = (struct patience){
		.c = c, .kind = kind, .domid = domid, .until = now_ms() + GIVE_UP_MS
	};
	snprintf(p->id, sizeof(p->id), "%u", id);
	p->look = now_ms() + LOOK_MS;
	p->nap_ns = FIRST_NAP_NS;
}

/* A daemon that is started again within the time is no reason to give up. */
static int time_is_up(const struct patience *p)
{
	bool disk = strcmp(p->kind, "vif") != 0,
	     ours = disk ? strcmp(p->kind, "qdisk") == 0 : !nic_kernel_serves();
	int rc = why_set(p->c->why, TE_DEVICE, "not in %d s", GIVE_UP_MS / 1000);

	if (ours && !device_daemon_runs(disk ? "blkd" : "netd"))
		return why_hint(p->c->why, rc, "%s is not running: start it",
				disk ? "torc-blkd" : "torc-netd");
	return why_hint(p->c->why, rc, "dom0's dmesg, or the backend's log, may say more");
}

int patience_wait(struct patience *p)
{
	struct timespec nap = { .tv_nsec = p->nap_ns };
	int64_t now = now_ms();
	char *complaint;

	if (now >= p->look) {
		p->look = now + LOOK_MS;
		complaint = device_complaint(p->c, p->kind, p->domid, p->id);
		if (complaint) {
			int rc = why_set(p->c->why, TE_DEVICE, "it says \"%s\"", complaint);

			free(complaint);
			return why_hint(p->c->why, rc,
					"dom0's dmesg, or the backend's log, may say more");
		}
	}
	if (now >= p->until)
		return time_is_up(p);
	nanosleep(&nap, NULL);
	if (p->nap_ns < LAST_NAP_NS)
		p->nap_ns *= 2;
	return 0;
}
