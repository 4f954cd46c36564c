# SPDX-License-Identifier: BSD-2-Clause
# The portable frontends on the host, with a peer that lies.

FRONTEND_TEST := $(patsubst %,$(B)/obj/san/drivers/frontend/%.o,console store device blk) \
	$(B)/obj/san/xenbus/state/xenbus.o $(B)/obj/san/tests/unit/frontend_test.o

$(B)/obj/san/drivers/frontend/%.o $(B)/obj/san/tests/unit/frontend_test.o: HOST_CFLAGS += -D__XEN_INTERFACE_VERSION__=0x00040e00

$(B)/tests/frontend_test: $(FRONTEND_TEST)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka

CHECKS += unit-frontend
.PHONY: unit-frontend
unit-frontend: $(B)/tests/frontend_test
	@$(B)/tests/frontend_test
