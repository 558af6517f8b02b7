"""A scanner of the tests, behind the real libsane: the backend of tests/sane, its scenario,
its buttons and the log of the calls that it got; and what its pages show."""
import contextlib
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import rig

DRIVER = "tests/sane/libsane-fault.so.1"
BAND, BAR, CELLS, CELL = 8, 16, 22, 8  # pixels, as in tests/sane/picture.c
LIMIT = 60  # seconds for whatever is waited for
STOP_LIMIT = 2.0  # seconds from a signal to the end
PAUSE = 0.005  # seconds between two looks


def await_(what, condition, limit=LIMIT):
    """What the condition gave when it was met."""
    end = time.monotonic() + limit
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < end, f"{what} did not come within {limit} s"
        time.sleep(PAUSE)


class Scanner:
    """A SANE_CONFIG_DIR with this backend alone. Keywords are the scenario's keys, with _ for -;
    a list makes a line of each item: Scanner(folder, pages=3, button=["level bool scan"])."""

    device = "fault:0"

    def __init__(self, folder, **scenario):
        self.folder = Path(folder)
        self.driver = rig.built(DRIVER)
        (self.folder / "dll.d").mkdir(parents=True, exist_ok=True)
        (self.folder / "dll.conf").write_text("fault\n")
        (self.folder / "fault.buttons").mkdir(exist_ok=True)
        self.log = self.folder / "fault.log"
        for path in (self.folder, self.folder / "fault.buttons"):
            path.chmod(0o777)  # whoever scans writes the log and takes buttons away
        self.log.touch()
        self.log.chmod(0o666)
        self.set(**scenario)

    def set(self, **scenario):
        """From the next sane_open() on."""
        lines = []
        for key, value in scenario.items():
            for one in value if isinstance(value, list) else [value]:
                lines.append(f"{key.replace('_', '-')} {one}\n")
        self._write(self.folder / "fault.conf", "".join(lines))

    @staticmethod
    def _write(path, text):
        """Whole or not at all: the driver may be reading."""
        new = path.parent / f".{path.name}.new"
        new.write_text(text)
        new.replace(path)

    def environment(self):
        return {"SANE_CONFIG_DIR": str(self.folder), "LD_LIBRARY_PATH": str(self.driver.parent)}

    # -- buttons ---------------------------------------------------------------------------

    def press(self, option, value="1"):
        """Until release(); or until it was seen, for those of kind latched and cleared."""
        place = self.folder / "fault.buttons"
        new = self.folder / ".button.new"
        new.write_text(str(value))
        new.replace(place / option)

    def release(self, option):
        (self.folder / "fault.buttons" / option).unlink(missing_ok=True)

    def unplug(self):
        (self.folder / "fault.gone").touch()

    def plug(self):
        (self.folder / "fault.gone").unlink(missing_ok=True)

    # -- what it was called ----------------------------------------------------------------

    def forget(self):
        """Empties the log."""
        self.log.write_text("")

    def entries(self):
        """The log as [(process, what)]: "init", "open", "set mode=Gray", "start 1", "read 1",
        "middle 1", "end 1", "cancel", "close", "exit", "get BUTTON", "hang PHASE"…"""
        return [(int(pid), what) for pid, _, what in
                (line.partition(" ") for line in self.log.read_text().splitlines())]

    def calls(self):
        return [what for _, what in self.entries()]

    def opens(self):
        return self.calls().count("open")

    def sets(self):
        """What was set, as a dictionary of the last values."""
        return dict(what[4:].partition("=")[::2] for what in self.calls()
                    if what.startswith("set "))

    def violations(self):
        return [what for what in self.calls() if "violation" in what]

    def processes(self):
        """Those that loaded the driver and have not ended."""
        return sorted({pid for pid, _ in self.entries() if _runs(pid)})

    def await_(self, what, limit=LIMIT):
        """Waits for a call."""
        return await_(f"the call {what!r} (there are: {self.calls()[-8:]})",
                      lambda: what in self.calls(), limit)


def _runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def session(leader):
    """What runs in a session (of start_new_session), but for its leader: {process: name}."""
    found = {}
    for each in Path("/proc").iterdir():
        if not each.name.isdigit() or int(each.name) == leader:
            continue
        try:
            name, _, rest = (each / "stat").read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, _, _, its = rest.split()[:4]
        if int(its) == leader and state != "Z":
            found[int(each.name)] = name
    return found


def kill_session(process):
    """Ends what is left of a process with a session of its own; gives whom it ended besides."""
    left = session(process.pid)
    if process.poll() is None:
        process.kill()
    for each in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    process.wait()
    return left


def finish(process, limit=LIMIT):
    """Exit code, standard output and standard error of a process with a session of its own."""
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        left = kill_session(process)
        process.communicate()
        raise AssertionError(f"it still ran after {limit} s, with {left}") from None
    return process.returncode, out or b"", (err or b"").decode()


# -- pages -----------------------------------------------------------------------------------


@dataclass
class Page:
    """What a page of the scanner shows."""

    number: int
    back: bool
    width: int   # pixels
    height: int
    gaps: list   # lines that are not what they should be
    colors: tuple  # of the three bars on its first line; a grey page has numbers

    @property
    def whole(self):
        return not self.gaps


def _netpbm(path):
    """(kind, width, height, bytes) of a picture as pdfimages writes it."""
    content = path.read_bytes()
    head = re.match(rb"(P4)\s+(\d+)\s+(\d+)\s|(P[56])\s+(\d+)\s+(\d+)\s+255\s", content)
    kind, width, height = [each for each in head.groups() if each]
    return kind, int(width), int(height), content[head.end():]


def _bits(sample):
    """The cells of a line; sample(x) is 0 to 255."""
    bits = 0
    for cell in range(CELLS):
        bits = bits << 1 | (sample(3 * BAR + cell * CELL + CELL // 2) > 127)
    return bits


def read_page(path):
    """Reads a page from a picture."""
    kind, width, height, body = _netpbm(path)
    if kind == b"P4":
        stride = (width + 7) // 8

        def at(x, y):
            return 0 if body[y * stride + x // 8] >> (7 - x % 8) & 1 else 255
    elif kind == b"P5":
        def at(x, y):
            return body[y * width + x]
    else:
        def at(x, y):
            return body[3 * (y * width + x) + 1]
    if width < 3 * BAR + CELLS * CELL:
        raise AssertionError(f"a page of {width} pixels is too narrow to be read")
    first = _bits(lambda x: at(x, 0))
    head = first >> 13
    gaps = []
    for y in range(height):
        bits = _bits(lambda x, y=y: at(x, y))
        code = head << 12 | y // BAND & 0xFFF
        if bits != code << 1 | code.bit_count() & 1:
            gaps.append(y)
    middles = [n * BAR + BAR // 2 for n in range(3)]
    line = min(4, height - 1)
    colors = tuple(tuple(body[3 * (line * width + x):][:3]) if kind == b"P6" else at(x, line)
                   for x in middles)
    return Page(head >> 1, bool(head & 1), width, height, gaps, colors)


def check_pdf(pdf):
    """qpdf must find it in order."""
    checked = subprocess.run(["qpdf", "--check", pdf], capture_output=True, text=True,
                             timeout=LIMIT)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def read_pages(pdf, folder):
    """The pages of a PDF, which qpdf must find in order, with one picture on each."""
    check_pdf(pdf)
    for old in Path(folder).glob("page-*.p?m"):
        old.unlink()
    subprocess.run(["pdfimages", pdf, Path(folder) / "page"], check=True, timeout=LIMIT)
    return [read_page(path) for path in sorted(Path(folder).glob("page-*.p?m"))]
