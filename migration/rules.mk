# SPDX-License-Identifier: BSD-2-Clause
#
# Migration. So far: the handover, as a model that the engine's states will be named after.

DEPS += spin # checks the model of the handover

.PHONY: model-handover
model-handover:
	$(Q)migration/check-model migration/handover.pml $(B)/model

CHECKS += model-handover
