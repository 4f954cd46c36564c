# SPDX-License-Identifier: BSD-2-Clause
"""TAP lines, and a status for the shell."""

import sys
import traceback


class Tap:
    def __init__(self):
        self.failed = 0

    def ok(self, good, name, why=""):
        if good:
            print(f"ok {name}", flush=True)
        else:
            self.failed += 1
            print(f"not ok {name}" + (f": {why}" if why else ""), flush=True)
        return good

    def skip(self, name, why):
        print(f"ok {name} # skip {why}", flush=True)

    def run(self, name, fn, *args):
        """A test that fails by raising."""
        try:
            fn(*args)
            return self.ok(True, name)
        except Exception as e:                          # pylint: disable=broad-except
            traceback.print_exc(file=sys.stdout)
            return self.ok(False, name, f"{type(e).__name__}: {e}")

    def end(self):
        sys.exit(1 if self.failed else 0)


def sanitizer_findings(log):
    """The lines of a daemon's log in which a sanitizer or an assertion speaks."""
    marks = ("ERROR: AddressSanitizer", "runtime error:", "Assertion", "out of memory")
    return [x for x in log.splitlines() if any(m in x for m in marks)]
