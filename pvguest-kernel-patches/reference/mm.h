/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory: the page pool, frame numbers of both kinds, and page tables by hypercall. */
#ifndef MM_H
#define MM_H

#include "hypercall.h"

typedef uint64_t pte_t; /* an entry of any level, in both widths (PV32 is PAE) */

#define PTE_P	      0x001ull
#define PTE_RW	      0x002ull
#define PTE_US	      0x004ull
#define PTE_A	      0x020ull
#define PTE_D	      0x040ull
#define PTE_PSE	      0x080ull
#define PTE_NX	      (1ull << 63)
#define PTE_FRAME     0x000ffffffffff000ull
#define PTE_KERNEL    (PTE_P | PTE_RW | PTE_A | PTE_D) /* PV64: the hypervisor adds PTE_US by itself */
#define PTE_KERNEL_RO (PTE_P | PTE_A | PTE_D)
#define PTE_USER      (PTE_KERNEL | PTE_US)
#define PTE_USER_RO   (PTE_KERNEL_RO | PTE_US)

#ifdef __x86_64__
#define TOP_LEVEL 4
#define PIN_TOP	  MMUEXT_PIN_L4_TABLE
#else
#define TOP_LEVEL 3
#define PIN_TOP	  MMUEXT_PIN_L3_TABLE
#endif

extern struct start_info start_info; /* our copy */
extern struct shared_info *shared_info;

extern struct start_info *start_info_page; /* as the domain got it; what it says is new after a
					      resume */

void mm_init(struct start_info *si);
/* Around a suspend. Mapping takes over what start_info_page says then. */
void shared_info_unmap(void);
void shared_info_map(void);

/* One zeroed page, writable; panics when there is none. The count is for leak checks. */
void *page_alloc(void);
void page_free(void *page);
unsigned int pages_free(void);

unsigned long virt_to_pfn(const void *va);
unsigned long virt_to_mfn(const void *va);
uint64_t virt_to_maddr(const void *va);
void *pfn_to_virt(unsigned long pfn);
void *mfn_to_virt(unsigned long mfn); /* own frames only */
unsigned long pfn_to_mfn(unsigned long pfn);

/* The kernel's own root table. */
extern pte_t *kernel_root;

/* Machine address of the entry that maps va at a level (1: a page), 0 if tables are missing. */
uint64_t pte_maddr(pte_t *root, unsigned long va, int level);
/* The entry itself, read through the kernel's read-only view. 0 if tables are missing. */
pte_t pte_read(pte_t *root, unsigned long va, int level);

/* Remaps one of the kernel's pages. 0 or the hypercall's error. */
long page_protect(const void *page, bool writable);
/* Maps va, making tables as needed. 0 or an error. */
long mm_map(pte_t *root, unsigned long va, pte_t pte);
/* Extends the linear map at VIRT_BASE to every frame of the domain. Returns the number of frames
 * mapped then. */
unsigned long mm_map_all(void);

long mmu_set(uint64_t maddr, pte_t val); /* one MMU_NORMAL_PT_UPDATE */
long mmuext(unsigned int cmd, unsigned long arg1, unsigned long arg2);

/* Root tables with nothing of the user's half in them. */
pte_t *root_create(void);
void root_destroy(pte_t *root);

#endif
