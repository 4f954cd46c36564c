# SPDX-License-Identifier: BSD-2-Clause
#
# The tools of the control domain: torc and torc-consoled.

DEPS += libxen-dev # the control ABI and the stable libxen* libraries
DEPS += libjson-c-dev # JSON
DEPS += libev-dev # event loop of the daemons
DEPS += libseccomp-dev # daemons give up what they do not need
DEPS += zlib1g-dev # kernels: gzip
DEPS += liblzma-dev # kernels: xz, lzma
DEPS += libbz2-dev # kernels: bzip2
DEPS += liblz4-dev # kernels: lz4
DEPS += libzstd-dev # kernels: zstd
DEPS += libcapstone-dev # kernels: what their instructions are
DEPS += libisofs-dev # disks for cloud-init

TOOLS_COMMON := $(addprefix dom0-tools/common/,why paths part beside log ready)
TOOLS_HOST := $(addprefix dom0-tools/host/,call domctl vcpu memory event grant sysctl torcop frames migrate debug)
TOOLS_IMAGE_APART := $(addprefix dom0-tools/builder/,image elf bzimage cache)
TOOLS_IMAGE := $(TOOLS_IMAGE_APART) dom0-tools/builder/unpack
TOOLS_SCAN := $(addprefix dom0-tools/builder/,scan scan_elf scan_notes)
TOOLS_BUILD := $(addprefix dom0-tools/builder/,layout tables fill pv32 pv64 build)
TOOLS_BUILDER := $(TOOLS_IMAGE) $(TOOLS_BUILD)
TOOLS_CONFIG := $(addprefix dom0-tools/config/,parse config device near)
# what torc unpause undoes after a debugger that was killed; the rest of torc gdb is torc-more's
TOOLS_GDB := $(addprefix dom0-tools/gdb/,memory points regs target journal)
TOOLS_GDB_MORE := $(addprefix dom0-tools/gdb/,packet stub query serve) dom0-tools/host/alarm dom0-tools/cli/gdb
TOOLS_DUMP := $(addprefix dom0-tools/dump/,frames walk elf elf32 write)
# from a domain to a stream and back
TOOLS_MIGRATION := $(addprefix migration/,io_fd parts stream tables context p2m send rounds throttle pages delta sent_cache predict receive)
TOOLS_CLI := $(addprefix dom0-tools/cli/,main doors help out domains list info create creating mark saving describe nodes name node burst backend patience disk claim nic record lifecycle \
	interrupt terminal console why resources devices attach supervise supervisor watch check storecmd config_update dump_core save restore image suspend xlfile release seed)

TOOLS_UNPACK_LIBS := -lz -llzma -lbz2 -llz4 -lzstd
TOOLS_HOST_LIBS := -lxencall -lxenforeignmemory -lxentoollog

# torc has what is run often and is linked statically: loading libraries was four fifths of what "torc list" cost. What
# needs TLS or a disassembler is in torc-more beside it, which has all commands and is what torc goes on as for these;
# unpacking kernels is torc-unpack's.
TOOLS_TORC := $(TOOLS_COMMON) $(TOOLS_HOST) $(TOOLS_BUILD) $(TOOLS_CONFIG) $(TOOLS_DUMP) $(TOOLS_GDB) $(TOOLS_MIGRATION) $(TOOLS_CLI)
$(B)/bin/torc: $(patsubst %,$(B)/obj/host/%.o,$(TOOLS_TORC) $(TOOLS_IMAGE_APART) dom0-tools/builder/unpack_apart dom0-tools/cli/light) \
	$(B)/obj/host/xenbus/client.a | $(B)/bin/torc-more $(B)/bin/torc-unpack
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -static-pie -o $@ $^ $(TOOLS_HOST_LIBS) -lxentoolcore $(XENBUS_CLIENT_LIBS) -ljson-c

TOOLS_MORE_LIBS = $(TOOLS_UNPACK_LIBS) -lcapstone -lxenevtchn
$(B)/bin/torc-more: $(patsubst %,$(B)/obj/host/%.o,$(TOOLS_TORC) $(TOOLS_IMAGE) $(TOOLS_SCAN) $(TOOLS_GDB_MORE) $(addprefix dom0-tools/cli/,commands check_kernel)) \
	$(B)/obj/host/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(TOOLS_HOST_LIBS) $(TOOLS_MORE_LIBS) $(XENBUS_CLIENT_LIBS) -ljson-c

