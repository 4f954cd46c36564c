/* SPDX-License-Identifier: BSD-2-Clause */
/* What the portable frontends want of a kernel (drivers/frontend/os.h), for their unit tests.
 * Nothing sleeps: waiting lets the peer work, and gives up when that does not help. */
#ifndef FAKE_OS_H
#define FAKE_OS_H

#include "drivers/frontend/os.h"

#define FAKE_OS_GRANTS 512

extern struct fake_os {
	unsigned int pages, grants, ports; /* in use */
	unsigned int grants_max;	   /* then there is none left */
	bool mapped;			   /* the peer has all that is granted */
	void *granted[FAKE_OS_GRANTS];
} fake_os;

void fake_os_reset(void);
void fake_os_moved(void); /* a resume: no grants, no ports */
void fake_os_peer(void);  /* the test's: the other side gets its turn */

#endif
