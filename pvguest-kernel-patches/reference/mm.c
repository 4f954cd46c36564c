/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Direct paging. The tables hold machine frames; the hypervisor checks every change, and wants
 * tables to be mapped read-only by then. The builder's linear map (VIRT_BASE + pfn * PAGE_SIZE)
 * covers all tables that the builder made, and ours come from the pool inside the image, so a table
 * is always readable at its linear address.
 */
#include "lib.h"
#include "mm.h"
#include "print.h"

#define POOL_PAGES 512

struct start_info start_info, *start_info_page;
struct shared_info *shared_info;
pte_t *kernel_root;

static char pool[POOL_PAGES][PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static char shared_info_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static unsigned int pool_fresh; /* pages from here on were never handed out */
static void *pool_head;		/* freed ones, linked through their first word */
static unsigned int pool_count = POOL_PAGES;
static const unsigned long *p2m;
static const unsigned long *m2p = machine_to_phys_mapping;

void *page_alloc(void)
{
	void *p;

	if (!pool_count)
		panic("page pool of %u pages is empty", POOL_PAGES);
	pool_count--;
	if (pool_head) {
		p = pool_head;
		pool_head = *(void **)p;
	} else {
		p = pool[pool_fresh++];
	}
	return memset(p, 0, PAGE_SIZE);
}

void page_free(void *page)
{
	*(void **)page = pool_head;
	pool_head = page;
	pool_count++;
}

unsigned int pages_free(void)
{
	return pool_count;
}

unsigned long virt_to_pfn(const void *va)
{
	return ((unsigned long)va - VIRT_BASE) / PAGE_SIZE;
}

unsigned long pfn_to_mfn(unsigned long pfn)
{
	return p2m[pfn];
}

unsigned long virt_to_mfn(const void *va)
{
	return pfn_to_mfn(virt_to_pfn(va));
}

uint64_t virt_to_maddr(const void *va)
{
	return (uint64_t)virt_to_mfn(va) * PAGE_SIZE + (unsigned long)va % PAGE_SIZE;
}

void *pfn_to_virt(unsigned long pfn)
{
	return (void *)(VIRT_BASE + pfn * PAGE_SIZE);
}

void *mfn_to_virt(unsigned long mfn)
{
	return pfn_to_virt(m2p[mfn]);
}

static unsigned int entry_index(unsigned long va, int level)
{
#ifndef __x86_64__
	if (level == 3)
		return va >> 30;
#endif
	return va >> (12 + 9 * (level - 1)) & 511;
}

uint64_t pte_maddr(pte_t *root, unsigned long va, int level)
{
	pte_t *table = root;

	for (int l = TOP_LEVEL; l > level; l--) {
		pte_t e = READ_ONCE(table[entry_index(va, l)]);

		if (!(e & PTE_P))
			return 0;
		table = mfn_to_virt((e & PTE_FRAME) / PAGE_SIZE);
	}
	return virt_to_maddr(&table[entry_index(va, level)]);
}

pte_t pte_read(pte_t *root, unsigned long va, int level)
{
	uint64_t ma = pte_maddr(root, va, level);

	if (!ma)
		return 0;
	return READ_ONCE(*(pte_t *)((char *)mfn_to_virt(ma / PAGE_SIZE) + ma % PAGE_SIZE));
}

long mmu_set(uint64_t maddr, pte_t val)
{
	struct mmu_update u = { .ptr = maddr | MMU_NORMAL_PT_UPDATE, .val = val };

	return hc_mmu_update(&u, 1, NULL, DOMID_SELF);
}

long mmuext(unsigned int cmd, unsigned long arg1, unsigned long arg2)
{
	struct mmuext_op op = { .cmd = cmd };

	op.arg1.linear_addr = arg1;
	op.arg2.src_mfn = arg2;
	return hc_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

long page_protect(const void *page, bool writable)
{
	pte_t e = (uint64_t)virt_to_mfn(page) * PAGE_SIZE | (writable ? PTE_KERNEL : PTE_KERNEL_RO);

	return hc_update_va_mapping((unsigned long)page, e, UVMF_INVLPG | UVMF_LOCAL);
}

/* Puts an empty table behind an upper-level entry. */
static long table_add(uint64_t maddr, int level)
{
	void *t = page_alloc();
	pte_t flags = PTE_USER;
	long rc;

#ifndef __x86_64__
	if (level == 3)
		flags = PTE_P; /* PAE: everything else is reserved here */
#else
	(void)level;
#endif
	rc = page_protect(t, false);
	if (!rc)
		rc = mmu_set(maddr, (uint64_t)virt_to_mfn(t) * PAGE_SIZE | flags);
	if (rc) {
		page_protect(t, true);
		page_free(t);
	}
	return rc;
}

long mm_map(pte_t *root, unsigned long va, pte_t pte)
{
	long rc;

	for (int l = TOP_LEVEL; l > 1; l--) {
		if (pte_read(root, va, l) & PTE_P)
			continue;
		rc = table_add(pte_maddr(root, va, l), l);
		if (rc)
			return rc;
	}
	return mmu_set(pte_maddr(root, va, 1), pte);
}

unsigned long mm_map_all(void)
{
	struct mmu_update u[64];
	unsigned int n = 0;
	unsigned long pfn, va;

	for (pfn = 0; pfn < start_info.nr_pages; pfn++) {
		va = (unsigned long)pfn_to_virt(pfn);
#ifdef __x86_64__
		if (va < VIRT_BASE) /* 2 GiB is what the linear map can hold */
			break;
#else
		if (va >= SPARE_VA || va < VIRT_BASE)
			break;
#endif
		if (pte_read(kernel_root, va, 1) & PTE_P)
			continue;
		if (!pte_maddr(kernel_root, va, 1)) {
			if (pages_free() < 64) /* others need some too */
				break;
			if (mm_map(kernel_root, va, 0))
				break;
		}
		u[n].ptr = pte_maddr(kernel_root, va, 1);
		u[n++].val = (uint64_t)pfn_to_mfn(pfn) * PAGE_SIZE | PTE_KERNEL;
		if (n == ARRAY_SIZE(u)) {
			if (hc_mmu_update(u, n, NULL, DOMID_SELF))
				break;
			n = 0;
		}
	}
	if (n && hc_mmu_update(u, n, NULL, DOMID_SELF))
		pfn -= n;
	return pfn;
}

/*
 * PV64: an empty root; the hypervisor fills in its own slots when it is pinned. PV32: the topmost
 * of the four second-level tables belongs half to the hypervisor and cannot be shared, so the
 * kernel's part is copied.
 */
pte_t *root_create(void)
{
	pte_t *root = page_alloc();
#ifndef __x86_64__
	unsigned int guest_slots = entry_index(HYPERVISOR_VIRT_START, 2);
	pte_t *l2 = page_alloc();

	for (unsigned int i = 0; i < guest_slots; i++)
		l2[i] = pte_read(kernel_root, VIRT_BASE + ((unsigned long)i << 21), 2);
	root[3] = (uint64_t)virt_to_mfn(l2) * PAGE_SIZE | PTE_P;
	if (page_protect(l2, false))
		panic("cannot make the second-level table read-only");
#endif
	if (page_protect(root, false) || mmuext(PIN_TOP, virt_to_mfn(root), 0))
		panic("cannot pin a fresh root table");
	return root;
}

static void table_free(pte_t *t, int level, unsigned int entries)
{
	for (unsigned int i = 0; level > 1 && i < entries; i++)
		if (READ_ONCE(t[i]) & PTE_P)
			table_free(mfn_to_virt((t[i] & PTE_FRAME) / PAGE_SIZE), level - 1, 512);
	if (page_protect(t, true))
		panic("a page table of level %d stays in use", level);
	page_free(t);
}

/* The user's half of it goes too; the kernel's was only borrowed. */
void root_destroy(pte_t *root)
{
#ifdef __x86_64__
	pte_t *l3 = NULL;

	if (root[0] & PTE_P)
		l3 = mfn_to_virt((root[0] & PTE_FRAME) / PAGE_SIZE);
	if (mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(root), 0) || page_protect(root, true))
		panic("cannot unpin a root table");
	if (l3)
		table_free(l3, 3, 512);
	page_free(root);
#else
	pte_t *l2 = mfn_to_virt((root[3] & PTE_FRAME) / PAGE_SIZE);

	if (mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(root), 0) || page_protect(root, true))
		panic("cannot unpin a root table");
	for (int i = 0; i < 3; i++)
		if (root[i] & PTE_P)
			table_free(mfn_to_virt((root[i] & PTE_FRAME) / PAGE_SIZE), 2, 512);
	if (page_protect(l2, true))
		panic("the kernel's second-level copy stays in use");
	page_free(l2);
	page_free(root);
#endif
}

