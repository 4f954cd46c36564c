# SPDX-License-Identifier: BSD-2-Clause
# Code of the Linux patches that runs without Linux: cut out of the patch, in a 32-bit program of its own.

ENTRY32_PATCH := $(wildcard pvguest-kernel-patches/linux-6.1-i386/0003-*.patch)

$(B)/obj/entry32/entry32.S: $(ENTRY32_PATCH)
	@mkdir -p $(@D)
	$(Q)sed -n '/^+++ b.arch.x86.xen.entry32.S$$/,/^diff --git/{/^+++/d;/^+/!d;s/^+//;/^#include/d;p}' $< > $@
$(B)/tests/entry32_test: tests/unit/entry32_frame.S tests/unit/entry32_test.c $(B)/obj/entry32/entry32.S
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -m32 -O2 $(WARNINGS) -ffreestanding -fno-pic -fno-stack-protector -nostdlib -static -no-pie -Wl,--build-id=none \
		-I$(B)/obj/entry32 -o $@ $(filter tests/unit/%,$^)

CHECKS += unit-entry32
.PHONY: unit-entry32
unit-entry32: $(B)/tests/entry32_test
	@$< || { [ $$? = 126 ] && echo "ok entry32 # skip this machine's kernel runs no 32-bit programs"; }
