/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypervisor's own address space: the same in every root, made once at boot and only ever added
 * to. Text is mapped read-only and executable, read-only data neither writable nor executable, all
 * else not executable. Tables come from boot memory, later from the heap.
 */
#include <torc/x86.h>
#include <torc/x86_priv.h>
#include <torc/boot_mem.h>
#include <torc/heap.h>
#include <torc/spinlock.h>

#define SIZE_2M	   0x200000ul
#define SIZE_1G	   0x40000000ul
#define DATA	   (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G | PTE_NX)
#define READ_ONLY  (PTE_P | PTE_A | PTE_G | PTE_NX)
#define TEXT	   (PTE_P | PTE_A | PTE_G)
#define M2P32_MAX  ((M2P32_END - M2P32_BASE) / sizeof(uint32_t))
#define NR_DEVICES 256

extern uint64_t boot_l4[];
extern char image_end[], text_start[], rodata_start[], data_start[];

mfn_t idle_root;
uint64_t *m2p = (uint64_t *)M2P_RW_BASE;
uint32_t *m2p32;
uint64_t m2p32_l2e[8];
maddr_t paging_kept;

static uint64_t *root; /* idle_root, where it can be written */
static bool heap_ready;
static uint64_t *window_l1[MAX_CPUS / 4];

maddr_t image_to_maddr(const void *v)
{
	return (unsigned long)v - IMAGE_BASE;
}

/* NULL: guests have all memory. Not before there is a heap. */
static void *table_alloc(void)
{
	void *t;

	if (!heap_ready) {
		t = maddr_to_virt(boot_mem_alloc(PAGE_SIZE, PAGE_SIZE));
		memset(t, 0, PAGE_SIZE);
	} else {
		t = page_alloc(0);
		if (!t)
			return NULL;
	}
	paging_kept += PAGE_SIZE;
	return t;
}

/* The table an entry leads to; made if there is none. Rights are the leaf's; only user access has
 * to be allowed on the way. */
static uint64_t *table_try(uint64_t *entry, uint64_t flags)
{
	void *t;

	if (!(*entry & PTE_P)) {
		t = table_alloc();
		if (!t)
			return NULL;
		*entry = pte_make(virt_to_mfn(t), PTE_P | PTE_RW | PTE_A);
	}
	*entry |= flags & PTE_US;
	return mfn_to_virt(pte_mfn(*entry));
}

/* At boot. */
static uint64_t *table_of(uint64_t *entry, uint64_t flags)
{
	uint64_t *t = table_try(entry, flags);

	if (!t)
		panic("no memory for the hypervisor's page tables");
	return t;
}

static unsigned int slot(unsigned long va, unsigned int level)
{
	return va >> (12 + 9 * (level - 1)) & 511;
}

/* Maps in the largest pages that fit. An entry that is there already stays: ranges of the memory
 * map may share a large page. False: there was no memory for a table; what came before it is
 * mapped. */
static bool map_range(unsigned long va, maddr_t ma, uint64_t size, uint64_t flags)
{
	uint64_t *l3, *l2, *l1, step;

	if (!cpu_features.nx)
		flags &= ~PTE_NX;
	for (; size; size -= step, va += step, ma += step) {
		l3 = table_try(&root[slot(va, 4)], flags);
		if (!l3)
			return false;
		if (cpu_features.pages_1g && size >= SIZE_1G && !((va | ma) & (SIZE_1G - 1)) &&
		    !(l3[slot(va, 3)] & PTE_P)) {
			l3[slot(va, 3)] = pte_make(MFN(ma >> PAGE_SHIFT), flags | PTE_PSE);
			step = SIZE_1G;
			continue;
		}
		step = MIN(size, SIZE_1G - (va & (SIZE_1G - 1)));
		if (l3[slot(va, 3)] & PTE_PSE)
			continue;
		l2 = table_try(&l3[slot(va, 3)], flags);
		if (!l2)
			return false;
		if (size >= SIZE_2M && !((va | ma) & (SIZE_2M - 1)) && !(l2[slot(va, 2)] & PTE_P)) {
			l2[slot(va, 2)] = pte_make(MFN(ma >> PAGE_SHIFT), flags | PTE_PSE);
			step = SIZE_2M;
			continue;
		}
		step = MIN(size, SIZE_2M - (va & (SIZE_2M - 1)));
		if (l2[slot(va, 2)] & PTE_PSE)
			continue;
		l1 = table_try(&l2[slot(va, 2)], flags);
		if (!l1)
			return false;
		l1[slot(va, 1)] = pte_make(MFN(ma >> PAGE_SHIFT), flags);
		step = PAGE_SIZE;
	}
	return true;
}

