# SPDX-License-Identifier: BSD-2-Clause
# Unit tests of the hypervisor's boot, formatting, timers, clock, log, floating point, own traps and page tables.

$(addprefix $(B)/obj/san/tests/unit/,print_test.o timer_test.o clock_test.o console_test.o fpu_test.o bootinfo_test.o own_trap_test.o paging_test.o): HOST_CFLAGS += -DTORC_HOST_BUILD -Ihypervisor/include

HV_X86_TESTS := print timer clock console fpu bootinfo own_trap paging
print_TESTED := hypervisor/lib/print
timer_TESTED := hypervisor/core/timer
clock_TESTED :=	# includes the file
console_TESTED := hypervisor/core/console hypervisor/lib/print
fpu_TESTED :=	# includes the file
paging_TESTED :=	# includes the file
own_trap_TESTED := hypervisor/x86/trap
bootinfo_TESTED := hypervisor/boot/cmdline hypervisor/boot/multiboot hypervisor/x86/boot_mem

define hv_x86_test
$(B)/tests/$(1)_test: $(addprefix $(B)/obj/san/,$(addsuffix .o,tests/unit/$(1)_test $($(1)_TESTED)))
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(HOST_CC) $$(SAN_FLAGS) -o $$@ $$^ -lcmocka
.PHONY: unit-$(1)
unit-$(1): $(B)/tests/$(1)_test
	$$(Q)$$<
CHECKS += unit-$(1)
endef
$(foreach t,$(HV_X86_TESTS),$(eval $(call hv_x86_test,$(t))))
