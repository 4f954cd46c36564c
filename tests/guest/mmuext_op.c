/* SPDX-License-Identifier: BSD-2-Clause */
/* mmuext_op: pinning, base pointers, flushes, the LDT, clearing and copying pages. */
#include "check.h"

void test_mmuext_op(void);

static long op_at(void *p)
{
	return hc_mmuext_op(p, 1, NULL, DOMID_SELF);
}

static void pinning(void)
{
	static const struct {
		unsigned int cmd;
		const char *name;
	} pins[] = {
		{ MMUEXT_PIN_L1_TABLE, "level 1" },
		{ MMUEXT_PIN_L2_TABLE, "level 2" },
		{ MMUEXT_PIN_L3_TABLE, "level 3" },
		{ MMUEXT_PIN_L4_TABLE, "level 4" },
	};
	void *page = page_alloc();
	unsigned long mfn = virt_to_mfn(page);

	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		expect(mmuext(pins[i].cmd, foreign_frame(), 0), -XEN_EINVAL,
		       "pin another domain's frame at %s", pins[i].name);
		expect(mmuext(pins[i].cmd, 0xfffffff, 0), -XEN_EINVAL,
		       "pin a frame that does not exist at %s", pins[i].name);
		expect(mmuext(pins[i].cmd, mfn, 0), -XEN_EINVAL, "pin a writable page at %s",
		       pins[i].name);
	}
	page_protect(page, false);
	for (size_t i = 0; i < ARRAY_SIZE(pins); i++) {
		long want = 0;

#ifndef __x86_64__
		want = i < 2 ? 0 :
			       -XEN_EINVAL; /* level 3 needs its fourth entry, there is no level 4 */
#endif
		expect(mmuext(pins[i].cmd, mfn, 0), want, "pin an empty read-only page at %s",
		       pins[i].name);
		if (want)
			continue;
		expect(mmuext(pins[i].cmd, mfn, 0), -XEN_EINVAL, "pin it again");
		expect(page_protect(page, true), -XEN_EBUSY, "map it writable");
		expect(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), 0, "unpin it");
		expect(mmuext(MMUEXT_UNPIN_TABLE, mfn, 0), -XEN_EINVAL, "unpin it again");
	}
	page_protect(page, true);
	((volatile pte_t *)page)[0] = pte_frame(foreign_frame(), PTE_KERNEL);
	page_protect(page, false);
	expect(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), -XEN_EBUSY,
	       "pin a table that maps another domain's frame");
	page_protect(page, true);
	((volatile pte_t *)page)[0] = pte_for(page, PTE_KERNEL);
	page_protect(page, false);
	expect(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0), -XEN_EBUSY,
	       "pin a table that maps itself writable");
	expect(mmuext(MMUEXT_PIN_L2_TABLE, mfn, 0), -XEN_EINVAL,
	       "pin a level 2 table that holds itself");
	expect(mmuext(MMUEXT_UNPIN_TABLE, foreign_frame(), 0), -XEN_EINVAL,
	       "unpin another domain's frame");
	page_protect(page, true);
	memset(page, 0, PAGE_SIZE);
	page_free(page);
}

static void bases(void)
{
	void *page = page_alloc();

	expect(mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(kernel_root), 0), 0, "new base: the same");
	expect(mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(page), 0), -XEN_EINVAL,
	       "new base: a writable page");
	expect(mmuext(MMUEXT_NEW_BASEPTR, foreign_frame(), 0), -XEN_EINVAL,
	       "new base: another domain's frame");
	expect(mmuext(MMUEXT_NEW_BASEPTR, 0xfffffff, 0), -XEN_EINVAL,
	       "new base: a frame that does not exist");
#ifdef __x86_64__
	expect(mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(page), 0), -XEN_EINVAL,
	       "new user base: a writable page");
	expect(mmuext(MMUEXT_NEW_USER_BASEPTR, foreign_frame(), 0), -XEN_EINVAL,
	       "new user base: another domain's frame");
	expect(mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0), 0, "new user base: none");
#else
	expect(mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(kernel_root), 0), -XEN_EOPNOTSUPP,
	       "new user base on PV32");
#endif
	page_free(page);
}

static void flushes(void)
{
	static unsigned long mask[2] = { 1 };

	expect(mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0), 0, "flush here");
	expect(mmuext(MMUEXT_INVLPG_LOCAL, SPARE_VA, 0), 0, "flush one address here");
	expect(mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)hypervisor_address, 0), 0,
	       "flush an address of the hypervisor's here, which does nothing");
	expect(mmuext(MMUEXT_TLB_FLUSH_ALL, 0, 0), 0, "flush everywhere");
	expect(mmuext(MMUEXT_INVLPG_ALL, SPARE_VA, 0), 0, "flush one address everywhere");
	expect(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (unsigned long)mask), 0, "flush on some");
	expect(mmuext(MMUEXT_TLB_FLUSH_MULTI, 0, (unsigned long)UNMAPPED), -XEN_EINVAL,
	       "flush on some, at a bad address");
	expect(mmuext(MMUEXT_INVLPG_MULTI, SPARE_VA, (unsigned long)mask), 0,
	       "flush one address on some");
	expect(mmuext(MMUEXT_INVLPG_MULTI, SPARE_VA, (unsigned long)hypervisor_address),
	       -XEN_EINVAL, "flush one address on some, at a bad address");
	expect(mmuext(MMUEXT_FLUSH_CACHE, 0, 0), -XEN_EACCES, "flush the cache without a device");
	expect(mmuext(MMUEXT_FLUSH_CACHE_GLOBAL, 0, 0), -XEN_EINVAL,
	       "flush all caches without a device");
}

