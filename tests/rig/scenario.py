# SPDX-License-Identifier: BSD-2-Clause
"""A scenario is a busybox sh script that runs in dom0 and prints TAP. Here one is read, run on the
machine it asks for, and its lines taken off the serial port. Files in a directory NAME.d beside
NAME.sh go along into /scenario.

The first line may say what the scenario needs, as "#rig: key=value ...":
    smp, mem, dom0_mem (MiB), timeout (seconds), nodes (1 or 2), layers (what else the image holds,
    of linux, grub, small), disks and nics (kinds, comma between), icount, end (poweroff or reboot:
    how the machine must end), boots (how often it starts: the scenario runs anew each time, with the disks as they were left,
    and says its plan at the last), restarts (1: a machine may start anew, as often as it likes), kind:ext4 of a disk (with a
    filesystem), and init (the first process in place of ours, one of the scenario's own files; neither our tools nor our daemons are
    there then but in layers, and the script runs when that process has it run), touched (1: all of its memory is the machine's before it starts, as
    a real one's is; otherwise each page costs its first use, which is more than to send it), pace (machines that are always as fast:
    each instruction takes 2**pace ns by the clock)
With nodes=2 two machines run the same script at once, joined by a virtual wire; $RIG_node tells."""

import os
import re
import shutil
import subprocess
import time

from machine import Machine, RigError

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
BUILD = os.path.join(ROOT, os.environ.get("RIG_BUILD", "build"))    # make passes its B on
SCENARIOS = os.path.join(ROOT, "tests", "system", "scenarios")

DEFAULTS = {"smp": 1, "mem": 2048, "dom0_mem": 1024, "timeout": 240, "nodes": 1, "layers": "",
            "disks": "", "nics": "", "icount": "", "end": "poweroff", "boots": 1, "restarts": 0, "init": "",
            "touched": 0, "pace": ""}
RESULT = re.compile(r"^(ok|not ok) (.*)$")
HV_ARGS = "console=com1 com1=115200,8n1 dom0_mem={m}M,max:{m}M loglvl=all guest_loglvl=all"
KERNEL_ARGS = "console=hvc0 earlyprintk=xen panic=5 random.trust_cpu=on"


def built(*path):
    return os.path.join(BUILD, *path)


def read_settings(path):
    """The defaults, and over them what the scenario's first line says."""
    s = dict(DEFAULTS)
    with open(path) as f:
        for line in f:
            if line.startswith("#rig:"):
                for word in line[5:].split():
                    k, _, v = word.partition("=")
                    if k not in s:
                        raise RigError(f"{path}: {k!r} is no setting; known: {', '.join(s)}")
                    s[k] = type(s[k])(v)
    return s


def hypervisor(which):
    """Path of a hypervisor: torc, stock, or a file."""
    path = {"torc": built("torc"), "stock": built("stock", "xen.elf")}.get(which, which)
    if not os.path.exists(path):
        raise RigError(f"no hypervisor at {path}" + (": run make" if which in ("torc", "stock") else ""))
    return path


def pack(tree, out):
    """A cpio layer of a directory's contents, the same bytes each time."""
    subprocess.run(f"find . -exec touch -h -d @0 {{}} + && find . -mindepth 1 | LC_ALL=C sort | "
                   f"cpio -o -H newc -R 0:0 --quiet --reproducible > '{os.path.abspath(out)}'",
                   shell=True, cwd=tree, check=True)


class Result:
    """What came of a run: (ok, name, why) per assertion, and the logs."""

    def __init__(self, name, log):
        self.name, self.log = name, log
        self.cases = []
        self.seconds = 0.0

    def add(self, ok, name, why=""):
        self.cases.append((ok, name, why))

    @property
    def passed(self):
        return bool(self.cases) and all(ok for ok, _, _ in self.cases)

    def lines(self):
        for ok, name, why in self.cases:
            yield f"{'ok' if ok else 'not ok'} {self.name}: {name}" + (f": {why}" if why else "")


