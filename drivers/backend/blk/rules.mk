# SPDX-License-Identifier: BSD-2-Clause
#
# torc-blkd, the block backend.

DEPS += libaio-dev # torc-blkd: disks that are files and devices
DEPS += libnbd-dev # torc-blkd: network disks
DEPS += uthash-dev # lists

BLKD_OBJS := $(addprefix $(B)/obj/host/,$(addsuffix .o,$(BACKEND_PARTS) \
	$(addprefix drivers/backend/blk/,main device vbd request record grants disk disk_aio disk_nbd)))

$(B)/bin/torc-blkd: $(BLKD_OBJS) $(B)/obj/host/xenbus/client.a
	@mkdir -p $(@D)
	$(call say,LD,$@)
	$(Q)$(HOST_CC) -o $@ $^ $(XENBUS_CLIENT_LIBS) -lev -laio -lnbd -lxengnttab -lxenevtchn -lseccomp

ALL += $(B)/bin/torc-blkd

# fio and a database on a disk whose daemon dies all the time, and the guest too
SOAKS += soak-disk
.PHONY: soak-disk
soak-disk: rig all $(B)/image/work.cpio.gz
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc --arg loops=20 --arg crashes=30 --timeout 14000 disk-soak
	$(MAKE) soak-disk-hours

# Two hours of the machine's time, a fraction of that by the clock: an instruction takes 16 ns, waiting none
.PHONY: soak-disk-hours
soak-disk-hours: rig all $(B)/image/work.cpio.gz
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc --icount 4 --arg minutes=125 --arg each=4m --arg nap=20000 --arg look=5 \
		--timeout 14000 disk-soak

# A guest that boots from a network disk
SOAKS += soak-nbd
.PHONY: soak-nbd
soak-nbd: rig all $(B)/image/work.cpio.gz
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc root-on-nbd

# Each kind of device's process killed two hundred times, under load that is verified; devices that come and go under load; what
# a disk at work leaves to guests that compute
SOAKS += soak-io
.PHONY: soak-io
soak-io: rig all
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc --arg kills=200 --arg every=1 --timeout 3600 io
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc --arg plugs=50 --timeout 3600 io
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc fair

# Our backends on stock Xen, which takes 64-bit guests alone
SOAKS += soak-stock
.PHONY: soak-stock
soak-stock: rig all
	$(PYTHON) -B tests/rig/boot --hv stock --tools torc --arg widths=64 io
	$(PYTHON) -B tests/rig/boot --hv stock --tools torc disk
	$(PYTHON) -B tests/rig/boot --hv stock --tools torc net
