/* SPDX-License-Identifier: BSD-2-Clause */
/* The event that says that something stopped for a debugger. */
#include "dom0-tools/host/priv.h"

#include <stdlib.h>

#include <xenevtchn.h>

struct host_alarm {
	xenevtchn_handle *evtchn;
};

/* Only one process of the control domain can have it; the others look now and then. */
struct host_alarm *host_alarm_open(struct host *h)
{
	struct host_alarm *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->evtchn = xenevtchn_open(&h->log, 0);
	if (!a->evtchn || xenevtchn_bind_virq(a->evtchn, VIRQ_DEBUGGER) < 0) {
		host_alarm_close(a);
		return NULL;
	}
	return a;
}

int host_alarm_fd(const struct host_alarm *a)
{
	return a ? xenevtchn_fd(a->evtchn) : -1;
}

void host_alarm_clear(struct host_alarm *a)
{
	xenevtchn_port_or_error_t port = xenevtchn_pending(a->evtchn);

	if (port >= 0)
		xenevtchn_unmask(a->evtchn, (evtchn_port_t)port);
}

void host_alarm_close(struct host_alarm *a)
{
	if (!a)
		return;
	if (a->evtchn)
		xenevtchn_close(a->evtchn);
	free(a);
}
