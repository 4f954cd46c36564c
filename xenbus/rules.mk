# SPDX-License-Identifier: BSD-2-Clause
#
# The store. Others link  $(B)/obj/host/xenbus/client.a  (with $(XENBUS_CLIENT_LIBS)) and
# $(B)/obj/host/xenbus/state.a , or the same under obj/san for tests.

DEPS += uthash-dev # lists and hash tables in C
DEPS += libjson-c-dev # JSON

XENBUS_CLIENT_LIBS := -ljson-c

XENBUS_CLIENT := link client domain perms errors

define xenbus_lib
$(B)/obj/$(1)/xenbus/$(2).a: $(foreach f,$(3),$(B)/obj/$(1)/xenbus/$(2)/$(f).o)
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach k,host san tsan fuzz,$(eval $(call xenbus_lib,$(k),client,$(XENBUS_CLIENT))))

ALL += $(B)/obj/host/xenbus/client.a
