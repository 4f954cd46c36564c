# SPDX-License-Identifier: BSD-2-Clause
#
# The store. Others link  $(B)/obj/host/xenbus/client.a  (with $(XENBUS_CLIENT_LIBS)) and
# $(B)/obj/host/xenbus/state.a , or the same under obj/san for tests.

DEPS += uthash-dev # lists and hash tables in C
DEPS += libjson-c-dev # JSON
DEPS += libev-dev # event loop
DEPS += libseccomp-dev # the daemon's sandbox
DEPS += libsystemd-dev # sd_notify

XENBUS_CLIENT_LIBS := -ljson-c
STORED_LIBS := -lev -ljson-c -lseccomp -lsystemd -lxenevtchn -lxengnttab -lxencall

XENBUS_CLIENT := link client domain perms errors
# what knows nothing of sockets and of the hypervisor; the rest is the daemon
STORE_CORE := util log perm tree path quota watch change txn turn conn commands control server domain ring journal records
STORE_DAEMON := main options sock takeover sandbox door_xen

define xenbus_lib
$(B)/obj/$(1)/xenbus/$(2).a: $(foreach f,$(3),$(B)/obj/$(1)/xenbus/$(2)/$(f).o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach k,host san tsan fuzz,$(eval $(call xenbus_lib,$(k),client,$(XENBUS_CLIENT)))\
	$(eval $(call xenbus_lib,$(k),state,xenbus)))

STORED_OBJS = $(foreach f,$(STORE_CORE) $(STORE_DAEMON),$(B)/obj/$(1)/xenbus/store/$(f).o) \
	$(B)/obj/$(1)/dom0-tools/common/sandbox.o $(B)/obj/$(1)/xenbus/client.a

$(B)/bin/torc-stored: $(call STORED_OBJS,host)
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(STORED_LIBS)

# the same under ASan and UBSan, which the tests run
$(B)/tests/torc-stored-san: $(call STORED_OBJS,san)
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ $(STORED_LIBS)

ALL += $(B)/obj/host/xenbus/client.a $(B)/obj/host/xenbus/state.a $(B)/bin/torc-stored

FUZZERS += store
store_FUZZ_OBJS = $(foreach f,$(STORE_CORE) sock takeover,$(B)/obj/fuzz/xenbus/store/$(f).o) \
	$(B)/obj/fuzz/xenbus/client.a $(B)/obj/fuzz/tests/fuzz/store_fuzz.o $(B)/obj/fuzz/tests/fuzz/store_door.o
store_FUZZ_LIBS = -lev -ljson-c
