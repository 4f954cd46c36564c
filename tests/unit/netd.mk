# SPDX-License-Identifier: BSD-2-Clause
# The network backend's unit tests and fuzz target.

VIF_TESTED := drivers/backend/net/vif drivers/backend/net/from_guest drivers/backend/net/to_guest \
	drivers/backend/net/packet drivers/backend/net/answers drivers/backend/net/hash drivers/backend/net/ctrl drivers/backend/net/staging drivers/backend/net/guard \
	drivers/backend/common/ring dom0-tools/common/why \
	tests/unit/fake_peer

$(B)/tests/vif_test $(B)/tests/vif_ctrl_test: $(B)/tests/%: $(B)/obj/san/tests/unit/%.o $(addprefix $(B)/obj/san/,$(addsuffix .o,$(VIF_TESTED)))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka

.PHONY: unit-vif
unit-vif: $(B)/tests/vif_test $(B)/tests/vif_ctrl_test
	$(Q)$(B)/tests/vif_test
	$(Q)$(B)/tests/vif_ctrl_test
CHECKS += unit-vif

FUZZERS += vif
vif_FUZZ_OBJS := $(addprefix $(B)/obj/fuzz/,$(addsuffix .o,tests/fuzz/vif_fuzz $(VIF_TESTED)))

# A card's process, up to its TAP; what it has goes with it
$(B)/tests/vif_device_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/vif_device_test tests/unit/fake_store_path drivers/backend/net/device drivers/backend/common/bdev $(VIF_TESTED))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka

.PHONY: unit-vif-device
unit-vif-device: $(B)/tests/vif_device_test
	$(Q)ASAN_OPTIONS=detect_leaks=0 $<
CHECKS += unit-vif-device
