# SPDX-License-Identifier: BSD-2-Clause
# The portable frontends on the host, with a peer that lies.

FRONTEND_COMMON := $(B)/obj/san/drivers/frontend/device.o $(B)/obj/san/xenbus/state/xenbus.o $(B)/obj/san/tests/unit/fake_os.o
FRONTEND_TEST := $(patsubst %,$(B)/obj/san/drivers/frontend/%.o,console store blk) $(B)/obj/san/tests/unit/frontend_test.o
FRONTEND_NET_TEST := $(B)/obj/san/drivers/frontend/net.o $(B)/obj/san/tests/unit/frontend_net_test.o

$(B)/obj/san/drivers/frontend/%.o $(patsubst %,$(B)/obj/san/tests/unit/%.o,fake_os frontend_test frontend_net_test): \
	HOST_CFLAGS += -D__XEN_INTERFACE_VERSION__=0x00040e00

$(B)/tests/frontend_test: $(FRONTEND_TEST) $(FRONTEND_COMMON)
$(B)/tests/frontend_net_test: $(FRONTEND_NET_TEST) $(FRONTEND_COMMON)
$(B)/tests/frontend_test $(B)/tests/frontend_net_test:
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka

CHECKS += unit-frontend
.PHONY: unit-frontend
unit-frontend: $(B)/tests/frontend_test $(B)/tests/frontend_net_test
	@$(B)/tests/frontend_test
	@$(B)/tests/frontend_net_test
