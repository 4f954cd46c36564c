# SPDX-License-Identifier: BSD-2-Clause
# The handover over a channel.

$(B)/tests/deal_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/deal_test \
		$(addprefix migration/,deal parts handover record channel records wire lanes_in lanes_out pack link identity durable io_fd) \
		$(addprefix dom0-tools/common/,why paths))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -lssl -lcrypto -llz4 -lpthread

.PHONY: unit-deal
unit-deal: $(B)/tests/deal_test
	$(Q)$<
CHECKS += unit-deal
