#!/usr/bin/python3 -B
"""scan2mail is interrupted while SANE's `test` device starts, 300 times. sane_cancel() follows
sane_start() at once then, and in some of these cases the device deadlocks by itself: its reader
is a thread that is killed while it may hold the lock of malloc. scan2mail hangs in none.

A small library makes that moment certain: it holds scan2mail's child in sane_start() until
scan2mail, which has got its SIGINT, sends SIGTERM on. Device and libsane are as they are."""
import itertools
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
ROUNDS = 5  # of as many runs, at most, until the device has deadlocked
AT_ONCE = 3
RESOLUTIONS = (300, 600, 1200)


class Desk:
    """A `test` device."""

    def __enter__(self):
        rig.built("scan2mail")
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        self.numbers = itertools.count(1)
        for name in ("sane/dll.d", "home", "tmp", "out", "marks"):
            (self.folder / name).mkdir(parents=True)
        (self.folder / "sane/dll.conf").write_text("test\n")
        (self.folder / "sane/test.conf").write_text("number_of_devices 1\n")
        self.library = self.folder / "cancel_at_once.so"
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-o", self.library,
                        rig.ROOT / "tests/integration/rig/cancel_at_once.c"], check=True)
        return self

    def __exit__(self, *_):
        self.holder.cleanup()

    def start(self, number, resolution, mark):
        return subprocess.Popen(
            [rig.built("scan2mail"), "-d", "test:0", "-S", "flatbed", "-m", "color", "-r",
             str(resolution), "-o", self.folder / "out" / f"{number}.pdf"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={
                "PATH": "/usr/bin:/bin", "HOME": str(self.folder / "home"),
                "TMPDIR": str(self.folder / "tmp"), "LANG": "C.UTF-8",
                "SANE_CONFIG_DIR": str(self.folder / "sane"),
                "POSTROOM_CONFIG": str(self.folder / "none"),
                "CUPS_SERVER": str(self.folder / "no-cupsd"),
                "LD_PRELOAD": str(self.library), "CANCEL_MARK": str(mark)})

    def interrupt(self, resolution):
        """Starts a scan and interrupts it while the device starts: (exit code, seconds, whether
        the device never came back from sane_cancel())."""
        number = next(self.numbers)
        mark = self.folder / "marks" / str(number)
        process = self.start(number, resolution, mark)
        try:
            scanner.await_("sane_start()", lambda: mark.exists() or process.poll() is not None)
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            code, _, _ = scanner.finish(process)
            took = time.monotonic() - begun
            tap.same(scanner.session(process.pid), {}, "processes")
        finally:
            scanner.kill_session(process)
        return code, took, mark.exists()


def test_cancel(desk):
    """300 times: no run hangs, no process, page or file stays, though the device deadlocks"""
    runs = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for _ in range(ROUNDS):
            runs += pool.map(desk.interrupt, itertools.islice(itertools.cycle(RESOLUTIONS), RUNS))
            killed = sum(stuck for _, _, stuck in runs)
            if killed:
                break
    slowest = max(took for _, took, _ in runs)
    print(f"# of {len(runs)} runs the slowest took {slowest:.2f} s; {killed} had to be killed")
    tap.same({code for code, _, _ in runs}, {130}, "exit codes")
    assert slowest < scanner.STOP_LIMIT, f"one took {slowest:.1f} s"
    assert killed > 0, "the device has never deadlocked: this is no test of that"
    for folder in ("tmp", "home", "out"):
        tap.same(list((desk.folder / folder).rglob("*")), [], f"what is left in {folder}")


if __name__ == "__main__":
    tap.run(globals(), Desk)
