# SPDX-License-Identifier: BSD-2-Clause
"""What stores answer, step by step: every command with good and bad arguments on the socket, watches and their order,
conflicts, and a guest's rights, refusals, watches and quotas through its ring. A transcript is a list of (step, answer)
that two stores can be compared by."""

import re
import time

from xs import (CONTROL, DIRECTORY, DIRECTORY_PART, ERROR, GET_DOMAIN_PATH, GET_PERMS, INTRODUCE, IS_INTRODUCED, MKDIR, READ,
                RELEASE, RESET_WATCHES, RESUME, RM, SET_PERMS, SET_TARGET, TXN_END, TXN_START, UNWATCH, WATCH,
                WATCH_EVENT, WRITE, Gone, Refused, show)

NAMES = {CONTROL: "CONTROL", DIRECTORY: "DIRECTORY", DIRECTORY_PART: "DIRECTORY_PART", ERROR: "ERROR",
         GET_DOMAIN_PATH: "GET_DOMAIN_PATH", GET_PERMS: "GET_PERMS", INTRODUCE: "INTRODUCE",
         IS_INTRODUCED: "IS_DOMAIN_INTRODUCED", MKDIR: "MKDIR", READ: "READ", RELEASE: "RELEASE",
         RESET_WATCHES: "RESET_WATCHES", RESUME: "RESUME", RM: "RM", SET_PERMS: "SET_PERMS", SET_TARGET: "SET_TARGET",
         TXN_END: "TRANSACTION_END", TXN_START: "TRANSACTION_START", UNWATCH: "UNWATCH", WATCH: "WATCH",
         WATCH_EVENT: "WATCH_EVENT", WRITE: "WRITE"}


class Transcript:
    def __init__(self):
        self.lines = []

    def note(self, step, value):
        if isinstance(value, bytes):
            value = show(value)
        self.lines.append((step, str(value)))

    def do(self, step, fn, *args, **kw):
        try:
            value = fn(*args, **kw)
        except Refused as e:
            value = f"refused: {e}"
        except Gone:
            value = "cut off"
        except TimeoutError:
            value = "no answer"
        self.note(step, value)

    def calls(self, who, client, kind, *bodies):
        for b in bodies:
            self.do(f"{who} {NAMES.get(kind, kind)} {show(b)}", client.call, kind, b)


