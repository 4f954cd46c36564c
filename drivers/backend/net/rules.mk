# SPDX-License-Identifier: BSD-2-Clause
#
# torc-netd, the network backend.

NETD_OBJS := $(addprefix $(B)/obj/host/,$(addsuffix .o,\
	drivers/backend/net/main drivers/backend/net/device drivers/backend/net/vif drivers/backend/net/from_guest drivers/backend/net/to_guest \
	drivers/backend/net/packet drivers/backend/net/answers drivers/backend/net/hash drivers/backend/net/ctrl drivers/backend/net/staging drivers/backend/net/guard \
	drivers/backend/net/tap drivers/backend/net/link drivers/backend/common/supervise drivers/backend/common/alone drivers/backend/common/bdev drivers/backend/common/confine dom0-tools/common/drop \
	drivers/backend/common/peer drivers/backend/common/ring dom0-tools/common/why))

$(B)/bin/torc-netd: $(NETD_OBJS) $(B)/obj/host/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(XENBUS_CLIENT_LIBS) -lev -lxengnttab -lxenevtchn -lseccomp

ALL += $(B)/bin/torc-netd

# Two guests that send to each other through the bridge, and one to and from another machine
SOAKS += soak-net
.PHONY: soak-net
soak-net: rig all
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc --arg pair=1 net
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc outside
