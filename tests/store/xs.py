# SPDX-License-Identifier: BSD-2-Clause
"""Clients of a store that speak the wire protocol themselves: on the socket, and as a guest through a ring (of the
fake hypervisor that fakexen.c is). Also: start a store, ours or another."""

import ctypes
import mmap
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time

(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, TXN_START, TXN_END, INTRODUCE, RELEASE, GET_DOMAIN_PATH, WRITE,
 MKDIR, RM, SET_PERMS, WATCH_EVENT, ERROR, IS_INTRODUCED, RESUME, SET_TARGET) = range(20)
RESET_WATCHES, DIRECTORY_PART = 21, 22
BUILD = os.environ.get("RIG_BUILD", "build")
# For what is sure to come. A machine that has other things to do lets a process stand still for seconds.
PATIENCE = 60.0


class Refused(Exception):
    """The store answered with an error."""


class Gone(Exception):
    """The store ended the connection, or cut the ring off."""


class Client:
    """Requests, answers and events over a byte stream that subclasses give."""

    def __init__(self):
        self.buf = b""
        self.events = []
        self.next_id = 1
        self.strays = []

    def message(self, kind, body=b"", tx=0, req_id=None, length=None):
        if req_id is None:
            req_id, self.next_id = self.next_id, self.next_id + 1
        return struct.pack("<IIII", kind, req_id, tx, len(body) if length is None else length) + body

    def take(self):
        """One whole message from what has come, or None."""
        if len(self.buf) < 16:
            return None
        kind, req_id, tx, length = struct.unpack("<IIII", self.buf[:16])
        if len(self.buf) < 16 + length:
            return None
        body, self.buf = self.buf[16:16 + length], self.buf[16 + length:]
        return kind, req_id, tx, body

    def pump(self, timeout):
        raise NotImplementedError

    def receive(self, timeout=PATIENCE):
        end = time.monotonic() + timeout
        while True:
            m = self.take()
            if m:
                return m
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.pump(left)

    def call(self, kind, body=b"", tx=0, timeout=PATIENCE):
        """A request and the body of its answer; Refused with the error's name."""
        if isinstance(body, str):
            body = body.encode() + b"\0"
        self.send(self.message(kind, body, tx))
        want = self.next_id - 1
        while True:
            m = self.receive(timeout)
            if m is None:
                raise TimeoutError(f"no answer to request type {kind}")
            if m[0] == WATCH_EVENT:
                self.events.append(tuple(m[3].split(b"\0")[:2]))
                continue
            if m[1] != want:
                self.strays.append(m)
                continue
            if m[0] == ERROR:
                raise Refused(m[3].rstrip(b"\0").decode())
            return m[3]

    def wait_events(self, seconds=0.1, least=0):
        """All events that are there or come within the time, and before there are at least so many; the list is then
        empty again."""
        try:
            self.call(READ, "/")        # what the store has to say already, it says before it answers
        except Refused:
            pass
        start = time.monotonic()
        while (left := start + (PATIENCE if len(self.events) < least else seconds) - time.monotonic()) > 0:
            m = self.receive(left)
            if m and m[0] == WATCH_EVENT:
                self.events.append(tuple(m[3].split(b"\0")[:2]))
            elif m:
                self.strays.append(m)
        got, self.events = self.events, []
        return got

    # the usual ones
    def read(self, path, tx=0):
        return self.call(READ, path, tx)

    def write(self, path, value, tx=0):
        if isinstance(value, str):
            value = value.encode()
        return self.call(WRITE, path.encode() + b"\0" + value, tx)

    def ls(self, path, tx=0):
        return [x for x in self.call(DIRECTORY, path, tx).split(b"\0") if x]

    def chmod(self, path, *perms, tx=0):
        return self.call(SET_PERMS, "\0".join((path,) + perms), tx)

    def watch(self, path, token):
        return self.call(WATCH, path + "\0" + token)

    def begin(self):
        return int(self.call(TXN_START, "").rstrip(b"\0"))

    def end(self, tx, commit=True):
        return self.call(TXN_END, "T" if commit else "F", tx)


