# SPDX-License-Identifier: BSD-2-Clause
#
# Whole systems in QEMU. One machine keeps one CPU busy, so as many run at once as there are CPUs;
# ONLY="-k name" picks some.

DEPS += python3-pytest-xdist # several machines at once

TESTS += system
.PHONY: system
system: rig $(B)/dom0.cpio.gz $(LAYERS)/systemd.cpio.gz $(LAYERS)/installed.cpio.gz
	@$(MAKE) --no-print-directory -k all iso || echo "# not everything builds; what needs it fails below"
	$(PYTHON) -B -m pytest -q -p no:cacheprovider -n $(JOBS) --dist=load tests/system $(ONLY)
