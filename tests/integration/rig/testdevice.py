"""scan2mail with SANE's `test` device: a folder to scan into, what a PDF has, a terminal. A tap
fixture."""
import os
import pty
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import rig
from rig import scanner, tap, terminal

SCAN2MAIL = rig.BUILD / "scan2mail"
LIMIT = 60  # seconds for any run
STOP_LIMIT = scanner.STOP_LIMIT
# The device's defaults, large enough for A4. Each test lays its own over them.
DEVICE = {"number_of_devices": "2", "geometry_max": "400",
          "test-picture": '"Color pattern"'}


class Desk:
    """A folder to scan into. The settings file does not exist unless a test writes it."""

    def __init__(self):
        if not SCAN2MAIL.exists():
            raise tap.Skip(str(SCAN2MAIL))
        self.folder = Path(tempfile.mkdtemp(prefix="scan2mail-"))
        self.settings = self.folder / "postroom.conf"
        self.out = self.folder / "out"
        self.pdf = self.out / "scan.pdf"
        self.tmp = self.folder / "tmp"
        self.state = self.folder / "state"
        self.processes = []

    def __enter__(self):
        self.tmp.mkdir()
        return self

    def __exit__(self, *_):
        """Nothing that a red test started outlives it."""
        for each in self.processes:
            scanner.kill_session(each)
        shutil.rmtree(self.folder, ignore_errors=True)

    def environment(self, sane):
        """For a SANE_CONFIG_DIR, or a rig.scanner.Scanner."""
        if hasattr(sane, "environment"):
            return {**self.environment(sane.folder), **sane.environment()}
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8",
                "TMPDIR": str(self.tmp), "XDG_STATE_HOME": str(self.state),
                "SANE_CONFIG_DIR": str(sane),
                "POSTROOM_CONFIG": str(self.settings),
                "CUPS_SERVER": str(self.folder / "no-cupsd")}

    def no_sane(self):
        """A SANE_CONFIG_DIR without any driver."""
        sane = self.sane()
        (sane / "dll.conf").write_text("")
        return sane

    def sane(self, changes=()):
        """A SANE_CONFIG_DIR with the `test` device alone."""
        sane = self.folder / "sane"
        shutil.rmtree(sane, ignore_errors=True)
        (sane / "dll.d").mkdir(parents=True)
        (sane / "dll.conf").write_text("test\n")
        device = {**DEVICE, **dict(changes)}
        (sane / "test.conf").write_text("".join(f"{k} {v}\n" for k, v in device.items()))
        return sane

    def fresh(self):
        for each in (self.out, self.state):
            shutil.rmtree(each, ignore_errors=True)
        self.out.mkdir()
        self.settings.unlink(missing_ok=True)

    def start(self, *arguments, sane=None, **streams):
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
                 "stderr": subprocess.PIPE, **streams}
        process = subprocess.Popen([SCAN2MAIL, *arguments], start_new_session=True,
                                   env=self.environment(sane or self.sane()), **pipes)
        self.processes.append(process)
        return process

    def run(self, *arguments, sane=None, **streams):
        """Runs to the end: (exit code, standard output, standard error)."""
        result = scanner.finish(self.start(*arguments, sane=sane, **streams), LIMIT)
        self.processes.pop()
        return result

    def scan(self, *arguments, sane=None):
        """A scan into self.pdf that must succeed in silence."""
        self.fresh()
        result = self.run("-d", "test:0", "-o", self.pdf, *arguments, sane=sane)
        tap.same(result, (0, b"", ""), "the run")
        tap.same(os.listdir(self.out), ["scan.pdf"], "the folder")
        return check_pdf(self.pdf)

    def refused(self, *arguments, said, code=1, sane=None):
        """A scan into self.pdf that must fail with these words, and leave nothing."""
        self.fresh()
        got, out, err = self.run("-o", self.pdf, *arguments, sane=sane)
        tap.same((got, out), (code, b""), "the exit code and standard output")
        tap.among(said, err, "standard error")
        tap.same(len(err.splitlines()), 1, "the number of lines said")
        tap.same(os.listdir(self.out), [], "the folder")


def tool(*command):
    result = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT)
    assert result.returncode == 0, f"{command}: {result.stdout}{result.stderr}"
    return result.stdout


def check_pdf(path):
    """Whole by qpdf's judgement; gives its pages as [(type of image, bits, colours, size)]."""
    tool("qpdf", "--check", str(path))
    sizes = [tuple(map(float, found)) for found in
             re.findall(r"size:\s+([\d.]+) x ([\d.]+) pts",
                        tool("pdfinfo", "-f", "1", "-l", "1000", str(path)))]
    rows = [line.split() for line in
            tool("pdfimages", "-list", str(path)).splitlines()[2:]]
    tap.same(len(rows), len(sizes), "the number of images")
    return [(row[8], int(row[7]), row[5], size) for row, size in zip(rows, sizes)]


def await_(what, condition):
    end = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.01)


def read_terminal(master, until):
    """What was shown up to a text, or to the end."""
    return terminal.read(master, until, LIMIT)


class Terminal:
    """A scan with a terminal for its input and what it says."""

    def __init__(self, desk, *arguments, sane=None):
        self.master, slave = pty.openpty()
        self.process = desk.start(*arguments, sane=sane, stdin=slave, stderr=slave,
                                  stdout=subprocess.DEVNULL)
        os.close(slave)

    def until(self, words):
        return read_terminal(self.master, words)

    def type(self, answer):
        os.write(self.master, answer)

    def end(self):
        """(exit code, the rest that it showed)."""
        shown = terminal.read(self.master, limit=LIMIT)
        os.close(self.master)
        return self.process.wait(LIMIT), shown
