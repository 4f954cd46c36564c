# SPDX-License-Identifier: BSD-2-Clause
#
# torc-netd, the network backend.

NETD_OBJS := $(addprefix $(B)/obj/host/,$(addsuffix .o,$(BACKEND_PARTS) \
	$(addprefix drivers/backend/net/,main device vif from_guest to_guest packet answers hash ctrl staging guard tap link)))

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