def collect(result, machine, node, nodes):
    """Read the TAP lines of one machine. The plan at the end is what shows that none got lost."""
    text = machine.text()
    pre = f"node {node}: " if nodes > 1 else ""
    seen, plan = 0, None
    for line in text.splitlines():
        if m := RESULT.match(line):
            name, _, why = m[2].partition(": ") if m[1] == "not ok" else (m[2], "", "")
            result.add(m[1] == "ok", pre + name, why)
            seen += 1
        elif m := re.match(r"^1\.\.(\d+)$", line):
            plan = int(m[1])
    if plan is None:
        result.add(False, pre + "came to its end", f"no plan line; see {machine.log}/serial.log")
    elif plan != seen:
        result.add(False, pre + "all results arrived", f"{seen} of {plan} seen")


def wait_together(machines, end, grace=60):
    """Until all have ended, or the time is over. Hosts of one scenario end together: when one has given up, or died, the
    others wait for it in vain, and have this many seconds more. Which have ended, and why the others were not waited for."""
    cut = ""
    while any(m.proc.poll() is None for m in machines) and time.monotonic() < end:
        if not cut and any(m.proc.poll() is not None for m in machines) and time.monotonic() + grace < end:
            end, cut = time.monotonic() + grace, f"still running {grace} s after another host had ended"
        time.sleep(0.05)
    return [m.wait(0.05) for m in machines], cut


def settings_of(path, override):
    """What the scenario says of itself, and over that what is not None of these."""
    s = read_settings(path)
    for k, v in override.items():
        if k not in s:
            raise RigError(f"{k!r} is no setting; known: {', '.join(s)}")
        if v is not None:
            s[k] = type(s[k])(v)
    return s


def write_layer(path, log, files):
    """The scenario, and what it uses, as a layer of the image."""
    shutil.rmtree(log, ignore_errors=True)
    tree = os.path.join(log, "tree", "scenario")
    os.makedirs(tree)
    shutil.copyfile(path, os.path.join(tree, "scenario.sh"))
    for f in os.listdir(os.path.join(HERE, "dom0")):
        shutil.copyfile(os.path.join(HERE, "dom0", f), os.path.join(tree, f))
    extras = os.path.splitext(path)[0] + ".d"       # files that go along with a scenario
    if os.path.isdir(extras):
        shutil.copytree(extras, tree, dirs_exist_ok=True)
    more = [f for f in (built("tests", x) for x in ("relay", "splice")) if os.path.exists(f)]   # a few want them
    for f in [built("tests", "probe"), *more, *files]:
        shutil.copy(f, tree)
    pack(os.path.join(log, "tree"), os.path.join(log, "scenario.cpio"))
    shutil.rmtree(os.path.join(log, "tree"))
    return os.path.join(log, "scenario.cpio")


def layers_of(s, hv, parts):
    """The image's layers, for these sets of tools."""
    layers = ["base"]
    # The stock tools' helpers for dom0's own nodes are wanted with either set while ours has none.
    layers += [x for x in ("stock", "torc") if x in parts or (x == "stock" and hv == "stock")]
    layers += [x for x in s["layers"].split(",") if x and x not in layers]
    files = [built("image", f"{x}.cpio.gz") for x in layers]
    for f in files:
        if not os.path.exists(f):
            raise RigError(f"no {f}: run make images")
    return files


def disks_of(s, d):
    disks = []
    for i, kind in enumerate(x for x in s["disks"].split(",") if x):
        os.makedirs(d, exist_ok=True)
        f = os.path.join(d, f"disk{i}")
        subprocess.run(["truncate", "-s", "64M", f], check=True)
        kind, _, fs = kind.partition(":")
        if fs:
            subprocess.run([shutil.which(f"mkfs.{fs}") or f"/usr/sbin/mkfs.{fs}", "-q", "-F", f], check=True)
        disks.append((kind, f))
    return disks


