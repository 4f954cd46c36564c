# SPDX-License-Identifier: BSD-2-Clause
"""What "make run" and "make iso" boot: a shell in dom0 beside a guest, typed at like a person would; and the two hosts of
"make run-pair"."""

import json
import os
import re
import subprocess
import sys
import threading

import pytest

import scenario as rig
from machine import Machine

# busybox asks the terminal where its cursor is
PROMPT = r"^[~/]\S* # (\x1b\[6n)?$"


def the_whole(log, **how):
    """The machine of "make run": its own images and command lines, read off the Makefile."""
    p = subprocess.run(["make", "-s", "--no-print-directory", "print-run"], cwd=rig.ROOT,
                       stdout=subprocess.PIPE, text=True, check=True)
    v = dict(line.split("=", 1) for line in p.stdout.splitlines() if "=" in line)
    return Machine(log, hv=os.path.join(rig.ROOT, v["hv"]), hv_args=v["hv_args"],
                   kernel=os.path.join(rig.ROOT, v["kernel"]), kernel_args=v["kernel_args"],
                   initrd=[os.path.join(rig.ROOT, v["initrd"])], mem=int(v["mem"]), **how)


@pytest.mark.parametrize("how", ["run", "iso"])
def test_a_shell_beside_a_guest(how, record_property):
    log = rig.built("logs", "system", f"make-{how}")
    os.makedirs(log, exist_ok=True)
    tap = []
    record_property("tap", tap)

    def check(name, good, why=""):
        tap.append(f"{'ok' if good else 'not ok'} make {how}: {name}" + ("" if good else f": {why}"))
        if not good:
            pytest.fail(f"{tap[-1]}; logs in {log}", pytrace=False)

    if how == "iso":
        m = Machine(log, boot="iso", iso=rig.built("torc.iso"), mem=2048, smp=1)
    else:
        m = the_whole(log, smp=2)
    m.start()
    try:
        got, at = m.expect(PROMPT, 240)
        check("a shell comes up", got, "no prompt within 240 s")
        text = m.text()
        check("a guest runs, and list shows it", re.search(r"^demo +\d+ ", text, re.M), text[-400:])

        def ask(command, pattern, timeout=60):
            nonlocal at
            m.expect(PROMPT, timeout, max(at - 1, 0))
            m.send(command + "\n")
            got, at = m.expect(pattern, timeout, at)
            return got

        check("torc info", ask("torc info", r"^xen_caps .*xen-3.0-x86_32p"), "no xen_caps with x86_32p")
        got = ask("torc list --json | tr -d '\\n'; echo ' END'", r"^([\[{].*demo.*) END")
        check("torc list --json", got and json.loads(got[1]), "no JSON with the guest in it")
        m.expect(PROMPT, 60, max(at - 1, 0))
        m.send("torc console demo\n")
        attached, at = m.expect("reference guest, PV", 60, at)     # what it printed before comes first
        check("torc console attaches", attached, "nothing of the guest's")
        m.send("\nhelp\n")
        got, at = m.expect(r"poweroff|crash", 30, at)
        check("the guest answers", got, "no answer to help")
        m.send("\x1d")
        check("Ctrl-] leaves the console", ask("echo back-$((40 + 2))", r"back-42"), "no shell")
        check("torc destroy", ask("torc destroy demo && echo destroyed-$((1 + 1))", r"destroyed-2"), "it failed")
        m.send("poweroff -f\n")
        check("power off", m.wait(30) and m.ended == "guest-shutdown", f"QEMU says {m.ended}")
    finally:
        m.kill()


def test_two_hosts_to_look_at(record_property):
    tap = []
    record_property("tap", tap)
    said = b""
    p = subprocess.Popen([sys.executable, "-B", os.path.join(rig.HERE, "pair")], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    too_long = threading.Timer(600, p.kill)
    too_long.start()

    def check(name, pattern):
        """The next line that matches, or the end of what it says without one."""
        nonlocal said
        while not (m := re.search(pattern, said, re.M)):
            data = os.read(p.stdout.fileno(), 65536)
            if not data:
                break
            said += data
        tap.append(f"{'ok' if m else 'not ok'} make run-pair: {name}" + ("" if m else f": {said[-600:].decode(errors='replace')}"))
        if not m:
            pytest.fail(f"{tap[-1]}; logs in {rig.built('logs', 'pair')}", pytrace=False)
        said = said[m.end():]

    def ask(command):
        p.stdin.write(command + b"\n")
        p.stdin.flush()

    try:
        check("a guest runs on the first host", rb"^web +\d+ ")
        check("it goes to the other, and one sees how", rb"^host1 # torc migrate .*web other[^#]*\d ms")
        check("it is there", rb"^host2 # torc list[^#]*^web +\d+ ")
        check("it comes back", rb"^host2 # torc migrate .*web other")
        check("nothing was lost", rb"^[1-9]\d* numbers have come over its connection, none is missing")
        check("a shell comes up", rb"^host1 # (\x1b\[6n)?$")
        ask(b"there torc host list; echo the-other-$((40 + 2))")
        check("it reaches the other host", rb"^other +10\.9\.0\.1 [^#]*the-other-42")
        ask(b"poweroff -f")
        check("power off ends both", rb"powers the machine off|Power down")
        tap.append(f"{'ok' if p.wait(30) == 0 else 'not ok'} make run-pair: it ends by itself")
        assert p.returncode == 0
    finally:
        too_long.cancel()
        p.kill()
        p.wait()
