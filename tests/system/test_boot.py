# SPDX-License-Identifier: BSD-2-Clause
"""What is about booting itself: again and again, and twice the same."""

import os
import re

import pytest

import scenario as rig
from matrix import BOOTS, SAME


@pytest.mark.parametrize("hv,smp,times", BOOTS)
def test_boots_in_a_row(hv, smp, times, record_property):
    """None of many boots hangs; what went wrong in one is in its log."""
    bad = []
    for i in range(times):
        r = rig.run("list", hv=hv, tools="stock", smp=smp, timeout=120,
                    log=rig.built("logs", "system", f"boots-{hv}-smp{smp}", f"{i:02}"))
        if not r.passed:
            bad.append(f"boot {i}: " + "; ".join(x for x in r.lines() if x.startswith("not ok")))
    name = f"{times - len(bad)} of {times} boots in a row of {hv} with {smp} CPUs"
    record_property("tap", [f"not ok {name}: {bad[0]}" if bad else f"ok {name}"])
    assert not bad


@pytest.mark.parametrize("hv", SAME)
def test_deterministic_mode_repeats(hv, record_property):
    """Two runs by instruction count say the same, byte for byte: what makes a figure a count and a
    boot bug one that comes again."""
    said = []
    for i in range(2):
        r = rig.run("list", hv=hv, tools="stock", icount="1",
                    log=rig.built("logs", "system", f"same-{hv}", str(i)))
        assert r.passed, "\n".join(r.lines())
        with open(os.path.join(r.log, "serial.raw"), "rb") as f:
            said.append(f.read())
    same = said[0] == said[1]
    line = f"two deterministic runs of {hv} say the same"
    if not same:
        a, b = (re.split(rb"\r?\n", s) for s in said)
        i = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), min(len(a), len(b)))
        line += f": line {i + 1} differs: {a[i:i + 1]} and {b[i:i + 1]}"
    record_property("tap", [("ok " if same else "not ok ") + line])
    assert same
