# SPDX-License-Identifier: BSD-2-Clause
"""Which scenario runs on what: a row is (scenario, hypervisor, tools, changes to its settings).

What Torc cannot do yet has no row here: a row is added with what makes it pass, and from then on
must pass. The stock/stock rows show that the rig and the scenarios are right; one of each kind is
enough for that."""

ROWS = [
    # long ones first: several machines run at once, and the short ones fill the gaps
    ("two-hosts", "torc", "torc", {}),
    ("systemd", "torc", "torc", {}),
    ("smp", "torc", "stock", {}),
    ("churn", "torc", "torc", {}),
    ("churn", "torc", "stock", {"args": ["times=8"]}),
    ("admin-day", "torc", "torc", {}),
    ("admin-day", "stock", "torc", {}),
    ("io", "torc", "torc", {}),
    ("kernel-backends", "torc", "torc", {}),
    ("kernel-backends", "stock", "torc", {"args": ["widths=64"]}),
    ("daemon-kill", "torc", "torc", {}),
    ("store-life", "torc", "stock", {"store": "torc"}),
    ("store-life", "stock", "stock", {"store": "torc"}),
    ("disk", "torc", "stock", {}),
    ("net", "torc", "stock", {}),
    ("conformance", "torc", "stock", {}),
    ("conformance", "torc", "torc", {}),
    ("conformance", "stock", "stock", {}),
    ("reference", "torc", "torc", {"mem": 4608}),       # others have none above 4 GiB, and no hole below
    ("teaching", "torc", "torc", {}),
    ("gdb", "torc", "torc", {}),
    # the rig itself: stock Xen with stock tools
    ("list", "stock", "stock", {"boot": "mb2"}),
    ("guest-life", "stock", "stock", {}),
    ("dom0-disk", "stock", "stock", {}),
    ("grub32", "stock", "stock", {}),
    ("reboot", "stock", "stock", {}),
    # Torc under stock tools
    ("list", "torc", "stock", {"boot": "mb1"}),
    ("list", "torc", "stock", {"boot": "mb2", "smp": 2}),
    ("guest-linux", "torc", "stock", {}),
    ("guest-life", "torc", "stock", {}),
    ("grub64", "torc", "stock", {}),
    ("grub32", "torc", "stock", {}),
    ("dom0-disk", "torc", "stock", {}),
    ("dom0-net", "torc", "stock", {}),
    ("reboot", "torc", "stock", {}),
    ("bad-input", "torc", "stock", {}),
    # Torc's tools on stock Xen; test_configs.py has them list it
    ("grub64", "stock", "torc", {}),
    ("guest-linux", "stock", "torc", {}),
    # the product
    ("list", "torc", "torc", {}),
    ("grub64", "torc", "torc", {}),
    ("grub32", "torc", "torc", {}),
    ("guest-linux", "torc", "torc", {}),
    ("guest-life", "torc", "torc", {}),
    ("save-restore", "torc", "torc", {"mem": 4608}),
    ("restore-later", "torc", "stock", {}),
    ("bad-input", "torc", "torc", {}),
]

# (hypervisor, CPUs, boots in a row)
BOOTS = [
    ("torc", 1, 20),
    ("torc", 4, 4),
]

# hypervisors of which two runs by instruction count say the same
SAME = ["torc"]
