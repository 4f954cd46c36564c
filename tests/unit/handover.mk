# SPDX-License-Identifier: BSD-2-Clause
# The handover against random faults. SCHEDULES=1000000 SEED=N for more of them.

HANDOVER_TESTED := $(addprefix migration/,handover record durable) $(addprefix dom0-tools/common/,why paths)

$(B)/tests/handover_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/handover_test $(HANDOVER_TESTED))
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka

.PHONY: unit-handover
unit-handover: $(B)/tests/handover_test
	$(Q)$<
CHECKS += unit-handover

SOAKS += soak-handover
.PHONY: soak-handover
soak-handover: $(B)/tests/handover_test
	$(Q)SCHEDULES=20000000 SEED=$${SEED:-1} $<
