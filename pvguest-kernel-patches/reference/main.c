/* SPDX-License-Identifier: BSD-2-Clause */
/* From the first instruction in C to a kernel that has memory, traps, events, time, a console and
 * the store. */
#include "drivers/frontend/console.h"
#include "drivers/frontend/store.h"
#include "event.h"
#include "grant.h"
#include "guest.h"
#include "lib.h"
#include "mm.h"
#include "power.h"
#include "print.h"
#include "timer.h"
#include "trap.h"

void kernel_main(struct start_info *si);

void power_off(unsigned int reason)
{
	struct sched_shutdown op = { .reason = reason };

	for (;;)
		hc_sched_op(SCHEDOP_shutdown, &op);
}

const char *option(const char *name)
{
	const char *s = (const char *)start_info.cmd_line;
	size_t n = strlen(name);

	while (*s) {
		while (*s == ' ')
			s++;
		if (!strncmp(s, name, n) && (s[n] == ' ' || s[n] == '\0' || s[n] == '='))
			return s[n] == '=' ? s + n + 1 : s + n;
		while (*s && *s != ' ')
			s++;
	}
	return NULL;
}

unsigned long option_number(const char *name, unsigned long otherwise)
{
	const char *s = option(name);

	return s && *s >= '0' && *s <= '9' ? parse_number(s, NULL) : otherwise;
}

void kernel_main(struct start_info *si)
{
	mm_init(si);
	trap_init();
	event_init();
	timer_init();
	grant_init();
	if (!(start_info.flags & SIF_INITDOMAIN)) { /* dom0 is born without these two */
		console_init(mfn_to_virt(start_info.console.domU.mfn),
			     start_info.console.domU.evtchn);
		store_init(mfn_to_virt(start_info.store_mfn), start_info.store_evtchn);
	}
	guest_main();
	console_drain();
	power_off(SHUTDOWN_poweroff);
}
