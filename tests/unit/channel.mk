# SPDX-License-Identifier: BSD-2-Clause
# Unit tests and fuzz target of what two hosts say to each other.

DEPS += libssl-dev # TLS between hosts

CHANNEL_TESTED := $(addprefix migration/,channel records wire lanes_in lanes_out pack link identity durable io_fd) $(addprefix dom0-tools/common/,why paths)
CHANNEL_LIBS := -lssl -lcrypto -llz4

$(B)/tests/channel_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/channel_test $(CHANNEL_TESTED))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka $(CHANNEL_LIBS) -lpthread

$(B)/tests/link_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/link_test $(addprefix migration/,link identity durable io_fd) \
		$(addprefix dom0-tools/common/,why paths))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -lssl -lcrypto -lpthread

$(B)/tests/lanes_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/lanes_test $(CHANNEL_TESTED))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka $(CHANNEL_LIBS) -lpthread

$(B)/tests/lane_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/lane_test $(CHANNEL_TESTED))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka $(CHANNEL_LIBS) -lpthread

$(B)/tests/lanes_races: $(patsubst %,$(B)/obj/tsan/%.o,tests/unit/lanes_test $(CHANNEL_TESTED))
	@mkdir -p $(@D)
	$(call say,LD-TSAN,$@)
	$(Q)$(HOST_CC) $(TSAN_FLAGS) -o $@ $^ -lcmocka $(CHANNEL_LIBS) -lpthread

$(B)/tests/lane_races: $(patsubst %,$(B)/obj/tsan/%.o,tests/unit/lane_test $(CHANNEL_TESTED))
	@mkdir -p $(@D)
	$(call say,LD-TSAN,$@)
	$(Q)$(HOST_CC) $(TSAN_FLAGS) -o $@ $^ -lcmocka $(CHANNEL_LIBS) -lpthread

$(B)/tests/pack_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/pack_test migration/pack migration/io_fd)
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -llz4

.PHONY: unit-channel
unit-channel: $(B)/tests/link_test $(B)/tests/channel_test $(B)/tests/lanes_test $(B)/tests/lanes_races $(B)/tests/lane_test $(B)/tests/lane_races $(B)/tests/pack_test
	$(Q)set -e; for t in $^; do $$t; done
CHECKS += unit-channel

FUZZERS += channel
channel_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/channel_fuzz $(CHANNEL_TESTED))
channel_FUZZ_LIBS := $(CHANNEL_LIBS)

FUZZERS += lanes
lanes_FUZZ_OBJS := $(patsubst %,$(B)/obj/fuzz/%.o,tests/fuzz/lanes_fuzz $(CHANNEL_TESTED))
lanes_FUZZ_LIBS := $(CHANNEL_LIBS) -lpthread
