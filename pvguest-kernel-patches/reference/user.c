/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * User mode. PV64: a second root table holds the user's half alone; the kernel's root borrows that
 * half's third-level table, so that the kernel sees its user's memory. PV32: one root per address
 * space with both halves in it, the kernel's without PTE_US, which ring 1 may use and ring 3 may
 * not.
 */
#include "lib.h"
#include "mm.h"
#include "print.h"
#include "user.h"

extern const char user_page[];

bool user_stop_on_event;
unsigned long user_calls;

static pte_t *root;
static void *text, *data;
static struct context back;
static struct user_result result;

static void map(unsigned long va, const void *page, pte_t flags)
{
	if (mm_map(root, va, (uint64_t)virt_to_mfn(page) * PAGE_SIZE | flags))
		panic("cannot map user address %lx", va);
}

void user_open(void)
{
	root = root_create();
	text = page_alloc();
	data = page_alloc();
	memcpy(text, user_page, PAGE_SIZE);
	map(USER_TEXT, text, PTE_USER_RO);
	map(USER_DATA, data, PTE_USER);
#ifdef __x86_64__
	if (mmu_set(virt_to_maddr(&kernel_root[0]), root[0]) ||
	    mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(root), 0))
		panic("cannot load the user's root table");
#else
	if (mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(root), 0))
		panic("cannot load the user's root table");
#endif
}

void user_close(void)
{
#ifdef __x86_64__
	if (mmu_set(virt_to_maddr(&kernel_root[0]), 0) || mmuext(MMUEXT_NEW_USER_BASEPTR, 0, 0))
		panic("cannot leave the user's root table");
	mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0, 0);
#else
	if (mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(kernel_root), 0))
		panic("cannot leave the user's root table");
#endif
	root_destroy(root);
	page_free(text);
	page_free(data);
	root = NULL;
}

static void done(struct cpu_user_regs *r)
{
	(void)r;
	trap_user = NULL;
	context_load(&back, 1);
}

static void from_user(struct cpu_user_regs *r)
{
#ifdef __x86_64__
	unsigned long nr = r->rax, arg = r->rdi, ip = r->rip;
#else
	unsigned long nr = r->eax, arg = r->edi, ip = r->eip;
#endif

	if (r->entry_vector == VEC_EVENT) {
		if (!user_stop_on_event)
			return;
	} else if (r->entry_vector == VEC_SYSCALL || r->entry_vector == VEC_SYSCALL64) {
		user_calls++;
		if (nr == SYS_ADD) {
#ifdef __x86_64__
			r->rax = arg + 1;
#else
			r->eax = arg + 1;
#endif
			return;
		}
		if (nr == SYS_EXIT) {
			result.exited = true;
			result.value = arg;
			done(r);
		}
	}
	result.trap = (struct caught){
		.vector = r->entry_vector, .error = r->error_code, .ip = ip, .from_user = true
	};
	if (r->entry_vector == 14)
		result.trap.cr2 = shared_info->vcpu_info[0].arch.cr2;
	done(r);
}

void user_run(const char *program, unsigned long arg, struct user_result *res)
{
	bool masked = shared_info->vcpu_info[0].evtchn_upcall_mask;

	memset(&result, 0, sizeof(result));
	result.trap.vector = -1;
	if (!context_save(&back)) {
		trap_user = from_user;
		enter_user(USER_TEXT + (program - user_page), USER_DATA + PAGE_SIZE - 16, arg);
	}
	WRITE_ONCE(shared_info->vcpu_info[0].evtchn_upcall_mask, masked);
	*res = result;
}
