#!/usr/bin/python3 -B
"""What programs are confined to. The systemd units: what systemd-analyze says of them, and whether
`postroom refresh` needs nothing that they take away (scan2maild: buttons.t). And the libraries of
the programs that scan."""
import contextlib
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import command, oauth, tap, units  # noqa: E402

REFRESH, TIMER, WATCH = (units.Unit(name) for name in (
    "postroom-refresh.service", "postroom-refresh.timer", "scan2maild.service"))
# What the Makefile puts the real path in place of, and its program.
TEMPLATES = {"/usr/bin/postroom": "postroom", "/usr/bin/scan2maild": "scan2maild"}
# Tenths of systemd's exposure level, 0 (safe) to 100.
THRESHOLDS = {REFRESH: 22, WATCH: 25}
BARRED = {"libcurl", "libssl", "libcrypto", "libjansson", "libqpdf"}
LIMIT = 60  # seconds for readelf


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
    for unit in (REFRESH, TIMER, WATCH):
        text = unit.text
        for template, program in TEMPLATES.items():
            text = re.sub(rf"{template}(?= |$)", str(rig.built(program)), text, flags=re.M)
        (folder / unit.path.name).write_text(text)
    code, said = units.analyze("verify", "--man=no", *sorted(folder.iterdir()))
    if "Failed to initialize manager" in said:
        raise tap.Skip(f"systemd-analyze verify: {said.strip()}")
    others = re.compile(r"(/usr)?/lib/systemd/")  # it looks at the system's units too
    said = [line for line in said.splitlines() if not others.match(line)]
    tap.same((code, said), (0, []), "what it says")


def test_security(house):
    """systemd-analyze security finds little exposed"""
    del house
    for unit, threshold in THRESHOLDS.items():
        code, said = units.analyze("security", "--offline=true", f"--threshold={threshold}",
                                   unit.path)
        assert code == 0, said[-400:]


def test_settings(house):
    """The units say what they must: no core, the state's folder alone, daily and caught up"""
    del house
    REFRESH.check((("ExecStart", "/usr/bin/postroom refresh"), ("Type", "oneshot"),
                   ("LimitCORE", "0"), ("NoNewPrivileges", "yes"), ("ProtectSystem", "strict"),
                   ("ReadWritePaths", "-/var/lib/postroom"), ("PrivateTmp", "yes"),
                   ("ProtectHome", "yes")))
    TIMER.check((("OnCalendar", "daily"), ("Persistent", "true"), ("WantedBy", "timers.target")))
    assert TIMER.setting("RandomizedDelaySec"), "all machines ask at once"


def test_scanning_settings(house):
    """scan2maild is nobody's root, reaches USB scanners and no credential, and ends in order"""
    del house
    WATCH.check((("ExecStart", "/usr/bin/scan2maild"), ("Type", "notify"),
                 ("User", "postroom-scan"), ("CapabilityBoundingSet", ""), ("LimitCORE", "0"),
                 ("RestartPreventExitStatus", "78"), ("MemoryMax", "2G"), ("TasksMax", "512"),
                 ("DevicePolicy", "closed"), ("DeviceAllow", "char-usb_device rw"),
                 ("PrivateDevices", "no"), ("ProtectSystem", "strict"), ("KillMode", "mixed"),
                 ("NoNewPrivileges", "yes"), ("StateDirectory", "scan2maild")))
    tap.same(" ".join(WATCH.setting("InaccessiblePaths")).split(),
             ["-/etc/postroom/secrets", "-/var/lib/postroom",
              "-/var/spool/cups", "-/var/cache/cups"], "what is out of reach")
    users = (rig.ROOT / "conf" / "sysusers.conf").read_text()
    for line in ("u postroom-scan ", "m postroom-scan scanner", "m postroom-scan lp"):
        assert re.search(rf"^{line}", users, re.M), line


def libraries(program):
    """Those that a program names for the loader, without their versions."""
    if not shutil.which("readelf"):
        raise tap.Skip("readelf (package binutils)")
    listed = subprocess.run(["readelf", "-d", rig.built(program)], capture_output=True, text=True,
                            check=True, timeout=LIMIT)
    return set(re.findall(r"\(NEEDED\).*\[(\w+)[^]]*\]", listed.stdout))


def test_libraries(house):
    """What scans links nothing to reach a server or a credential with, nor to repair a PDF"""
    del house
    for program in ("scan2mail", "scan2maild"):
        found = libraries(program)
        tap.among("libsane", found, f"the libraries of {program}")
        tap.same(sorted(found & BARRED), [], f"those that {program} must not have")
    tap.among("libcurl", libraries("mailto"), "the libraries of mailto")


def confined():
    """What starts a command with the unit's capabilities, and no new ones."""
    if not shutil.which("setpriv"):
        raise tap.Skip("setpriv (package util-linux)")
    kept = REFRESH.setting("CapabilityBoundingSet")[0].split()
    caps = ",".join(f"+{cap[4:].lower()}" for cap in kept)
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


def test_system_calls(house):
    """It makes no system call that the unit forbids"""
    if not shutil.which("strace"):
        raise tap.Skip("strace")
    allowed = REFRESH.system_calls()
    trace = house.folder / "calls"
    with house.due() as server:
        result = command.run(server.settings, "refresh", "--force",
                           under=("strace", "-f", "-qq", "-o", trace))
        tap.same(result.code, 0, result.said)
    made = set(re.findall(r"^\d+ +(\w+)\(", trace.read_text(), re.M))
    tap.among("setresuid", made, "the calls (is this the right place?)")
    tap.same(sorted(made - allowed - {"execve"}), [], "the calls that are forbidden")
    families = set(re.findall(r"socket(?:pair)?\((AF_\w+)", trace.read_text()))
    missing = families - set(REFRESH.setting("RestrictAddressFamilies")[0].split())
    tap.same(sorted(missing), [], "the address families that are forbidden")


if __name__ == "__main__":
    tap.run(globals(), House)
