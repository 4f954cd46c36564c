# SPDX-License-Identifier: BSD-2-Clause
#
# Unit tests and fuzz targets of migration. Test binaries are built under ASan and UBSan.

MIG_STREAM := $(addprefix migration/,stream io_fd)
MIG_DELTA := $(addprefix migration/,delta sent_cache)
$(B)/tests/stream_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/stream_test dom0-tools/common/why $(MIG_STREAM))
$(B)/tests/delta_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/delta_test $(MIG_DELTA))
$(B)/tests/predict_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/predict_test migration/predict)
$(B)/tests/tables_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/tables_test migration/tables)

$(B)/tests/engine_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/engine_test tests/unit/fake_machine tests/unit/fake_wire dom0-tools/common/why $(TOOLS_MIGRATION))
$(B)/tests/receive_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/receive_test tests/unit/fake_machine tests/unit/fake_wire dom0-tools/common/why $(TOOLS_MIGRATION))
$(B)/tests/pages_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/pages_test tests/unit/fake_machine tests/unit/fake_wire dom0-tools/common/why $(TOOLS_MIGRATION))
$(B)/tests/engine_test $(B)/tests/receive_test $(B)/tests/pages_test: MIG_LIBS := -Wl,--wrap=mig_now_ns -Wl,--wrap=nanosleep
$(B)/obj/san/tests/unit/engine_test.o $(B)/obj/san/tests/unit/receive_test.o: HOST_CFLAGS += -Wno-missing-field-initializers

$(B)/tests/xlfile_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/xlfile_test dom0-tools/cli/xlfile migration/io_fd $(TOOLS_COMMON) $(TOOLS_CONFIG))
$(B)/tests/xlfile_test: MIG_LIBS := -ljson-c

$(B)/tests/front_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/front_test dom0-tools/cli/image migration/io_fd dom0-tools/common/why $(TOOLS_CONFIG))
$(B)/tests/front_test: MIG_LIBS := -ljson-c

MIG_UNIT := stream delta predict tables engine receive pages xlfile front
$(patsubst %,$(B)/tests/%_test,$(MIG_UNIT)):
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka $(MIG_LIBS)

.PHONY: $(addprefix unit-,$(MIG_UNIT))
$(addprefix unit-,$(MIG_UNIT)): unit-%: $(B)/tests/%_test
	@$<
CHECKS += $(addprefix unit-,$(MIG_UNIT))

# What the published format's own checker, out of the reference's package, says of a stream of ours
MIG_STOCK := $(B)/stock/root/usr/lib/xen-4.17
.PHONY: stream-verify
stream-verify: $(B)/tests/stream_test rig
	@$< --write $(B)/tests/stream.bin
	@PYTHONPATH=$(MIG_STOCK)/lib/python $(PYTHON) -B $(MIG_STOCK)/bin/verify-stream-v2 -i $(B)/tests/stream.bin
	@echo "ok stream-verify"
TESTS += stream-verify

FUZZERS += stream
stream_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/stream_fuzz dom0-tools/common/why $(MIG_STREAM))

FUZZERS += delta
delta_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/delta_fuzz migration/delta)

FUZZERS += receive
receive_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/receive_fuzz tests/unit/fake_machine dom0-tools/common/why $(TOOLS_MIGRATION))
