#!/usr/bin/python3 -B
"""The systemd units: what systemd-analyze says of them, and whether `postroom refresh` needs
nothing that they take away."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import command, oauth, tap  # noqa: E402

UNITS = ("postroom-refresh.service", "postroom-refresh.timer")
TEMPLATE = "/usr/bin/postroom"  # what the Makefile puts the real path in place of
THRESHOLD = 22  # tenths of systemd's exposure level, 0 (safe) to 100


def analyze(*arguments):
    """Runs systemd-analyze; exit code and what it printed."""
    program = shutil.which("systemd-analyze")
    if not program:
        raise tap.Skip("systemd-analyze (package systemd)")
    run = subprocess.run([program, *map(str, arguments)], stdin=subprocess.DEVNULL, text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                         env={**os.environ, "SYSTEMD_PAGER": "", "LANG": "C.UTF-8"})
    return run.returncode, run.stdout


def setting(name, unit=UNITS[0]):
    """All values of a setting, in order."""
    text = (rig.ROOT / "conf" / unit).read_text()
    return re.findall(rf"^{name}=(.*)$", text, re.M)


class House(oauth.TokenHouse):
    @contextlib.contextmanager
    def due(self):
        """An office whose sign-in is to be renewed by force."""
        with self.signed_in() as server:
            yield server
            tap.same(server.entra.count("token"), 1, "the questions")


def test_verify(house):
    """systemd-analyze verify has nothing to say"""
    folder = house.folder / "units"
    folder.mkdir()
    for name in UNITS:
        text = (rig.ROOT / "conf" / name).read_text()
        (folder / name).write_text(text.replace(TEMPLATE, str(rig.built("postroom"))))
    code, said = analyze("verify", "--man=no", *(folder / name for name in UNITS))
    if "Failed to initialize manager" in said:
        raise tap.Skip(f"systemd-analyze verify: {said.strip()}")
    tap.same((code, said), (0, ""), "what it says")


def test_security(house):
    """systemd-analyze security finds little exposed"""
    code, said = analyze("security", "--offline=true", f"--threshold={THRESHOLD}",
                         rig.ROOT / "conf" / UNITS[0])
    assert code == 0, said[-400:]


def test_settings(house):
    """The units say what they must: no core, the state's folder alone, daily and caught up"""
    del house
    tap.same(setting("ExecStart"), [f"{TEMPLATE} refresh"])
    for name, value in (("Type", "oneshot"), ("LimitCORE", "0"), ("NoNewPrivileges", "yes"),
                        ("ProtectSystem", "strict"), ("ReadWritePaths", "-/var/lib/postroom"),
                        ("PrivateTmp", "yes"), ("ProtectHome", "yes")):
        tap.same(setting(name), [value], name)
    for name, value in (("OnCalendar", "daily"), ("Persistent", "true"),
                        ("WantedBy", "timers.target")):
        tap.same(setting(name, UNITS[1]), [value], name)
    assert setting("RandomizedDelaySec", UNITS[1]), "all machines ask at once"


def confined():
    """What starts a command with the unit's capabilities, and no new ones."""
    if not shutil.which("setpriv"):
        raise tap.Skip("setpriv (package util-linux)")
    caps = ",".join(f"+{cap[4:].lower()}" for cap in setting("CapabilityBoundingSet")[0].split())
    return ("setpriv", "--bounding-set", f"-all,{caps}", "--inh-caps", "-all",
            "--no-new-privs")


def test_capabilities(house):
    """With the unit's capabilities, and no new ones, it gives up root and renews"""
    with house.due() as server:
        result = command.run(server.settings, "refresh", "--force", under=confined())
        tap.same((result.code, result.said.count("is renewed")), (0, 1), result.said)


def test_capability_to_stop(house):
    """With them it also ends the process without root, when it is stopped"""
    with house.due() as server:
        server.entra.fault("token", "hang")
        process = command.start(server.settings, "refresh", "--force", under=confined())
        assert server.entra.wait("token"), "nobody asked"
        process.send_signal(signal.SIGTERM)
        tap.same(command.finish(process, 20).code, 1, "the exit code")


def expand(words):
    """The system calls of some of systemd's groups."""
    calls = set()
    for word in words:
        if not word.startswith("@"):
            calls.add(word)
            continue
        lines = [line.strip() for line in analyze("syscall-filter", word)[1].splitlines()[1:]]
        calls |= expand(line for line in lines if line and not line.startswith("#"))
    return calls


def test_system_calls(house):
    """It makes no system call that the unit forbids"""
    if not shutil.which("strace"):
        raise tap.Skip("strace")
    allowed = expand(("@default",))
    for words in setting("SystemCallFilter"):
        calls = expand(words.removeprefix("~").split())
        allowed = allowed - calls if words.startswith("~") else allowed | calls
    assert len(allowed) > 200, "systemd-analyze syscall-filter named hardly any"
    trace = house.folder / "calls"
    with house.due() as server:
        result = command.run(server.settings, "refresh", "--force",
                           under=("strace", "-f", "-qq", "-o", trace))
        tap.same(result.code, 0, result.said)
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    tap.among("setresuid", made, "the calls (is this the right place?)")
    tap.same(sorted(made - allowed - {"execve"}), [], "the calls that are forbidden")
    families = set(re.findall(r"socket(?:pair)?\((AF_\w+)", trace.read_text()))
    missing = families - set(setting("RestrictAddressFamilies")[0].split())
    tap.same(sorted(missing), [], "the address families that are forbidden")


if __name__ == "__main__":
    tap.run(globals(), House)
