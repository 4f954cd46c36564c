/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks to TAP lines, and the hostile addresses and frames that many of them need. */
#include "check.h"
#include "timer.h"

static const char *current = "none";

#ifdef __x86_64__
void *const hypervisor_address = (void *)0xffff830000001000;
#else
void *const hypervisor_address = (void *)0xffffe000;
#endif

static const struct {
	const char *name;
	unsigned long address;
} bad_pointers[] = {
	{ "unmapped", 0x10 },
#ifdef __x86_64__
	{ "the hypervisor's", 0xffff830000001000 },
	{ "not canonical", 0x8000000000000000 },
#else
	{ "the hypervisor's", 0xffffe000 },
	{ "wrapping around", 0xfffffff8 },
#endif
};

void section(const char *name)
{
	current = name;
}

const char *error_name(long rc)
{
	static char text[24];
	static const struct {
		const char *name;
		int value;
	} names[] = {
#define XEN_ERRNO(name, value) { "-" #name, XEN_##name },
#include <xen/errno.h>
	};

	for (size_t i = 0; rc < 0 && i < ARRAY_SIZE(names); i++)
		if (names[i].value == -rc)
			return names[i].name;
	format_to(text, sizeof(text), "%ld", rc);
	return text;
}

static const char *status_name(int status)
{
	static const char *const names[] = {
		"okay",		"general_error",   "bad_domain",
		"bad_gntref",	"bad_handle",	   "bad_virt_addr",
		"bad_dev_addr", "no_device_space", "permission_denied",
		"bad_page",	"bad_copy_arg",	   "address_too_big",
		"eagain",	"no_space",
	};

	return status <= 0 && -status < (int)ARRAY_SIZE(names) ? names[-status] : "unknown status";
}

static bool verdict(bool ok, const char *got, const char *want, const char *fmt, va_list ap)
{
	char text[256];

	format(text, sizeof(text), fmt, ap);
	if (ok)
		return tap(true, "[%s] %s: %s", current, text, got);
	return tap(false, "[%s] %s: %s, not %s", current, text, got, want);
}

bool expect(long got, long want, const char *fmt, ...)
{
	char g[24];
	va_list ap;
	bool ok;

	format_to(g, sizeof(g), "%s", error_name(got));
	va_start(ap, fmt);
	ok = verdict(got == want, g, error_name(want), fmt, ap);
	va_end(ap);
	return ok;
}

bool expect_status(int got, int want, const char *fmt, ...)
{
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = verdict(got == want, status_name(got), status_name(want), fmt, ap);
	va_end(ap);
	return ok;
}

bool expect_true(bool ok, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	verdict(ok, ok ? "yes" : "no", "yes", fmt, ap);
	va_end(ap);
	return ok;
}

bool expect_trap(void (*fn)(void *), void *arg, int vector, int error, const char *fmt, ...)
{
	struct caught c, want = { .vector = vector, .error = error };
	char g[40];
	va_list ap;
	bool ok;

	trap_guard(fn, arg, &c);
	ok = c.vector == vector && (vector < 0 || error < 0 || c.error == (unsigned int)error);
	if (error < 0) /* "any" must print the same whatever it was */
		c.error = want.error = 0;
	format_to(g, sizeof(g), "%s", caught_text(&c));
	va_start(ap, fmt);
	verdict(ok, g, caught_text(&want), fmt, ap);
	va_end(ap);
	return ok;
}

void not_here(const char *why, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	format(text, sizeof(text), fmt, ap);
	va_end(ap);
	tap_skip(why, "[%s] %s", current, text);
}

void expect_bad_pointers(long (*fn)(void *), long want, const char *what)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad_pointers); i++)
		expect(fn((void *)bad_pointers[i].address), want, "%s at an address that is %s",
		       what, bad_pointers[i].name);
}

void expect_bad_output(long (*fn)(void *), long want, const char *what)
{
	expect_bad_pointers(fn, want, what);
	expect(fn(readonly_page()), want, "%s to a page that is read-only", what);
}

void *readonly_page(void)
{
	static void *page;

	if (!page) {
		page = page_alloc();
		if (page_protect(page, false))
			panic("no read-only page");
	}
	return page;
}

static bool is_ours(unsigned long mfn)
{
	for (unsigned long pfn = 0; pfn < start_info.nr_pages; pfn++)
		if (pfn_to_mfn(pfn) == mfn)
			return true;
	return false;
}

/* A frame that some domain's machine-to-physical entry claims and that is none of ours. */
unsigned long foreign_frame(void)
{
	static unsigned long found;
	const unsigned long *m2p = machine_to_phys_mapping;
	unsigned long end = hc_memory_op(XENMEM_maximum_ram_page, NULL);

	for (unsigned long mfn = 0x800; !found && mfn < end; mfn++)
		if (m2p[mfn] < 0x80000 && m2p[mfn] > 0x100 && !is_ours(mfn))
			found = mfn;
	if (!found)
		panic("the machine-to-physical table knows no frame of another domain");
	return found;
}

void touch_read(void *p)
{
	(void)*(volatile unsigned long *)p;
}

void touch_write(void *p)
{
	*(volatile unsigned long *)p = 0;
}

bool ticked_since(unsigned long before)
{
	for (uint64_t end = now() + 20 * SECOND; timer_events == before && now() < end;)
		;
	return timer_events != before;
}
