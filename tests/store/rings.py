#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Guests at full speed through their rings, which save events as Linux does: none may be lost on the way.

usage: rings.py [REQUESTS [STORE [FAKE [RINGLOAD]]]]"""

import subprocess
import sys

from tap import Tap, sanitizer_findings
from xs import BUILD, torc


def main():
    args = sys.argv[1:] + [None] * 4
    tap = Tap()
    store = torc(args[1] or f"{BUILD}/bin/torc-stored", args[2] or f"{BUILD}/tests/fakexen.so")
    c = store.client()
    guests = []
    for d in (5, 6, 7):
        c.write(f"/local/domain/{d}/data", "")
        c.chmod(f"/local/domain/{d}/data", f"n{d}")
        guests.append(store.guest(d, c))
        guests[-1].ear.close()
    runs = [subprocess.Popen([args[3] or f"{BUILD}/tests/store-ringload", store.fake, str(g.domid), args[0] or "20000"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for g in guests]
    for g, r in zip(guests, runs):
        out = r.communicate(timeout=200)[0].strip()
        tap.ok(r.returncode == 0, f"no-event-is-lost-on-the-ring-of-d{g.domid}", out)
    tap.ok(c.call(0, b"check\0") == b"OK\0", "the-accounts-are-right")
    tap.ok(not (bad := sanitizer_findings(store.close())), "sanitizers-are-silent", "; ".join(bad))
    tap.end()


if __name__ == "__main__":
    main()
