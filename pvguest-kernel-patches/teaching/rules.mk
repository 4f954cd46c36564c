# SPDX-License-Identifier: BSD-2-Clause
# The teaching kernel: for the bare machine, and its port.

TEACH := pvguest-kernel-patches/teaching

define teaching
$(B)/guests/teaching-$(1).elf: $(addprefix $(B)/obj/guest32/$(TEACH)/,kernel.o user.o $(1)/entry.o $(1)/machine.o) $(TEACH)/kernel.lds
	@mkdir -p $$(@D)
	$$(call say,LD,$$@)
	$$(Q)$$(HOST_CC) -m32 -nostdlib -static -no-pie -Wl,--build-id=none -Wl,-z,max-page-size=4096 -Wl,--no-warn-rwx-segments \
		-Wl,-T,$(TEACH)/kernel.lds -o $$@ $$(filter %.o,$$^)
ALL += $(B)/guests/teaching-$(1).elf
$(LAYERS)/small.cpio.gz: $(B)/guests/teaching-$(1).elf # by name: where that rule is read, ALL does not know it yet
endef
$(eval $(call teaching,bare))
$(eval $(call teaching,port))

# On the bare machine, without the hypervisor. Its end is a write to a port by which QEMU ends with status 1.
.PHONY: teaching-bare
teaching-bare: $(B)/guests/teaching-bare.elf
	@out=$$(timeout 60 qemu-system-i386 -kernel $< -display none -serial stdio -monitor none -no-reboot \
		-device isa-debug-exit,iobase=0xf4,iosize=1 < /dev/null); \
	for l in "hello from ring 0" "the clock ticks" "a task in user mode" "the task ended with 0000600d"; do \
		grep -qxF "$$l" <<< "$$out" || { echo "not ok teaching-bare: no \"$$l\" in: $$out"; exit 1; }; done; \
	echo "ok teaching-bare"
TESTS += teaching-bare