$(B)/bin/torc-unpack: $(patsubst %,$(B)/obj/host/dom0-tools/%.o,common/why builder/unpack builder/unpack_main)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(TOOLS_UNPACK_LIBS) -lseccomp

$(B)/bin/torc-seed: $(patsubst %,$(B)/obj/host/%.o,$(TOOLS_COMMON) dom0-tools/seed/main)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ -lisofs


$(B)/bin/torc-consoled: $(patsubst %,$(B)/obj/host/%.o,$(TOOLS_COMMON) $(TOOLS_HOST) \
	$(addprefix dom0-tools/consoled/,main console viewer ring logfile sandbox door) $(addprefix dom0-tools/common/,sandbox drop)) \
	$(B)/obj/host/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -Wl,--wrap=connect -o $@ $^ $(TOOLS_HOST_LIBS) -lxenevtchn -lxengnttab $(XENBUS_CLIENT_LIBS) -lev -lutil -lseccomp

ALL += $(B)/bin/torc $(B)/bin/torc-more $(B)/bin/torc-unpack $(B)/bin/torc-consoled $(B)/bin/torc-seed

# Manual pages, completion and the table of error codes come from the same tables as the commands.
$(B)/man/torc.1: $(B)/bin/torc
	@mkdir -p $(@D)
	$(Q)$< help --man > $@
$(B)/man/torc.cfg.5: $(B)/bin/torc
	@mkdir -p $(@D)
	$(Q)$< help --man-config > $@
$(B)/completions/torc: $(B)/bin/torc
	@mkdir -p $(@D)
	$(Q)$< help --completion > $@

ALL += $(B)/man/torc.1 $(B)/man/torc.cfg.5 $(B)/completions/torc

# Each daemon killed sixty times, at random moments
SOAKS += soak-daemon-kill
.PHONY: soak-daemon-kill
soak-daemon-kill: rig all
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc --arg kills=60 --timeout 3600 daemon-kill

# A guest is destroyed while it is being made again
SOAKS += soak-again
.PHONY: soak-again
soak-again: rig all
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc again

# All programs, whichever folder they are from
.PHONY: install-tools
install-tools:
	install -d $(DESTDIR)$(PREFIX)/sbin $(DESTDIR)$(PREFIX)/share/man/man1 $(DESTDIR)$(PREFIX)/share/man/man5 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/torc/schemas
	install -m 755 $(filter $(B)/bin/%,$(ALL)) $(DESTDIR)$(PREFIX)/sbin/
	install -m 644 $(B)/man/torc.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 $(B)/man/torc.cfg.5 $(DESTDIR)$(PREFIX)/share/man/man5/
	install -m 644 $(B)/completions/torc $(DESTDIR)$(PREFIX)/share/bash-completion/completions/torc
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for u in dom0-tools/units/*.service dom0-tools/units/*.mount; do \
		sed 's,/usr/local/,$(PREFIX)/,' $$u > $(DESTDIR)$(PREFIX)/lib/systemd/system/$${u##*/}; done
	install -d $(DESTDIR)/etc/grub.d
	sed 's,/usr/local/,$(PREFIX)/,' dom0-tools/grub/20_linux_torc > $(DESTDIR)/etc/grub.d/20_linux_torc
	chmod 755 $(DESTDIR)/etc/grub.d/20_linux_torc
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d
	install -m 644 dom0-tools/units/torc.sysusers $(DESTDIR)$(PREFIX)/lib/sysusers.d/torc.conf
	install -d $(DESTDIR)$(PREFIX)/lib/modprobe.d
	install -m 644 dom0-tools/units/torc.modprobe $(DESTDIR)$(PREFIX)/lib/modprobe.d/torc.conf
	install -m 644 dom0-tools/schemas/*.json $(DESTDIR)$(PREFIX)/share/torc/schemas/
INSTALLS += install-tools
