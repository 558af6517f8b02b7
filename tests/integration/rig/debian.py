"""Packages whose installation would start a service of the system's: unpacked by tools/packages,
or found where the machine has them already."""
from pathlib import Path

import rig
from rig import tap


def root_of(package, program):
    """The folder in which the package's program stands, and what it needs: the machine's root,
    or one below build/tests. Skips where there is none."""
    for root in (Path("/"), rig.ROOT / "build" / "tests" / package):
        if (root / program).exists():
            return root
    raise tap.Skip(f"the Debian package {package}, which `tools/packages test` unpacks")


def libraries(root):
    """The folders of its libraries, where they are not the machine's own."""
    return [] if root == Path("/") else sorted(root.glob("usr/lib/*-linux-gnu"))
