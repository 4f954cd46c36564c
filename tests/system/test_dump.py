# SPDX-License-Identifier: BSD-2-Clause
"""Dumps of guests, read from the disks of the machine that they were written to: by the rules of
Xen's dump-core-format.txt, and by gdb."""

import os
import shutil
import struct
import subprocess

import scenario as rig

PAGE = 4096


class Core:
    """A dump, by its sections."""

    def __init__(self, path):
        with open(path, "rb") as f:
            self.data = f.read()
        e = struct.unpack_from("<16sHHIQQQIHHHHHH", self.data)
        self.ident, self.type, self.machine, self.shoff, self.phnum = e[0], e[1], e[2], e[6], e[10]
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, self.shoff + i * e[11]) for i in range(e[12])]
        names = self.part(headers[e[13]])
        self.sections = {names[h[0]:names.index(b"\0", h[0])].decode(): h for h in headers}

    def part(self, header):
        return self.data[header[4]:header[4] + header[5]]

    def __getitem__(self, name):
        return self.part(self.sections[name])

    def notes(self):
        out, b, at = {}, self[".note.Xen"], 0
        while at < len(b):
            namesz, descsz, typ = struct.unpack_from("<III", b, at)
            assert b[at + 12:at + 12 + namesz] == b"Xen\0"
            at += 12 + (namesz + 3 & ~3)
            out[typ] = b[at:at + descsz]
            at += descsz + 3 & ~3
        return out

    def p2m(self):
        return list(struct.iter_unpack("<QQ", self[".xen_p2m"]))

    def page(self, i):
        at = self.sections[".xen_pages"][4] + i * PAGE
        return self.data[at:at + PAGE]


def text_of(kernel):
    """The first segment of an ELF kernel: (physical address, bytes)."""
    with open(kernel, "rb") as f:
        data = f.read()
    if data[4] == 2:
        phoff, phnum = struct.unpack_from("<Q", data, 32)[0], struct.unpack_from("<H", data, 56)[0]
        heads = [struct.unpack_from("<IIQQQQ", data, phoff + 56 * i) for i in range(phnum)]
        off, phys, size = next((h[2], h[4], h[5]) for h in heads if h[0] == 1)
    else:
        phoff, phnum = struct.unpack_from("<I", data, 28)[0], struct.unpack_from("<H", data, 44)[0]
        heads = [struct.unpack_from("<IIIII", data, phoff + 32 * i) for i in range(phnum)]
        off, phys, size = next((h[1], h[3], h[4]) for h in heads if h[0] == 1)
    return phys, data[off:off + size]


def read(result, path, bits, memory_mib):
    def say(ok, name, why=""):
        result.add(ok, name, "" if ok else why)

    c = Core(path)
    say(c.ident[:7] == b"\x7fELF\2\1\1" and c.type == 4, f"{bits}: a 64-bit ELF core")
    say(set(c.sections) == {"", ".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_shared_info", ".xen_p2m",
                            ".xen_pages"}, f"{bits}: the sections", str(set(c.sections)))
    n = c.notes()
    magic, vcpus, pages, size = struct.unpack("<QQQQ", n[0x2000001])
    say((magic, vcpus, size) == (0xf00febed, 1, PAGE), f"{bits}: the header note", f"{magic:#x} {vcpus} {size}")
    say(n[0x2000000] == b"" and n[0x2000003] == struct.pack("<Q", 1) and len(n[0x2000002]) == 16 + 16 + 144 + 1024 + 64 + 16,
        f"{bits}: the other notes", str({hex(k): len(v) for k, v in n.items()}))
    p2m = c.p2m()
    say(len(p2m) == pages == len(c[".xen_pages"]) // PAGE, f"{bits}: a number for each page")
    say([p for p, _ in p2m] == list(range(memory_mib * 256)), f"{bits}: all its memory, in order", f"{len(p2m)}")
    say(len({m for _, m in p2m}) == len(p2m), f"{bits}: no frame twice")
    say(any(m >= 1 << 20 for _, m in p2m), f"{bits}: it has frames beyond 4 GiB", f"up to {max(m for _, m in p2m):#x}")
    phys, text = text_of(rig.built("guests", f"reference{bits}.elf"))
    # the first pages hold what the hypervisor and the kernel fill in: look from the third on
    first = (phys >> 12) + 2
    same = [c.page(first + i) == text[(2 + i) * PAGE:(3 + i) * PAGE] for i in range(3)]
    say(phys % PAGE == 0 and all(same), f"{bits}: the kernel's text is where it was loaded", str(same))
    context = c[".xen_prstatus"]
    if bits == 64:
        ip, = struct.unpack_from("<Q", context, 512 + 8 + 16 * 8)
        say(ip >> 32 == 0xffffffff, "64: it stopped in its kernel", f"{ip:#x}")
    else:
        say(len(context) == 2800, "32: the context of a 32-bit processor", str(len(context)))


def gdb(result, path, bits):
    name = f"{bits}: gdb shows registers, memory and where it was"
    if not shutil.which("gdb"):
        result.add(True, name + " # skip no gdb")
        return
    pc, magic = ("rip", "xen-3.0-x86_64") if bits == 64 else ("eip", "xen-3.0-x86_32p")
    p = subprocess.run(["gdb", "-nx", "-batch", "-ex", f"info registers {pc}", "-ex", "print start_info.magic",
                        "-ex", "bt", "-c", path, rig.built("guests", f"reference{bits}.elf")], text=True,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=60)
    ok = "<hypercall_page+" in p.stdout and f'"{magic}' in p.stdout and "hc_sched_op" in p.stdout
    result.add(ok, name, "" if ok else p.stdout)


def test_dump(show):
    r = rig.run("dump", hv="torc", tools="torc", log=rig.built("logs", "system", "dump"))
    for disk, bits in (("disk0", 64), ("disk1", 32)):
        try:
            read(r, os.path.join(r.log, disk), bits, 16)
        except (AssertionError, struct.error, KeyError, ValueError, IndexError, StopIteration) as e:
            r.add(False, f"{bits}: the dump can be read", f"{type(e).__name__}: {e}")
    gdb(r, os.path.join(r.log, "disk0"), 64)
    gdb(r, os.path.join(r.log, "disk2"), 32)
    show(r)
