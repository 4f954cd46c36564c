/* SPDX-License-Identifier: BSD-2-Clause */
/* Any bytes as a guest's file: parsed or refused with a reason, nothing else. */
#include <stdint.h>
#include <stdlib.h>

#include "dom0-tools/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_config g;
	struct why why = { 0 };

	if (config_from_text(&g, "f", (const char *)data, size, NULL, NULL, &why) == 0)
		config_free(&g);
	else if (!why.text[0] || why.error == TE_NONE)
		abort(); /* a refusal without a reason */
	return 0;
}
