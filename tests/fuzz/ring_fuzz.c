/* SPDX-License-Identifier: BSD-2-Clause */
/* A guest that writes anything into its console ring, while the daemon takes and gives. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0-tools/consoled/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xencons_interface *r = calloc(1, sizeof(*r));
	char out[RING_OUT_SIZE];
	unsigned int broken = 0;

	while (size >= 17) {
		memcpy(&r->in_cons, data, 4);
		memcpy(&r->in_prod, data + 4, 4);
		memcpy(&r->out_cons, data + 8, 4);
		memcpy(&r->out_prod, data + 12, 4);
		if (ring_take(r, out, &broken) > RING_OUT_SIZE || r->out_cons != r->out_prod)
			abort();
		if (ring_give(r, out, data[16] * 8u) > RING_IN_SIZE)
			abort();
		data += 17;
		size -= 17;
	}
	free(r);
	return 0;
}
