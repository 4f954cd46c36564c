/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Suspend and resume. Who saves a domain translates the machine frames in its page tables, so none
 * may be mapped that is not the domain's own: shared_info and the grant table are unmapped before.
 * On the other side both are new, there are no event channels, and start_info, whose frame is
 * handed over with the call, says where the store and the console are.
 */
#include "drivers/frontend/console.h"
#include "drivers/frontend/store.h"
#include "event.h"
#include "grant.h"
#include "lib.h"
#include "mm.h"
#include "netecho.h"
#include "os_events.h"
#include "print.h"
#include "selftest.h"
#include "suspend.h"
#include "timer.h"

#define PER_PAGE (PAGE_SIZE / sizeof(unsigned long))
#define MIDS	 4u /* 4 GiB of memory on PV64, 16 GiB on PV32 */

static unsigned long list_top[PER_PAGE] __attribute__((aligned(PAGE_SIZE)));
static unsigned long list_mid[MIDS][PER_PAGE] __attribute__((aligned(PAGE_SIZE)));
static bool asked;

/* Where the list of our frames lies, as a tree of frame numbers. */
static void list_publish(void)
{
	const char *list = (const char *)start_info.mfn_list;
	unsigned long n = (start_info.nr_pages + PER_PAGE - 1) / PER_PAGE;

	if (n > MIDS * PER_PAGE)
		return; /* too large to be found, and so to be saved: who tries is told */
	for (unsigned long i = 0; i < n; i++)
		list_mid[i / PER_PAGE][i % PER_PAGE] = virt_to_mfn(list + i * PAGE_SIZE);
	for (unsigned int i = 0; i < MIDS; i++)
		list_top[i] = virt_to_mfn(list_mid[i]);
	shared_info->arch.max_pfn = start_info.nr_pages;
	shared_info->arch.pfn_to_mfn_frame_list_list = virt_to_mfn(list_top);
}

static void on_request(void *arg)
{
	char what[16];

	(void)arg;
	if (store_read(0, "control/shutdown", what, sizeof(what)) <= 0 || strcmp(what, "suspend"))
		return;
	store_write(0, "control/shutdown", "");
	asked = true;
}

void suspend_offer(void)
{
	if (!store_ready())
		return;
	list_publish();
	store_write(0, "control/feature-suspend", "1");
	if (store_watch("control/shutdown", on_request, NULL))
		print("the store takes no watch: this domain will not be saved\n");
}

/* 0: elsewhere; 1: it was called off. The image holds our own numbers for the store's and the
 * console's page. */
static long stand_still(void)
{
	struct sched_shutdown op = { .reason = SHUTDOWN_suspend };
	struct start_info *si = start_info_page;
	long rc;

	si->store_mfn = virt_to_pfn(mfn_to_virt(si->store_mfn));
	si->console.domU.mfn = virt_to_pfn(mfn_to_virt(si->console.domU.mfn));
	shared_info_unmap();
	grant_unmap_table();
	rc = hypercall(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&op, virt_to_mfn(si),
		       0, 0);
	if (rc) {
		si->store_mfn = pfn_to_mfn(si->store_mfn);
		si->console.domU.mfn = pfn_to_mfn(si->console.domU.mfn);
	}
	shared_info_map();
	return rc;
}

void suspend_if_asked(void)
{
	uint64_t before = now();
	bool masked;
	long rc;

	if (!asked)
		return;
	asked = false;
	console_drain();
	masked = events_mask();
	rc = stand_still();
	grant_map_table();
	if (!rc) {
		grant_forget();
		events_forget();
		os_events_forget();
		timer_resume(before);
		list_publish();
	}
	events_restore(masked);
	if (!rc) {
		store_resume(mfn_to_virt(start_info.store_mfn), start_info.store_evtchn);
		console_resume(mfn_to_virt(start_info.console.domU.mfn),
			       start_info.console.domU.evtchn);
		disk_resume();
		netecho_resume();
	}
	print("suspended, %s, %llu ms%s\n", rc ? "called off" : "resumed",
	      (unsigned long long)((now() - before) / MS),
	      now() < before ? ", and the clock went back" : "");
}
