"""scan2mail before a scanner of the tests: a run has a folder of its own, and is looked over for
what it must not leave behind. A tap fixture."""
import itertools
import os
import pty
import re
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import rig
from rig import scanner, tap, terminal as rig_terminal

LIMIT = 60  # seconds for any run
BASE = ("-d", "fault:0", "-S", "adf", "-m", "gray", "-r", "75")
SHORT = {"wait_open": "1s", "wait_start": "1s", "wait_progress": "1s", "wait_close": "1s",
         "wait_busy": "2s"}


@dataclass
class Result:
    """What a scan came to."""

    code: int
    out: bytes
    said: str  # on standard error
    took: float  # seconds
    pdf: Path
    pages: list  # rig.scanner.Page; [] where there is no PDF
    scanner: scanner.Scanner

    @property
    def numbers(self):
        return [page.number for page in self.pages]

    def remark(self):
        """What the PDF tells the backend of its pages, and whether it is to be held.
        A remark with "attached" is one of a fault, and no other says that pages are missing."""
        info = subprocess.run(["pdfinfo", "-custom", self.pdf], capture_output=True, text=True,
                              check=True).stdout
        found = re.search(r"^PostroomRemark:\s*(.*)$", info, re.M)
        said = found[1] if found else ""
        found = re.search(r"^PostroomIncomplete:\s*incomplete$", info, re.M)
        tap.same(found is not None, "attached" in said, "whether it is incomplete")
        return said, re.search(r"^PostroomHold:\s*hold$", info, re.M) is not None

    def sizes(self):
        """Of each page, in whole millimetres; and by how much it is turned."""
        info = subprocess.run(["pdfinfo", "-f", "1", "-l", "999", self.pdf], text=True,
                              capture_output=True, check=True).stdout
        return [tuple(round(float(each) / 72 * 25.4) for each in pair) for pair in
                re.findall(r"size:\s+([\d.]+) x ([\d.]+) pts", info)]

    def turns(self):
        info = subprocess.run(["pdfinfo", "-f", "1", "-l", "999", self.pdf], text=True,
                              capture_output=True, check=True).stdout
        return [int(each) for each in re.findall(r"rot:\s+(\d+)", info)]


class Driver:
    """What Run wants of a scanner, for one that is none of the tests' own."""

    def __init__(self, folder):
        self.folder = folder

    def environment(self):
        return {"SANE_CONFIG_DIR": str(self.folder)}

    def processes(self):
        return []  # the session's are looked at besides

    def violations(self):
        return []


class Run:
    """A scan that runs. finish() waits for its end and looks it over."""

    unfinished = []  # or not as they should be

    def __init__(self, folder, device, arguments, settings=(), terminal=None):
        self.folder, self.scanner = folder, device
        self.out, self.home, self.tmp = (folder / name for name in ("out", "home", "tmp"))
        for each in (self.out, self.home, self.tmp):
            each.mkdir()
        self.pdf = self.out / "scan.pdf"
        self.settings = folder / "postroom.conf"
        self.settings.write_text("[scan default]\n" + "".join(
            f"{key} = {value}\n" for key, value in dict(settings).items()))
        self.begun = time.monotonic()
        self.process = subprocess.Popen(
            [rig.built("scan2mail"), "-o", self.pdf, *arguments], start_new_session=True,
            env=self.environment(), cwd=self.home, stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL if terminal is None else terminal,
            stderr=subprocess.PIPE if terminal is None else terminal)
        self.unfinished.append(self)

    def environment(self):
        return {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8",
                "TMPDIR": str(self.tmp), "XDG_STATE_HOME": str(self.home / "state"),
                "POSTROOM_CONFIG": str(self.settings),
                "CUPS_SERVER": str(self.folder / "no-cupsd"), **self.scanner.environment()}

    def await_(self, call):
        """Waits for a call of the driver, as long as the run lasts."""
        scanner.await_(f"the call {call!r}", lambda: call in self.scanner.calls()
                       or self.process.poll() is not None, LIMIT)
        if call not in self.scanner.calls():
            raise AssertionError(f"no call {call!r}, but {self.finish()}")

    def stop(self, number=signal.SIGINT):
        """Sends a signal; the time until the end is the result's."""
        self.begun = time.monotonic()
        self.process.send_signal(number)
        return self.finish()

    def finish(self, limit=LIMIT, read=True):
        """What came of it; read: the pages are those of tests/sane."""
        code, out, said = scanner.finish(self.process, limit)
        took = time.monotonic() - self.begun
        self.look_for_remains()
        self.unfinished.remove(self)
        pages = []
        if self.pdf.exists() and read:
            pages = scanner.read_pages(self.pdf, self.tmp)
        elif self.pdf.exists():
            scanner.check_pdf(self.pdf)
        return Result(code, out, said, took, self.pdf, pages, self.scanner)

    def kill(self):
        scanner.kill_session(self.process)

    def look_for_remains(self):
        tap.same(scanner.session(self.process.pid), {}, "processes of the session")
        tap.same(self.scanner.processes(), [], "processes with the driver")
        tap.same(list(self.tmp.rglob("*")), [], "temporary files")
        tap.same([each for each in self.home.rglob("*") if not each.is_dir()], [],
                 "files in the user's folders")
        tap.same([each for each in os.listdir(self.out) if each != self.pdf.name], [],
                 "files beside the PDF")
        tap.same(self.scanner.violations(), [], "what the driver complained of")


