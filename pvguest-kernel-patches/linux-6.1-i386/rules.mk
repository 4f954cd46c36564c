# SPDX-License-Identifier: BSD-2-Clause
# A current Linux as a 32-bit guest in ring 1: build/linux32/{vmlinux,bzImage,initrd.cpio}. Not part of "make all": the first time
# it downloads 140 MB and compiles for minutes.

LINUX32 := pvguest-kernel-patches/linux-6.1-i386

DEPS += bc # the Linux build
DEPS += bison # the Linux build
DEPS += flex # the Linux build
DEPS += patch # our series

.PHONY: guest-linux32
guest-linux32: $(B)/bin/torc
	@$(LINUX32)/build $(B)/linux32 $(JOBS)
	@$(B)/bin/torc check-kernel $(B)/linux32/vmlinux

# That the patches apply by git am and by quilt, and what checkpatch says of them
ifneq ($(filter check-linux32,$(MAKECMDGOALS)),)
DEPS += git # git am
DEPS += quilt # quilt push
endif
.PHONY: check-linux32
check-linux32:
	@$(LINUX32)/check-series $(B)/linux32

# For scenarios: as /guests/linux32.elf and /guests/linux32.cpio
$(B)/image/linux32.cpio.gz: guest-linux32
	@mkdir -p $(@D)
	@ln -f $(B)/linux32/vmlinux $(B)/linux32/linux32.elf
	@ln -f $(B)/linux32/initrd.cpio $(B)/linux32/linux32.cpio
	$(call say,LAYER,$@)
	$(Q)dom0-tools/image/layer guests $(B)/stock $@ $(B)/linux32/linux32.elf $(B)/linux32/linux32.cpio

# Hard work for it: /guests/linux32-work.cpio
$(B)/image/linux32-work.cpio.gz: guest-linux32
	@mkdir -p $(@D)
	@$(LINUX32)/userland $(B)/linux32
	@ln -f $(B)/linux32/work.cpio $(B)/linux32/linux32-work.cpio
	$(call say,LAYER,$@)
	$(Q)dom0-tools/image/layer guests $(B)/stock $@ $(B)/linux32/linux32-work.cpio

# On one, two and four vCPUs: a machine each, so that each is a matter of minutes. VCPUS=: others; STRESS=: seconds of each stressor
VCPUS ?= 1 2 4
STRESS ?= 5
LINUX32_RIG = $(Q)RIG_BUILD=$(B) tests/rig/boot --hv torc --tools torc
.PHONY: soak-linux32
soak-linux32: rig $(B)/image/linux32.cpio.gz $(B)/image/linux32-work.cpio.gz
	$(LINUX32_RIG) linux32
	$(Q)for v in $(VCPUS); do RIG_BUILD=$(B) tests/rig/boot --hv torc --tools torc --arg vcpus=$$v \
		--arg seconds=$(STRESS) linux32-work || exit 1; done
	$(LINUX32_RIG) --layers linux,linux32,small,backends --arg guest=linux32 --arg vcpus=2 save-restore
	$(LINUX32_RIG) --layers linux32,backends,grub,linux --arg guest=linux32 --arg vcpus=2 two-hosts
SOAKS += soak-linux32
