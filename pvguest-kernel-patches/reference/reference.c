/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reference guest: what its command line asks for.
 *
 *	test		self tests in TAP, then power off
 *	shell		a line at a time on the console (help tells what); the default
 *	spin		burn the processor without end
 *	burn=N		burn it for N ms of time, say how much work was done, power off
 *	dirty=N		write N pages over and over, for migration tests; a line a second
 *	ip=A.B.C.D	answer ARP, ping and UDP echo (port 7) on the first network card; with shell
 *	disk		open the first disk and keep it; with shell
 *	crash		fault on purpose
 */
#include "drivers/frontend/store.h"
#include "guest.h"
#include "hypercall.h"
#include "lib.h"
#include "mm.h"
#include "netecho.h"
#include "power.h"
#include "print.h"
#include "selftest.h"
#include "shell.h"
#include "work.h"

static void greet(void)
{
	char version[16];
	unsigned int cs;
	long v = hc_xen_version(XENVER_version, NULL);
	xen_extraversion_t extra = "";

	__asm__("mov %%cs, %0" : "=r"(cs));
	hc_xen_version(XENVER_extraversion, extra);
	format_to(version, sizeof(version), "%lu.%lu", (unsigned long)v >> 16,
		  (unsigned long)v & 0xffff);
	print("torc reference guest, PV%u, ring %u, on %s%s, %lu pages\n",
	      (unsigned int)sizeof(long) * 8, cs & 3, version, extra, start_info.nr_pages);
}

static void self_tests(void)
{
	selftest_privilege();
	selftest_user();
	selftest_events();
	selftest_memory();
	selftest_smp();
	selftest_store();
	selftest_disk();
	tap_plan();
}

void guest_main(void)
{
	greet();
	if (option("test"))
		self_tests();
	else if (option("spin"))
		work_spin();
	else if (option("burn"))
		work_burn(option_number("burn", 1000));
	else if (option("dirty"))
		work_dirty(option_number("dirty", 256), (unsigned int)option_number("rest", 0));
	else if (option("crash"))
		panic("as the command line says");
	else {
		if (option("ip") && !netecho_start(option("ip")))
			print("net: no card\n");
		if (option("disk"))
			disk_keep();
		shell();
	}
}