class Socket(Client):
    def __init__(self, path):
        super().__init__()
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)

    def send(self, data):
        try:
            self.s.sendall(data)
        except OSError as e:
            raise Gone(str(e)) from e

    def pump(self, timeout):
        r, _, _ = select.select([self.s], [], [], timeout)
        if r:
            try:
                got = self.s.recv(65536)
            except OSError as e:
                raise Gone(str(e)) from e
            if not got:
                raise Gone("end of stream")
            self.buf += got

    def close(self):
        self.s.close()


class Guest(Client):
    """A domain with a ring. It is introduced by a client of the control domain, by introduce()."""
    SIZE = 1024
    REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD, FEATURES, CONNECTION, ERR = range(2048, 2048 + 28, 4)

    def __init__(self, fake, domid):
        super().__init__()
        self.fake, self.domid = fake, domid
        with open(f"{fake}/rings.0", "r+b") as f:
            self.page = mmap.mmap(f.fileno(), 4096, offset=4096 * domid)
        self.page[:] = bytes(4096)
        self.ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear = f"{fake}/dom.{domid}"
        if os.path.exists(ear):
            os.unlink(ear)
        self.ear.bind(ear)
        self.ear.setblocking(False)

    def get(self, off):
        return ctypes.c_uint32.from_buffer(self.page, off).value

    def put(self, off, value):
        # One store, as a guest makes it: pack_into() would clear the four bytes first, and the store sees an index of 0.
        ctypes.c_uint32.from_buffer(self.page, off).value = value & 0xffffffff

    def introduce(self, by):
        return by.call(INTRODUCE, f"{self.domid}\0{self.domid + 4096}\0{7}")

    def kick(self):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            s.sendto(b"%d" % (1000 + self.domid), f"{self.fake}/store.0")
        except OSError:
            pass                # the store is not there at the moment
        s.close()

    def room(self):
        return self.SIZE - ((self.get(self.REQ_PROD) - self.get(self.REQ_CONS)) & 0xffffffff)

    def send(self, data, timeout=PATIENCE):
        """As Linux does: header and body apart, and an event only if the store had taken all there was."""
        self.put_bytes(data[:16], timeout)
        self.put_bytes(data[16:], timeout)

    def put_bytes(self, data, timeout):
        end = time.monotonic() + timeout
        while data:
            n = min(self.room(), len(data))
            if not n:
                if self.get(self.ERR):
                    raise Gone(f"ring error {self.get(self.ERR)}")
                if time.monotonic() > end:
                    raise TimeoutError("no room in the ring")
                self.pump(0.02)
                continue
            prod = self.get(self.REQ_PROD)
            for i in range(n):
                self.page[(prod + i) % self.SIZE] = data[i]
            self.put(self.REQ_PROD, prod + n)
            data = data[n:]
            if self.get(self.REQ_CONS) == prod:
                self.kick()

    def drain(self):
        """Take what has come; an event only if the ring was full."""
        cons, prod = self.get(self.RSP_CONS), self.get(self.RSP_PROD)
        n = (prod - cons) & 0xffffffff
        if not n:
            return False
        self.buf += bytes(self.page[self.SIZE + (cons + i) % self.SIZE] for i in range(n))
        self.put(self.RSP_CONS, prod)
        if n == self.SIZE:
            self.kick()
        return True

    def pump(self, timeout):
        if self.drain():
            return
        if self.get(self.ERR):
            raise Gone(f"ring error {self.get(self.ERR)}")
        select.select([self.ear], [], [], min(timeout, 0.05))
        try:
            while True:
                self.ear.recv(16)
        except BlockingIOError:
            pass
        self.drain()


