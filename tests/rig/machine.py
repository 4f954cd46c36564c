# SPDX-License-Identifier: BSD-2-Clause
"""One machine in QEMU: how it is started, what its serial port said and when, and how it ended."""

import atexit
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

MKISO = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../dom0-tools/image/mkiso")

RUNNING = set()


def end_all():
    """No machine outlives the rig, whichever way that ends."""
    for m in list(RUNNING):
        m.kill()


atexit.register(end_all)
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(124))


class RigError(Exception):
    """The rig itself could not do what was asked; not a verdict on what was tested."""


def ahead(pid, priority):
    """Goes before everything else on this computer, if that is allowed: a machine that keeps to a pace waits for nobody. What it
    has beside its processor, the thread that has QEMU's number, goes before that."""
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(priority))
    except OSError:
        pass


def comma(s):
    """QEMU splits option values at commas; a comma of our own is written twice."""
    return str(s).replace(",", ",,")


class Machine:
    """A machine that has not been started yet is a list of settings; see the arguments.

    boot    direct (QEMU's multiboot1 loader), mb1 or mb2 (GRUB from an ISO image), iso (an image
            that exists: then hv, kernel and so on are not looked at)
    disks   [(kind, file)], kind of virtio, ahci, ata
    nics    [(kind, netdev)], kind of e1000, virtio; netdev as QEMU takes it, without its id
    icount  None, or the shift: each instruction takes 2**shift ns of the guest's time
    pace    None, or the shift: the same, but the machine's time is the clock's: it waits where it is ahead, so that it is always
            as fast, whatever else the host has to do, as long as the host could be a good deal faster
    """

    def __init__(self, log, hv=None, hv_args="", kernel=None, kernel_args="", initrd=(),
                 boot="direct", iso=None, smp=1, mem=2048, cpu="qemu64", icount=None, pace=None,
                 disks=(), nics=(), extra=(), reboot=False, node=0):
        self.log = log
        self.hv, self.hv_args = hv, hv_args
        self.kernel, self.kernel_args, self.initrd = kernel, kernel_args, list(initrd)
        self.boot, self.iso = boot, iso
        self.smp, self.mem, self.cpu, self.icount, self.pace = smp, mem, cpu, icount, pace
        self.disks, self.nics, self.extra = list(disks), list(nics), list(extra)
        self.node = node
        self.reboot = reboot
        self.proc = self.thread = self.qmp = None
        self.lines = []                     # (host seconds since start, text), whole lines only
        self.partial = b""
        self.ended = None                   # guest-shutdown, guest-reset, ... as QEMU tells it
        self.resets = 0
        self.echo = None                    # a function of bytes: what the serial port says, at once
        self.cond = threading.Condition()
        self.tmp = tempfile.mkdtemp(prefix="torc-rig-")

    # --- starting

    def _write_initrd(self):
        path = os.path.join(self.tmp, "initrd")
        with open(path, "wb") as out:
            for part in self.initrd:
                with open(part, "rb") as f:
                    shutil.copyfileobj(f, out)
                # cpio archives that follow one another start at multiples of four bytes
                out.write(b"\0" * (-out.tell() % 4))
        return path

    def _write_iso(self, initrd):
        path = os.path.join(self.tmp, "boot.iso")
        p = subprocess.run([MKISO, path, self.boot[2:], self.hv, self.hv_args, self.kernel,
                            self.kernel_args, initrd], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, check=False)
        if p.returncode:
            raise RigError(p.stdout.decode())
        return path

    def command(self):
        accel = os.environ.get("RIG_ACCEL", "tcg") if self.icount is None and self.pace is None else "tcg"
        q = ["qemu-system-x86_64", "-accel", accel, "-cpu", self.cpu, "-smp", str(self.smp),
             "-m", str(self.mem), "-display", "none", "-monitor", "none", "-serial", "stdio",
             "-qmp", f"unix:{self.tmp}/qmp,server=on,wait=off"]
        if not self.reboot:
            q.append("-no-reboot")
        if self.icount is not None:
            q += ["-icount", f"shift={self.icount},sleep=off", "-rtc", "base=2026-01-01,clock=vm"]
        if self.pace is not None:
            q += ["-icount", f"shift={self.pace},align=on"]
        iso = self.iso
        if self.boot == "direct":
            q += ["-kernel", self.hv, "-append", self.hv_args, "-initrd",
                  f"{comma(self.kernel)} {comma(self.kernel_args)},{comma(self._write_initrd())}"]
        elif self.boot in ("mb1", "mb2"):
            iso = self._write_iso(self._write_initrd())
        elif self.boot != "iso":
            raise RigError(f"boot is {self.boot!r}, must be direct, mb1, mb2 or iso")
        if iso:
            q += ["-drive", f"if=none,id=iso,format=raw,readonly=on,file={comma(iso)}",
                  "-device", "virtio-blk-pci,drive=iso,bootindex=0"]
        if any(kind == "ahci" for kind, _ in self.disks):
            q += ["-device", "ahci,id=ahci"]
        seen = {"ahci": 0, "ata": 0}
        for i, (kind, path) in enumerate(self.disks):
            q += ["-drive", f"if=none,id=d{i},format=raw,file={comma(path)}"]
            if kind == "virtio":
                q += ["-device", f"virtio-blk-pci,drive=d{i}"]
            elif kind in seen:
                bus = f"{'ahci' if kind == 'ahci' else 'ide'}.{seen[kind]}"
                seen[kind] += 1
                q += ["-device", f"ide-hd,drive=d{i},bus={bus}"]
            else:
                raise RigError(f"disk kind is {kind!r}, must be virtio, ahci or ata")
        for i, (kind, netdev) in enumerate(self.nics):
            model = {"e1000": "e1000", "virtio": "virtio-net-pci"}.get(kind)
            if not model:
                raise RigError(f"nic kind is {kind!r}, must be e1000 or virtio")
            typ, _, rest = netdev.partition(",")
            q += ["-netdev", f"{typ},id=n{i}" + (f",{rest}" if rest else ""), "-device",
                  f"{model},netdev=n{i},mac=52:54:00:{self.node:02x}:{os.getpid() % 256:02x}:{i + 1:02x},romfile="
                  if self.icount is None else f"{model},netdev=n{i},mac=52:54:00:{self.node:02x}:00:{i + 1:02x},romfile="]
        if not self.nics:
            q += ["-nic", "none"]
        return q + list(self.extra)

    def start(self):
        os.makedirs(self.log, exist_ok=True)
        for name in ("serial.raw", "serial.log", "qemu.err", "registers"):
            if os.path.exists(os.path.join(self.log, name)):
                os.unlink(os.path.join(self.log, name))
        q = shlex.split(os.environ.get("RIG_QEMU_PREFIX", "")) + self.command()
        with open(os.path.join(self.log, "cmd"), "w") as f:
            f.write(shlex.join(q) + "\n")
        self.start_time = time.monotonic()
        with open(os.path.join(self.log, "qemu.err"), "wb") as err:
            self.proc = subprocess.Popen(q, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=err, start_new_session=True,
                                         preexec_fn=(lambda: ahead(0, 5)) if self.pace is not None else None)
        RUNNING.add(self)
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()
        threading.Thread(target=self._watch_qmp, daemon=True).start()
        return self

    # --- what it says

    def _read(self):
        with open(os.path.join(self.log, "serial.raw"), "wb", buffering=0) as raw, \
             open(os.path.join(self.log, "serial.log"), "w", buffering=1) as log:
            while data := os.read(self.proc.stdout.fileno(), 65536):
                raw.write(data)
                if self.echo:
                    self.echo(data)
                now = time.monotonic() - self.start_time
                with self.cond:
                    *whole, self.partial = (self.partial + data).split(b"\n")
                    for b in whole:
                        text = b.decode(errors="replace").rstrip("\r")
                        self.lines.append((now, text))
                        log.write(f"{now:9.3f} {text}\n")
                    self.cond.notify_all()
        with self.cond:
            self.cond.notify_all()

    def _watch_qmp(self):
        """QEMU says over QMP why it ends: the one way to tell power-off from reset."""
        s = socket.socket(socket.AF_UNIX)
        while self.proc.poll() is None:
            try:
                s.connect(os.path.join(self.tmp, "qmp"))
                break
            except OSError:
                time.sleep(0.05)
        else:
            return
        if self.pace is not None:
            ahead(self.proc.pid, 10)
        f = s.makefile("rw")
        try:
            f.readline()
            f.write('{"execute": "qmp_capabilities"}\n')
            f.flush()
            self.qmp = f
            for line in f:
                e = json.loads(line)
                if e.get("event") == "SHUTDOWN":
                    self.ended = e["data"]["reason"]
                elif e.get("event") == "RESET" and e["data"].get("guest"):
                    self.resets += 1
                elif isinstance(e.get("return"), str):
                    with open(os.path.join(self.log, "registers"), "a") as out:
                        out.write(e["return"])
        except (OSError, ValueError):
            pass

    def dump_registers(self):
        """For a machine that hangs: where every CPU is, into LOG/registers."""
        if not self.qmp or self.proc.poll() is not None:
            return
        try:
            for c in ("info registers -a", "info pic"):
                self.qmp.write(json.dumps({"execute": "human-monitor-command",
                                           "arguments": {"command-line": c}}) + "\n")
                self.qmp.flush()
            time.sleep(0.5)
        except OSError:
            pass

    def text(self):
        with self.cond:
            return "\n".join(t for _, t in self.lines) + "\n" + self.partial.decode(errors="replace")

    def expect(self, pattern, timeout, start=0):
        """Wait for a line (or the unfinished last one) that matches; returns (match, number of
        lines seen). None if the machine ended or time ran out."""
        rx = re.compile(pattern)
        end = time.monotonic() + timeout
        with self.cond:
            i = start
            while True:
                while i < len(self.lines):
                    if m := rx.search(self.lines[i][1]):
                        return m, i + 1
                    i += 1
                if m := rx.search(self.partial.decode(errors="replace")):
                    return m, i
                left = end - time.monotonic()
                if left <= 0 or not self.thread.is_alive():
                    return None, i
                self.cond.wait(min(left, 0.5))

    def send(self, text):
        self.proc.stdin.write(text.encode())
        self.proc.stdin.flush()

    # --- ending

    def wait(self, timeout):
        """Wait for the machine to end by itself; False if it did not."""
        try:
            self.proc.wait(timeout)
            self.thread.join(5)
            time.sleep(0.05)                # the reason may still be on its way
            return True
        except subprocess.TimeoutExpired:
            return False

    def kill(self):
        if self.proc and self.proc.poll() is None:
            try:
                os.killpg(self.proc.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.proc.wait()
        RUNNING.discard(self)
        if self.thread:
            self.thread.join(5)
        shutil.rmtree(self.tmp, ignore_errors=True)

    def seconds(self):
        return time.monotonic() - self.start_time
