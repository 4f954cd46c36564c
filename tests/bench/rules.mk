# SPDX-License-Identifier: BSD-2-Clause
#
# Figures from the deterministic mode, Torc's beside stock Xen's.

$(B)/tests/dom0bench: $(B)/obj/host/tests/bench/dom0bench.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -static -o $@ $^

BENCHES += bench-system
.PHONY: bench-system
bench-system: rig $(B)/tests/dom0bench
	$(Q)$(PYTHON) -B tests/bench/figures
