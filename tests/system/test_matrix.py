# SPDX-License-Identifier: BSD-2-Clause
"""Every row of matrix.py is one boot of a machine."""

import pytest

import scenario as rig
from matrix import ROWS


def label(row):
    name, hv, tools, changes = row
    return "-".join([name, hv, tools] + [f"{k}{v}" for k, v in sorted(changes.items()) if k != "args"])


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_scenario(row, show):
    name, hv, tools, changes = row
    show(rig.run(name, hv=hv, tools=tools, log=rig.built("logs", "system", label(row)), **changes))
