# SPDX-License-Identifier: BSD-2-Clause
#
# Migration: the handover's model, and what goes into the tools.

DEPS += spin # checks the model of the handover

.PHONY: model-handover
model-handover:
	$(Q)migration/check-model migration/handover.pml $(B)/model

CHECKS += model-handover

# What the commands need of it, beside their own (dom0-tools/rules.mk): in torc-more, for the sake of torc's start
DEPS += libssl-dev # TLS between hosts
DEPS += libjson-c-dev # what is known of other hosts

$(B)/bin/torc-more: $(patsubst %,$(B)/obj/host/%.o,dom0-tools/cli/hosts \
	$(addprefix migration/,pair pins meet channel records wire lanes_in lanes_out pack link identity durable io_fd))
$(B)/bin/torc-more: TOOLS_MORE_LIBS += -lssl -lcrypto -llz4

# torc migrate, and whose a guest is; torc create's command line, which torc-migrated goes without
MIGRATE_HANDOVER := $(addprefix migration/,handover record durable)
$(B)/bin/torc $(B)/bin/torc-more: $(patsubst %,$(B)/obj/host/%.o,$(MIGRATE_HANDOVER) dom0-tools/cli/migrate dom0-tools/cli/create_command dom0-tools/cli/elsewhere)

# Guests between hosts: makes and ends them with what the commands make and end them with
MIGRATED := $(addprefix dom0-tools/migrated/,main jobs talk viewer ends drain checks costs forecast arrive depart recover sandbox starter urgent warm) \
	$(addprefix dom0-tools/cli/,doors domains create creating mark saving nodes name node burst backend patience disk claim nic record lifecycle image suspend release supervisor elsewhere out describe) \
	$(MIGRATE_HANDOVER) $(addprefix migration/,deal pins meet channel records wire lanes_in lanes_out pack link identity)
$(B)/bin/torc-migrated: $(patsubst %,$(B)/obj/host/%.o,$(MIGRATED) $(TOOLS_COMMON) $(TOOLS_HOST) $(TOOLS_BUILD) $(TOOLS_IMAGE_APART) \
	dom0-tools/builder/unpack_apart $(TOOLS_CONFIG) $(TOOLS_GDB) $(TOOLS_MIGRATION)) $(B)/obj/host/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(TOOLS_HOST_LIBS) -lxengnttab $(XENBUS_CLIENT_LIBS) -ljson-c -lssl -lcrypto -llz4 -lseccomp -lpthread
ALL += $(B)/bin/torc-migrated
$(LAYERS)/torc.cpio.gz: $(B)/bin/torc-migrated # by name: where that rule is read, ALL does not know it yet

# Moves of guests of all kinds, MOVES of each; four small guests at once, a thousand times together (SMALL_MOVES of each); faults at random moments, FAULTS of them, and
# HOST_FAULTS in which a whole host dies; a link that is cut half-way, CUTS times. Each of these parts takes at most MOST_SECONDS, if that is set, and
# all are run, whatever came of those before.
RIG_MOVE = $(PYTHON) -B tests/rig/boot --hv torc --tools torc $(if $(MOST_SECONDS),--arg seconds=$(MOST_SECONDS)) --timeout 80000
SOAKS += soak-migrate
.PHONY: soak-migrate
soak-migrate: rig all
	$(Q)bad=0; \
	$(RIG_MOVE) --log $(B)/logs/system/moves --arg guests=$${GUESTS:-linux1,linux4,ref64,ref32,wild64,wild32} --arg moves=$${MOVES:-50} moves || bad=1; \
	$(RIG_MOVE) --log $(B)/logs/system/moves-many --arg guests=$${SMALL:-calm32-1+calm32-2+calm32-3+calm32-4} --arg moves=$${SMALL_MOVES:-250} --arg shown=0 moves || bad=1; \
	$(RIG_MOVE) --log $(B)/logs/system/faults --arg cuts=$${CUTS:-5} --arg outage=110 --arg faults=$${FAULTS:-450} faults || bad=1; \
	$(RIG_MOVE) --log $(B)/logs/system/faults-hosts --arg nocut=1 --arg kinds=host --arg faults=$${HOST_FAULTS:-50} faults || bad=1; \
	exit $$bad
