#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Many clients with random transactions on few nodes, checked against a serial model.

Every transaction reads nodes and overwrites them with values that nobody else writes. So the version that each read
and the one that each made are known, and with them who came before whom. There must be an order of all transactions
in which running them one after the other gives every read the value it saw, and the store the values it ends with."""

import json
import subprocess
import sys

from tap import Tap, sanitizer_findings
from xs import BUILD, torc


def judge(history, final):
    """None, or what is wrong."""
    txns, made_by, overwritten_by = [], {}, {}
    for line in history:
        w = line.split()
        steps = [(w[i], w[i + 1], w[i + 2]) for i in range(0, len(w), 3)]
        n = len(txns)
        txns.append(steps)
        for key, seen, wrote in steps:
            if (key, seen) in overwritten_by:
                return f"lost update: two transactions read {seen} at node {key} and overwrote it"
            overwritten_by[key, seen] = n
            made_by[key, wrote] = n
    waits, after = [0] * len(txns), [[] for _ in txns]
    for n, steps in enumerate(txns):
        for key, seen, _ in steps:
            if (key, seen) in made_by:
                after[made_by[key, seen]].append(n)
                waits[n] += 1
            elif seen != f"0.{key}":
                return f"torn read: {seen} at node {key} was never committed"
    ready, model, ran = [n for n, w in enumerate(waits) if not w], {}, 0
    while ready:
        n = ready.pop()
        ran += 1
        for key, seen, wrote in txns[n]:
            if model.get(key, f"0.{key}") != seen:
                return f"the serial model has {model.get(key)} at node {key} where {seen} was read"
            model[key] = wrote
        for m in after[n]:
            waits[m] -= 1
            if not waits[m]:
                ready.append(m)
    if ran != len(txns):
        return f"no serial order: {len(txns) - ran} transactions wait for each other in a circle"
    for key, value in final.items():
        if model.get(key, f"0.{key}") != value:
            return f"node {key} ends as {value}, the model says {model.get(key)}"
    return None


def one(tap, load, name, store, kind, clients, nodes, seconds):
    out = store.dir + "/history"
    r = subprocess.run([load, "-s", store.socket, "-n", str(clients), "-k", str(nodes), "-t", str(seconds), "-m", kind,
                        "-o", out], capture_output=True, text=True, timeout=120, check=False)
    if not tap.ok(r.returncode == 0, f"{name}-runs", r.stderr.strip()):
        return
    c = store.client()
    final = {str(k): c.read(f"/load/{k}").decode() for k in range(nodes)}
    c.close()
    with open(out, encoding="ascii") as f:
        history = f.read().splitlines()
    figures = json.loads(r.stdout)
    print(f"# {name}: {r.stdout.strip()}")
    why = judge(history, final)
    tap.ok(why is None and len(history) == figures["done"], f"{name}-has-a-serial-order", why)
    tap.ok(figures["worst_ms"] < 30000, f"{name}-everybody-gets-through", f"{figures['worst_ms']} ms")


def main():
    """serial.py [SECONDS [STORE [LOAD [FAKE]]]]"""
    args = sys.argv[1:] + [None] * 4
    seconds = float(args[0] or 2)
    tap = Tap()
    # the judge itself: it must see each kind of mistake
    tap.ok(judge(["1 0.1 5.1", "1 0.1 6.1"], {}) is not None, "judge-sees-a-lost-update")
    tap.ok(judge(["1 9.9 5.1"], {}) is not None, "judge-sees-a-torn-read")
    tap.ok(judge(["1 0.1 5.1 2 6.1 5.2", "2 0.2 6.1 1 5.1 6.2"], {}) is not None, "judge-sees-a-circle")
    tap.ok(judge(["1 0.1 5.1"], {"1": "0.1"}) is not None, "judge-sees-a-wrong-end")
    store = torc(args[1] or f"{BUILD}/tests/torc-stored-san", args[3] or f"{BUILD}/tests/fakexen.so")
    load = args[2] or f"{BUILD}/tests/store-load"
    one(tap, load, "200-clients-on-16-nodes", store, "txn", 200, 16, seconds)
    one(tap, load, "200-clients-on-1-node", store, "rmw", 200, 1, seconds)
    one(tap, load, "300-clients-on-2000-nodes", store, "txn", 300, 2000, seconds)
    tap.ok(not (bad := sanitizer_findings(store.close())), "sanitizers-are-silent", "; ".join(bad))
    tap.end()


if __name__ == "__main__":
    main()
