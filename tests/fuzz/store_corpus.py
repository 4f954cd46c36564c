#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Write the seeds of tests/fuzz/corpus/store: one input per theme, in the format that store_fuzz.c reads."""
import os
import sys

C, D, R, GP, W, UW, TS, TE, I, RL, DP, WR, MK, RM, SP = range(15)
IS, RES, TGT, RW, PART = 17, 18, 19, 21, 22


def s(who, what, body=b""):
    """One step."""
    n = len(body)
    return bytes([who, what, n]) + body if n < 250 else bytes([who, what, 250 + n // 1000, n % 1000 & 255]) + body


SEEDS = {
    "tree": s(0, WR, b"/a/b\0v") + s(0, R, b"/a/b\0") + s(0, D, b"/a\0") + s(0, PART, b"/\0000\0") + s(0, MK, b"/m/n\0") +
            s(0, RM, b"/a\0") + s(0, SP, b"/m\0n1\0r2\0") + s(0, GP, b"/m\0") + s(13, 0),
    "txn": s(0, TS, b"\0") + s(0x10, R, b"/a\0") + s(0x10, WR, b"/a\0x") + s(1, WR, b"/a\0y") + s(0x10, TE, b"T\0") +
           s(0, TS, b"\0") + s(0x20, WR, b"/a\0z") + s(0x20, TE, b"T\0") + s(12, 0),
    "watch": s(0, W, b"/a\0t\0") + s(3, W, b"data\0g\0") + s(3, WR, b"data\0v") + s(0, WR, b"/a/b\0v") + s(0, RM, b"/a\0") +
             s(9, 0) + s(0, UW, b"/a\0t\0") + s(3, RW, b"\0") + s(0, W, b"@releaseDomain\0r\0"),
    "ring": s(3, WR, b"x\0" + b"v" * 200) + s(3, R, b"x\0") + s(9, 0) + s(4, WR, b"/local/domain/1/x\0n") +
            s(8, 0, b"\0\x08\xff\xff\xff\xff") + s(11, 0x10) + s(12, 0) + s(3, WR, b"big\0" + b"q" * 1500),
    "death": s(3, WR, b"own/a\0v") + s(0, SP, b"/local/domain/1/own\0n1\0r2\0") + s(10, 0x10) + s(10, 0x20) + s(0, RL, b"2\0") +
             s(0, I, b"2\0002\0002\0") + s(0, TGT, b"2\0003\0") + s(0, RES, b"2\0") + s(15, 0),
    "restart": s(3, WR, b"a/b\0v") + s(3, W, b"a\0t\0") + s(3, TS, b"\0") + s(3 | 0x80, 5) + s(15, 0) + s(0x13, TE, b"T\0") +
               s(15, 0) + s(9, 0),
    "control": b"".join(s(0, C, x + b"\0") for x in (b"help", b"quota", b"quota\0set\0nodes\0003\0001", b"connections\0000",
                                                     b"domains", b"stats", b"check", b"log\0off", b"quota\0001", b"nope")),
    "turns": b"".join(s(i, TS, b"\0") + s(0x10 | i, R, b"/c\0") + s(0x10 | i, WR, b"/c\0" + bytes([65 + i])) for i in (0, 1, 2)) +
             b"".join(s(0x10 | i, TE, b"T\0") for i in (0, 1, 2)) + b"".join(s(i, TS, b"\0") for i in (0, 1, 2)) +
             b"".join(s(0x20 | i, TE, b"T\0") for i in (0, 1, 2)) + s(12, 0),
}

os.makedirs(sys.argv[1], exist_ok=True)
for name, data in SEEDS.items():
    with open(os.path.join(sys.argv[1], name), "wb") as f:
        f.write(data)
