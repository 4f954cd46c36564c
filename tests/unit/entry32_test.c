/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Linux's upcall in ring 1 (xen/entry32.S of the patches, cut out of them): between the unmasking
 * of events and iret it takes its own frame off. Here its code runs as it is, on frames of ours, up
 * to where it goes on to handle_exception. A program of its own without a library: 32 bits wide.
 */
#include <stdint.h>

extern char lab_unmasked[], lab_direct[], lab_end[];
/* Sets the stack to frame, goes to the upcall; where the stack is when it goes on, and eax then. */
uint32_t *upcall_on(uint32_t *frame, uint32_t *eax);
void out_start(void);

#define KERNEL_CS 0x61
#define USER_CS	  0x73
#define USER_EAX  0x5eed

static unsigned int failed;

static void put(const char *s)
{
	unsigned int n = 0;
	int written;

	while (s[n])
		n++;
	__asm__ volatile("int $0x80" : "=a"(written) : "0"(4), "b"(1), "c"(s), "d"(n) : "memory");
}

static void ok(int good, const char *what)
{
	failed += !good;
	put(good ? "ok entry32: " : "not ok entry32: ");
	put(what);
	put("\n");
}

/* An upcall's frame of three words; behind it what xen_iret had on the stack, eax or not, and the
 * user's frame. Which of them is left for handle_exception(), counted from the upcall's? */
static int left(uint32_t eip, uint32_t cs, uint32_t *eax)
{
	static uint32_t stack[64];
	uint32_t *frame = stack + 40, *at;

	frame[0] = eip;
	frame[1] = cs;
	frame[2] = 0x202;
	frame[3] = USER_EAX;
	frame[4] = 0x08048000;
	*eax = 1;
	at = upcall_on(frame, eax);
	/* on top of it the handler and an error code of 0 */
	return at[1] == 0 && at[0] ? (int)(at + 2 - frame) : -1;
}

void out_start(void)
{
	uint32_t eax, at;
	int whole = 1, popped = 1;

	for (at = (uint32_t)lab_unmasked; at < (uint32_t)lab_direct; at++)
		popped &= left(at, KERNEL_CS, &eax) == 4 && eax == USER_EAX;
	ok(popped, "after the unmasking its frame goes, and eax is the user's again");
	ok(left((uint32_t)lab_direct, KERNEL_CS, &eax) == 3 && eax == 1, "at iret its frame goes");
	ok(left((uint32_t)lab_unmasked - 1, KERNEL_CS, &eax) == 0 &&
		   left((uint32_t)lab_end, KERNEL_CS, &eax) == 0,
	   "before and after that it stays");
	for (at = (uint32_t)lab_unmasked; at < (uint32_t)lab_end; at++)
		whole &= left(at, USER_CS, &eax) == 0 && eax == 1;
	ok(whole, "the frame of a user who jumped there stays");
	__asm__ volatile("int $0x80" : : "a"(1), "b"(failed != 0));
	for (;;)
		;
}
