/* SPDX-License-Identifier: BSD-2-Clause */
/* Between the files of boot/. */
#ifndef TORC_BOOT_EARLY_H
#define TORC_BOOT_EARLY_H

#include <torc/boot.h>

void multiboot_parse(uint32_t magic, maddr_t info); /* panics if there is nothing to go by */
void boot_main(uint32_t magic, maddr_t info) __attribute__((noreturn));

#endif
