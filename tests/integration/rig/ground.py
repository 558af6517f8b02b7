"""What fixtures that start a program by hand stand on."""
import itertools
import os
import tempfile
from pathlib import Path

import rig
from rig import tap


class Ground:
    """A folder of its own, for a program that was built and needs root. A tap fixture."""

    def __init__(self, program, reason):
        rig.built(program)
        if os.getuid() != 0:
            raise tap.Skip(f"root, who alone {reason}")
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        self.folder.chmod(0o755)
        self.numbers = itertools.count(1)
        self.last = None  # run, for diagnose()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.holder.cleanup()