static void pages(void)
{
	unsigned int *a = page_alloc(), *b = page_alloc();
	unsigned long foreign = foreign_frame();

	a[7] = 1234;
	expect(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(b), virt_to_mfn(a)), 0, "copy a page");
	expect(b[7], 1234, "a word of the copy");
	expect(mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(b), 0), 0, "clear a page");
	expect(b[7], 0, "a word of it");
	expect(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(b), foreign), -XEN_EINVAL,
	       "copy from another domain's");
	expect(mmuext(MMUEXT_COPY_PAGE, foreign, virt_to_mfn(a)), -XEN_EINVAL,
	       "copy to another domain's");
	expect(mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(kernel_root), virt_to_mfn(a)), -XEN_EINVAL,
	       "copy over the root table");
	expect(mmuext(MMUEXT_CLEAR_PAGE, foreign, 0), -XEN_EINVAL, "clear another domain's");
	expect(mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(kernel_root), 0), -XEN_EINVAL,
	       "clear the root table");
	expect(mmuext(MMUEXT_CLEAR_PAGE, 0xfffffff, 0), -XEN_EINVAL,
	       "clear a frame that does not exist");
	page_free(a);
	page_free(b);
}

static void load_es(void *selector)
{
	__asm__ volatile("mov %0, %%es" : : "r"(selector));
}

static void ldt(void)
{
	uint64_t *page = page_alloc();
	unsigned long va = (unsigned long)page;

	page[1] = 0x00cff3000000ffff; /* data, flat, DPL 3 */
	page[2] = 0x00cf93000000ffff; /* the same, DPL 0 */
	expect(mmuext(MMUEXT_SET_LDT, va, 4), 0, "an LDT in a writable page is taken");
	expect_trap(load_es, (void *)(1 << 3 | 4 | 3), 14, -1, "but its first use faults");
	page_protect(page, false);
	expect(mmuext(MMUEXT_SET_LDT, va, 4), 0, "an LDT in a read-only page");
	expect_trap(load_es, (void *)(1 << 3 | 4 | 3), -1, 0, "a segment of DPL 3 in it");
	expect_trap(load_es, (void *)(2 << 3 | 4), -1, 0, "a segment that had DPL 0");
	expect_true((page[2] >> 45 & 3) != 0, "it was made ours");
	expect_trap(load_es, (void *)(3 << 3 | 4 | 3), 13, -1, "an empty one");
	expect_trap(load_es, (void *)(9 << 3 | 4 | 3), 13, -1, "one past the end");
	expect_trap(load_es, (void *)(unsigned long)FLAT_KERNEL_DS, -1, 0, "(the usual segment)");
	expect(mmuext(MMUEXT_SET_LDT, va + 8, 4), -XEN_EINVAL, "an LDT inside a page");
	expect(mmuext(MMUEXT_SET_LDT, va, 8193), -XEN_EINVAL, "an LDT of 8193 entries");
#ifdef __x86_64__
	expect(mmuext(MMUEXT_SET_LDT, (unsigned long)hypervisor_address, 4), -XEN_EINVAL,
	       "an LDT at the hypervisor's");
#else
	/* Refused at once, or when it is used: both keep it from the guest. */
	if (mmuext(MMUEXT_SET_LDT, (unsigned long)hypervisor_address, 4) == 0)
		expect_trap(load_es, (void *)(1 << 3 | 4 | 3), 14, -1,
			    "an LDT at the hypervisor's is of no use");
	else
		expect_true(true, "an LDT at the hypervisor's is refused");
#endif
	expect(mmuext(MMUEXT_SET_LDT, 0, 0), 0, "no LDT");
	expect_trap(load_es, (void *)(1 << 3 | 4 | 3), 13, -1, "its segments are gone");
	expect(page_protect(page, true), 0, "a writable mapping of its page");
	page_free(page);
}

void test_mmuext_op(void)
{
	struct mmuext_op ops[2] = { { .cmd = MMUEXT_TLB_FLUSH_LOCAL }, { .cmd = 99 } };
	unsigned int done = 99;

	expect_bad_pointers(op_at, -XEN_EFAULT, "an operation");
	expect(hc_mmuext_op(UNMAPPED, 0, NULL, DOMID_SELF), 0, "no operations");
	expect(hc_mmuext_op(ops, 2, &done, DOMID_SELF), -XEN_ENOSYS, "command 99 after a good one");
	expect(done, 1, "operations done then");
	expect(hc_mmuext_op(ops, 1, NULL, 0), -XEN_EPERM, "on behalf of dom0");
	expect(hc_mmuext_op(ops, 1, NULL, 0x7abc), -XEN_ESRCH,
	       "on behalf of a domain that is not there");
	expect(mmuext(14, 0, 0), -XEN_ENOSYS, "command 14");
	expect(mmuext(MMUEXT_MARK_SUPER, virt_to_mfn(readonly_page()), 0), -XEN_EOPNOTSUPP,
	       "mark a superpage");
	expect(mmuext(MMUEXT_UNMARK_SUPER, virt_to_mfn(readonly_page()), 0), -XEN_EOPNOTSUPP,
	       "unmark a superpage");
	pinning();
	bases();
	flushes();
	pages();
	ldt();
}
