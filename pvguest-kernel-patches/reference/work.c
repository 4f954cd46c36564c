/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads: a spin, a measured burn, and pages written over and over with a check that nothing got
 * lost. */
#include "drivers/frontend/os.h"
#include "drivers/frontend/store.h"
#include "event.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "suspend.h"
#include "timer.h"
#include "work.h"

void work_spin(void)
{
	print("spinning\n");
	for (;;)
		__asm__ volatile("pause");
}

void work_burn(unsigned long ms)
{
	uint64_t end = now() + ms * MS;
	unsigned long rounds = 0;

	while (now() < end)
		rounds++;
	print("burned %lu ms: %lu rounds\n", ms, rounds);
}

/* Every page holds its number and the round; a page that comes back older or as another is told.
 * rest: so many ms between rounds. */
void work_dirty(unsigned long pages, unsigned int rest)
{
	unsigned long all = mm_map_all(), first = all - pages;
	uint64_t told = now(), t;

	if (pages >= all ||
	    first < virt_to_pfn((void *)start_info.pt_base) + start_info.nr_pt_frames + 256)
		panic("dirty=%lu: the domain has %lu pages", pages, all);
	suspend_offer();
	for (uint64_t round = 0;; round++) {
		for (unsigned long i = 0; i < pages; i++) {
			volatile uint64_t *p = pfn_to_virt(first + i);

			if (round && (p[0] != i || p[1] != round - 1))
				panic("page %lu holds %llu of round %llu in round %llu", i,
				      (unsigned long long)p[0], (unsigned long long)p[1],
				      (unsigned long long)round);
			p[0] = i;
			p[1] = round;
		}
		if (rest ? os_wait(store_pending, NULL, rest) : store_pending(NULL)) {
			store_run();
			suspend_if_asked();
		}
		t = now();
		if (t - told >= SECOND || t < told) {
			print("round %llu, %lu pages, intact%s\n", (unsigned long long)round, pages,
			      t < told ? ", and the clock went back" : "");
			told = t;
		}
	}
}
