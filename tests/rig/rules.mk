# SPDX-License-Identifier: BSD-2-Clause
#
# The rig: a helper for scenarios in dom0, and what "make run" boots.

export RIG_BUILD := $(B)

$(B)/obj/host/tests/rig/probe.o: HOST_CFLAGS += -D__XEN_TOOLS__

$(B)/tests/probe: $(B)/obj/host/tests/rig/probe.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ -lxencall

# between two hosts: what passes connections on, badly
$(B)/tests/relay: $(B)/obj/host/tests/rig/relay.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ -lpthread

# an image of ours in xl's file
$(B)/tests/splice: $(B)/obj/host/tests/rig/splice.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^

.PHONY: rig
rig: images $(B)/tests/probe $(B)/tests/relay $(B)/tests/splice

# Two hosts, to look at
.PHONY: run-pair
run-pair: rig all
	@$(PYTHON) -B tests/rig/pair
