# SPDX-License-Identifier: BSD-2-Clause
# The reference kernel, built for PV64 and PV32, and every guest that is linked from it.

REF := pvguest-kernel-patches/reference

REF_CFLAGS := -O2 -g -std=gnu11 $(WARNINGS) -I. -I$(REF) -ffreestanding -fno-stack-protector -fno-pic \
	-fno-pie -mgeneral-regs-only -fno-asynchronous-unwind-tables -fcf-protection=none \
	-fno-tree-loop-distribute-patterns -D__XEN_INTERFACE_VERSION__=0x00040e00
REF_CFLAGS64 := $(REF_CFLAGS) -m64 -mcmodel=kernel -mno-red-zone
REF_CFLAGS32 := $(REF_CFLAGS) -m32 -march=i686

REF_KERNEL := $(patsubst %,$(REF)/%.o,notes user-code main lib print mm trap event timer grant user os) \
	$(patsubst %,drivers/frontend/%.o,console store device blk net) \
	xenbus/state/xenbus.o

$(B)/obj/guest64/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-PV64,$<)
	$(Q)$(HOST_CC) $(REF_CFLAGS64) -MMD -MP -c -o $@ $<
$(B)/obj/guest32/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC-PV32,$<)
	$(Q)$(HOST_CC) $(REF_CFLAGS32) -MMD -MP -c -o $@ $<
$(B)/obj/guest64/%.o: %.S
	@mkdir -p $(@D)
	$(call say,AS-PV64,$<)
	$(Q)$(HOST_CC) $(REF_CFLAGS64) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<
$(B)/obj/guest32/%.o: %.S
	@mkdir -p $(@D)
	$(call say,AS-PV32,$<)
	$(Q)$(HOST_CC) $(REF_CFLAGS32) -D__ASSEMBLY__ -MMD -MP -c -o $@ $<
$(B)/obj/guest64/kernel.lds: $(REF)/kernel.lds.S $(REF)/layout.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) -E -P -m64 -D__ASSEMBLY__ -I$(REF) -o $@ $<
$(B)/obj/guest32/kernel.lds: $(REF)/kernel.lds.S $(REF)/layout.h
	@mkdir -p $(@D)
	$(Q)$(HOST_CC) -E -P -m32 -D__ASSEMBLY__ -I$(REF) -o $@ $<

REF_LINK = @$(call say,LD,$@); mkdir -p $(@D); \
	$(HOST_CC) $(2) -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 \
	-Wl,-T,$(B)/obj/guest$(1)/kernel.lds -o $@ $(filter %.o,$^) -lgcc

# $(eval $(call guest,NAME,OBJECTS)): build/guests/NAME64.elf and NAME32.elf of the kernel and these
define guest
$(B)/guests/$(1)64.elf: $(addprefix $(B)/obj/guest64/,$(REF_KERNEL) $(REF)/boot64.o $(2) kernel.lds)
	$$(call REF_LINK,64,-m64)
$(B)/guests/$(1)32.elf: $(addprefix $(B)/obj/guest32/,$(REF_KERNEL) $(REF)/boot32.o $(2) kernel.lds)
	$$(call REF_LINK,32,-m32)
ALL += $(B)/guests/$(1)64.elf $(B)/guests/$(1)32.elf
$(B)/image/small.cpio.gz: $(B)/guests/$(1)64.elf $(B)/guests/$(1)32.elf
endef

$(eval $(call guest,reference,$(patsubst %,$(REF)/%.o,reference selftest smp disktest netecho shell suspend work)))

include pvguest-kernel-patches/linux-6.1-i386/rules.mk
include pvguest-kernel-patches/teaching/rules.mk
