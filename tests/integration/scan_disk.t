#!/usr/bin/python3 -B
"""scan2mail and a disk that has no room for a page, or for the PDF: the pages before it are whole,
and are delivered as partial = wants it."""
import contextlib
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import disk, scandesk, scanner, tap  # noqa: E402

PAGES = 6
FINE = ("-m", "gray", "-r", "150")
KEPT = 1500  # kilobytes: a page in gray takes 2100 as it comes
SMALL, STEP = 24, 12  # kilobytes of disks for the PDF
WORDS = "no room for a page"


class Run(scandesk.Run):
    """With a small disk for the PDF, or for the scratch files."""

    def __init__(self, folder, small, device, arguments, settings):
        self.small = small
        super().__init__(folder, device, arguments, settings)
        if "-o" in arguments:
            self.pdf = small / "scan.pdf"

    def environment(self):
        return {**super().environment(), "TMPDIR": str(self.small)}

    def look_for_remains(self):
        super().look_for_remains()
        tap.same([each.name for each in self.small.iterdir() if each != self.pdf], [],
                 "what is left on the small disk")


class Desk(scandesk.Desk):
    def __enter__(self):
        """What is mounted here, no other process sees; it ends with this one."""
        self.alone = disk.alone()
        return self

    @contextlib.contextmanager
    def full(self, size, *arguments, settings=(), output=False, **scenario):
        """A scan with a disk of so many kilobytes: what came of it, while it is there."""
        folder = self.new_folder()
        device = scanner.Scanner(folder / "sane", **scenario)
        small = folder / "small"
        small.mkdir()
        wanted = [*scandesk.BASE, *FINE, *arguments, *(["-o", small / "scan.pdf"] if output else [])]
        with disk.small(small, f"size={size}k", self.alone):
            yield Run(folder, small, device, wanted, settings).finish()


def check_remark(result, whole, held=False):
    pages = f"{whole} page{'s' if whole > 1 else ''}"
    tap.same(result.remark(), (f"{WORDS} after page {whole}: {pages} attached", held), "the remark")


def test_page_of_unknown_height(desk):
    """No room for a page that waits on a disk for its height costs that page"""
    for settings, held in (({}, False), ({"partial": "hold"}, True)):
        with desk.full(KEPT, settings=settings, lines=-1, short_page=1, pages=3) as result:
            scandesk.check_bad(result, ["cannot be kept in", "No space left", "1 page"], [1])
            check_remark(result, 1, held)
    with desk.full(KEPT, "--partial", "drop", lines=-1, short_page=1, pages=3) as result:
        scandesk.check_bad(result, ["No space left", "1 page scanned before was dropped"])


def test_first_page(desk):
    """Where it is the first one, nothing is delivered, and the reason is said"""
    for how in ({"lines": -1}, {"three_pass": "BGR"}, {"three_pass": "RGB", "lines": -1}):
        with desk.full(KEPT, "-m", "color", pages=3, **how) as result:
            scandesk.check_bad(result, ["cannot be kept in", "No space left"])
            tap.same(result.said.count("\n"), 1, "the lines said")


def test_pdf(desk):
    """However little room there is for the PDF: the pages that found some are in it, whole"""
    met, size = set(), SMALL
    while PAGES not in met:
        with desk.full(size, output=True, pages=PAGES) as result:
            whole = len(result.pages)
            if whole == PAGES:
                tap.same((result.code, result.said), (0, ""), f"the run with {size} kB")
                tap.same(result.remark(), ("", False), "the remark")
            else:
                said = ["cannot be written", "No space left", *(["delivered"] if whole else [])]
                scandesk.check_bad(result, said, range(1, whole + 1))
            if 0 < whole < PAGES:
                check_remark(result, whole)
            met.add(whole)
        size += STEP
    assert {0, 1, 2, 3} < met, met


def test_limit_on_files(desk):
    """A limit on the size of files (ulimit -f) is a disk that is full"""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((SMALL + 4 * STEP) * 1024, before[1]))
    try:
        run = desk.start(*FINE, pages=PAGES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    result = run.finish()
    whole = len(result.pages)
    assert 0 < whole < PAGES, result
    scandesk.check_bad(result, ["File too large", "delivered"], range(1, whole + 1))
    check_remark(result, whole)


def test_pdf_dropped(desk):
    """With partial = drop nothing of it is left"""
    with desk.full(SMALL + 8 * STEP, "--partial", "drop", output=True, pages=100) as result:
        scandesk.check_bad(result, ["No space left", "before were dropped"])


if __name__ == "__main__":
    tap.run(globals(), Desk)
