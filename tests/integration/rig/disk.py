"""Disks that are small, and full: file systems in memory that no other process sees."""
import contextlib
import ctypes
import os
import subprocess

from rig import tap

PAGE = os.sysconf("SC_PAGESIZE")  # a small file system gives room in these pieces
NEW_MOUNTS = 0x00020000  # CLONE_NEWNS


def alone():
    """From now on nobody else sees what is mounted here, and it ends with this process;
    whether that is allowed."""
    private = ["mount", "--make-rprivate", "/"]
    return (ctypes.CDLL(None).unshare(NEW_MOUNTS) == 0 and subprocess.run(
        private, stderr=subprocess.DEVNULL, check=False).returncode == 0)


@contextlib.contextmanager
def small(folder, options, allowed):
    """A file system in memory on a folder; `allowed` is what alone() said."""
    if not allowed:
        raise tap.Skip("the right to mount a file system")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"mode=0755,{options}", "tmpfs", folder],
                   check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def fill(path, spare):
    """Fills the file system of a path, all but `spare` bytes."""
    with open(path, "wb", buffering=0) as out:
        with contextlib.suppress(OSError):
            while True:
                out.write(bytes(PAGE))
        out.truncate(max(0, os.fstat(out.fileno()).st_size - spare))
