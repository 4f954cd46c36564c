# SPDX-License-Identifier: BSD-2-Clause
"""What the system tests share: the rig, and TAP at the end, one line for each assertion that a
scenario made in dom0 (tests/run counts them)."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "rig"))


@pytest.fixture
def show(record_property):
    """Hand the results of a scenario over to the summary, and fail if one is bad."""
    def hand_over(result):
        lines = list(result.lines())
        record_property("tap", lines)
        bad = [x for x in lines if x.startswith("not ok")]
        if bad or not lines:
            pytest.fail("\n".join([*bad, f"logs in {result.log}"]), pytrace=False)
    return hand_over


def pytest_terminal_summary(terminalreporter):
    out = terminalreporter.write_line
    for outcome in ("passed", "failed", "error", "skipped"):
        for r in terminalreporter.stats.get(outcome, []):
            if r.when != "call" and outcome not in ("error", "skipped"):
                continue
            taps = [v for k, v in r.user_properties if k == "tap"]
            name = r.nodeid.split("/")[-1]
            if outcome == "skipped":
                out(f"ok {name} # skip {r.longrepr[2] if isinstance(r.longrepr, tuple) else ''}")
            elif taps and outcome != "error":
                for line in taps[0]:
                    out(line)
                if outcome == "failed" and not any(x.startswith("not ok") for x in taps[0]):
                    out(f"not ok {name}")
            else:
                out(f"{'ok' if outcome == 'passed' else 'not ok'} {name}")
