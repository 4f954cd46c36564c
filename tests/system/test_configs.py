# SPDX-License-Identifier: BSD-2-Clause
"""Config files as the stock tools understand them and as ours do, field by field. Both run in one
boot, on stock Xen, and print what they understood; the files are those in configs/ and the example
that Debian's package of the stock tools brings.

A file may say in comments what is meant to differ, with the reason; what is said must be so:

    #= both refuse
    #= torc refuses CODE: why
    #= xl refuses: why
    #= differs FIELD: why              (disks.0.*: all of these)
"""

import json
import os
import re

import scenario as rig
import schema

HERE = os.path.dirname(os.path.abspath(__file__))
CONFIGS = os.path.join(HERE, "configs")
EXAMPLE = rig.built("stock", "root", "etc", "xen", "xlexample.pvlinux")
ALL = range(8)                          # processors: xl has them in whole bytes
MADE_UP = "11111111-2222-3333-4444-555555555555"
ACTIONS = {"restart_rename": "rename-restart"}

# what xl says with words of its own, and what a word that it leaves out stands for
PLAIN = [                               # ours, theirs, if theirs is left out
    ("cpu_weight", "sched_params.weight", 0), ("cap", "sched_params.cap", 0),
    ("max_event_channels", "event_channels", 0), ("max_grant_frames", "max_grant_frames", 0),
    ("max_maptrack_frames", "max_maptrack_frames", 0), ("rtc_timeoffset", "rtc_timeoffset", 0),
    ("bootloader", "bootloader", None), ("cmdline", "cmdline", ""), ("ramdisk", "ramdisk", None),
    ("localtime", "localtime", False), ("kernel", "kernel", None),
]
# said in passing: it follows from the kind of guest, or from something else that is compared
PASSING = {"claim_mode", "type.pv", "arch_arm", "arch_x86", "sched_params", "numa_placement",
           "max_vcpus", "avail_vcpus", "max_memkb", "target_memkb", "vcpu_hard_affinity",
           "vcpu_soft_affinity"} | {theirs.split(".")[0] for _, theirs, _ in PLAIN}


def true(x):
    return {"True": True, "False": False}.get(x, x) if isinstance(x, str) else x


def cpu_set(text):
    """"0-1,^1" as numbers."""
    have = set()
    for word in re.split(r"[, ]+", text):
        drop, word = word.startswith("^"), word.lstrip("^")
        a, _, b = word.partition("-")
        some = set(ALL) if word == "all" else set(range(int(a), int(b or a) + 1))
        have = have - some if drop else have | some
    return sorted(have)


