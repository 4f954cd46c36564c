/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a kernel: understood or refused with a reason. What is understood must lay out,
 * and every segment must be inside the file and the layout.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/builder/builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct image *im)
{
	struct layout at;
	struct why why = { 0 };

	for (unsigned int i = 0; i < im->nr_segments; i++) {
		const struct image_segment *s = &im->segments[i];

		if (s->offset > im->size || s->filesz > im->size - s->offset ||
		    s->filesz > s->memsz || s->vaddr < im->virt_start ||
		    s->vaddr + s->memsz > im->virt_end)
			abort();
	}
	if (layout_decide(&at, im, 1u << 18, 100000, &why) == 0) {
		if (at.used > 1u << 18 || at.v_end <= at.v_start ||
		    at.kernel.pfn + at.kernel.count > (at.v_end - at.v_start) >> HOST_PAGE_SHIFT ||
		    at.stack >= (at.v_end - at.v_start) >> HOST_PAGE_SHIFT)
			abort();
	} else if (!why.text[0]) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct image im;
	struct why why = { 0 };

	memcpy(copy, data, size);
	if (image_from_memory(&im, "k", copy, size, &why) == 0) {
		check(&im);
		image_close(&im);
	} else if (!why.text[0]) {
		abort();
	}
	return 0;
}
