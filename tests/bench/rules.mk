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

$(B)/tests/iobench: $(B)/obj/host/tests/bench/iobench.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -static -o $@ $^

BENCHES += bench-io
.PHONY: bench-io
bench-io: rig $(B)/tests/iobench
	$(Q)$(PYTHON) -B tests/bench/io

# The same beside other guests' idle disks and cards, and by the clock of four processors
.PHONY: bench-io-many bench-io-wall
bench-io-many: rig $(B)/tests/iobench
	$(Q)$(PYTHON) -B tests/bench/io --many torc/kernel torc/torc
	$(Q)$(PYTHON) -B tests/bench/io --cards torc/kernel torc/torc
bench-io-wall: rig $(B)/tests/iobench
	$(Q)$(PYTHON) -B tests/bench/io --wall torc/kernel torc/torc
# Linux in ring 1 beside the bare machine and beside 64 bits. Not among BENCHES: it needs "make guest-linux32".
$(B)/tests/userbench32 $(B)/tests/userbench64: tests/bench/userbench.c
	@mkdir -p $(@D)
	$(call say,CC,$@)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -m$(patsubst $(B)/tests/userbench%,%,$@) -static -o $@ $<

.PHONY: bench-linux32
bench-linux32: rig $(B)/image/linux32.cpio.gz $(B)/tests/userbench32 $(B)/tests/userbench64
	$(Q)$(PYTHON) -B tests/bench/kernels

# What a page costs when a guest is saved and restored
BENCHES += bench-pages
.PHONY: bench-pages
bench-pages: rig $(B)/tests/dom0bench
	$(Q)$(PYTHON) -B tests/bench/pages

# What several connections take off the busiest thread of a migration
$(B)/tests/lanesbench: $(patsubst %,$(B)/obj/host/%.o,tests/bench/lanesbench \
		$(addprefix migration/,channel records wire lanes_in lanes_out pack link identity durable io_fd) \
		$(addprefix dom0-tools/common/,why paths))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ -lssl -lcrypto -llz4 -lpthread

BENCHES += bench-lanes
.PHONY: bench-lanes
bench-lanes: rig $(B)/tests/dom0bench $(B)/tests/lanesbench
	$(Q)$(PYTHON) -B tests/bench/lanes

# What guests cost when there are many
BENCHES += bench-scale
SOAKS += soak-scale
.PHONY: bench-scale soak-scale
bench-scale: rig $(B)/tests/dom0bench
	$(Q)$(PYTHON) -B tests/bench/scale
soak-scale: rig $(B)/tests/dom0bench
	$(Q)$(PYTHON) -B tests/bench/scale 1 10 100 500
