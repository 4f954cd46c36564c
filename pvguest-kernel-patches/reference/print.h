/* SPDX-License-Identifier: BSD-2-Clause */
/* Output: everything goes to the console ring; before that is up, and in a panic, to the
 * hypervisor's log. */
#ifndef PRINT_H
#define PRINT_H

#include <stdbool.h>
#include <stdarg.h>

void print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void vprint(const char *fmt, va_list ap);
void panic(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

/* One TAP line each; tap_plan() prints how many there were and returns how many failed. */
bool tap(bool ok, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void tap_skip(const char *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
unsigned int tap_plan(void);

#endif
