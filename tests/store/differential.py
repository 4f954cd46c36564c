#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""torc-stored and the reference's store side by side in one run: the wire protocol step by step, Debian's
xenstore-utils, and test-xenstore, which is linked against Debian's libxenstore. Output and exit status must be the
same, except where DIFFERS says why not.

usage: differential.py [DIRECTORY with the reference's packages unpacked]"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

import transcript
from tap import Tap, sanitizer_findings
from xs import BUILD, find_stock, stock, torc

# step: why ours answers otherwise
DIFFERS = {
    " GET_PERMS @introduceDomain|": "what can be set can be read",
    " INTRODUCE 40000|1|1|": "there is no such domain number: EINVAL, not ENOENT",
    "d5 SET_PERMS @introduceDomain|n0|r5|": "EACCES names the reason, EAGAIN none",
    "conflict: two children of one node": "they do not depend on each other",
    "conflict: written without a look": "nothing was read that changed",
    "conflict: removed without a look": "nothing was read that changed",
    "conflict: the same value again": "a serial order exists",
    "what d7 was granted": "a dead domain's rights go at once, for any reader to see",
    " CONTROL check|": "our own commands",
    " CONTROL print|x|": "our own commands",
}

# Commands of an administrator, one shell line each, in this order in an empty store.
SHELL = """
xenstore-ls -fp
xenstore-write /a/b/c hello
xenstore-write /a/d one /a/e two
xenstore-read /a/b/c
xenstore-read -p /a/d /a/e
xenstore-read /a/none
xenstore-read -R /a/b/c
xenstore-read
xenstore-list /a
xenstore-list -p /a
xenstore-list /none
xenstore-ls /a
xenstore-ls -f /a
xenstore-ls -fp /a
xenstore-ls -p
xenstore-ls /none
xenstore-exists /a/d
xenstore-exists /none
xenstore-exists /a/d /none
xenstore-chmod /a/d n0 r5 w7
xenstore-ls -fp /a
xenstore-chmod -r /a n0 b3
xenstore-ls -fp /a
xenstore-chmod -u -r /a/b r9
xenstore-ls -fp /a
xenstore-chmod /none n0
xenstore-chmod /a x0
xenstore-write /a/bin 'tab	and "quotes" and \\\\'
xenstore-write -R /a/raw '\\x41\\x00\\x42'
xenstore-read /a/bin /a/raw
xenstore-read -R /a/raw
xenstore-ls /a
xenstore-write '/bad path' x
xenstore-write /bad//path x
xenstore-write /trailing/ x
xenstore-write relative x
xenstore-read /local/domain/0/relative
xenstore-rm /a/d
xenstore-rm -t /a/b/c
xenstore-rm /none
xenstore-rm /none/deep
xenstore-rm /
xenstore-ls -fp
xenstore-watch -n 1 /a
xenstore-watch -n 2 /a /local
xenstore-watch -n 1 @releaseDomain
(sleep 0.3; xenstore-write /w/x 1; xenstore-write /w/y 2; xenstore-rm /w) & xenstore-watch -n 4 /w; wait
for i in 1 2 3; do xenstore-write /many/$i v$i; done; xenstore-ls -f /many
i=0; while [ $i -lt 600 ]; do echo /long/a-rather-long-name-for-a-node-$i v; i=$((i + 1)); done | xargs -n 200 xenstore-write; xenstore-list /long | md5sum; xenstore-ls /long | md5sum
xenstore-rm /long /many /a; xenstore-ls
"""


def shell(line, st):
    env = dict(os.environ, XENSTORED_PATH=st.socket)
    r = subprocess.run(["sh", "-c", line], env=env, capture_output=True, text=True, timeout=60, check=False)
    return r.returncode, r.stdout, r.stderr


def compare_transcripts(tap, ours, theirs):
    mine, ref = transcript.record(ours), transcript.record(theirs)
    tap.ok(len(mine) == len(ref) > 150, "as-many-steps", f"{len(mine)} and {len(ref)}")
    for (step, got), (step2, want) in zip(mine, ref):
        assert step == step2
        if got != want and step in DIFFERS:
            print(f"# {step}: ours {got[:60]!r}, the reference's {want[:60]!r}: {DIFFERS[step]}")
        elif step not in DIFFERS:
            tap.ok(got == want, "protocol: " + re.sub(r"[#\s]+", " ", step).strip()[:70], f"{got!r}, the reference: {want!r}")


def compare_shell(tap, ours, theirs):
    for line in SHELL.strip().splitlines():
        got, want = shell(line, ours), shell(line, theirs)
        tap.ok(got == want, "utils: " + line.replace("#", "")[:70], f"{got!r}, the reference: {want!r}")


def compare_test_xenstore(tap, ours, theirs, root):
    binary = f"{root}/usr/lib/xen-4.17/bin/test-xenstore"
    if not os.access(binary, os.X_OK):
        tap.skip("test-xenstore", f"{binary} is not there")
        return
    out = []
    for st in (ours, theirs):
        env = dict(os.environ, XENSTORED_PATH=st.socket)
        if root != "/":
            env["LD_LIBRARY_PATH"] = root + "/usr/lib/x86_64-linux-gnu"
        for args in (["-i", "20"], ["-r", "2"]):
            r = subprocess.run([binary, *args], env=env, capture_output=True, text=True, timeout=60, check=False)
            out.append((r.returncode, re.sub(r"\d+ ns", "N ns", r.stdout), r.stderr))
    tap.ok(out[:2] == out[2:] and out[0][0] == out[1][0] == 0, "test-xenstore", repr(out))


def main():
    root = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "/"
    binary = sys.argv[2] if len(sys.argv) > 2 else f"{BUILD}/tests/torc-stored-san"
    fake = sys.argv[3] if len(sys.argv) > 3 else f"{BUILD}/tests/fakexen.so"
    tap = Tap()
    found = find_stock(root)
    if "c" not in found:
        tap.skip("differential", f"no reference store under {root}")
        tap.end()
    root = found["c"].split("/usr/lib/xen-")[0] or "/"
    ours, theirs = torc(binary, fake), stock(found["c"], root if root != "/" else "", fake)
    compare_transcripts(tap, ours, theirs)
    logs = [ours.close()]
    theirs.close()
    if shutil.which("xenstore-ls"):
        ours, theirs = torc(binary, fake), stock(found["c"], root if root != "/" else "", fake)
        compare_shell(tap, ours, theirs)
        compare_test_xenstore(tap, ours, theirs, root)
        logs.append(ours.close())
        theirs.close()
    else:
        tap.skip("utils", "xenstore-utils are not installed")
    tap.ok(not (bad := sum((sanitizer_findings(x) for x in logs), [])), "sanitizers-are-silent", "; ".join(bad))
    tap.end()


if __name__ == "__main__":
    tempfile.tempdir = None
    main()