void shared_info_unmap(void)
{
	if (page_protect(shared_info_page, true))
		panic("cannot unmap the shared info page");
}

void shared_info_map(void)
{
	start_info = *start_info_page;
	start_info.cmd_line[MAX_GUEST_CMDLINE - 1] = '\0';
	if (hc_update_va_mapping((unsigned long)shared_info_page,
				 start_info.shared_info | PTE_KERNEL, UVMF_INVLPG | UVMF_LOCAL))
		panic("cannot map the shared info page");
	shared_info = (struct shared_info *)shared_info_page;
}

void mm_init(struct start_info *si)
{
	struct xen_machphys_mapping where;

	start_info_page = si;
	start_info = *si;
	p2m = (const unsigned long *)start_info.mfn_list;
	kernel_root = (pte_t *)start_info.pt_base;
	if (!hc_memory_op(XENMEM_machphys_mapping, &where))
		m2p = (const unsigned long *)where.v_start; /* PV32: the hole may start higher than
							       the default */
	shared_info_map();
#ifndef __x86_64__
	/* Ring 3 shares these tables. Whatever the builder thought, the kernel's part is not for
	 * it. */
	for (unsigned long va = VIRT_BASE; va < HYPERVISOR_VIRT_START; va += 1ul << 21) {
		pte_t e = pte_read(kernel_root, va, 2);

		if ((e & (PTE_P | PTE_US)) == (PTE_P | PTE_US) &&
		    mmu_set(pte_maddr(kernel_root, va, 2), e & ~PTE_US))
			panic("cannot take the kernel's memory from user mode");
	}
#endif
}