def commands(t, c):
    """Each command on the socket, arguments good and bad."""
    t.calls("", c, READ, b"/\0", b"//\0", b"/tool/\0", b"/a b\0", b"rel\0", b"@introduceDomain\0", b"@foo\0", b"/none/x\0")
    t.calls("", c, DIRECTORY, b"/\0", b"/none\0")
    t.calls("", c, DIRECTORY_PART, b"/\0", b"/\x000\0", b"/\x001\0", b"/\x0099\0", b"/\0-1\0", b"/none\x000\0")
    t.calls("", c, GET_PERMS, b"/\0", b"@x\0", b"@introduceDomain\0")
    t.calls("", c, WRITE, b"", b"/w", b"/w\0", b"/w/x/y\0val\0ue", b"/\0rootval", b"/\0", b"/w/\0x", b"@introduceDomain\0x",
            b"rel/x\0v")
    t.calls("", c, READ, b"/w/x/y\0", b"/\0", b"/local/domain/0/rel/x\0", b"rel/x\0")
    t.calls("", c, MKDIR, b"/m\0", b"/m\0", b"/m/n/o\0", b"/\0")
    t.calls("", c, RM, b"/\0", b"/m\0", b"/m\0", b"/m/n\0", b"/m/n/o\0", b"@releaseDomain\0", b"")
    t.calls("", c, SET_PERMS, b"/w\0", b"/w\0n0", b"/w\0x0\0", b"/w\0n0\0r5\0", b"/w\0n0 r5\0", b"/w\0n\0", b"/none\0n0\0",
            b"/w\0n0\0\0", b"@introduceDomain\0n0\0r5\0", b"@introduceDomain\0n0\0", b"@foo\0n0\0")
    t.calls("", c, GET_PERMS, b"/w/x\0")
    t.calls("", c, WATCH, b"/w", b"/w\0", b"/w\0t\0", b"/w\0t\0", b"/w\0\0", b"/w/\0t\0", b"@foo\0t\0", b"@introduceDomain\0t\0",
            b"/none/such\0t\0", b"rel\0t\0", b"/w\0u\0extra\0")
    t.calls("", c, UNWATCH, b"/w\0t\0", b"/w\0t\0", b"/w\0", b"rel\0t\0", b"/w\0\0")
    t.note("first events", c.wait_events())
    t.calls("", c, TXN_END, b"T\0", b"X\0", b"")
    t.calls("", c, INTRODUCE, b"", b"0\x000\x000\0", b"5\0", b"5\x001\x000\0", b"40000\x001\x001\0")
    t.calls("", c, RELEASE, b"9\0", b"0\0", b"")
    t.calls("", c, IS_INTRODUCED, b"0\0", b"9\0", b"32752\0", b"")
    t.calls("", c, GET_DOMAIN_PATH, b"0\0", b"77\0", b"")
    t.calls("", c, RESUME, b"9\0", b"0\0")
    t.calls("", c, SET_TARGET, b"9\x001\0", b"0\x000\0")
    for kind in (20, 23, 99, WATCH_EVENT, ERROR):
        t.calls("", c, kind, b"x\0")
    t.calls("", c, CONTROL, b"", b"nope\0", b"check\0", b"print\0x\0")
    t.do("read in an unknown transaction", c.read, "/w", 77)
    t.do("begin in an unknown transaction", c.call, TXN_START, b"\0", 77)
    tx = c.begin()
    t.do("begin in a transaction", c.call, TXN_START, b"\0", tx)
    t.do("end", c.end, tx)
    t.do("end again", c.end, tx)
    t.calls("", c, RESET_WATCHES, b"\0")
    c.wait_events()


def listings(t, c):
    for n in ("zebra", "apple", "mango"):
        c.write("/ord/" + n, "")
    t.do("listing", c.call, DIRECTORY, "/ord")
    c.call(RM, "/ord/apple")
    c.write("/ord/apple", "")
    t.do("listing after a removal", c.call, DIRECTORY, "/ord")
    names = [f"{'n' * 60}{i}" for i in range(200)]
    for n in names:
        c.write("/big/" + n, "")
    t.do("a long listing", c.call, DIRECTORY, "/big")
    got, parts = b"", 0
    while not got.endswith(b"\0\0"):
        part = c.call(DIRECTORY_PART, b"/big\0%d\0" % len(got))
        got += part.split(b"\0", 1)[1]
        parts += 1
    t.note("in parts", (parts, got == b"".join(n.encode() + b"\0" for n in names) + b"\0"))
    t.do("a value of 4093 bytes", c.write, "/l", "x" * 4093)
    t.note("read it", len(c.read("/l")))
    t.do("a relative path of 2048", c.write, "p" * 2048, "x")
    t.do("of 2049", c.write, "p" * 2049, "x")
    t.do("an absolute path of 1000", c.write, "/" + "p" * 999, "x")
    t.do("of 3073", c.write, "/" + "p" * 3072, "x")


