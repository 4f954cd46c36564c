/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference guest: what its command line asks for. */
#include "guest.h"
#include "print.h"
#include "hypercall.h"

void guest_main(void)
{
	unsigned int cs;
	__asm__("mov %%cs, %0" : "=r"(cs));
	print("hello cs %x\n", cs);
}
