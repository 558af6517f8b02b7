#!/usr/bin/python3 -B
"""scan2mail is interrupted as soon as SANE's `test` device has started, 300 times: the device
deadlocks by itself in one of 60 such cases (its reader is a thread that is killed while it may
hold the lock of malloc), and scan2mail hangs in none."""
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import scanner, tap  # noqa: E402

RUNS = 300
AT_ONCE = 3
STOP_LIMIT = 4.0  # seconds from the signal to the end, with others running beside it
KILLED = 0.45  # seconds after which a driver that does not let go is killed
LATEST = 0.004  # seconds from the device's first thread to the signal, at most
RESOLUTIONS = (300, 600, 1200)


class Desk:
    """A `test` device."""

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        for name in ("sane/dll.d", "home", "tmp", "out"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "sane/dll.conf").write_text("test\n")
        (self.folder / "sane/test.conf").write_text("number_of_devices 1\n")
        return self

    def __exit__(self, *_):
        self.holder.cleanup()

    def start(self, number, resolution):
        return subprocess.Popen(
            [rig.built("scan2mail"), "-d", "test:0", "-S", "flatbed", "-m", "color", "-r",
             str(resolution), "-o", self.folder / "out" / f"{number}.pdf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={
                "PATH": "/usr/bin:/bin", "HOME": str(self.folder / "home"),
                "TMPDIR": str(self.folder / "tmp"), "LANG": "C.UTF-8",
                "SANE_CONFIG_DIR": str(self.folder / "sane"),
                "POSTROOM_CONFIG": str(self.folder / "none"),
                "CUPS_SERVER": str(self.folder / "no-cupsd")})


def threads(process):
    """How many the processes of a session have, but for its leader."""
    count = 0
    for each in scanner.session(process.pid):
        try:
            count += len(os.listdir(f"/proc/{each}/task"))
        except FileNotFoundError:
            pass
    return count


def interrupt(desk, number, resolution):
    """Starts a scan and interrupts it when the device has started: (exit code, seconds)."""
    process = desk.start(number, resolution)
    scanner.await_("the device's thread",
                   lambda: threads(process) > 1 or process.poll() is not None)
    time.sleep(random.Random(number).uniform(0, LATEST))  # no wait: the moment is the test
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    code, _, _ = scanner.finish(process)
    took = time.monotonic() - begun
    tap.same(scanner.session(process.pid), {}, "processes")
    return code, took


def test_cancel(desk):
    """300 times: no run hangs, no process, page or file stays"""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        runs = list(pool.map(lambda number, resolution: interrupt(desk, number, resolution),
                             range(RUNS), itertools.cycle(RESOLUTIONS)))
    codes = [code for code, _ in runs]
    assert codes.count(130) > RUNS * 0.9, f"the scan was faster than the signal: {codes}"
    tap.same(set(codes) - {0, 130}, set(), "exit codes")
    slowest = max(took for _, took in runs)
    print(f"# the slowest took {slowest:.2f} s, {sum(took > KILLED for _, took in runs)} were killed")
    assert slowest < STOP_LIMIT, f"one took {slowest:.1f} s"
    for folder in ("tmp", "home"):
        tap.same(list((desk.folder / folder).rglob("*")), [], f"what is left in {folder}")
    tap.same(len(list((desk.folder / "out").iterdir())), codes.count(0), "the number of PDFs")


if __name__ == "__main__":
    tap.run(globals(), Desk)
