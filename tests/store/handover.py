#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""A live handover: a successor takes over while clients work. Connections, watches, open transactions, half-sent
requests and guests' rings go on as if nothing had been; a successor that fails leaves the old daemon serving."""

import os
import signal
import subprocess
import sys
import threading
import time

from tap import Tap, sanitizer_findings
from xs import BUILD, CONTROL, PATIENCE, READ, Refused, WRITE, Gone, Socket, torc


class Busy(threading.Thread):
    """Writes and reads on one connection all the time; must never see an error."""

    def __init__(self, client, path):
        super().__init__(daemon=True)
        self.c, self.path = client, path
        self.n, self.stop, self.error, self.slowest = 0, False, None, 0.0

    def run(self):
        try:
            while not self.stop:
                t = time.monotonic()
                self.n += 1
                self.c.write(self.path, str(self.n))
                if self.c.read(self.path) != str(self.n).encode():
                    raise AssertionError(f"{self.path} lost write {self.n}")
                self.slowest = max(self.slowest, time.monotonic() - t)
        except Exception as e:                          # pylint: disable=broad-except
            self.error = repr(e)


def takeover(store):
    """Start a successor; returns when it serves. The old process ends by itself."""
    old = store.p
    p = subprocess.Popen(store.argv + ["--takeover"], env=store.env, stdout=store.log, stderr=store.log)
    old.wait(PATIENCE)
    store.p = p
    return old.returncode


def main():
    binary = sys.argv[1] if len(sys.argv) > 1 else f"{BUILD}/tests/torc-stored-san"
    fake = sys.argv[2] if len(sys.argv) > 2 else f"{BUILD}/tests/fakexen.so"
    tap = Tap()
    store = torc(binary, fake)
    c = store.client()
    c.write("/local/domain/5/data", "")
    c.chmod("/local/domain/5/data", "n5")
    guest = store.guest(5, c)
    guest.watch("data", "gtok")
    watcher = store.client()
    watcher.watch("/w", "wtok")
    watcher.wait_events(least=1)

    good, bad = store.client(), store.client()
    c.write("/t/a", "1")
    c.write("/t/b", "1")
    tx = good.begin()
    good.read("/t/a", tx)
    good.write("/t/new", "by-good", tx)
    bad_tx = bad.begin()
    bad.read("/t/b", bad_tx)
    bad.write("/t/b", "by-bad", bad_tx)
    c.write("/t/b", "2")                # bad has lost already
    half = store.client()
    m = half.message(WRITE, b"/half\0whole")
    half.send(m[:20])
    guest_half = guest.message(WRITE, b"data/long\0" + b"z" * 2000)
    guest.send(guest_half[:1200])

    busy = [Busy(store.client(), f"/busy/{i}") for i in range(8)]
    for b in busy:
        b.start()
    rcs = [takeover(store) for _ in range(3)]
    for b in busy:
        b.stop = True
    for b in busy:
        b.join(PATIENCE)
    errors = [b.error for b in busy if b.error]
    print(f"# {sum(b.n for b in busy)} writes during 3 handovers, slowest {max(b.slowest for b in busy) * 1000:.0f} ms")
    tap.ok(rcs == [0, 0, 0], "the-old-daemon-ends-well", str(rcs))
    tap.ok(not errors, "clients-notice-nothing", "; ".join(errors))
    tap.run("a-transaction-lands-in-the-successor", lambda: good.end(tx))
    tap.ok(c.read("/t/new") == b"by-good", "its-write-is-there")
    try:
        bad.end(bad_tx)
        tap.ok(False, "a-transaction-that-lost-before-ends-in-EAGAIN", "it landed")
    except Refused as e:
        tap.ok(str(e) == "EAGAIN", "a-transaction-that-lost-before-ends-in-EAGAIN", str(e))
    half.send(m[20:])
    got = half.receive()
    tap.ok(got and got[0] == WRITE and c.read("/half") == b"whole", "a-half-sent-request-is-whole-again")
    guest.send(guest_half[1200:])
    got = guest.receive()
    while got and got[0] != WRITE:
        guest.events.append(tuple(got[3].split(b"\0")[:2]))
        got = guest.receive()
    tap.ok(got is not None and len(guest.read("data/long")) == 2000, "so-is-one-in-a-ring")
    c.write("/w/x", "1")
    tap.ok(watcher.wait_events(0.5, 1) == [(b"/w/x", b"wtok")], "watches-fire-once")
    tap.ok((b"data/long", b"gtok") in guest.wait_events(0.3), "so-do-a-guests")

    deaths = store.client()
    deaths.watch("@releaseDomain", "d")
    store.guest(6, c)
    deaths.wait_events(least=1)
    store.mark("gone", 6)
    store.dom_event()
    tap.ok(deaths.wait_events(0.5, 1) == [(b"@releaseDomain", b"d")], "it-hears-of-deaths")

    # a successor that dies in the middle
    s = Socket(store.socket)
    s.send(s.message(CONTROL, b"takeover\0"))
    s.receive()
    time.sleep(0.2)
    s.close()
    tap.run("a-failed-handover-changes-nothing", lambda: (c.read("/half"), guest.read("data/long"), c.write("/after", "1")))
    old = store.p
    second = subprocess.run(store.argv, env=store.env, capture_output=True, text=True, timeout=PATIENCE, check=False)
    tap.ok(second.returncode == 1 and "--takeover" in second.stderr and old.poll() is None,
           "a-second-daemon-is-refused-with-a-remedy", second.stderr)
    old.send_signal(signal.SIGTERM)
    old.wait(PATIENCE)
    store.start()
    c = store.client()
    tap.ok(c.read("/after") == b"1" and guest.read("data/long") == b"z" * 2000, "a-restart-keeps-the-tree")
    tap.ok(os.path.exists(store.socket) and c.call(READ, "/half") == b"whole", "and-serves-the-socket")
    try:
        watcher.read("/half")
        tap.ok(False, "old-connections-end-with-their-daemon")
    except Gone:
        tap.ok(True, "old-connections-end-with-their-daemon")
    tap.ok(not (found := sanitizer_findings(store.close())), "sanitizers-are-silent", "; ".join(found))
    tap.end()


if __name__ == "__main__":
    main()
