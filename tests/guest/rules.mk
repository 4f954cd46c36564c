# SPDX-License-Identifier: BSD-2-Clause
# The conformance guest: the reference kernel with a test for each hypercall.

CONFORMANCE := $(patsubst %.c,%.o,$(wildcard tests/guest/*.c))

$(eval $(call guest,conformance,$(CONFORMANCE)))

CHECKS += guest-images guest-docs
.PHONY: guest-images guest-docs
guest-images: $(addprefix $(B)/guests/,reference32.elf reference64.elf conformance32.elf conformance64.elf)
	@tests/guest/check-images $(B)/guests
guest-docs:
	@tests/guest/check-docs
