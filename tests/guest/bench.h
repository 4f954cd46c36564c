/* SPDX-License-Identifier: BSD-2-Clause */
/* Costs of the ABI's primitives in time-stamp counts, which are exact under instruction counting. */
#ifndef BENCH_H
#define BENCH_H

void bench(void);

#endif
