# SPDX-License-Identifier: BSD-2-Clause
# The block backend's unit tests and fuzz target.

VBD_TESTED := drivers/backend/blk/vbd drivers/backend/blk/request drivers/backend/blk/record drivers/backend/blk/grants drivers/backend/common/ring dom0-tools/common/why \
	tests/unit/fake_peer tests/unit/fake_disk

$(B)/tests/vbd_test: $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/vbd_test $(VBD_TESTED)))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka

.PHONY: unit-vbd
unit-vbd: $(B)/tests/vbd_test
	$(Q)$<
CHECKS += unit-vbd

$(B)/obj/fuzz/drivers/backend/blk/%.o $(B)/obj/fuzz/tests/fuzz/vbd_fuzz.o: HOST_CFLAGS += -DBLK_MAX_JOBS=48
FUZZERS += vbd
vbd_FUZZ_OBJS := $(addprefix $(B)/obj/fuzz/,$(addsuffix .o,tests/fuzz/vbd_fuzz $(VBD_TESTED)))

$(B)/tests/confine_test: $(addprefix $(B)/obj/host/,$(addsuffix .o,tests/unit/confine_test drivers/backend/common/confine dom0-tools/common/drop dom0-tools/common/why))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ -lcmocka -lseccomp

.PHONY: unit-confine
unit-confine: $(B)/tests/confine_test
	$(Q)$<
CHECKS += unit-confine

$(B)/tests/attached_test: $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/attached_test tests/unit/fake_store_path drivers/backend/common/supervise dom0-tools/common/ready))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -lev

.PHONY: unit-attached
unit-attached: $(B)/tests/attached_test
	$(Q)$<
CHECKS += unit-attached

$(B)/tests/alone_test: $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/alone_test drivers/backend/common/alone drivers/backend/common/bdev dom0-tools/common/why)) $(B)/obj/san/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -Wl,--wrap=posix_fallocate -o $@ $^ $(XENBUS_CLIENT_LIBS) -lcmocka

.PHONY: unit-alone
unit-alone: $(B)/tests/alone_test
	$(Q)$<
CHECKS += unit-alone

$(B)/tests/nbd_test: $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/nbd_test drivers/backend/blk/disk drivers/backend/blk/disk_aio drivers/backend/blk/disk_nbd dom0-tools/common/why))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -lnbd -laio

.PHONY: unit-nbd
unit-nbd: $(B)/tests/nbd_test
	$(Q)$<
CHECKS += unit-nbd

$(B)/tests/bdev_test: $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/bdev_test tests/unit/fake_store_path drivers/backend/common/bdev dom0-tools/common/why))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -Wl,--wrap=clock_gettime -o $@ $^ -lcmocka

.PHONY: unit-bdev
unit-bdev: $(B)/tests/bdev_test
	$(Q)$<
CHECKS += unit-bdev