void paging_start(void)
{
	root = maddr_to_virt(boot_mem_alloc(PAGE_SIZE, PAGE_SIZE));
	memset(root, 0, PAGE_SIZE);
	idle_root = virt_to_mfn(root);
	/* top slots are copied to guests' roots: complete from the start */
	table_of(&root[slot(FIXMAP_BASE, 4)], 0);
	map_range((unsigned long)text_start, image_to_maddr(text_start),
		  (uint64_t)(rodata_start - text_start), TEXT);
	map_range((unsigned long)rodata_start, image_to_maddr(rodata_start),
		  (uint64_t)(data_start - rodata_start), READ_ONLY);
	map_range((unsigned long)data_start, image_to_maddr(data_start),
		  (uint64_t)(image_end - data_start), DATA);
}

void paging_map_ram(maddr_t start, maddr_t end)
{
	map_range(DIRECTMAP_BASE + start, start, end - start, DATA);
}

/* All of RAM is in the direct map: onto the final root. The tables that grow with the machine may
 * come from anywhere then. */
void paging_switch(void)
{
	write_cr3(idle_root.n << PAGE_SHIFT);
	boot_mem_lift_limit();
}

/* A 2 MiB piece of a table, unless it is there already (for another range of RAM). */
static bool add_piece(unsigned long va, uint64_t flags, maddr_t *ma)
{
	uint64_t *l2 = table_of(&table_of(&root[slot(va, 4)], flags)[slot(va, 3)], flags);

	if (l2[slot(va, 2)] & PTE_P)
		return false;
	*ma = boot_mem_alloc(SIZE_2M, SIZE_2M);
	paging_kept += SIZE_2M;
	map_range(va, *ma, SIZE_2M, flags);
	return true;
}

/* Frame table and machine-to-phys tables where they speak of these frames. Nothing of a hole is
 * mapped, as far as 2 MiB allow. */
void paging_map_tables(maddr_t start, maddr_t end)
{
	uint64_t first = start >> PAGE_SHIFT, last = (end - 1) >> PAGE_SHIFT;
	unsigned long va, top;
	maddr_t ma;

	va = ROUND_DOWN(FRAME_TABLE + first * sizeof(struct frame), SIZE_2M);
	top = FRAME_TABLE + (last + 1) * sizeof(struct frame);
	for (; va < top; va += SIZE_2M)
		if (add_piece(va, DATA, &ma))
			memset(maddr_to_virt(ma), 0, SIZE_2M);

	va = ROUND_DOWN(M2P_BASE + first * 8, SIZE_2M);
	top = M2P_BASE + (last + 1) * 8;
	for (; va < top; va += SIZE_2M) {
		if (!add_piece(va, READ_ONLY | PTE_US, &ma))
			continue;
		memset(maddr_to_virt(ma), 0xff, SIZE_2M);
		map_range(va - M2P_BASE + M2P_RW_BASE, ma, SIZE_2M, DATA);
	}
	max_mfn = MFN(MAX(max_mfn.n, last + 1));
}

/* Frames of holes have entries too, all zero and the same ones, so that any number below max_mfn
 * can be looked up. */
static void fill_frame_table(void)
{
	unsigned long va, top = FRAME_TABLE + max_mfn.n * sizeof(struct frame);
	maddr_t zero = 0;
	uint64_t *l2;

	for (va = FRAME_TABLE; va < top; va += SIZE_2M) {
		l2 = table_of(&table_of(&root[slot(va, 4)], 0)[slot(va, 3)], 0);
		if (l2[slot(va, 2)] & PTE_P)
			continue;
		if (!zero) {
			zero = boot_mem_alloc(SIZE_2M, SIZE_2M);
			memset(maddr_to_virt(zero), 0, SIZE_2M);
			paging_kept += SIZE_2M;
		}
		map_range(va, zero, SIZE_2M, READ_ONLY);
	}
}

void paging_finish(void)
{
	fill_frame_table();
	/* What other CPUs start on: where they are, and our half. */
	memcpy(boot_l4 + HYP_SLOT_FIRST, root + HYP_SLOT_FIRST,
	       (HYP_SLOT_LAST - HYP_SLOT_FIRST + 1) * 8);
	heap_ready = true;
}

/*
 * 32-bit guests' table, made with the first of them. Whoever changes an entry of the other table
 * meanwhile looks at m2p32 after it: the call of all CPUs sees to it that they find it set, or are
 * done with their change before it is copied.
 */
static void nothing(void *arg)
{
	(void)arg;
}

