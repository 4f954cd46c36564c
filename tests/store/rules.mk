# SPDX-License-Identifier: BSD-2-Clause
# The store as a process: side by side with the reference's, under load, killed, handed over. A fake hypervisor is
# preloaded, so that guests' rings are there too, with no Xen underneath.

$(B)/tests/fakexen.so: tests/store/fakexen.c
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) $(HOST_CFLAGS) -shared -fPIC -o $@ $<

$(B)/tests/store-load: $(B)/obj/host/tests/store/load.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^

$(B)/tests/store-ringload: $(B)/obj/host/tests/store/ringload.o
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^

STORE_RIG := $(B)/tests/torc-stored-san $(B)/bin/torc-stored $(B)/tests/fakexen.so $(B)/tests/store-load \
	$(B)/tests/store-ringload

.PHONY: store-rings store-serial store-kill9 store-kill9-200 store-differential store-handover store-bench store-fuzz-hour
store-rings: $(STORE_RIG)
	@$(PYTHON) tests/store/rings.py
store-serial: $(STORE_RIG)
	@$(PYTHON) tests/store/serial.py 1
store-kill9: $(STORE_RIG)
	@$(PYTHON) tests/store/kill9.py 10
store-handover: $(STORE_RIG)
	@$(PYTHON) tests/store/handover.py
# beside the reference's stores, from Debian's packages
store-differential: $(STORE_RIG) | $(B)/stock/abi
	@$(PYTHON) tests/store/differential.py $(B)/stock/root
store-bench: $(STORE_RIG) | $(B)/stock/abi
	@$(PYTHON) tests/store/bench.py $(B)/stock/root
store-kill9-200: $(STORE_RIG)
	@$(PYTHON) tests/store/kill9.py 200
store-fuzz-hour: $(B)/fuzz/store
	@mkdir -p $(B)/fuzz/found-store
	@tests/store/fuzz-hour $(B)/fuzz/store $(B)/fuzz/found-store tests/fuzz/corpus/store

DEPS += xenstore-utils # the reference's clients, beside which the store is compared

BUILT += $(STORE_RIG)
CHECKS += store-rings store-serial store-kill9 store-handover
TESTS += store-differential
BENCHES += store-bench
SOAKS += store-kill9-200 store-fuzz-hour
