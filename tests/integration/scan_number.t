#!/usr/bin/python3 -B
"""The number of a scan, %n: what is refused spends none."""
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import tap  # noqa: E402
from rig.testdevice import Desk, tool  # noqa: E402

PROFILE = "[scan desk]\ndevice = test:0\nsubject = Scan %n\nresolution = 75\n"
REFUSED = (("-t", "a@@b"), ("-t", "Board,"), ("-t", "Bo\x1bard"), ("-s", "%n %q"),
           ("--backs", "-S", "flatbed"), ("-p", "none"))


def number(desk):
    """Of the next scan."""
    desk.pdf.unlink(missing_ok=True)
    tap.same(desk.run("-p", "desk", "-o", desk.pdf), (0, b"", ""), "a scan")
    return re.search(r"^Title:\s+Scan (\d+)$", tool("pdfinfo", desk.pdf), re.M)[1]


def test_refused(desk):
    """A command line that is refused spends no number, and makes no file"""
    desk.fresh()
    desk.settings.write_text(PROFILE)
    for arguments in REFUSED:
        code, _, said = desk.run("-p", "desk", "-o", desk.pdf, *arguments)
        assert code in (1, 2) and said, f"{arguments}: {code} {said}"
    tap.same(list(desk.state.rglob("*")), [], "what is in the state folder")
    tap.same(number(desk), "1", "the first number")
    for arguments in REFUSED:
        desk.run("-p", "desk", "-o", desk.pdf, *arguments)
    tap.same(number(desk), "2", "the second number")


if __name__ == "__main__":
    tap.run(globals(), Desk)