def watches(t, c, w):
    for path, token in (("/e", "t1"), ("/e/a", "t2"), ("/", "t3"), ("/e", "t0"), ("/e/a/b", "t4"), ("/e/a/b/c", "t5"),
                        ("rel", "r1"), ("/local/domain/0/rel", "r2")):
        w.watch(path, token)
    t.note("each begins with an event", w.wait_events())

    def after(step, fn, *args):
        t.do(step, fn, *args)
        t.note(step + ": events", w.wait_events())

    def transaction(step, *ops):
        tx = c.begin()
        for op in ops:
            if len(op) == 1:
                c.call(RM, op[0], tx)
            else:
                c.write(op[0], op[1], tx)
        t.note(step + ": before the end", w.wait_events())
        after(step, c.end, tx)

    after("create deep", c.write, "/e/a/b/c", "1")
    after("write again", c.write, "/e/a/b/c", "1")
    after("mkdir what is there", c.call, MKDIR, "/e/a")
    after("mkdir", c.call, MKDIR, "/e/new")
    after("chmod", c.chmod, "/e/a", "n0", "r3")
    after("a sibling", c.write, "/e/a/b/d", "1")
    after("rm of a tree", c.call, RM, "/e")
    after("rm of nothing", c.call, RM, "/e")
    after("relative", c.write, "rel/q", "1")
    transaction("several", ("/e/2", "x"), ("/e/1", "x"), ("/e/2", "y"), ("/e/gone", "y"), ("/e/gone",))
    transaction("rm and write", ("/e/1",), ("/e/1", "x"))
    transaction("rm of a tree in a transaction", ("/e",))
    transaction("parents after children", ("/e/a/b", "q"), ("/e/a", "q"), ("/e", "q"))
    c.watch("/self", "s")
    c.wait_events()
    for step, m in (("one's own event and answer", c.message(WRITE, b"/self\0x")),
                    ("a new watch's event and answer", c.message(WATCH, b"/self2\0x\0"))):
        c.send(m)
        time.sleep(0.1)
        got = [c.receive(0.3), c.receive(0.3)]
        t.note(step, [NAMES.get(m[0]) if m else None for m in got])


def conflicts(t, a, b):
    def one(step, fn):
        a.call(RM, "/c")
        a.write("/c/x", "0")
        a.write("/c/y", "0")
        tx = a.begin()
        fn(tx)
        t.do("conflict: " + step, a.end, tx)

    one("what was read changed", lambda tx: (a.read("/c/x", tx), b.write("/c/x", "1"), a.write("/c/z", "1", tx)))
    one("what was read is gone", lambda tx: (a.read("/c/x", tx), b.call(RM, "/c/x"), a.write("/c/z", "1", tx)))
    one("what was listed changed", lambda tx: (a.ls("/c", tx), b.write("/c/new", "1"), a.write("/c/x", "1", tx)))
    one("something else changed", lambda tx: (a.read("/c/x", tx), b.write("/c/y", "1"), a.write("/c/x", "1", tx)))
    one("permissions changed", lambda tx: (a.write("/c/x", "2", tx), b.chmod("/c/x", "n0", "r2")))
    one("two children of one node", lambda tx: (a.write("/c/p", "1", tx), b.write("/c/q", "1")))
    one("written without a look", lambda tx: (a.write("/c/x", "1", tx), b.write("/c/x", "2")))
    one("removed without a look", lambda tx: (a.call(RM, "/c/x", tx), b.write("/c/x", "2")))
    one("the same value again", lambda tx: (a.read("/c/x", tx), b.write("/c/x", "0"), a.write("/c/x", "1", tx)))


