#!/usr/bin/python3 -B
"""The memory of a scan: of a large stack as of a small one, in each of its processes."""
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import scanner, tap  # noqa: E402
from rig.testdevice import Desk, tool  # noqa: E402

FEW, MANY = 10, 500  # pages; the former is what the feeder of SANE's `test` device holds
GROWTH = 1.1  # times
LIMIT = 200  # seconds for a stack
PAUSE = 0.005  # seconds between two looks
# A4 in colour at 300 dpi.
WISHES = ("-S", "adf", "-m", "color", "-r", "300", "--paper", "A4")


class Refilled:
    """The `test` device, with somebody beside it who puts further stacks in."""

    device = "test:0"

    def __init__(self, desk):
        self.folder = desk.sane()
        self.library = desk.folder / "reload.so"
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O2", "-fPIC", "-shared", "-o", self.library,
                        rig.ROOT / "tests/bench/reload.c"], check=True)

    def put_in(self, pages):
        self.stacks = pages // FEW

    def environment(self):
        return {"LD_PRELOAD": str(self.library), "BENCH_STACKS": str(self.stacks)}


class Filled(scanner.Scanner):
    """The scanner of the tests."""

    def put_in(self, pages):
        self.set(pages=pages, width=210, height=297)


def peak(pid):
    """Bytes, by the kernel's own account, which no look can miss; 0: the process has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def children(pid):
    try:
        return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []


def peaks(desk, device, pages):
    """The most that the program and the largest of its children had."""
    device.put_in(pages)
    desk.fresh()
    process = desk.start("-d", device.device, *WISHES, "-o", desk.pdf, sane=device)
    own = child = 0
    end = time.monotonic() + LIMIT
    while process.poll() is None:
        own = max(own, peak(process.pid))
        child = max([child, *map(peak, children(process.pid))])
        if time.monotonic() > end:
            scanner.finish(process, 0)
        time.sleep(PAUSE)
    _, said = process.communicate()
    tap.same((process.returncode, said), (0, b""), "the run")
    tap.among(f"Pages: {pages}", " ".join(tool("pdfinfo", desk.pdf).split()), "the PDF")
    assert own and child, "a process was not seen"
    return own, child


def compare(desk, device):
    few, many = peaks(desk, device, FEW), peaks(desk, device, MANY)
    for who, small, large in zip(("program", "scanning process"), few, many):
        assert large <= small * GROWTH, (
            f"the {who} had {small} bytes for {FEW} pages, and {large} for {MANY}")


def test_stack(desk):
    """A large stack takes the memory of a small one: the scanner of the tests"""
    compare(desk, Filled(desk.folder / "fault"))


def test_stack_of_a_threaded_driver(desk):
    """The same with a driver that ends its thread with each page: SANE's `test` device"""
    compare(desk, Refilled(desk))


if __name__ == "__main__":
    tap.run(globals(), Desk)