class Desk:
    """Runs as many scans as wanted, also side by side."""

    def __init__(self):
        rig.built("scan2mail")
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        self.numbers = itertools.count(1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        """Nothing that a red test started outlives it."""
        while Run.unfinished:
            Run.unfinished.pop().kill()
        self.holder.cleanup()

    def new_folder(self):
        folder = self.folder / str(next(self.numbers))
        folder.mkdir()
        return folder

    def start(self, *arguments, settings=(), terminal=None, **scenario):
        """Starts a scan: of the feeder in grey, unless the arguments say something else."""
        folder = self.new_folder()
        device = scanner.Scanner(folder / "sane", **scenario)
        return Run(folder, device, [*BASE, *arguments], settings, terminal)

    def scan(self, *arguments, **how):
        return self.start(*arguments, **how).finish()

    def good(self, *arguments, whole, **how):
        """A scan whose pages have these numbers, and which says nothing."""
        result = self.scan(*arguments, **how)
        tap.same((result.code, result.out, result.said), (0, b"", ""), f"the run with {how}")
        check_pages(result, whole)
        return result

    def bad(self, *arguments, said, whole=(), code=1, **how):
        """A scan that fails; each of the words is said, and the pages that were whole are there.
        """
        assert said and all(said), f"an empty word is always said: {said!r}"
        result = self.scan(*arguments, **how)
        check_bad(result, said, whole, code)
        return result


class Talk:
    """A run on a terminal, which asks for more."""

    def __init__(self, desk, *arguments, **how):
        self.master, slave = pty.openpty()
        self.shown = ""
        self.run = desk.start(*arguments, terminal=slave, **how)
        os.close(slave)

    def answer(self, question, text):
        """Waits for a text, and answers it."""
        shown = rig_terminal.read(self.master, question.encode(), LIMIT)
        self.shown += shown
        tap.among(question, shown, f"the terminal, which has {self.shown!r}")
        os.write(self.master, text.encode())

    def finish(self):
        self.shown += rig_terminal.read(self.master, limit=LIMIT)
        os.close(self.master)
        result = self.run.finish()
        tap.same(result.code, 0, f"the exit code ({self.shown!r})")
        return result


def check_pages(result, whole):
    tap.same(result.numbers, list(whole), f"the pages ({result.said!r})")
    for page in result.pages:
        tap.same(page.gaps, [], f"lines of page {page.number} that are not as they were")


def check_bad(result, said, whole=(), code=1):
    words = [said] if isinstance(said, str) else said
    assert any(words), "nothing is asked for"
    tap.same((result.code, result.out), (code, b""), f"the run ({result.said!r})")
    for each in words:
        tap.among(each, result.said, "standard error")
    check_pages(result, whole)
    tap.same(result.pdf.exists(), bool(whole), "whether there is a PDF")
