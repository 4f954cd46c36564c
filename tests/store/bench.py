#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""torc-stored beside Debian's C xenstored and oxenstored, in one run on one machine: requests and transactions per
second by load, resident memory for 100,000 nodes, and how both grow with the number of domains.

usage: bench.py [DIRECTORY with the reference's packages unpacked [SECONDS]]"""

import json
import os
import subprocess
import sys
import time

from tap import Tap
from xs import Client, find_stock, stock, torc

LOADS = (("read, 200 clients", "read", 200, 64), ("write, 200 clients", "write", 200, 64),
         ("read, 1 client", "read", 1, 64), ("write, 1 client", "write", 1, 64),
         ("txn of 2 nodes, 200 clients, 2000 nodes", "txn", 200, 2000),
         ("txn of 1 node, 200 clients, 1 node", "rmw", 200, 1))
DOMAINS = (0, 10, 100, 500)


def rss(pid):
    """KiB of memory that a process has resident, without files that are mapped."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        v = dict(line.split(":", 1) for line in f)
    return int(v["RssAnon"].split()[0])


def load(st, kind, clients, nodes, seconds, tool):
    r = subprocess.run([tool, "-s", st.socket, "-n", str(clients), "-k", str(nodes), "-t", str(seconds), "-m", kind],
                       capture_output=True, text=True, timeout=300, check=False)
    return json.loads(r.stdout) if r.returncode == 0 else {"error": r.stderr.strip()}


def pipeline(c, messages):
    """Many requests, not one after the other: for filling a store."""
    sent = got = 0
    while got < len(messages):
        while sent < len(messages) and sent - got < 50:
            c.send(messages[sent])
            sent += 1
        m = c.receive(30)
        if m is None:
            raise TimeoutError("filling")
        got += 1


def fill(st, n):
    c = st.client()
    m = Client.message
    pipeline(c, [m(c, 11, f"/fill/{i // 1000}/{i % 1000 // 10}/node{i}\0value {i}".encode()) for i in range(n)])
    c.close()


def domain_setup(st, first, last):
    """What a toolstack writes for a guest with a disk and a network card, roughly; and the watches of its backends."""
    c = st.client()
    m, out = Client.message, []
    for d in range(first, last):
        for dev in ("vbd/768", "vif/0"):
            kind, num = dev.split("/")
            for leaf in ("state", "backend", "backend-id", "online", "frontend", "frontend-id", "mode", "type"):
                out.append(m(c, 11, f"/local/domain/{d}/device/{dev}/{leaf}\0{d}".encode()))
                out.append(m(c, 11, f"/local/domain/0/backend/{kind}/{d}/{num}/{leaf}\0{d}".encode()))
        for leaf in ("name", "memory/target", "console/ring-ref", "console/port", "control/shutdown", "cpu/0/availability"):
            out.append(m(c, 11, f"/local/domain/{d}/{leaf}\0{d}".encode()))
    pipeline(c, out)
    w = st.client()
    watches = [m(w, 4, f"/local/domain/{d}/device/{dev}/state\0t{d}".encode() + b"\0") for d in range(first, last)
               for dev in ("vbd/768", "vif/0")]
    for i in range(0, len(watches), 20):
        for x in watches[i:i + 20]:
            w.send(x)
        for _ in watches[i:i + 20] * 2:                 # the answer and the first event of each
            w.receive(30)
    return w


def measure(name, make, seconds, tool):
    out = {}
    st = make()
    try:
        for title, kind, clients, nodes in LOADS:
            out[title] = load(st, kind, clients, nodes, seconds, tool)
        st.close()
        st = make()
        before = rss(st.p.pid)
        t = time.monotonic()
        fill(st, 100000)
        out["fill"] = time.monotonic() - t
        time.sleep(0.5)
        out["memory"] = rss(st.p.pid) - before
        out["journal"] = sum(os.stat(f"{st.dir}/{f}").st_blocks // 2 for f in os.listdir(st.dir) if f.startswith("journal"))
        st.close()
        st = make()
        have, keep = 0, []
        for n in DOMAINS:
            keep.append(domain_setup(st, have + 1, n + 1) if n > have else None)
            have = n
            r = load(st, "txn", 50, 1000, seconds, tool)
            out[f"{n} domains"] = (r.get("done_per_s"), rss(st.p.pid))
    except (OSError, TimeoutError, RuntimeError) as e:
        print(f"# {name}: {e}")
    finally:
        st.close()
    return out


def main():
    root = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "/"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 2
    tool, fake = "build/tests/store-load", "build/tests/fakexen.so"
    found = find_stock(root)
    results = {"torc-stored": measure("torc-stored", lambda: torc(fake=fake), seconds, tool)}
    for key, name in (("c", "xenstored"), ("ocaml", "oxenstored")):
        if key not in found:
            print(f"# {name} is not under {root}")
            continue
        base = found[key].split("/usr/lib/xen-")[0]
        results[name] = measure(name, lambda p=found[key], b=base: stock(p, b, fake), seconds, tool)
    names = list(results)

    def row(title, values, unit=""):
        ratio = [f"{values[0] / v:5.1f}x" if v and values[0] else "    -" for v in values[1:]]
        print(f"{title:42}" + "".join(f"{v if v is not None else 0:13.0f}" for v in values) + "  " + " ".join(ratio) + unit)

    print(f"{'':42}" + "".join(f"{n:>13}" for n in names) + "  torc-stored to the others")
    for title, *_ in LOADS:
        row(title + ", done/s", [results[n].get(title, {}).get("done_per_s") for n in names])
        print(f"{'  worst wait, ms':42}" + "".join(f"{results[n].get(title, {}).get('worst_ms', 0):13.0f}" for n in names))
    row("filling with 100,000 nodes, ms", [results[n].get("fill", 0) * 1000 for n in names])
    row("memory for 100,000 nodes, KiB", [results[n].get("memory", 0) for n in names])
    print(f"{'  and the journal, KiB':42}" + "".join(f"{results[n].get('journal', 0):13.0f}" for n in names))
    for d in DOMAINS:
        row(f"{d} domains: txn/s, 50 clients", [results[n].get(f"{d} domains", (0, 0))[0] for n in names])
        row(f"{d} domains: memory, KiB", [results[n].get(f"{d} domains", (0, 0))[1] for n in names])
    tap = Tap()
    for other in names[1:]:
        for title, *_ in LOADS:
            a, b = (results[n].get(title, {}).get("done_per_s", 0) for n in ("torc-stored", other))
            tap.ok(a > b, f"faster-than-{other}: {title}", f"{a:.0f} and {b:.0f}")
    tap.end()


if __name__ == "__main__":
    main()
