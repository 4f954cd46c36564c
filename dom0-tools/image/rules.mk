# SPDX-License-Identifier: BSD-2-Clause
#
# Images for QEMU: Debian's packages into build/stock/, the layers of dom0's initramfs into
# build/image/, build/dom0.cpio.gz (our tools, and a guest to show), build/torc.iso.

IMAGE	:= dom0-tools/image
STOCK	:= $(B)/stock
LAYERS	:= $(B)/image

# What of ours goes into dom0: every tool that is built. The backends are a layer of their own, since
# the libraries of network disks are larger than all the rest.
IMAGE_BACKENDS := $(B)/bin/torc-blkd $(B)/bin/torc-netd # by name: ALL does not know them yet where this is read
# Serves what is no raw file, qcow2 for one, as a network disk
DEPS += nbdkit # network disks that tests serve
IMAGE_NBDKIT := /usr/bin/nbdkit /usr/lib/x86_64-linux-gnu/nbdkit/plugins/nbdkit-file-plugin.so
IMAGE_TOOLS = $(filter-out $(IMAGE_BACKENDS),$(filter $(B)/bin/%,$(ALL)))
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

$(LAYERS)/torc.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(IMAGE_TOOLS) $(B)/bin/torc-stored
	$(call say,LAYER,$@)
	$(Q)$< torc $(STOCK) $@ $(IMAGE_TOOLS)

$(LAYERS)/backends.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(IMAGE_BACKENDS)
	$(call say,LAYER,$@)
	$(Q)$< torc $(STOCK) $@ $(IMAGE_BACKENDS) $(IMAGE_NBDKIT)

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

# Programs that work a guest's disk hard, for the long proofs only
ifneq ($(filter soak soak-disk soak-disk-hours soak-nbd,$(MAKECMDGOALS)),)
DEPS += fio # reads back what it wrote
DEPS += sqlite3 # a database that must survive
DEPS += e2fsprogs # its filesystem
endif
$(LAYERS)/work.cpio: $(IMAGE)/layer $(STOCK)/abi
	$(call say,LAYER,$@)
	$(Q)$< work $(STOCK) $@ /usr/bin/fio /usr/bin/sqlite3 /usr/sbin/mkfs.ext4 /usr/sbin/e2fsck

$(LAYERS)/work.cpio.gz: $(IMAGE)/layer $(LAYERS)/work.cpio
	$(call say,LAYER,$@)
	$(Q)$< guests $(STOCK) $@ $(LAYERS)/work.cpio

$(LAYERS)/small.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(IMAGE_GUESTS)
	$(call say,LAYER,$@)
	$(Q)$< guests $(STOCK) $@ $(IMAGE_GUESTS)

# What debugs a guest in dom0. The libraries are the build machine's, as its own gdb needs them too.
DEPS += gdb # reads dumps, and debugs guests
IMAGE_SOURCES := $(wildcard $(addsuffix /*.[chS],pvguest-kernel-patches/reference drivers/frontend))
$(LAYERS)/gdb.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(IMAGE_SOURCES)
	$(call say,LAYER,$@)
	$(Q)$< gdb $(STOCK) $@ $(STOCK)/root/usr/bin/gdb $(IMAGE_SOURCES)

# Debian's service manager, and what "make install" leaves: for the test of the units
$(B)/stock-systemd/versions: $(IMAGE)/fetch $(IMAGE)/packages-systemd
	$(call say,FETCH,$(@D))
	$(Q)$(IMAGE)/fetch $(@D) packages-systemd

$(LAYERS)/systemd.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(B)/stock-systemd/versions
	$(call say,LAYER,$@)
	$(Q)$< systemd $(STOCK) $@ $(B)/stock-systemd

# all that an installation is made of is in ALL, or stands where it is installed from
$(LAYERS)/installed.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(wildcard dom0-tools/units/* dom0-tools/grub/*) all
	$(call say,LAYER,$@)
	$(Q)rm -rf $(LAYERS)/installed
	$(Q)$(MAKE) --no-print-directory install DESTDIR=$(abspath $(LAYERS)/installed) PREFIX=/usr/local > /dev/null
	$(Q)$< installed $(STOCK) $@ $(LAYERS)/installed

IMAGE_LAYERS := $(addprefix $(LAYERS)/,\
	base.cpio.gz stock.cpio.gz torc.cpio.gz backends.cpio.gz linux.cpio.gz grub.cpio.gz small.cpio.gz gdb.cpio.gz)
.PHONY: images
images: $(IMAGE_LAYERS)

# --- the whole: Torc, Debian as dom0, our tools, a guest to show

HV_ARGS	:= console=com1,vga com1=115200,8n1 dom0_mem=1024M,max:1024M loglvl=info guest_loglvl=info
DOM0_ARGS := console=hvc0 quiet panic=5 random.trust_cpu=on
RUN_MEM	?= 2048
RUN_SMP	?= 2

$(B)/image/demo.cpio.gz: $(IMAGE)/layer $(STOCK)/abi $(wildcard $(IMAGE)/demo/*)
	$(call say,LAYER,$@)
	$(Q)$< tree $(STOCK) $@ $(IMAGE)/demo

$(B)/dom0.cpio.gz: $(foreach l,base torc backends small demo,$(LAYERS)/$(l).cpio.gz)
	$(call say,IMAGE,$@)
	$(Q)$(IMAGE)/join $@ $^

$(B)/torc.iso: $(IMAGE)/mkiso $(B)/torc $(STOCK)/abi $(B)/dom0.cpio.gz
	$(call say,ISO,$@)
	$(Q)$(IMAGE)/mkiso $@ 2 $(B)/torc "$(HV_ARGS)" $(STOCK)/vmlinux "$(DOM0_ARGS)" $(B)/dom0.cpio.gz

iso: $(B)/torc.iso

RUN_DEPS = $(B)/torc $(STOCK)/abi $(B)/dom0.cpio.gz
RUN_COMMAND = @$(IMAGE)/run $(RUN_SMP) $(RUN_MEM) $(B)/torc "$(HV_ARGS)" $(STOCK)/vmlinux "$(DOM0_ARGS)" $(B)/dom0.cpio.gz

# What the tests need to know of it
.PHONY: print-run
print-run:
	@printf '%s\n' 'hv=$(B)/torc' 'hv_args=$(HV_ARGS)' 'kernel=$(STOCK)/vmlinux' 'kernel_args=$(DOM0_ARGS)' \
		'initrd=$(B)/dom0.cpio.gz' 'mem=$(RUN_MEM)'
