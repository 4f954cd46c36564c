# SPDX-License-Identifier: BSD-2-Clause
# Kernel images, the instruction decoder, CPUID, rights to devices, the control domain's calls, time: unit tests and fuzz targets.

HV_CTRL_FLAGS := -DTORC_HOST_BUILD -Ihypervisor/include
HV_CTRL_TESTS := insn elf cpuid io index domctl emulate pirq time kick msr vcpu context
insn_TESTED := hypervisor/pv/insn
elf_TESTED := hypervisor/lib/elf hypervisor/lib/print
cpuid_TESTED := hypervisor/pv/cpuid
io_TESTED := hypervisor/pv/io
index_TESTED := hypervisor/domain/index
domctl_TESTED := hypervisor/hypercall/domctl
pirq_TESTED := hypervisor/pv/pirq
time_TESTED := hypervisor/pv/time
kick_TESTED := hypervisor/pv/trap
msr_TESTED := hypervisor/pv/msr
vcpu_TESTED := hypervisor/hypercall/vcpu
context_TESTED := hypervisor/pv/context
emulate_TESTED := hypervisor/pv/emulate hypervisor/pv/insn

$(foreach t,$(HV_CTRL_TESTS),$(eval $(B)/obj/san/tests/unit/$(t)_test.o: HOST_CFLAGS += $(HV_CTRL_FLAGS)))
$(foreach t,insn pvkernel,$(eval $(B)/obj/fuzz/tests/fuzz/$(t)_fuzz.o: HOST_CFLAGS += $(HV_CTRL_FLAGS)))

define hv_ctrl_test
$(B)/tests/$(1)_test: $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/$(1)_test $($(1)_TESTED)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(HOST_CC) $$(SAN_FLAGS) -o $$@ $$^ -lcmocka
.PHONY: unit-$(1)
unit-$(1): $(B)/tests/$(1)_test
	$$(Q)$$<
CHECKS += unit-$(1)
endef
$(foreach t,$(HV_CTRL_TESTS),$(eval $(call hv_ctrl_test,$(t))))

FUZZERS += insn pvkernel
insn_FUZZ_OBJS := $(addprefix $(B)/obj/fuzz/,tests/fuzz/insn_fuzz.o hypervisor/pv/insn.o)
pvkernel_FUZZ_OBJS := $(addprefix $(B)/obj/fuzz/,tests/fuzz/pvkernel_fuzz.o hypervisor/lib/elf.o hypervisor/lib/print.o)
