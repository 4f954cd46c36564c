/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as the control domain's kernel: refused with a reason, or all that is said of it lies
 * within it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <torc/abi.h>
#include <torc/elf.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pv_kernel k;
	struct pv_segment s;
	char why[160] = "";
	unsigned int n;

	if (pv_kernel_parse(&k, data, size, why, sizeof(why))) {
		if (!why[0])
			abort();
		return 0;
	}
	if (k.end <= k.start || k.entry < k.start || k.entry >= k.end || k.start < k.virt_base)
		abort();
	for (n = 0; pv_kernel_segment(&k, n, &s); n++) {
		if (s.data < data || s.data > data + size ||
		    s.file_size > (uint64_t)(data + size - s.data) || s.file_size > s.mem_size)
			abort();
		if (s.vaddr < k.start || s.mem_size > k.end - s.vaddr)
			abort();
	}
	if (!n)
		abort();
	if (k.has_hypercall_page &&
	    (k.hypercall_page < k.start || k.hypercall_page - k.start > k.end - k.start - 4096))
		abort();
	return 0;
}