def nics_of(s, log, node):
    nics = [(kind, "user,restrict=on,tftp=" + comma_dir(log)) for kind in s["nics"].split(",") if kind]
    if s["nodes"] > 1:
        server = "on" if node == 0 else "off"
        kind = nics[0][0] if nics else "e1000"
        nics = [(kind, f"stream,server={server},addr.type=unix,addr.path={log}/wire")]
    return nics


def start_all(machines, log):
    """The first has the wire that the others are joined to."""
    for node, m in enumerate(machines):
        m.start()
        while len(machines) > 1 and node == 0 and not os.path.exists(f"{log}/wire") and m.proc.poll() is None:
            time.sleep(0.05)


def prepare(path, hv="torc", tools="torc", log=None, args=(), files=(), boot="direct", kernel=None, hv_args=None,
            kernel_args=KERNEL_ARGS, store=None, console=None, extra_hv_args="", **override):
    """The machines of one scenario, not started yet; returns its settings, the Result to be, and them. Keyword arguments
    override the scenario's settings."""
    if not os.path.exists(path):
        path = os.path.join(SCENARIOS, path + ".sh")
    s = settings_of(path, override)
    name = os.path.splitext(os.path.basename(path))[0]
    log = os.path.abspath(log or built("logs", "system", f"{name}-{hv}-{tools}".replace("/", "_")))
    initrd = layers_of(s, hv, {tools, store or tools, console or tools} if not s["init"] else set())
    initrd.append(write_layer(path, log, files))
    result = Result(f"{name} [{hv}/{tools}" + (f" smp={s['smp']}" if s["smp"] != 1 else "") +
                    (f" boot={boot}" if boot != "direct" else "") + "]", log)
    machines = []
    for node in range(s["nodes"]):
        d = os.path.join(log, f"node{node}") if s["nodes"] > 1 else log
        words = [f"rig.scenario={name}", f"rig.node={node}", f"torc.tools={tools}", f"rig.hv={os.path.basename(hv)}"]
        words += [f"torc.{k}={v}" for k, v in (("store", store), ("console", console)) if v]
        words += [f"rig.{a}" for a in args]
        if s["init"]:
            words.append(f"rdinit=/scenario/{s['init']}")
        machines.append(Machine(
            d, hv=hypervisor(hv),
            hv_args=(hv_args or HV_ARGS).format(m=s["dom0_mem"]) + (" " + extra_hv_args if extra_hv_args else ""),
            kernel=kernel or built("stock", "vmlinux"), kernel_args=" ".join([kernel_args] + words), initrd=initrd,
            boot=boot, smp=s["smp"], mem=s["mem"], disks=disks_of(s, d), nics=nics_of(s, log, node),
            icount=int(s["icount"]) if s["icount"] else None, pace=int(s["pace"]) if s["pace"] else None, node=node,
            reboot=s["boots"] > 1 or s["restarts"], extra=["-mem-prealloc"] if s["touched"] else ()))
    return s, result, machines


def run(path, **how):
    """Run one scenario; returns a Result. What there is to say of it: see prepare()."""
    s, result, machines = prepare(path, **how)
    t0 = time.monotonic()
    try:
        start_all(machines, result.log)
        have_ended, cut = wait_together(machines, t0 + s["timeout"])
        for node, (m, ended) in enumerate(zip(machines, have_ended)):
            if not ended:
                m.dump_registers()
            collect(result, m, node, s["nodes"])
            pre = f"node {node}: " if s["nodes"] > 1 else ""
            want = {"poweroff": "guest-shutdown", "reboot": "guest-reset"}[s["end"]]
            if not ended:
                result.add(False, f"{pre}ends by {s['end']}", cut or f"still running after {s['timeout']} s")
            else:
                result.add(m.ended == want, f"{pre}ends by {s['end']}",
                           "" if m.ended == want else f"QEMU says {m.ended}")
            if s["boots"] > 1:
                result.add(m.resets >= s["boots"] - 1, f"{pre}starts {s['boots']} times", f"{m.resets} resets")
    finally:
        for m in machines:
            m.kill()
    result.seconds = time.monotonic() - t0
    return result


def comma_dir(path):
    return path.replace(",", ",,")
