/* SPDX-License-Identifier: BSD-2-Clause */
/* TAP about privilege, user mode, events, memory, grants and the store. */
#include "drivers/frontend/store.h"
#include "event.h"
#include "grant.h"
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "selftest.h"
#include "timer.h"
#include "user.h"

#ifdef __x86_64__
#define KERNEL_RING  3 /* its own page tables keep users out */
#define HIDDEN	     HYPERVISOR_VIRT_END - PAGE_SIZE
#define SYSCALL_NAME "syscall"
#else
#define KERNEL_RING  1
#define HIDDEN	     (0ul - PAGE_SIZE)
#define SYSCALL_NAME "int $0x80"
#endif

static void do_read(void *p)
{
	(void)*(volatile unsigned long *)p;
}

static void do_write(void *p)
{
	*(volatile unsigned long *)p = 0;
}

static void do_hlt(void *p)
{
	(void)p;
	__asm__ volatile("hlt");
}

static void do_lidt(void *p)
{
	__asm__ volatile("lidt %0" : : "m"(*(char(*)[10])p));
}

static void do_ud2(void *p)
{
	(void)p;
	__asm__ volatile("ud2");
}

void selftest_privilege(void)
{
	struct caught c;
	unsigned int cs;
	char idtr[10] = { 0 };

	__asm__("mov %%cs, %0" : "=r"(cs));
	print("# kernel code selector %x\n", cs);
	tap((cs & 3) == KERNEL_RING, "the kernel runs in ring %u", cs & 3);
	trap_guard(do_ud2, NULL, &c);
	tap(c.vector == 6, "ud2 comes back as #UD: %s", caught_text(&c));
	trap_guard(do_read, (void *)8, &c);
	tap(c.vector == 14 && c.cr2 == 8, "a read of address 8 comes back as %s with its address",
	    caught_text(&c));
	trap_guard(do_read, (void *)(HIDDEN), &c);
	tap(c.vector == 14 || c.vector == 13, "the hypervisor's memory is out of reach: %s",
	    caught_text(&c));
	trap_guard(do_write, kernel_root, &c);
	tap(c.vector == 14 || pte_read(kernel_root, 0, TOP_LEVEL) == 0,
	    "the root table takes no value of ours by a plain write");
	trap_guard(do_hlt, NULL, &c);
	tap(c.vector == 13, "hlt: %s", caught_text(&c));
	trap_guard(do_lidt, idtr, &c);
	tap(c.vector == 13, "lidt: %s", caught_text(&c));
}

static bool user_faults(const char *program, unsigned long arg, int vector, const char *what)
{
	struct user_result r;

	user_run(program, arg, &r);
	return tap(!r.exited && r.trap.vector == vector, "user: %s: %s", what,
		   r.exited ? "it went through" : caught_text(&r.trap));
}

static unsigned long secret = 42;

void selftest_user(void)
{
	unsigned int free = pages_free();
	struct user_result r;

	user_open();
	user_run(user_cs, 0, &r);
	tap(r.exited && (r.value & 3) == 3, "user code runs in ring %u", (unsigned int)r.value & 3);
	user_run(user_add, 41, &r);
	tap(r.exited && r.value == 42, "a system call by %s takes 41 and brings 42", SYSCALL_NAME);
	user_run(user_add80, 6, &r);
	tap(r.exited && r.value == 7, "a system call by int $0x80 takes 6 and brings 7");
	user_run(user_read, USER_TEXT, &r);
	tap(r.exited, "user: reads its own code");
	user_run(user_write, USER_DATA, &r);
	tap(r.exited, "user: writes its own data");
	user_faults(user_write, USER_TEXT, 14, "a write to its own code");
	user_faults(user_read, (unsigned long)&secret, 14, "a read of the kernel's data");
	user_faults(user_write, (unsigned long)&secret, 14, "a write to the kernel's data");
	tap(secret == 42, "the kernel's data are as they were");
	user_faults(user_cli, 0, 13, "cli");
	user_faults(user_hlt, 0, 13, "hlt");
	user_faults(user_in, 0, 13, "in");
	user_faults(user_ud2, 0, 6, "ud2");
	user_faults(user_divide, 0, 0, "division by zero");
	/* Masked until user mode lets events in: one that came before would be the kernel's, and
	 * the user would spin for good. */
	events_mask();
	timer_set(now() + 20 * MS);
	user_stop_on_event = true;
	user_run(user_spin, 0, &r);
	user_stop_on_event = false;
	events_restore(false);
	tap(!r.exited && r.trap.vector == VEC_EVENT,
	    "a timer event takes the processor from a user that spins");
	user_close();
	tap(pages_free() == free, "the user's memory and tables came back");
}

static volatile unsigned int rang;

static void ring_bell(evtchn_port_t port, void *arg)
{
	(void)port, (void)arg;
	rang++;
}

static bool has_rung(void *arg)
{
	(void)arg;
	return rang != 0;
}

