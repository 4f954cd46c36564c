/* SPDX-License-Identifier: BSD-2-Clause */
/* The reference guest's tests of the ground it stands on. */
#ifndef SELFTEST_H
#define SELFTEST_H

void selftest_privilege(void); /* whose ring, what is refused */
void selftest_user(void);      /* user mode and its isolation */
void selftest_events(void);    /* loopback channels, timers */
void selftest_memory(void);    /* page tables, grants, leaks */
void selftest_smp(void);       /* smp.c: a second vCPU, if there is one */
void selftest_store(void);
void selftest_disk(void); /* the first disk, if there is one */
void disk_keep(void);	  /* opens it, and that is all */
void disk_resume(void);	  /* if it is kept: reads a page of it where the guest is now */

#endif
