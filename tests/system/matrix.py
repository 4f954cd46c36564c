# SPDX-License-Identifier: BSD-2-Clause
"""Which scenario runs on what: a row is (scenario, hypervisor, tools, changes to its settings).

What Torc cannot do yet has no row here: a row is added with what makes it pass, and from then on
must pass. The stock/stock rows show that the rig and the scenarios are right; they run first."""

ROWS = [
    # the rig itself: stock Xen with stock tools
    ("list", "stock", "stock", {}),
    ("guest-linux", "stock", "stock", {}),
    ("guest-life", "stock", "stock", {}),
    ("grub64", "stock", "stock", {"boot": "mb2"}),
    ("grub32", "stock", "stock", {}),
    ("dom0-disk", "stock", "stock", {}),
    ("dom0-net", "stock", "stock", {}),
    ("reboot", "stock", "stock", {}),
    ("bad-input", "stock", "stock", {}),
]

# (hypervisor, CPUs, boots in a row)
BOOTS = [
]

# hypervisors of which two runs by instruction count say the same
SAME = ["stock"]
