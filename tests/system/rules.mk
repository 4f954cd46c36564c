# SPDX-License-Identifier: BSD-2-Clause
#
# Whole systems in QEMU. One machine keeps one CPU busy, so as many run at once as there are CPUs;
# ONLY="-k name" picks some.

DEPS += python3-pytest-xdist # several machines at once

TESTS += system
.PHONY: system
system: rig $(B)/dom0.cpio.gz
	@$(MAKE) --no-print-directory -k all iso || echo "# not everything builds; what needs it fails below"
	$(PYTHON) -B -m pytest -q -p no:cacheprovider -n $(JOBS) --dist=load tests/system $(ONLY)

# What "make install" installs, started by Debian's service manager
SOAKS += soak-systemd
.PHONY: soak-systemd
soak-systemd: rig $(LAYERS)/systemd.cpio.gz $(LAYERS)/installed.cpio.gz
	$(PYTHON) -B tests/rig/boot --hv torc --tools torc systemd
