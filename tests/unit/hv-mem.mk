# SPDX-License-Identifier: BSD-2-Clause
# Frames, direct paging and descriptor tables, as a host library: unit tests, a randomized check with threads, a fuzz target.

HV_MEM_TESTED := hypervisor/core/frame hypervisor/core/heap hypervisor/domain/pages hypervisor/domain/guestmem \
	hypervisor/pv/mmu hypervisor/pv/validate hypervisor/pv/walk hypervisor/pv/fault hypervisor/pv/segment hypervisor/pv/dirty \
	hypervisor/pv/insn tests/unit/fake_hv
HV_MEM_FLAGS := -DTORC_HOST_BUILD -Ihypervisor/include -Wno-missing-field-initializers
HV_MEM_TESTS := frame_test validate_test segment_test mmu_test heap_test dirty_test memory_test
memory_test_TOO := hypervisor/hypercall/memory hypervisor/hypercall/memory_info

$(foreach k,host san tsan fuzz,$(foreach t,fake_hv $(HV_MEM_TESTS) mmu_model grant_model,\
	$(eval $(B)/obj/$(k)/tests/unit/$(t).o: HOST_CFLAGS += $$(HV_MEM_FLAGS))))
$(B)/obj/fuzz/tests/fuzz/mmu_fuzz.o: HOST_CFLAGS += $(HV_MEM_FLAGS)

define hv_mem_test
$(B)/tests/$(1): $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/$(1) $($(1)_TOO) $(HV_MEM_TESTED)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(HOST_CC) $$(SAN_FLAGS) -o $$@ $$^ -lcmocka

.PHONY: unit-$(1:_test=)
unit-$(1:_test=): $(B)/tests/$(1)
	$$(Q)$$<
CHECKS += unit-$(1:_test=)
endef
$(foreach t,$(HV_MEM_TESTS),$(eval $(call hv_mem_test,$(t))))

# The randomized checks: threads that are vcpus, against the invariant; under the thread sanitizer.
$(B)/tests/mmu_model: $(addprefix $(B)/obj/tsan/,$(addsuffix .o,tests/unit/mmu_model $(HV_MEM_TESTED)))
$(B)/tests/grant_model: $(addprefix $(B)/obj/tsan/,$(addsuffix .o,tests/unit/grant_model hypervisor/pv/maptrack $(HV_MEM_TESTED)))

HV_MEM_MODELS := $(B)/tests/mmu_model $(B)/tests/grant_model
$(HV_MEM_MODELS):
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(TSAN_FLAGS) -o $@ $^ -lpthread

.PHONY: unit-mmu-model unit-grant-model
unit-mmu-model: $(B)/tests/mmu_model
unit-grant-model: $(B)/tests/grant_model
unit-mmu-model unit-grant-model:
	$(Q)$< 3
BUILT += $(HV_MEM_MODELS)
CHECKS += unit-mmu-model unit-grant-model

FUZZERS += mmu
mmu_FUZZ_OBJS := $(addprefix $(B)/obj/fuzz/,$(addsuffix .o,tests/fuzz/mmu_fuzz $(HV_MEM_TESTED)))