int m2p32_make(void)
{
	static spinlock_t lock = SPINLOCK(RANK_MAPS);
	uint64_t n = MIN(max_mfn.n, M2P32_MAX), i, pfn;
	unsigned int piece,
		pieces = (unsigned int)(ROUND_UP(n * sizeof(uint32_t), SIZE_2M) / SIZE_2M);
	uint32_t *table = (uint32_t *)M2P32_RW_BASE;
	struct frame *f;
	int rc = 0;

	spin_lock(&lock);
	for (piece = 0; piece < pieces && !rc; piece++) {
		if (m2p32_l2e[piece])
			continue;
		f = frames_alloc(9, 0);
		if (!f) {
			rc = -XEN_ENOMEM; /* what there is by now serves the next try */
			break;
		}
		memset(mfn_to_virt(frame_mfn(f)), 0xff, SIZE_2M);
		if (!map_range(M2P32_RW_BASE + piece * SIZE_2M, frame_mfn(f).n << PAGE_SHIFT,
			       SIZE_2M, DATA)) {
			page_free(mfn_to_virt(frame_mfn(f)), 9);
			rc = -XEN_ENOMEM;
			break;
		}
		m2p32_l2e[piece] = pte_make(frame_mfn(f), PTE_P | PTE_A | PTE_PSE |
								  (cpu_features.nx ? PTE_NX : 0));
		paging_kept += SIZE_2M;
	}
	if (!rc && !m2p32) {
		atomic_set(&m2p32, table);
		cpu_call(cpus_online, nothing, NULL);
		for (i = 0; i < n; i++) {
			if (!mfn_valid(MFN(i)))
				continue;
			do {
				pfn = READ_ONCE(m2p[i]);
				WRITE_ONCE(table[i], (uint32_t)pfn);
				mb();
			} while (READ_ONCE(m2p[i]) != pfn);
		}
	}
	spin_unlock(&lock);
	return rc;
}

void hyp_slots_fill(uint64_t *r, bool guest_32bit)
{
	memcpy(r + HYP_SLOT_FIRST, root + HYP_SLOT_FIRST, (HYP_SLOT_LAST - HYP_SLOT_FIRST + 1) * 8);
	if (guest_32bit)
		r[slot(M2P_BASE, 4)] = 0;
}

void window_map(unsigned int cpu, unsigned int page, uint64_t pte)
{
	unsigned long va = CPU_WINDOW(cpu) + page * PAGE_SIZE;
	uint64_t **l1 = &window_l1[cpu / 4], *e;
	bool fresh;

	if (!*l1)
		*l1 = table_of(&table_of(&table_of(&root[slot(va, 4)], 0)[slot(va, 3)],
					 0)[slot(va, 2)],
			       0);
	if (!cpu_features.nx)
		pte &= ~PTE_NX;
	e = &(*l1)[slot(va, 1)];
	fresh = !(*e & PTE_P);
	if (*e == pte)
		return;
	WRITE_ONCE(*e, pte);
	if (!fresh && cpu == this_cpu())
		__asm__ volatile("invlpg %0" ::"m"(*(char *)va) : "memory");
}

/* Registers of devices: for good, and the same page only once. */
void *map_device(maddr_t ma, size_t size, uint64_t cache_flags)
{
	static spinlock_t lock = SPINLOCK(RANK_MAPS);
	static struct {
		maddr_t first;
		uint64_t pages, flags;
		unsigned long va;
	} maps[NR_DEVICES];
	static unsigned long next = FIXMAP_BASE;
	static unsigned int n;
	maddr_t first = ROUND_DOWN(ma, PAGE_SIZE);
	uint64_t pages = (ROUND_UP(ma + size, PAGE_SIZE) - first) / PAGE_SIZE;
	void *found = NULL;
	unsigned int i;

	spin_lock(&lock);
	for (i = 0; i < n && !found; i++)
		if (first >= maps[i].first &&
		    first + pages * PAGE_SIZE <= maps[i].first + maps[i].pages * PAGE_SIZE &&
		    cache_flags == maps[i].flags)
			found = (void *)(maps[i].va + (ma - maps[i].first));
	if (!found && n < NR_DEVICES) {
		for (i = 0; i < pages; i++) /* small pages: map_range never splits or replaces */
			if (!map_range(next + i * PAGE_SIZE, first + i * PAGE_SIZE, PAGE_SIZE,
				       DATA | cache_flags))
				break;
		if (i == pages) {
			maps[n].first = first;
			maps[n].pages = pages;
			maps[n].flags = cache_flags;
			maps[n++].va = next;
			found = (void *)(next + (ma - first));
		}
		next += (pages + 1) * PAGE_SIZE; /* of what is half mapped, too: it stays */
	}
	spin_unlock(&lock);
	return found;
}
