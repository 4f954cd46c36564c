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
from xs import BUILD, Client, find_stock, stock, torc

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


def cpu(pid):
    """Seconds of processor time that a process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        v = f.read().rsplit(")", 1)[1].split()
    return (int(v[11]) + int(v[12])) / os.sysconf("SC_CLK_TCK")


def race(stores, seconds, tool, rounds=3):
    """The loads, all stores in turn and the best of some rounds, as other work comes and goes on the machine."""
    out = {n: {} for n in stores}
    for title, kind, clients, nodes in LOADS:
        for _ in range(rounds):
            for n, st in stores.items():
                before = cpu(st.p.pid)
                r = load(st, kind, clients, nodes, seconds, tool)
                if "error" in r:
                    print(f"# {n}: {title}: {r['error']}")
                    continue
                r["cpu_us"] = (cpu(st.p.pid) - before) / max(r["done"], 1) * 1e6
                best = out[n].setdefault(title, r)
                best["done_per_s"] = max(best["done_per_s"], r["done_per_s"])
                best["worst_ms"] = min(best["worst_ms"], r["worst_ms"])
                best["cpu_us"] = min(best["cpu_us"], r["cpu_us"])
    return out


def size(st, n=100000):
    before, t = rss(st.p.pid), time.monotonic()
    fill(st, n)
    t = time.monotonic() - t
    time.sleep(0.3)
    journal = sum(os.stat(f"{st.dir}/{f}").st_blocks // 2 for f in os.listdir(st.dir) if f.startswith("journal"))
    return t, rss(st.p.pid) - before, journal


def growth(st, seconds, tool):
    out, have, keep = {}, 0, []
    for n in DOMAINS:
        if n > have:
            keep.append(domain_setup(st, have + 1, n + 1))
        have, before = n, cpu(st.p.pid)
        r = load(st, "txn", 50, 1000, seconds, tool)
        out[n] = ((cpu(st.p.pid) - before) / max(r.get("done", 1), 1) * 1e6, rss(st.p.pid))
    return out


def main():
    root = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "/"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 1
    tool, fake = f"{BUILD}/tests/store-load", f"{BUILD}/tests/fakexen.so"
    found = find_stock(root)
    make = {"torc-stored": lambda: torc(fake=fake)}
    for key, name in (("c", "xenstored"), ("ocaml", "oxenstored")):
        if key in found:
            make[name] = lambda p=found[key]: stock(p, p.split("/usr/lib/xen-")[0], fake)
        else:
            print(f"# {name} is not under {root}")
    names = list(make)
    stores = {n: make[n]() for n in names}
    loads = race(stores, seconds, tool)
    for st in stores.values():
        st.close()
    sizes, grown = {}, {}
    for n in names:
        for what, fn in ((sizes, size), (grown, lambda st: growth(st, seconds, tool))):
            st = make[n]()
            try:
                what[n] = fn(st)
            except (OSError, TimeoutError) as e:
                print(f"# {n}: {e}")
            st.close()

    def row(title, values, more):
        """more: whether more is better; the ratios say by how much ours is better."""
        pairs = [(values[0], v) if more else (v, values[0]) for v in values[1:]]
        print(f"{title:44}" + "".join(f"{v:13.0f}" if v is not None else f"{'-':>13}" for v in values) + "  " +
              " ".join(f"{a / b:6.1f}x" if a and b else "      -" for a, b in pairs))

    print(f"{'':44}" + "".join(f"{n:>13}" for n in names) + "  ours is better by")
    for title, *_ in LOADS:
        row(title + ": done/s", [loads[n].get(title, {}).get("done_per_s") for n in names], True)
        row("  the store's CPU, us each", [loads[n].get(title, {}).get("cpu_us") for n in names], False)
        row("  worst wait, ms", [loads[n].get(title, {}).get("worst_ms") for n in names], False)
    for i, title in enumerate(("filling with 100,000 nodes, ms", "  memory for them, KiB", "  and the journal, KiB")):
        row(title, [sizes[n][i] * (1000 if i == 0 else 1) if n in sizes else None for n in names], False)
    for d in DOMAINS:
        row(f"{d} domains: CPU per transaction, us", [grown[n][d][0] if n in grown else None for n in names], False)
        row("  memory, KiB", [grown[n][d][1] if n in grown else None for n in names], False)
    tap = Tap()
    for other in names[1:]:
        for title, *_ in LOADS:
            a, b = (loads[n].get(title, {}).get("cpu_us", 0) for n in ("torc-stored", other))
            tap.ok(0 < a < b, f"less-CPU-than-{other}: {title}", f"{a:.1f} and {b:.1f} us")
    tap.end()


if __name__ == "__main__":
    main()
