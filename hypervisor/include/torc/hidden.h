/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Included before everything else by the build (-include): every symbol, also one that is only
 * declared, is the image's own, so that the compiler reaches it relative to rip and never through a
 * table of addresses.
 */
#ifndef __ASSEMBLER__
#pragma GCC visibility push(hidden)
#endif