class Store:
    """A store process in a directory of its own, with the fake hypervisor preloaded."""

    def __init__(self, argv, preload, env=None, args=()):
        self.dir = tempfile.mkdtemp(prefix="store-")
        self.fake = self.dir + "/fake"
        os.mkdir(self.fake)
        with open(self.fake + "/port.0", "w", encoding="ascii") as f:
            f.write("5")
        for name, size in (("rings.0", 4096 * 1024), ("states.0", 4096)):
            with open(f"{self.fake}/{name}", "wb") as f:
                f.truncate(size)
        self.socket = self.dir + "/socket"
        self.argv = [a.replace("@DIR@", self.dir) for a in argv]
        self.env = dict(os.environ, FAKEXEN=self.fake, XENSTORED_RUNDIR=self.dir, XENSTORED_PATH=self.socket,
                        LD_PRELOAD=preload, **(env or {}))
        self.log = open(self.dir + "/log", "ab")
        self.p = None
        self.start(args)

    def start(self, args=(), wait=True):
        self.p = subprocess.Popen(self.argv + list(args), env=self.env, stdout=self.log, stderr=self.log)
        if wait:
            self.wait_up()

    def wait_up(self):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                c = Socket(self.socket)
                c.ls("/")
                c.close()
                return
            except (OSError, Gone):
                if self.p.poll() is not None:
                    break
                time.sleep(0.01)
        self.p.kill()
        raise RuntimeError("the store does not come up:\n" + self.log_text())

    def log_text(self):
        with open(self.dir + "/log", "rb") as f:
            return f.read().decode(errors="replace")

    def kill(self, sig=signal.SIGKILL):
        self.p.send_signal(sig)
        return self.p.wait()

    def client(self):
        return Socket(self.socket)

    def guest(self, domid, by=None):
        g = Guest(self.fake, domid)
        if by:
            g.introduce(by)
        return g

    def dom_event(self):
        """Tell the store that some domain died or shut down."""
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        s.sendto(b"1", self.fake + "/store.0")
        s.close()

    def mark(self, what, domid):
        """The domain has shut down ("shut") or is gone ("gone"): as the hypervisor would say."""
        with open(f"{self.fake}/states.0", "r+b") as f:
            f.seek(domid)
            f.write({"shut": b"\1", "gone": b"\2"}[what])

    def close(self):
        """End it; returns its log. A sanitizer's finding is in there."""
        if self.p.poll() is None:
            self.kill(signal.SIGTERM)
        text = self.log_text()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        return text


def torc(binary=f"{BUILD}/bin/torc-stored", fake=f"{BUILD}/tests/fakexen.so", args=()):
    preload = os.path.abspath(fake)
    if binary.endswith("-san"):
        asan = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout
        preload = asan.strip() + " " + preload
    return Store([os.path.abspath(binary), "-N", *args], preload,
                 {"ASAN_OPTIONS": "detect_leaks=0:abort_on_error=1"})


def find_stock(root):
    """Where the reference's stores are: an unpacked xen-utils package, or installed. {"c": path, "ocaml": path}"""
    found = {}
    for d in (root, "/"):
        for name, key in (("xenstored", "c"), ("oxenstored", "ocaml")):
            p = f"{d}/usr/lib/xen-4.17/bin/{name}"
            if d and os.access(p, os.X_OK):
                found.setdefault(key, p)
    return found


def stock(path, root, fake=f"{BUILD}/tests/fakexen.so"):
    env = {"LD_LIBRARY_PATH": root + "/usr/lib/x86_64-linux-gnu"} if root else {}
    argv = [path, "-N"]
    if path.endswith("oxenstored"):
        argv = [path, "--no-fork", "--config-file", "@DIR@/ox.conf"]
    s = Store.__new__(Store)
    real_start, Store.start = Store.start, lambda self, args=(), wait=True: None
    try:
        s.__init__(argv, os.path.abspath(fake), env)
    finally:
        Store.start = real_start
    if path.endswith("oxenstored"):
        with open(s.dir + "/ox.conf", "w", encoding="ascii") as f:
            f.write(f"pid-file = {s.dir}/pid\npersistent = false\nquota-activate = true\nquota-maxentity = 1000\n"
                    "quota-maxsize = 2048\nquota-maxwatch = 100\nquota-transaction = 1000\n"
                    "xenstored-kva = /proc/xen/xsd_kva\nxenstored-port = /proc/xen/xsd_port\n")
    s.start()
    return s


def show(body):
    """Bytes for a transcript."""
    return re.sub(r"[^ -~]", lambda m: "|" if m[0] == "\0" else f"\\x{ord(m[0]):02x}", body.decode("latin1"))
