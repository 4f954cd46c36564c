# SPDX-License-Identifier: BSD-2-Clause
# The conformance guest: the reference kernel with a test for each hypercall.

CONFORMANCE := $(patsubst %.c,%.o,$(wildcard tests/guest/*.c))

$(eval $(call guest,conformance,$(CONFORMANCE)))