void selftest_events(void)
{
	int a = event_alloc_unbound(DOMID_SELF), b = event_bind_interdomain(DOMID_SELF, a);
	unsigned long ticks = timer_events;
	uint64_t start, late;

	tap(a > 0 && b > 0, "a channel to ourselves");
	event_handler(b, ring_bell, NULL);
	/* binding rings once, for what may have been missed */
	event_wait_for(has_rung, NULL, now() + SECOND);
	rang = 0;
	event_send(a);
	tap(event_wait_for(has_rung, NULL, now() + SECOND) && rang == 1,
	    "an event sent is an event received");
	events_mask();
	event_send(a);
	tap(rang == 1, "none arrives while masked");
	events_restore(false);
	tap(rang == 2, "it arrives on unmasking");
	event_close(a);
	event_close(b);

	start = now();
	while (now() < start + 50 * MS)
		event_wait(start + 50 * MS);
	late = now() - start - 50 * MS;
	tap(timer_events > ticks, "timer events arrive");
	tap(late < SECOND, "a sleep of 50 ms ends on time");
	print("# %llu us late\n", (unsigned long long)late / 1000);
	start = now();
	for (int i = 0; i < 1000; i++) {
		uint64_t t = now();

		if (t < start)
			break;
		start = t;
	}
	tap(now() >= start, "time does not run backwards");
}

void selftest_memory(void)
{
	unsigned long va = SPARE_VA, mfn;
	void *page = page_alloc();
	unsigned int free, grants = grants_free();
	struct gnttab_map_grant_ref map = { .flags = GNTMAP_host_map, .dom = DOMID_SELF };
	struct gnttab_unmap_grant_ref unmap = { 0 };
	struct caught c;
	int ref;

	print("# %lu pages of memory, pool of %u free\n", start_info.nr_pages, pages_free());
	mfn = virt_to_mfn(page);
	tap(mfn_to_virt(mfn) == page, "machine-to-physical undoes physical-to-machine");
	tap(!mm_map(kernel_root, va, (uint64_t)mfn * PAGE_SIZE | PTE_KERNEL),
	    "a second mapping of a page");
	*(volatile unsigned int *)va = 4711;
	tap(*(volatile unsigned int *)page == 4711,
	    "what is written through one is seen through the other");
	page_protect(page, false);
	trap_guard(do_write, page, &c);
	tap(c.vector == 14, "made read-only, it faults: %s", caught_text(&c));
	tap(hc_update_va_mapping(va, 0, UVMF_INVLPG | UVMF_LOCAL) == 0, "the second mapping goes");
	tap(page_protect(page, true) == 0, "writable again");

	ref = grant_access(start_info.flags & SIF_INITDOMAIN ? DOMID_SELF : 0, page, false);
	tap(ref >= GNTTAB_NR_RESERVED_ENTRIES, "a page granted to dom0");
	tap(grant_end(ref) == 0 && grants_free() == grants, "and taken back");

	/* A domain may map its own grants when it grants to its own number, which the store knows. */
	uint64_t me = 0;
	if (store_ready() && store_read_number(0, "domid", &me) == 0) {
		ref = grant_access(me, page, false);
		map.ref = ref;
		map.dom = me;
		map.host_addr = va;
		hc_grant_table_op(GNTTABOP_map_grant_ref, &map, 1);
		if (tap(map.status == GNTST_okay, "a grant to ourselves is mapped: status %d",
			map.status)) {
			*(volatile unsigned int *)va = 815;
			tap(*(volatile unsigned int *)page == 815, "it is the same page");
			tap(grant_end(ref) == -XEN_EBUSY, "a grant in use is not taken back");
			unmap.host_addr = va;
			unmap.handle = map.handle;
			hc_grant_table_op(GNTTABOP_unmap_grant_ref, &unmap, 1);
			tap(unmap.status == GNTST_okay, "it is unmapped");
			trap_guard(do_read, (void *)va, &c);
			tap(c.vector == 14, "the address faults now: %s", caught_text(&c));
		}
		tap(grant_end(ref) == 0, "and taken back");
	} else {
		tap_skip("no store", "a grant to ourselves");
	}
	page_free(page);
	free = pages_free();
	tap(mm_map_all() == start_info.nr_pages, "the linear map covers all memory");
	print("# that took %u tables\n", free - pages_free());
}

void selftest_store(void)
{
	char name[64], list[256];
	store_txn_t t;
	int n;

	if (!store_ready()) {
		tap_skip("no store", "store");
		return;
	}
	n = store_read(0, "name", name, sizeof(name));
	tap(n > 0, "the store knows our name: %s", n > 0 ? name : "no");
	tap(store_read(0, "no-such-entry", name, sizeof(name)) == -XEN_ENOENT,
	    "an entry that is not there: ENOENT");
	tap(store_write(0, "data/reference", "1") == 0, "an entry is written");
	tap(store_list(0, "data", list, sizeof(list)) > 0, "a directory is listed");
	tap(store_begin(&t) == 0 && store_write(t, "data/reference", "2") == 0 &&
		    store_end(t, false) == 0 &&
		    store_read(0, "data/reference", name, sizeof(name)) == 1 && name[0] == '1',
	    "a transaction dropped");
	tap(store_begin(&t) == 0 && store_write(t, "data/reference", "3") == 0 &&
		    store_end(t, true) == 0 &&
		    store_read(0, "data/reference", name, sizeof(name)) == 1 && name[0] == '3',
	    "a transaction committed");
	tap(store_write(0, "/local/domain/0/name", "x") == -XEN_EACCES,
	    "dom0's name is not ours to write: EACCES");
	tap(store_remove(0, "data/reference") == 0, "an entry is removed");
}
