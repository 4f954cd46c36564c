#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""sources PATTERN...: the tree's own files, as git knows them; without git, all but build/."""

import fnmatch
import os
import subprocess
import sys


def sources():
    try:
        out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
        found = out.split("\n")
    except (OSError, subprocess.CalledProcessError):
        found = []
        for base, dirs, files in os.walk("."):
            dirs[:] = [d for d in dirs if d not in ("build", ".git", "__pycache__")]
            found += [os.path.normpath(os.path.join(base, f)) for f in files]
    return sorted({f for f in found if f and os.path.isfile(f) and not os.path.islink(f)})


if __name__ == "__main__":
    for f in sources():
        if any(fnmatch.fnmatch(f, p) for p in sys.argv[1:]):
            print(f)
