"""The systemd units in conf/: what they say, and what systemd-analyze says of them."""
import os
import re
import shutil
import subprocess

import rig
from rig import tap


def analyze(*arguments):
    """Runs systemd-analyze; exit code and what it printed."""
    program = shutil.which("systemd-analyze")
    if not program:
        raise tap.Skip("systemd-analyze (package systemd)")
    run = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                         env={**os.environ, "SYSTEMD_PAGER": "", "LANG": "C.UTF-8"})
    return run.returncode, run.stdout


def _expand(words):
    """The system calls of some of systemd's groups."""
    calls = set()
    for word in words:
        if not word.startswith("@"):
            calls.add(word)
            continue
        lines = [line.strip() for line in analyze("syscall-filter", word)[1].splitlines()[1:]]
        calls |= _expand(line for line in lines if line and not line.startswith("#"))
    return calls


class Unit:
    def __init__(self, name):
        self.path = rig.ROOT / "conf" / name
        self.text = self.path.read_text()

    def setting(self, name):
        """All values of a setting, in order."""
        return re.findall(rf"^{name}=(.*)$", self.text, re.M)

    def check(self, settings):
        """Each (name, value) must stand there once."""
        for name, value in settings:
            tap.same(self.setting(name), [value], name)

    def system_calls(self):
        """Those that it allows."""
        allowed = _expand(("@default",))
        for words in self.setting("SystemCallFilter"):
            calls = _expand(words.removeprefix("~").split())
            allowed = allowed - calls if words.startswith("~") else allowed | calls
        assert len(allowed) > 200, "systemd-analyze syscall-filter named hardly any"
        return allowed
