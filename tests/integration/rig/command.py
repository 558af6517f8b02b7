"""Runs a command of `postroom` that asks nobody anything, on a settings file."""
import os
import signal
import subprocess
from dataclasses import dataclass

import rig

LIMIT = 60  # seconds
NO_CUPS = "/nonexistent"  # where no backend is installed


@dataclass
class Result:
    code: int
    out: str
    said: str  # on standard error

    def lines(self, start=""):
        """The lines of its output that start so."""
        return [line for line in self.out.splitlines() if line.startswith(start)]


def start(settings_file, *arguments, user=None, under=(), **environment):
    """The running command, for finish(). `under` is a command that it is started by; a user
    is a number."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "CUPS_SERVERBIN": NO_CUPS,
                   "POSTROOM_CONFIG": str(settings_file), **environment}
    identity = {"user": user, "group": user, "extra_groups": ()} if user else {}
    return subprocess.Popen(
        [str(each) for each in (*under, rig.built("postroom"), *arguments)],
        env=environment, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, start_new_session=True, **identity)


def finish(process, limit=LIMIT):
    """Waits for its end."""
    try:
        out, said = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise AssertionError(f"still running after {limit} s") from None
    return Result(process.returncode, out.decode(), said.decode())


def run(settings_file, *arguments, **how):
    return finish(start(settings_file, *arguments, **how))
