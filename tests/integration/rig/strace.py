"""System calls that fail or kill: the n-th of its kind in each process, by strace(1)."""
import itertools
from pathlib import Path

from rig import tap

STRACE = Path("/usr/bin/strace")
NUMBERS = itertools.count(1)


class Fault:
    """A command to run the backend under, and afterwards whether the fault came."""

    def __init__(self, folder, calls, how, when):
        """Of the calls with these names, joined by commas; how: error=ENOSPC, signal=KILL."""
        if not STRACE.exists():
            raise tap.Skip("the package strace")
        self.name = f"{how} at {calls} number {when}"
        self.record = Path(folder) / f"strace-{next(NUMBERS)}"
        self.command = (
            STRACE, "-f", "-qq", "-o", self.record, "-e", f"trace={calls}",
            "-e", f"inject={calls}:{how}:when={when}")

    @property
    def came(self):
        return "(INJECTED)" in self.record.read_text(errors="replace")
