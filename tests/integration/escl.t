#!/usr/bin/python3 -B
"""scan2mail with a scanner on the network, through sane-airscan: into files, with a fault at each
place, and into the mail through a real cupsd."""
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from fakes import escl  # noqa: E402
from rig import house as rig_house, mail, scandesk, scanner, tap  # noqa: E402

SHEETS = 4
HANG_LIMIT = 20.0  # seconds until watchdogs of two have done their work
WAITS = {"wait_open": "10s", "wait_start": "2s", "wait_progress": "2s", "wait_close": "2s"}
SCAN = ("-S", "adf", "-m", "gray", "-r", "75")


class Network(scandesk.Driver):
    """sane-airscan, before the server of the tests."""

    def __init__(self, folder):
        super().__init__(folder)
        escl.Server.configure(folder)


class House(rig_house.House):
    """The print server, and a desk with a network scanner."""

    sections = {**rig_house.House.sections, "more": """[scan default]
to = Accounting
queue = mail
"""}

    def __init__(self):
        super().__init__()
        self.desk = scandesk.Desk()
        escl.page(1)  # so that no scan waits for its making

    def __exit__(self, *_):
        self.desk.__exit__()
        super().__exit__()

    def start(self, server, *arguments, settings=()):
        folder = self.desk.new_folder()
        return scandesk.Run(folder, Network(folder / "sane"),
                            ["-d", server.device, *SCAN, *arguments], {**WAITS, **dict(settings)})

    def scan(self, *arguments, sheets=SHEETS, faults=None, settings=()):
        with escl.Server(sheets, faults) as server:
            return self.start(server, *arguments, settings=settings).finish(), server


def test_stack(house):
    """A stack is scanned until the feeder is empty"""
    result, server = house.scan()
    tap.same((result.code, result.said), (0, ""), "the run")
    scandesk.check_pages(result, range(1, SHEETS + 1))
    tap.same(result.sizes(), [(210, 297)] * SHEETS, "the sizes")
    tap.same(server.calls.count("POST ScanJobs"), 1, "the number of jobs")


def test_flatbed(house):
    """From the glass comes one page"""
    result, _ = house.scan("-S", "flatbed", "-m", "color", sheets=1)
    tap.same((result.code, result.said, result.numbers), (0, "", [1]), "the run")


def test_not_ready(house):
    """A scanner that is not ready at once (503) is waited for"""
    result, _ = house.scan(faults={2: "busy"}, settings={"wait_start": "20s"})
    tap.same((result.code, result.said), (0, ""), "the run")
    scandesk.check_pages(result, range(1, SHEETS + 1))


def test_faults(house):
    """Jam, cover, 500, garbage, a page cut short or longer than announced keep what was whole"""
    lost = "connection to the scanner failed"
    for fault, words in (("jam", "paper is jammed"), ("open", "cover is open"), ("cut", lost),
                         ("reset", lost), ("short", lost), ("long", lost), ("garbage", lost),
                         ("error", lost)):
        for number in (1, 3):
            result, _ = house.scan(faults={number: fault})
            whole = list(range(1, number))
            scandesk.check_bad(result, said=words, whole=whole)
            if whole:
                remark, _ = result.remark()
                tap.among(f"{len(whole)} pages", remark, f"the remark on {fault}")


def test_silent_end(house):
    """Where the driver takes a fault for the end, the number of pages is all that can be said"""
    for fault in ("empty", "conflict"):  # 404; 409 of which the status has nothing to tell
        result, _ = house.scan(faults={3: fault})
        scandesk.check_pages(result, [1, 2])
        result, _ = house.scan(faults={1: fault})
        scandesk.check_bad(result, said="feeder is empty")


def test_hangs(house):
    """A scanner that stops to answer, before or amid a page, or is never ready, is given up"""
    for fault in ("stall", "stall-body", "busy-for-ever"):
        for number in (1, 3):
            result, _ = house.scan(faults={number: fault})
            scandesk.check_bad(result, said="has not answered", whole=range(1, number))
            assert result.took < HANG_LIMIT, f"{fault} took {result.took:.1f} s"


def test_stop(house):
    """Ctrl-C while the scanner does not answer ends it within two seconds"""
    for fault in ("stall", "stall-body", "busy-for-ever"):
        with escl.Server(SHEETS, {2: fault}) as server:
            run = house.start(server, settings={"wait_start": "50s", "wait_progress": "50s"})
            scanner.await_("page 2", lambda: "GET NextDocument 2" in server.calls)
            result = run.stop()
        tap.same((result.code, result.numbers), (130, []), f"exit code and pages with {fault}")
        assert result.took < scanner.STOP_LIMIT, f"{fault}: it took {result.took:.1f} s"


def test_gone(house):
    """A scanner that is not there is said"""
    with escl.Server(1) as server:
        pass
    result = house.start(server).finish()
    scandesk.check_bad(result, said="the scanner cannot be reached")


def to_mail(house, faults=None):
    """Scans into the queue: exit code, what was said, and the mail."""
    folder = house.desk.new_folder()
    escl.Server.configure(folder / "sane")
    with escl.Server(SHEETS, faults) as server:
        run = subprocess.run(
            [rig.built("scan2mail"), "-d", server.device, *SCAN, "-s", "Minutes"],
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=scandesk.LIMIT,
            env=house.cupsd.environment(
                USER="alice", SANE_CONFIG_DIR=str(folder / "sane"),
                XDG_STATE_HOME=str(folder / "state"),
                POSTROOM_CONFIG=str(house.folder / "etc" / "postroom.conf")))
    listed = house.cupsd.run("lpstat", "-W", "all", "-o", "mail").stdout
    newest = max(int(line.split()[0].rpartition("-")[2]) for line in listed.splitlines())
    return run.returncode, run.stderr, house.sent(newest), folder


def look_at(message, folder, whole):
    attachment, = message.attachments
    mail.pdf_check(attachment.content)
    (folder / "mail.pdf").write_bytes(attachment.content)
    pages = scanner.read_pages(folder / "mail.pdf", folder)
    tap.same([(page.number, page.gaps) for page in pages], [(each, []) for each in whole],
             "the pages in the mail")


def test_mail(house):
    """A stack goes through cupsd to the mail, page by page as it lay in the feeder"""
    code, said, message, folder = to_mail(house)
    tap.same((code, said), (0, ""), "the run")
    tap.same(message.envelope["rcpt_tos"], ["invoices@example.com"], "the envelope")
    tap.same(message["Subject"], "Minutes", "Subject")
    look_at(message, folder, range(1, SHEETS + 1))
    tap.among(f"{SHEETS} pages", message.text, "the body")


def test_mail_after_jam(house):
    """A stack that ends with a jam goes there with what was whole, and says so"""
    code, said, message, folder = to_mail(house, {3: "jam"})
    tap.same(code, 1, "the exit code")
    tap.among("jam", said, "standard error")
    look_at(message, folder, [1, 2])
    for words in ("jam", "after page 2", "2 pages"):
        tap.among(words, message.text, "the body")


if __name__ == "__main__":
    tap.run(globals(), House)
