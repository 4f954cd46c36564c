/* SPDX-License-Identifier: BSD-2-Clause */
/* Loads of a known kind, for scheduling and migration tests. */
#ifndef WORK_H
#define WORK_H

void work_spin(void) __attribute__((noreturn));
void work_burn(unsigned long ms);
void work_dirty(unsigned long pages, unsigned int rest) __attribute__((noreturn));

#endif
