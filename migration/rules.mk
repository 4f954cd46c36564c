# SPDX-License-Identifier: BSD-2-Clause
#
# Migration. So far: the handover, as a model that the engine's states will be named after.

DEPS += spin # checks the model of the handover

.PHONY: model-handover
model-handover:
	$(Q)migration/check-model migration/handover.pml $(B)/model

CHECKS += model-handover

# What the commands need of it, beside their own (dom0-tools/rules.mk): in torc-more, for the sake of torc's start
DEPS += libssl-dev # TLS between hosts
DEPS += libjson-c-dev # what is known of other hosts

$(B)/bin/torc-more: $(patsubst %,$(B)/obj/host/%.o,dom0-tools/cli/hosts \
	$(addprefix migration/,pair pins meet channel link identity durable io_fd))
$(B)/bin/torc-more: TOOLS_MORE_LIBS += -lssl -lcrypto