def from_xl(j):
    """xl's JSON in the shape that from_torc gives, and what else it says."""
    c, b = j["c_info"], j["b_info"]
    vcpus = b.get("max_vcpus", 1)
    out = {"name": c["name"], "type": c["type"], "pool": c.get("pool_name"),
           "uuid": None if c["uuid"] == MADE_UP else c["uuid"],
           "maxvcpus": vcpus, "vcpus": len(b.get("avail_vcpus", [0])),
           "memory": b.get("target_memkb", b.get("max_memkb", 131072)) // 1024,
           "maxmem": b.get("max_memkb", 131072) // 1024}
    for ours, theirs, absent in PLAIN:
        v = b
        for word in theirs.split("."):
            v = v.get(word, {}) if isinstance(v, dict) else {}
        out[ours] = absent if v == {} else true(v)
    for ours, theirs in (("cpus", "vcpu_hard_affinity"), ("cpus_soft", "vcpu_soft_affinity")):
        sets = b.get(theirs, [])
        out[ours] = sets + [None] * (vcpus - len(sets))
    for a, usual in (("on_poweroff", "destroy"), ("on_reboot", "destroy"), ("on_crash", "destroy"),
                     ("on_watchdog", "destroy"), ("on_soft_reset", "destroy")):
        word = j.get(a, usual)
        out[a] = ACTIONS.get(word, word.replace("_", "-"))
    for i, d in enumerate(j.get("disks", [])):
        out |= {f"disks.{i}.{k}": v for k, v in {
            "target": d.get("pdev_path"), "vdev": d["vdev"], "format": d["format"],
            "writable": bool(d.get("readwrite")), "cdrom": bool(d.get("is_cdrom")),
            "backendtype": {"qdisk": "torc"}.get(d.get("backend"), d.get("backend")),
            "discard": true(d.get("discard_enable", True)), "script": d.get("script"),
            "direct_io_safe": bool(d.get("direct_io_safe")), "trusted": true(d.get("trusted", True)),
        }.items()}
    for i, n in enumerate(j.get("nics", [])):
        out |= {f"vifs.{i}.{k}": v for k, v in {
            "devid": n["devid"], "mac": n.get("mac"), "bridge": n.get("bridge"),
            "vifname": n.get("ifname"), "ip": n.get("ip"), "mtu": n.get("mtu", 0),
            "model": n.get("model"), "trusted": true(n.get("trusted", True)),
            "rate_bytes": n.get("rate_bytes_per_interval", 0), "rate_us": n.get("rate_interval_usecs", 0),
            "gatewaydev": n.get("gatewaydev"),
        }.items()}
    out |= {k: true(v) for k, v in b.items() if k not in PASSING}
    known = {"c_info", "b_info", "disks", "nics", "on_poweroff", "on_reboot", "on_crash",
             "on_watchdog", "on_soft_reset"}
    out |= {k: v for k, v in j.items() if k not in known}
    out |= {k: true(v) for k, v in c.items() if k not in ("name", "type", "uuid", "pool_name", "run_hotplug_scripts")}
    out |= {k: true(v) for part in ("arch_x86", "type.pv") for k, v in b.get(part, {}).items()}
    return out


def from_torc(j):
    g = j["guest"]
    out = {"name": g["name"], "type": "pv", "pool": g["pool"],
           "uuid": None if g["uuid"] == MADE_UP else g["uuid"], "maxvcpus": g["maxvcpus"],
           "vcpus": g["vcpus"], "memory": g["memory_mib"], "maxmem": g["maxmem_mib"]}
    out |= {ours: g[ours] for ours, _, _ in PLAIN}
    for k in ("cpus", "cpus_soft"):
        sets = [cpu_set(t) for t in g[k]][:g["maxvcpus"]]
        out[k] = sets + [sets[-1] if sets else None] * (g["maxvcpus"] - len(sets))
    out |= {a: g[a] for a in ("on_poweroff", "on_reboot", "on_crash", "on_watchdog", "on_soft_reset")}
    for i, d in enumerate(g["disks"]):
        out |= {f"disks.{i}.{k}": d[k] for k in ("target", "vdev", "format", "writable", "cdrom",
                                                 "backendtype", "discard", "direct_io_safe", "trusted")}
        out[f"disks.{i}.script"] = None
    for i, n in enumerate(g["vifs"]):
        out |= {f"vifs.{i}.{k}": n[k] for k in ("devid", "bridge", "vifname", "ip", "mtu", "model",
                                                "trusted", "rate_bytes", "rate_us")}
        out[f"vifs.{i}.mac"] = n["mac"] if n["mac_given"] else None
        out[f"vifs.{i}.gatewaydev"] = None
    return out


def said_of(text):
    """What a file says is meant to differ: (both, torc's code, xl, {fields})."""
    both = torc = xl = None
    fields = set()
    for line in re.findall(r"^#= (.*?)\r?$", text, re.M):
        if line == "both refuse":
            both = True
        elif m := re.match(r"torc refuses ([a-z-]+): .", line):
            torc = m[1]
        elif re.match(r"xl refuses: .", line):
            xl = True
        elif m := re.match(r"differs (\S+): .", line):
            fields.add(m[1])
        else:
            raise ValueError(f"{line!r} is not understood")
    return both, torc, xl, fields


def judge(text, xl, torc, why):
    """None, or what is not as it should be. xl, torc: (status, output)."""
    both, code, xl_refuses, fields = said_of(text)
    want = (bool(both or xl_refuses), bool(both or code))
    got = (xl[0] != 0, torc[0] != 0)
    if got != want:
        return f"refused by xl, torc: {got}, should be {want}; torc says {why!r}"
    if code and f"[{code}]" not in why:
        return f"torc does not say [{code}] but {why!r}"
    if True in got:
        return None
    a, b = from_xl(json.loads(xl[1])), from_torc(json.loads(torc[1]))
    differs = {k for k in a.keys() | b.keys() if a.get(k) != b.get(k)}
    for f in [f for f in fields if f.endswith("*")]:
        if some := {k for k in differs if k.startswith(f[:-1])}:
            fields = fields - {f} | some
    if differs != fields:
        odd = differs ^ fields
        return "; ".join(f"{k}: xl {a.get(k)!r}, torc {b.get(k)!r}" +
                         ("" if k in differs else " (said to differ)") for k in sorted(odd))
    return None


def files():
    paths = [os.path.join(CONFIGS, f) for f in sorted(os.listdir(CONFIGS)) if f.endswith(".cfg")]
    return {os.path.basename(p): p for p in paths + [EXAMPLE]}


def listings(r):
    """Each listing's JSON, from the same boot, against the schema that it names."""
    with open(os.path.join(r.log, "serial.raw"), errors="replace") as f:
        said = re.findall(r"^json (\S+) (.*?)\r?$", f.read(), re.M)
    for i, (name, text) in enumerate(said):
        with open(os.path.join(rig.ROOT, "dom0-tools", "schemas", f"torc-{name}-1.json"), encoding="utf-8") as f:
            wanted = json.load(f)
        try:
            schema.check(json.loads(text), wanted)
            why = ""
        except ValueError as e:
            why = f"{e}: {text[:300]}"
        r.add(not why, f"JSON {i + 1} fits torc-{name}/1", why)
    r.add(len(said) > 15, "all listings came out as JSON", f"{len(said)}")


def test_configs(show):
    r = rig.run("configs", hv="stock", tools="torc", files=[EXAMPLE], log=rig.built("logs", "system", "configs"))
    said = {}
    with open(os.path.join(r.log, "serial.raw"), errors="replace") as f:
        for m in re.finditer(r"^config (\S+) (xl|torc|why) (.*?)\r?$", f.read(), re.M):
            said[m[1], m[2]] = m[3]
    for name, path in files().items():
        with open(path, newline="") as f:
            text = f.read()
        try:
            x, t = ((int(s), out) for s, _, out in (said[name, k].partition(" ") for k in ("xl", "torc")))
            why = judge(text, x, t, said[name, "why"])
        except (KeyError, ValueError) as e:
            why = f"{type(e).__name__}: {e}"
        r.add(not why, f"{name} is understood as xl does, but for what it says", why or "")
    listings(r)
    show(r)
