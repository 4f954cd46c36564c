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
	XENCONS_RING_IDX upto;
	size_t n;

	while (size >= 17) {
		memcpy(&r->in_cons, data, 4);
		memcpy(&r->in_prod, data + 4, 4);
		memcpy(&r->out_cons, data + 8, 4);
		memcpy(&r->out_prod, data + 12, 4);
		n = ring_look(r, out, &upto, &broken);
		if (n > RING_OUT_SIZE || upto != r->out_prod)
			abort();
		/* what was not given back is found again; the guest may have gone on meanwhile, or
		 * back */
		if (n && ring_look(r, out, &upto, &broken) != n)
			abort();
		r->out_prod += data[16];
		ring_done(r, upto);
		n = ring_look(r, out, &upto, &broken);
		if (n != data[16])
			abort();
		ring_done(r, upto);
		if (ring_give(r, out, data[16] * 8u) > RING_IN_SIZE)
			abort();
		data += 17;
		size -= 17;
	}
	free(r);
	return 0;
}
