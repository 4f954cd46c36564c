# SPDX-License-Identifier: BSD-2-Clause
# torc-migrated, without hosts.

$(B)/tests/migrated_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/migrated_test dom0-tools/migrated/jobs dom0-tools/migrated/talk dom0-tools/migrated/costs dom0-tools/migrated/urgent \
		$(addprefix dom0-tools/cli/,elsewhere out) dom0-tools/config/config dom0-tools/config/parse dom0-tools/config/device \
		dom0-tools/config/near $(addprefix migration/,meet channel records wire lanes_in lanes_out pack link identity durable io_fd handover record) \
		$(addprefix dom0-tools/common/,why paths))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -Wl,--wrap=getaddrinfo -lcmocka -lssl -lcrypto -llz4 -ljson-c -lpthread

.PHONY: unit-migrated
unit-migrated: $(B)/tests/migrated_test
	$(Q)$<
CHECKS += unit-migrated

# How well it predicts pauses
$(B)/tests/forecast_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/forecast_test dom0-tools/migrated/costs dom0-tools/migrated/forecast \
		$(addprefix migration/,predict parts io_fd) $(addprefix dom0-tools/common/,why paths))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -ljson-c -lpthread

.PHONY: unit-forecast
unit-forecast: $(B)/tests/forecast_test
	$(Q)$<
CHECKS += unit-forecast

# What a killed daemon's record leads to
$(B)/tests/recover_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/recover_test $(addprefix dom0-tools/migrated/,recover ends talk urgent) dom0-tools/cli/out \
		$(TOOLS_CONFIG) $(addprefix migration/,throttle handover record durable parts deal meet channel records wire lanes_in lanes_out pack link identity io_fd) \
		$(addprefix dom0-tools/common/,why paths))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka -lssl -lcrypto -llz4 -ljson-c -lpthread

.PHONY: unit-recover
unit-recover: $(B)/tests/recover_test
	$(Q)$<
CHECKS += unit-recover

# When disks rest
$(B)/tests/drain_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/drain_test tests/unit/fake_store_path dom0-tools/migrated/drain migration/io_fd dom0-tools/common/why)
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -Wl,--wrap=open -Wl,--wrap=fsync -lcmocka

.PHONY: unit-drain
unit-drain: $(B)/tests/drain_test
	$(Q)$<
CHECKS += unit-drain
