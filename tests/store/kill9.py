#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""kill -9 at random moments under load. What was acknowledged is there, transactions are there whole or not at all,
socket clients connect again, and a guest's ring goes on at the byte: no request is lost, none is done twice, its
watches and permissions are as before.

usage: kill9.py [KILLS [STORE [FAKE]]]"""

import random
import sys
import threading
import time

from tap import Tap, sanitizer_findings
from xs import BUILD, Gone, PATIENCE, Refused, Socket, torc

WRITERS = 3


class Writer(threading.Thread):
    """Writes rising numbers into one node, or in a transaction into two, and knows the last that was acknowledged."""

    def __init__(self, path, n, pairs):
        super().__init__(daemon=True)
        self.path, self.n, self.pairs = path, n, pairs
        self.acked = self.tried = 0
        self.stop = False
        self.error = None

    def nodes(self):
        return [f"/kill/{self.n}/a", f"/kill/{self.n}/b"] if self.pairs else [f"/kill/{self.n}/a"]

    def once(self, c):
        self.tried += 1
        if not self.pairs:
            c.write(self.nodes()[0], str(self.tried))
        else:
            tx = c.begin()
            for p in self.nodes():
                c.write(p, str(self.tried), tx)
            try:
                c.end(tx)
            except Refused as e:
                if str(e) != "EAGAIN":
                    raise
                return
        self.acked = self.tried

    def run(self):
        while not self.stop:
            try:
                c = Socket(self.path)
                while not self.stop:
                    self.once(c)
            except (OSError, Gone):
                time.sleep(0.002)
            except Exception as e:                      # pylint: disable=broad-except
                self.error = repr(e)
                return


class GuestLoad(threading.Thread):
    """A guest that writes and reads through its ring, one request after the other, and watches what it writes."""

    def __init__(self, guest):
        super().__init__(daemon=True)
        self.g = guest
        self.done = 0
        self.stop = False
        self.error = None
        self.events = 0

    def run(self):
        try:
            while not self.stop:
                n = self.done + 1
                # some are longer than the ring, so that the store dies between their parts, too
                value = f"{n}." + "x" * (1500 if n % 7 == 0 else 10)
                self.g.write("data/n", value, 0)
                got = self.g.call(2, "data/n")
                if got.decode() != value:
                    raise AssertionError(f"request {n}: wrote {value[:20]}, read {got[:20]}")
                self.done = n
                self.events += len([e for e in self.g.events if e[0] == b"data/n"])
                self.g.events.clear()
                if self.g.strays:
                    raise AssertionError(f"answers nobody asked for: {self.g.strays[:3]}")
        except Exception as e:                          # pylint: disable=broad-except
            self.error = repr(e)


def check(c, writers):
    """After a restart, with the writers held: what each node may hold."""
    for w in writers:
        values = []
        for p in w.nodes():
            try:
                values.append(int(c.read(p)))
            except Refused:
                values.append(0)
        if len(set(values)) != 1:
            return f"half a transaction: {values} in {w.nodes()}"
        if not w.acked <= values[0] <= w.tried:
            return f"{w.nodes()[0]} holds {values[0]}; {w.acked} was acknowledged, {w.tried} tried"
    return None


def main():
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    binary = sys.argv[2] if len(sys.argv) > 2 else f"{BUILD}/tests/torc-stored-san"
    fake = sys.argv[3] if len(sys.argv) > 3 else f"{BUILD}/tests/fakexen.so"
    tap = Tap()
    rng = random.Random(kills)
    store = torc(binary, fake)
    c = store.client()
    c.write("/local/domain/5/data", "")
    c.chmod("/local/domain/5/data", "n5", "r6")
    guest = store.guest(5, c)
    guest.watch("data/n", "tok")
    guest.begin()                       # a transaction that never ends: it must not come back as a good one
    lost_tx = guest.begin()
    c.close()
    load = GuestLoad(guest)
    load.start()
    good, went_on, guest_before = 0, 0, 0
    for k in range(kills):
        writers = [Writer(store.socket, n, n % 2) for n in range(WRITERS)]
        if k:
            for w, old in zip(writers, last):
                w.acked = w.tried = old.tried
        for w in writers:
            w.start()
        time.sleep(rng.uniform(0.02, 0.25))
        store.kill()
        for w in writers:
            w.stop = True
        for w in writers:
            w.join(PATIENCE)
        store.start()
        c = store.client()
        why = check(c, writers) or next((w.error for w in writers if w.error), None)
        if why:
            print(f"# kill {k}: {why}")
        else:
            good += 1
        if c.call(0, b"check\0") != b"OK\0":
            print(f"# kill {k}: the store's own check fails")
        c.close()
        end = time.monotonic() + PATIENCE
        while load.done == guest_before and not load.error and time.monotonic() < end:
            time.sleep(0.01)
        went_on += load.done > guest_before
        guest_before = load.done
        last = writers
        if load.error:
            break
    load.stop = True
    load.join(PATIENCE)
    print(f"# {kills} kills; the writers' last numbers: {[w.tried for w in last]}; the guest made {load.done} writes and "
          f"reads, with {load.events} events")
    tap.ok(good == kills, f"acknowledged-writes-survive-{kills}-kills", f"{kills - good} times something was wrong")
    tap.ok(load.error is None and went_on == kills, f"the-guests-ring-goes-on-after-{kills}-kills",
           f"{load.error}, {went_on} of {kills}")
    tap.ok(load.events > 0 and load.events <= load.done + 1, "each-write-has-one-event",
           f"{load.events} events for {load.done} writes")
    try:
        guest.end(lost_tx)
        tap.ok(False, "an-open-transaction-ends-in-EAGAIN", "it was committed")
    except (Refused, TimeoutError) as e:
        tap.ok(str(e) == "EAGAIN", "an-open-transaction-ends-in-EAGAIN", str(e))
    c = store.client()
    tap.ok(c.call(3, "/local/domain/5/data") == b"n5\0r6\0", "permissions-are-as-before")
    c.close()
    tap.ok(not (bad := sanitizer_findings(store.close())), "sanitizers-are-silent", "; ".join(bad))
    tap.end()


if __name__ == "__main__":
    main()
