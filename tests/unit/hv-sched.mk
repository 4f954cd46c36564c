# SPDX-License-Identifier: BSD-2-Clause
# Event channels, grants and the scheduler, as a host library. Read after hv-mem.mk, whose list it extends.

HV_LIFE_TESTED := $(HV_MEM_TESTED) hypervisor/pv/evtchn hypervisor/pv/grant hypervisor/pv/maptrack tests/unit/fake_life
HV_LIFE_TESTS := evtchn_test grant_test
grant_test_TOO := hypervisor/pv/life

$(foreach k,host san tsan fuzz,$(foreach t,unit/fake_life unit/fake_cpus unit/sched_test unit/sched_turns_test $(addprefix unit/,$(HV_LIFE_TESTS)) fuzz/grant_fuzz fuzz/evtchn_fuzz,\
	$(eval $(B)/obj/$(k)/tests/$(t).o: HOST_CFLAGS += $$(HV_MEM_FLAGS) -Itests/unit)))

define hv_life_test
$(B)/tests/$(1): $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/$(1) $($(1)_TOO) $(HV_LIFE_TESTED)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(HOST_CC) $$(SAN_FLAGS) -o $$@ $$^ -lcmocka -lpthread

.PHONY: unit-$(1:_test=)
unit-$(1:_test=): $(B)/tests/$(1)
	$$(Q)$$<
CHECKS += unit-$(1:_test=)
endef
$(foreach t,$(HV_LIFE_TESTS),$(eval $(call hv_life_test,$(t))))

$(B)/tests/sched_test $(B)/tests/sched_turns_test: $(B)/tests/%: $(B)/obj/san/tests/unit/%.o \
	$(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/fake_cpus hypervisor/domain/sched hypervisor/domain/vcpu))
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka

.PHONY: unit-sched
unit-sched: $(B)/tests/sched_test $(B)/tests/sched_turns_test
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(B)/tests/sched_test	# the leak check at the end never comes back here
	$(Q)ASAN_OPTIONS=detect_leaks=0 $(B)/tests/sched_turns_test
CHECKS += unit-sched

FUZZERS += grant evtchn
grant_FUZZ_OBJS := $(addprefix $(B)/obj/fuzz/,$(addsuffix .o,tests/fuzz/grant_fuzz $(HV_LIFE_TESTED)))
evtchn_FUZZ_OBJS := $(addprefix $(B)/obj/fuzz/,$(addsuffix .o,tests/fuzz/evtchn_fuzz $(HV_LIFE_TESTED)))