def guests(t, st):
    """d5, d6: rights, refusals, watches; d7 dies; d8, d9 break their rings."""
    a, w = st.client(), st.client()
    for path, value, perms in (
            ("/local/domain/5", "", ("n0", "r5")), ("/local/domain/5/data", "", ("n5",)), ("/local/domain/5/ro", "x", ()),
            ("/secret/in/side", "s", ()), ("/pub", "x", ("r0",)), ("/pub/hid", "x", ("n0",)),
            ("/local/domain/6/data", "", ("n6", "r5")), ("/local/domain/6", "", ("n0", "r6"))):
        a.write(path, value)
        if perms:
            a.chmod(path, *perms)
    w.watch("@introduceDomain", "I")
    w.watch("@releaseDomain", "R")
    w.watch("/", "all")
    w.wait_events()
    g = st.guest(5)
    t.do("introduce d5", g.introduce, a)
    t.note("introduce d5: events", w.wait_events())
    t.do("introduce d5 again", g.introduce, a)
    t.note("introduce d5 again: events", w.wait_events())
    h = st.guest(6, a)

    t.calls("d5", g, READ, b"data\0", b"ro\0", b"/local/domain/5/ro\0", b"/secret/in/side\0", b"/secret/none\0", b"/secret\0",
            b"/none\0", b"/none/x\0", b"/\0", b"/pub/hid\0", b"/pub/hid/x\0", b"/pub/none\0", b"data/none\0",
            b"/local/domain/6/data\0", b"/local/domain/6\0")
    t.calls("d5", g, DIRECTORY, b"/\0", b"/pub\0")
    t.calls("d5", g, GET_PERMS, b"data\0", b"/local/domain/6/data\0", b"/secret\0")
    t.calls("d5", g, WRITE, b"data/a/b\0v", b"ro\0v", b"new\0v", b"/none\0v", b"/secret/x/y\0v")
    t.calls("d5", g, GET_PERMS, b"data/a\0")
    t.calls("d5", g, MKDIR, b"data/m\0", b"ro\0", b"m\0", b"/pub\0")
    t.calls("d5", g, RM, b"data/a\0", b"data/zz\0", b"data/zz/yy\0", b"ro\0", b"zz\0", b"/secret/zz\0", b"/secret\0", b"data\0")
    t.calls("d5", g, SET_PERMS, b"ro\0n5\0")
    a.write("/local/domain/5/data", "")
    a.chmod("/local/domain/5/data", "n5")
    g.write("data/x", "1")
    for perms in (("b5",), ("n5", "r6"), ("n6",), ("n0", "b5"), ("n5", "r1", "r2", "r3", "r4"),
                  ("n5", "r1", "r2", "r3", "r4", "r6")):
        t.do(f"d5 chmod {perms}", g.chmod, "data/x", *perms)
    t.calls("d5", g, GET_PERMS, b"data/x\0")
    a.chmod("/local/domain/5/data", "n0", "b5")
    t.do("d5 writes below a node of d0", g.write, "data/mine", "1")
    t.calls("d5", g, GET_PERMS, b"data/mine\0")
    t.calls("d5", g, RM, b"data/mine\0")
    a.write("/local/domain/5/data/d0", "1")
    t.calls("d0", a, GET_PERMS, b"/local/domain/5/data/d0\0")
    t.calls("d5", g, RM, b"data/d0\0")
    a.write("/local/domain/5/data/d1/sub", "1")
    a.chmod("/local/domain/5/data/d1", "n0")
    t.calls("d5, not its own", g, RM, b"data/d1\0")
    a.chmod("/local/domain/5/data/d1", "n0", "b5")
    a.chmod("/local/domain/5/data/d1/sub", "n0")
    t.calls("d5, writable with a child that is not", g, RM, b"data/d1\0")
    a.chmod("/local/domain/5/data", "n5")
    for kind, body in ((INTRODUCE, b"7\x001\x001\0"), (RELEASE, b"6\0"), (CONTROL, b"print\0x\0"), (IS_INTRODUCED, b"6\0"),
                       (GET_DOMAIN_PATH, b"6\0"), (RESUME, b"5\0"), (SET_TARGET, b"5\x006\0"), (99, b"")):
        t.calls("d5", g, kind, body)

    for path, token in (("/secret", "s"), ("/secret/in/side", "d"), ("data", "own"), ("/pub", "pub"), ("/", "root"),
                        ("@introduceDomain", "I"), ("@releaseDomain", "R"), ("/local/domain/6", "six"), ("rel/none", "rel")):
        t.do("d5 watches " + path, g.watch, path, token)
    t.note("d5: first events", g.wait_events(0.3))

    def heard(step, fn, *args):
        t.do(step, fn, *args)
        t.note(step + ": d5 hears", g.wait_events(0.2))

    heard("a secret changes", a.write, "/secret/in/side", "t")
    heard("a secret is made", a.write, "/secret/new", "t")
    heard("a hidden node in a readable one changes", a.write, "/pub/hid", "y")
    a.write("/pub/hid/deep", "y")
    g.wait_events(0.2)
    heard("a node below a hidden one changes", a.write, "/pub/hid/deep", "z")
    heard("a readable one is made", a.write, "/pub/open", "y")
    heard("it is closed", a.chmod, "/pub/open", "n0")
    heard("it is opened", a.chmod, "/pub/open", "r0")
    heard("a secret is opened", a.chmod, "/secret/in", "n0", "r5")
    heard("it is closed again", a.chmod, "/secret/in", "n0")
    heard("a secret goes", a.call, RM, "/secret/new")
    heard("the hidden one goes", a.call, RM, "/pub/hid")
    heard("the readable one goes", a.call, RM, "/pub")
    heard("d6's data changes, which d5 may read", a.write, "/local/domain/6/data/x", "1")
    heard("d6's home changes, which d5 may not read", a.write, "/local/domain/6/y", "1")
    a.chmod("@introduceDomain", "n0", "r5")
    st.guest(7, a)
    t.note("d5 hears of d7", g.wait_events(0.3))
    w.wait_events()
    deaths(t, st, a, w)
    limits(t, a, h)
    t.do("release d6", a.call, RELEASE, b"6\0")
    t.do("release d6 again", a.call, RELEASE, b"6\0")
    t.do("what is left of d6", a.ls, "/local/domain/6")
    bad = st.guest(8, a)
    bad.put(bad.REQ_PROD, 5000)
    bad.kick()
    time.sleep(0.3)
    t.note("d8's index is wrong", bad.get(bad.ERR))
    t.do("d8 asks on", bad.call, READ, b"/\0", timeout=0.5)
    bad = st.guest(9, a)
    bad.send(bad.message(READ, b"abc", length=5000))
    time.sleep(0.3)
    t.note("d9's length is wrong", bad.get(bad.ERR))
    t.do("d5 is fine", g.read, "/local/domain/5/ro")
    # last of all: the reference's answer is of chance, and at times its next one on that ring is its end
    t.calls("d5", g, SET_PERMS, b"@introduceDomain\0n0\0r5\0")


