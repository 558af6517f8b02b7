"""A network of its own for a test file: loopback and nothing else, its own names.

The program is started again in network and mount namespaces of its own, so that a test can
take the line down and put names into /etc/hosts without touching the machine's.
"""
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rig import tap

INSIDE = "POSTROOM_NETWORK"  # set in the program that was started again
RESOLVER = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"


def enter():
    """To be called first by a program. Where the machine gives no namespaces it returns all
    the same, and require() skips."""
    if INSIDE in os.environ or os.getuid() != 0:
        return
    spaces = ["unshare", "--net", "--mount"]
    if subprocess.run([*spaces, "true"], stderr=subprocess.DEVNULL).returncode == 0:
        os.environ[INSIDE] = "1"
        os.execvp("unshare", [*spaces, sys.executable, "-B", *sys.argv])


def require():
    if INSIDE not in os.environ:
        raise tap.Skip("network and mount namespaces (unshare --net --mount), as root")


def link(state):
    """Takes loopback `up` or `down`."""
    subprocess.run(["ip", "link", "set", "lo", state], check=True)


def cover(path, content):
    """Puts a file of this content over another one, for this program and its children."""
    with tempfile.NamedTemporaryFile("w", prefix="postroom-", delete=False) as file:
        file.write(content)
    os.chmod(file.name, 0o644)
    subprocess.run(["mount", "--bind", file.name, path], check=True)
    os.unlink(file.name)


def arrange(names=()):
    """Loopback up, the names with their addresses as /etc/hosts, and a resolver that is to
    be found on 127.0.0.1."""
    require()
    link("up")
    lines = [f"{address} {name}" for name, *addresses in names for address in addresses]
    cover("/etc/hosts", "\n".join(["127.0.0.1 localhost", *lines, ""]))
    cover(os.path.realpath("/etc/resolv.conf"), RESOLVER)
    assert Path("/etc/hosts").read_text().startswith("127.0.0.1 localhost")
