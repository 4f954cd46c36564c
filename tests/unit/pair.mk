# SPDX-License-Identifier: BSD-2-Clause
# How two hosts come to know each other.

PAIR_TESTED := $(addprefix migration/,pair pins channel records wire lanes_in lanes_out pack link identity durable io_fd) $(addprefix dom0-tools/common/,why paths)

$(B)/tests/pair_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/pair_test $(PAIR_TESTED))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -lssl -lcrypto -llz4 -ljson-c -lpthread

.PHONY: unit-pair
unit-pair: $(B)/tests/pair_test
	$(Q)$<
CHECKS += unit-pair