def deaths(t, st, a, w):
    st.mark("shut", 7)
    st.dom_event()
    t.note("d7 shuts down: d0 hears", w.wait_events(0.3))
    st.dom_event()
    t.note("and again", w.wait_events(0.3))
    a.write("/local/domain/7/own", "1")
    a.chmod("/local/domain/7/own", "n7")
    a.write("/local/domain/7/own/by-d0", "1")
    a.chmod("/local/domain/7/own/by-d0", "n0")
    a.write("/local/domain/5/for7", "1")
    a.chmod("/local/domain/5/for7", "n0", "r7", "r6")
    w.wait_events()
    st.mark("gone", 7)
    st.dom_event()
    t.note("d7 is gone: d0 hears", w.wait_events(0.3))
    t.calls("d7 is gone", a, IS_INTRODUCED, b"7\0")
    t.do("what d7 owned is gone", a.call, DIRECTORY, b"/local/domain/7\0")
    t.do("what d7 was granted", a.call, GET_PERMS, b"/local/domain/5/for7\0")


def limits(t, a, h):
    def until_refused(fn, most):
        for i in range(most):
            try:
                fn(i)
            except Refused as e:
                return f"refused: {e}, at {'once' if not i else 'some time'}"
        return "never refused"

    t.do("target", a.call, SET_TARGET, b"6\x005\0")
    t.do("d6 reads what its target owns", h.read, "/local/domain/5/data/x")
    t.do("d6 writes there", h.write, "/local/domain/5/data/t6", "1")
    t.do("whose is it", h.call, GET_PERMS, b"/local/domain/5/data/t6\0")
    t.do("a value of 1500", h.write, "data/s", "x" * 1500)
    t.do("a value of 2049", h.write, "data/s", "x" * 2049)
    t.do("transactions", until_refused, lambda i: h.begin(), 2000)
    t.do("reset", h.call, RESET_WATCHES, b"\0")
    t.do("transactions are gone with it", lambda: h.begin() > 0)
    t.do("watches", until_refused, lambda i: h.watch("data", f"w{i}"), 400)
    t.do("d0 writes over the guest's quota", a.write, "/local/domain/6/data/more", "1")


def record(st):
    t = Transcript()
    a, b = st.client(), st.client()
    commands(t, a)
    listings(t, a)
    watches(t, a, b)
    conflicts(t, st.client(), st.client())
    guests(t, st)
    return [(step, re.sub(r"^\d+\|", "GEN|", v) if "DIRECTORY_PART" in step else v) for step, v in t.lines]
