# SPDX-License-Identifier: BSD-2-Clause
#
# Images for QEMU: Debian's packages into build/stock/, the layers of dom0's initramfs into
# build/image/, build/dom0.cpio.gz (our tools, and a guest to show), build/torc.iso.

IMAGE	:= dom0-tools/image
STOCK	:= $(B)/stock
LAYERS	:= $(B)/image

# What of ours goes into dom0: every tool that is built. Folders may add files (daemons' helpers).
IMAGE_TOOLS ?= $(filter $(B)/bin/%,$(ALL))
IMAGE_GUESTS = $(filter $(B)/guests/%,$(ALL))

$(STOCK)/abi: $(IMAGE)/fetch $(IMAGE)/packages $(IMAGE)/vmlinux
	$(call say,FETCH,$(STOCK))
	$(Q)$(IMAGE)/fetch $(STOCK)

$(STOCK)/vmlinux.gz: $(STOCK)/abi
	$(call say,GZIP,$@)
	$(Q)gzip -1 -n < $(STOCK)/vmlinux > $@.tmp && mv $@.tmp $@

$(LAYERS)/base.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(wildcard $(IMAGE)/dom0/*)
	$(call say,LAYER,$@)
	$(Q)$< base $(STOCK) $@

$(LAYERS)/stock.cpio.gz: $(IMAGE)/layer $(STOCK)/abi
	$(call say,LAYER,$@)
	$(Q)$< stock $(STOCK) $@

$(LAYERS)/torc.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(IMAGE_TOOLS)
	$(call say,LAYER,$@)
	$(Q)$< torc $(STOCK) $@ $(IMAGE_TOOLS)

$(LAYERS)/initrd.cpio: $(IMAGE)/layer $(STOCK)/abi $(IMAGE)/guest/init
	$(call say,LAYER,$@)
	$(Q)$< guestrd $(STOCK) $@

# The kernel's own ELF beside its bzImage: unpacking xz takes seconds under emulation
$(LAYERS)/linux.cpio.gz: $(IMAGE)/layer $(LAYERS)/initrd.cpio $(STOCK)/vmlinux.gz
	$(call say,LAYER,$@)
	$(Q)$< guests $(STOCK) $@ $(STOCK)/vmlinuz $(STOCK)/vmlinux.gz $(LAYERS)/initrd.cpio

$(LAYERS)/grub.cpio.gz: $(IMAGE)/layer $(STOCK)/abi
	$(call say,LAYER,$@)
	$(Q)$< guests $(STOCK) $@ $(STOCK)/root/usr/lib/grub-xen/grub-{x86_64,i386}-xen.bin

$(LAYERS)/small.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(IMAGE_GUESTS)
	$(call say,LAYER,$@)
	$(Q)$< guests $(STOCK) $@ $(IMAGE_GUESTS)

IMAGE_LAYERS := $(addprefix $(LAYERS)/,base.cpio.gz stock.cpio.gz torc.cpio.gz linux.cpio.gz grub.cpio.gz small.cpio.gz)
.PHONY: images
images: $(IMAGE_LAYERS)
