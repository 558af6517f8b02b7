"""Packages whose installation would start a service of the system's: unpacked below the build
folder instead, and found where the machine has them already."""
import fcntl
import re
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import rig
from rig import tap


def _run(*command, **how):
    return subprocess.run(command, check=True, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **how).stdout


def _missing(package, others):
    """The package, and the libraries that it needs and this machine lacks."""
    plan = _run("apt-get", "-s", "install", "--no-install-recommends", package, *others)
    names = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
    return [package, *(name for name in names
                       if name.startswith("lib") and not name.startswith("libjs-"))]


def _unpack(target, package, others):
    with TemporaryDirectory(prefix="unpack-", dir=target.parent) as folder:
        new = Path(folder) / "root"
        _run("apt-get", "download", *_missing(package, others), cwd=folder)
        for each in Path(folder).glob("*.deb"):
            _run("dpkg-deb", "-x", each, new)
        new.rename(target)


def root_of(package, program, *others):
    """The folder in which the package's program stands, and what it needs: the machine's root,
    or one below the build folder. `others` are chosen where it can do with one of several.
    Skips where it cannot be had."""
    if (Path("/") / program).exists():
        return Path("/")
    target = rig.BUILD / "tests" / package
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.parent / f"{package}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not target.exists():
            try:
                _unpack(target, package, others)
            except (subprocess.CalledProcessError, FileNotFoundError) as error:
                why = getattr(error, "stderr", None) or str(error)
                raise tap.Skip(f"the Debian package {package}, which apt-get cannot "
                               f"download: {why.strip().splitlines()[-1]}") from None
    return target


def libraries(root):
    """The folders of its libraries, where they are not the machine's own."""
    return [] if root == Path("/") else sorted(root.glob("usr/lib/*-linux-gnu"))
