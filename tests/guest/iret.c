/* SPDX-License-Identifier: BSD-2-Clause */
/* iret: back to where a frame says, and what becomes of frames that lie. */
#include "check.h"
#include "event.h"
#include "user.h"

void test_iret(void);

#ifdef __x86_64__
#define CS_KERNEL (FLAT_KERNEL_CS64 & ~3) /* ring 3 would mean user mode */
#define SS_KERNEL FLAT_KERNEL_SS64
#else
#define CS_KERNEL FLAT_KERNEL_CS
#define SS_KERNEL FLAT_KERNEL_SS
#endif

extern const char user_page[];
static struct context back;
static char stack[1024] __attribute__((aligned(16)));

static void landed(void)
{
	context_load(&back, 1);
}

struct frame {
	unsigned long ip, cs, flags, sp, ss;
};

/* PV32 frames to the same ring have no sp and ss: landed() then runs above the frame. */
static struct frame *frame_at_end(unsigned long cs, unsigned long flags)
{
	struct frame *f = (struct frame *)(stack + sizeof(stack) - 256);

	*f = (struct frame){ (unsigned long)landed, cs, flags,
			     (unsigned long)stack + sizeof(stack) - 64, SS_KERNEL };
	return f;
}

static void go(void *frame)
{
	iret_to(frame);
}

static bool lands(struct frame *f)
{
	if (context_save(&back))
		return true;
	iret_to(f);
}

static bool masked(void)
{
	return shared_info->vcpu_info[0].evtchn_upcall_mask;
}

/* The way back finds the selector's table for the first time, with nothing mapped where the
 * processor looks for it. */
static void code_of_ldt(void)
{
	uint64_t *table = page_alloc();

	table[0] = 0;
	table[1] = sizeof(long) == 8 ? 0x00affb000000ffff : 0x00cfbb000000ffff;
	page_protect(table, false);
	mmuext(MMUEXT_SET_LDT, (unsigned long)table, 2);
	expect_true(lands(frame_at_end(8 | 4 | (CS_KERNEL & 3), 0x202)),
		    "a frame with code of an LDT that nobody has looked at");
	lands(frame_at_end(CS_KERNEL, 0x202));
	mmuext(MMUEXT_SET_LDT, 0, 0);
	page_protect(table, true);
	page_free(table);
}

#ifdef __x86_64__
/* rax of the frame is the program's, and any number. One of them is how the hypervisor says to
 * itself that a call is to be made again, two bytes back. */
uint32_t landed_ecx;
__attribute__((used)) static void landed_on_spot(void)
{
	context_load(&back, 1);
}

__asm__(".pushsection .text\n"
	"	inc %ecx\n" /* two bytes */
	"landing: mov %ecx, landed_ecx(%rip)\n"
	"	jmp landed_on_spot\n"
	".popsection");
extern const char landing[];

static void rax_of_frames(void)
{
	struct frame *f = frame_at_end(CS_KERNEL, 0x202);

	f->ip = (unsigned long)landing;
	landed_ecx = 99;
	if (!context_save(&back))
		__asm__ volatile("mov %0, %%rsp; push $0; jmp *%1"
				 :
				 : "D"(f), "S"(hypercall_page + __HYPERVISOR_iret * 32), "a"(-85l),
				   "c"(0l)
				 : "memory");
	expect(landed_ecx, 0, "a frame whose rax is -85 goes on where it says");
}
#else
static struct caught user_trap;

static void from_wide(struct cpu_user_regs *r)
{
	user_trap = (struct caught){ .vector = r->entry_vector, .error = r->error_code };
	trap_user = NULL;
	context_load(&back, 1);
}

/* Processors that know the instruction here leave the flags in a register of 64-bit code. */
static void do_syscall(void *p)
{
	(void)p;
	__asm__ volatile("push $2; popf; syscall" : : : "ecx", "memory");
}

/* The selector of 64-bit code in a 64-bit guest's table is flat data here. The way back must look
 * at the descriptor, also where everything else is as after a system call of 64-bit code. */
static void wide_code(void)
{
	struct frame *f = frame_at_end(0xe033, 0x202);
	struct caught nothing;

	user_open();
	f->ip = USER_TEXT + (user_ud2 - user_page);
	f->ss = 0xe02b;
	trap_guard(do_syscall, NULL, &nothing);
	user_trap.vector = -1;
	if (!context_save(&back)) {
		trap_user = from_wide;
		__asm__ volatile("mov %0, %%esp; jmp *%1"
				 :
				 : "D"(f), "S"(hypercall_page + __HYPERVISOR_iret * 32), "a"(0),
				   "c"(f->ip)
				 : "memory");
	}
	events_restore(false);
	expect_true(user_trap.vector == 13 && user_trap.error == 0xe030,
		    "a frame with the selector of 64-bit code: %s", caught_text(&user_trap));
	user_close();
}
#endif

void test_iret(void)
{
	bool there, off;

	there = lands(frame_at_end(CS_KERNEL, 0x202));
	off = masked();
	expect_true(there, "a frame for the kernel, events on");
	expect_true(!off, "they are on");
	there = lands(frame_at_end(CS_KERNEL, 0x002));
	off = masked(); /* before the next line is printed: one that waits for the console unmasks */
	expect_true(there, "a frame for the kernel, events off");
	expect_true(off, "they are off");
	events_restore(false);
#ifdef __x86_64__
	expect_true(lands(frame_at_end(CS_KERNEL | 1, 0x202)),
		    "a frame whose selector says ring 1: the kernel too");
#endif
	/* IOPL 3 in the frame does not open the ports. */
	expect_true(lands(frame_at_end(CS_KERNEL, 0x3202)), "a frame with IOPL 3");
	code_of_ldt();
	expect_trap((void (*)(void *))hypervisor_address, NULL, 14, -1,
		    "(a call to the hypervisor's memory)");
	expect_trap(go, frame_at_end(0xe008 | (CS_KERNEL & 3), 0x202), 13, 0xe008,
		    "a frame with the hypervisor's code selector");
	events_restore(false);
	expect_trap(go, frame_at_end(0x5550 | (CS_KERNEL & 3), 0x202), 13, 0x5550,
		    "a frame with a selector that is empty");
	events_restore(false);
#ifdef __x86_64__
	rax_of_frames();
#else
	wide_code();
#endif
	events_restore(false);
}
