# SPDX-License-Identifier: BSD-2-Clause
#
# The rig: a helper for scenarios in dom0, and what "make run" boots.

export RIG_BUILD := $(B)

$(B)/obj/host/tests/rig/probe.o: HOST_CFLAGS += -D__XEN_TOOLS__

$(B)/tests/probe: $(B)/obj/host/tests/rig/probe.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ -lxencall

.PHONY: rig
rig: images $(B)/tests/probe
