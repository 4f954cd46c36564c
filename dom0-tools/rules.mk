# SPDX-License-Identifier: BSD-2-Clause
#
# The tools of the control domain: torc and torc-consoled.

DEPS += libxen-dev # the control ABI and the stable libxen* libraries
DEPS += libjson-c-dev # JSON
DEPS += libev-dev # event loop of the daemons
DEPS += zlib1g-dev # kernels: gzip
DEPS += liblzma-dev # kernels: xz, lzma
DEPS += libbz2-dev # kernels: bzip2
DEPS += liblz4-dev # kernels: lz4
DEPS += libzstd-dev # kernels: zstd

TOOLS_COMMON := $(addprefix dom0-tools/common/,why paths)
TOOLS_HOST := $(addprefix dom0-tools/host/,call domctl vcpu memory event grant sysctl torcop)
TOOLS_IMAGE := $(addprefix dom0-tools/builder/,image elf bzimage unpack cache)
TOOLS_BUILDER := $(TOOLS_IMAGE) $(addprefix dom0-tools/builder/,layout tables fill pv32 pv64 build)
TOOLS_CONFIG := $(addprefix dom0-tools/config/,parse config device near)
TOOLS_CLI := $(addprefix dom0-tools/cli/,main out domains list info create nodes patience disk nic record lifecycle \
	console why resources devices attach supervise)

TOOLS_UNPACK_LIBS := -lz -llzma -lbz2 -llz4 -lzstd
TOOLS_HOST_LIBS := -lxencall -lxenforeignmemory -lxentoollog

$(B)/bin/torc: $(patsubst %,$(B)/obj/host/%.o,$(TOOLS_COMMON) $(TOOLS_HOST) $(TOOLS_BUILDER) $(TOOLS_CONFIG) $(TOOLS_CLI)) \
	$(B)/obj/host/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(TOOLS_HOST_LIBS) $(TOOLS_UNPACK_LIBS) $(XENBUS_CLIENT_LIBS) -ljson-c


$(B)/bin/torc-consoled: $(patsubst %,$(B)/obj/host/%.o,$(TOOLS_COMMON) $(TOOLS_HOST) \
	$(addprefix dom0-tools/consoled/,main console viewer ring logfile)) $(B)/obj/host/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(TOOLS_HOST_LIBS) -lxenevtchn -lxengnttab $(XENBUS_CLIENT_LIBS) -lev -lutil

ALL += $(B)/bin/torc $(B)/bin/torc-consoled
