# SPDX-License-Identifier: BSD-2-Clause
# Unit tests of the store and of what goes with it, under ASan and UBSan.

$(B)/tests/store_tree_test: $(foreach f,tests/unit/store_tree_test xenbus/store/tree xenbus/store/perm xenbus/store/util \
	xenbus/store/log,$(B)/obj/san/$(f).o)
$(B)/tests/store_state_test: $(B)/obj/san/tests/unit/store_state_test.o $(B)/obj/san/xenbus/state.a

$(B)/tests/store_client_test: $(B)/obj/san/tests/unit/store_client_test.o $(B)/obj/san/xenbus/client.a
$(B)/tests/store_client_test: STORE_UNIT_LIBS := -Wl,--wrap=nanosleep

$(B)/tests/store_journal_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/store_journal_test tests/fuzz/store_door $(addprefix xenbus/store/,$(STORE_CORE) sock takeover sandbox) \
	dom0-tools/common/sandbox) $(B)/obj/san/xenbus/client.a
$(B)/tests/store_journal_test: STORE_UNIT_LIBS := -lseccomp -lev

$(B)/tests/store_cut_test: $(patsubst %,$(B)/obj/san/%.o,tests/unit/store_cut_test tests/fuzz/store_door $(addprefix xenbus/store/,$(STORE_CORE) sock takeover sandbox) \
	dom0-tools/common/sandbox) $(B)/obj/san/xenbus/client.a
$(B)/tests/store_cut_test: STORE_UNIT_LIBS := -lseccomp -lev

STORE_UNIT := store_tree_test store_state_test store_client_test store_journal_test store_cut_test

$(addprefix $(B)/tests/,$(STORE_UNIT)):
	@mkdir -p $(@D)
	$(call say,LD-SAN,$@)
	$(Q)$(HOST_CC) $(SAN_FLAGS) -o $@ $^ -lcmocka $(XENBUS_CLIENT_LIBS) $(STORE_UNIT_LIBS)

.PHONY: $(STORE_UNIT)
$(STORE_UNIT): %: $(B)/tests/%
	@$<

CHECKS += $(STORE_UNIT)
