# SPDX-License-Identifier: BSD-2-Clause
#
# What every backend's daemon is made of besides its own folder.

DEPS += libxen-dev # event channels and grants from user space
DEPS += libev-dev # event loop of the daemons
DEPS += libseccomp-dev # their confinement

BACKEND_PARTS := $(addprefix drivers/backend/common/,supervise alone bdev confine peer ring) dom0-tools/common/drop dom0-tools/common/ready dom0-tools/common/why
