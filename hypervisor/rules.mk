# SPDX-License-Identifier: BSD-2-Clause
#
# The hypervisor: build/torc, which loaders load (32-bit ELF, low physical addresses, multiboot 1 and 2), and build/torc.sym, the
# same image as 64-bit ELF with symbols and line numbers for gdb and addr2line. RELEASE=1 leaves assertions and lock checks out.

HV_OBJ := $(B)/obj/hv
HV_CC ?= gcc
HV_CFLAGS := -std=gnu11 -O2 -g -m64 -march=x86-64 -ffreestanding -fPIE -mcmodel=small -fvisibility=hidden \
	-include hypervisor/include/torc/hidden.h -mno-red-zone -mgeneral-regs-only -mno-sse -fno-stack-protector \
	-fno-strict-aliasing -fno-strict-overflow -fno-asynchronous-unwind-tables -fcf-protection=none -fno-jump-tables \
	-fno-common -ffunction-sections $(WARNINGS) -Wno-missing-field-initializers -Wframe-larger-than=2048 \
	-Ihypervisor/include $(if $(filter 1,$(RELEASE)),-DNDEBUG -fomit-frame-pointer,-fno-omit-frame-pointer)
HV_AFLAGS := -m64 -D__ASSEMBLER__ -g -Ihypervisor/include -I$(HV_OBJ)
HV_LDFLAGS := -m elf_x86_64 -static -nostdlib -z noexecstack -z max-page-size=4096 --build-id=none --orphan-handling=error \
	--gc-sections

HV_SRCS := $(sort $(shell find hypervisor -name '*.c' ! -name asm-offsets.c))
HV_ASMS := $(sort $(wildcard hypervisor/x86/*.S hypervisor/boot/start.S))
HV_OBJS := $(patsubst %,$(HV_OBJ)/%.o,$(basename $(HV_ASMS) $(HV_SRCS)))
HV_LOAD := 0x200000		# where loaders put it; torc.lds.S says the same

ALL += $(B)/torc $(B)/torc.sym

.PHONY: install-hypervisor
install-hypervisor: $(B)/torc
	install -d $(DESTDIR)/boot
	install -m 644 $< $(DESTDIR)/boot/torc
INSTALLS += install-hypervisor

# The same files on the host, for tests and fuzzers.
$(addprefix $(B)/obj/,$(addsuffix /hypervisor/%.o,host san tsan fuzz)): HOST_CFLAGS += -DTORC_HOST_BUILD -Ihypervisor/include

# One flavour in the tree at a time: changing RELEASE= or the flags rebuilds.
$(HV_OBJ)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(HV_CC) $(HV_CFLAGS) $(HV_AFLAGS)' | cmp -s - $@ || echo '$(HV_CC) $(HV_CFLAGS) $(HV_AFLAGS)' > $@
.PHONY: FORCE
FORCE:

$(HV_OBJ)/%.o: %.c $(HV_OBJ)/flags
	@mkdir -p $(@D)
	$(call say,HV-CC,$<)
	$(Q)$(HV_CC) $(HV_CFLAGS) -MMD -MP -c -o $@ $<

$(HV_OBJ)/%.o: %.S $(HV_OBJ)/asm-offsets.h $(HV_OBJ)/flags
	@mkdir -p $(@D)
	$(call say,HV-AS,$<)
	$(Q)$(HV_CC) $(HV_AFLAGS) -MMD -MP -c -o $@ $<

# Offsets of C's structures for assembly: the compiler writes them as text.
$(HV_OBJ)/asm-offsets.h: hypervisor/x86/asm-offsets.c $(HV_OBJ)/flags
	@mkdir -p $(@D)
	$(call say,HV-GEN,$@)
	$(Q)$(HV_CC) $(HV_CFLAGS) -MMD -MP -MT $@ -MF $(HV_OBJ)/asm-offsets.d -S -o $(HV_OBJ)/asm-offsets.s $<
	$(Q)sed -n 's/^.*==> \([A-Za-z0-9_]*\) \$$*\([-0-9]*\).*/#define \1 \2/p' $(HV_OBJ)/asm-offsets.s > $@

$(HV_OBJ)/torc.lds: hypervisor/torc.lds.S hypervisor/include/torc/layout.h $(HV_OBJ)/flags
	@mkdir -p $(@D)
	$(Q)$(HV_CC) -E -P -x c -D__ASSEMBLER__ -Ihypervisor/include -o $@ $<

# The table of symbols for backtraces lies behind the text, so that it moves no function: one link without it gives the
# addresses, the second is the image.
$(HV_OBJ)/pass1: $(HV_OBJS) $(HV_OBJ)/torc.lds
	$(call say,HV-LD,$@)
	$(Q)echo '.section .symbols, "a"; .globl symbol_table; symbol_table: .long 0' | $(HV_CC) -m64 -x assembler -c -o $(HV_OBJ)/no-symbols.o -
	$(Q)ld $(HV_LDFLAGS) -T $(HV_OBJ)/torc.lds -o $@ $(HV_OBJS) $(HV_OBJ)/no-symbols.o

$(HV_OBJ)/symbols.o: $(HV_OBJ)/pass1 hypervisor/symbols.awk
	$(Q)nm -n $< | awk -f hypervisor/symbols.awk > $(HV_OBJ)/symbols.s
	$(Q)$(HV_CC) -m64 -c -o $@ $(HV_OBJ)/symbols.s

$(B)/torc.sym: $(HV_OBJS) $(HV_OBJ)/symbols.o $(HV_OBJ)/torc.lds
	$(call say,HV-LD,$@)
	$(Q)ld $(HV_LDFLAGS) -T $(HV_OBJ)/torc.lds -o $@ $(HV_OBJS) $(HV_OBJ)/symbols.o

# Loaders take a 32-bit ELF: the image's bytes, wrapped.
$(B)/torc: $(B)/torc.sym
	$(call say,HV-WRAP,$@)
	$(Q)objcopy -O binary $< $(HV_OBJ)/torc.bin
	$(Q)bss=$$(( 0x$$(nm $< | awk '$$3 == "image_end" { print $$1 }') - 0x$$(nm $< | awk '$$3 == "image_start" { print $$1 }') \
			- $$(stat -c %s $(HV_OBJ)/torc.bin) )); \
	printf '.section .image, "awx"\n.incbin "%s"\n.bss\n.space %d\n' $(HV_OBJ)/torc.bin $$bss | \
		$(HV_CC) -m32 -x assembler -c -o $(HV_OBJ)/wrap.o -
	$(Q)entry=0x$$(nm $< | awk '$$3 == "boot_entry_phys" { print $$1 }'); \
	printf 'SECTIONS { . = %s; .image : { *(.image) } .zero : { *(.bss) } /DISCARD/ : { *(*) } }\n' $(strip $(HV_LOAD)) \
		> $(HV_OBJ)/wrap.lds; \
	ld -m elf_i386 -z noexecstack -z max-page-size=4096 --no-warn-rwx-segments --build-id=none -T $(HV_OBJ)/wrap.lds -e $$entry \
		-o $@ $(HV_OBJ)/wrap.o
