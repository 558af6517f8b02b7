#!/usr/bin/python3 -B
"""scan2mail and a scanner that fails: whatever happens to a stack, the pages that were whole are
kept, the reason is said, and nothing stays behind."""
import itertools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import scandesk, scanner, tap  # noqa: E402

BUSY_LIMIT = 8.0  # seconds for a wait of two
# What a driver says, and the words for it: on the terminal, and of the mail.
STATUSES = {
    "JAMMED": ("paper is jammed in the feeder", "paper jam"),
    "COVER_OPEN": ("cover is open", "cover open"),
    "IO_ERROR": ("connection to the scanner failed", "connection to the scanner lost"),
    "NO_MEM": ("driver has no memory left", "scanner's driver out of memory"),
    "CANCELLED": ("cancelled at the scanner", "scan cancelled at the scanner"),
    "ACCESS_DENIED": ("access to the scanner is denied", "no access to the scanner"),
    "INVAL": ("it refuses the settings", "settings refused by the scanner"),
    "UNSUPPORTED": ("driver does not support this", "not supported by the scanner"),
}
PLACES = ("start", "first-read", "read", "end")  # of a page
REST = {"pages": 5}


def check_remark(result, whole, words, held=False):
    """The mail says what happened and how many pages there are."""
    pages = f"{whole} page{'s' if whole > 1 else ''}"
    tap.same(result.remark(), (f"{words} after page {whole}: {pages} attached", held),
             "the remark, and whether it is held")


def check_end(result):
    """The scanner was let go, once."""
    calls = result.scanner.calls()
    assert calls.count("cancel") in (1, 2), calls  # told to stop it may come in between
    tap.same(calls.count("close"), 1, "the number of closes")


def test_statuses(desk):
    """A stack that ends with a jam, an open cover, a lost connection, … keeps its whole pages"""
    for (status, (said, words)), place in itertools.product(STATUSES.items(), PLACES):
        result = desk.bad(said=[said, f"{words} after page 2: 2 pages"], whole=[1, 2],
                          fault_at=place, fault_page=3, fault_status=status, **REST)
        check_remark(result, 2, words)
        check_end(result)


def test_first_page(desk):
    """When the first page fails, nothing is delivered, and the reason is said"""
    for (status, (said, _)), place in itertools.product(STATUSES.items(), PLACES):
        result = desk.bad(said=said, fault_at=place, fault_status=status, **REST)
        check_end(result)
        assert result.said.count("\n") == 1, result.said


def test_modes(desk):
    """A jam in the middle of a page, in each mode, of unknown height and in three passes"""
    for mode, how in itertools.product(("color", "gray", "bw"), (
            {}, {"lines": -1}, {"three_pass": "BGR"}, {"padding": 7})):
        desk.bad("-m", mode, said="jam", whole=[1], fault_at="read", fault_page=2,
                 fault_status="JAMMED", pages=3, **how)


def test_duplex_jam(desk):
    """A jam behind a front leaves that front"""
    result = desk.bad("-S", "adf-duplex", said=["jam", "3 page"], whole=[1, 2, 3], pages=6,
                      fault_at="start", fault_page=4, fault_status="JAMMED")
    check_remark(result, 3, "paper jam")


def test_first_jam(desk):
    """One page before the jam is one page, not pages"""
    result = desk.bad(said=["jam", "1 page"], whole=[1], fault_at="start", fault_page=2,
                      fault_status="JAMMED")
    tap.absent("1 pages", result.said, "what is said")
    check_remark(result, 1, "paper jam")


def test_partial(desk):
    """partial = drop delivers nothing, hold delivers and says so; the command line goes first"""
    jam = {"fault_at": "read", "fault_page": 3, "fault_status": "JAMMED", **REST}
    for arguments, settings in (((), {"partial": "drop"}), (("--partial", "drop"), {}),
                                (("--partial", "drop"), {"partial": "send"})):
        desk.bad(*arguments, settings=settings, said=["jam", "2 page"], **jam)
    for arguments, settings in (((), {"partial": "hold"}), (("--partial", "hold"), {})):
        result = desk.bad(*arguments, settings=settings, said="jam", whole=[1, 2], **jam)
        check_remark(result, 2, "paper jam", held=True)
    result = desk.good(settings={"partial": "drop"}, pages=2, whole=[1, 2])
    tap.same(result.remark(), ("", False), "of a stack without a fault")


def test_empty(desk):
    """An empty feeder is said, at start, at read, and by a page without a byte"""
    for how in ({"pages": 0}, {"fault_at": "start", "fault_status": "NO_DOCS"},
                {"fault_at": "first-read", "fault_status": "NO_DOCS"}, {"zero_page": 1}):
        desk.bad(said="feeder is empty", **how)


def test_lying_feeder(desk):
    """A feeder that says at read that it is empty, or sends a page without bytes, ends the stack"""
    for how in ({"fault_at": "first-read", "fault_status": "NO_DOCS"},
                {"fault_at": "start", "fault_status": "NO_DOCS"}):
        desk.good(whole=[1, 2], fault_page=3, pages=3, **how)
    desk.good(whole=[1, 2], zero_page=3, pages=3)


def test_no_docs_amid(desk):
    """NO_DOCS in the middle of a page is a fault, and the page is not whole"""
    desk.bad(said="page", whole=[1], fault_at="read", fault_status="NO_DOCS", fault_page=2,
             pages=3)


def test_lines_missing(desk):
    """A page that ends before its last line is not whole"""
    for mode in ("color", "gray", "bw"):
        result = desk.bad("-m", mode, said="page", whole=[1], short_page=2, pages=3)
        check_end(result)


def test_lines_missing_height_unknown(desk):
    """Where no height was promised, the height is what came"""
    result = desk.scan(lines=-1, short_page=2, pages=3)
    tap.same(result.numbers, [1, 2, 3], f"the pages ({result.said})")
    tap.same(result.pages[0].gaps, [], "lines of the first page")


def test_too_many_lines(desk):
    """Lines behind those that were announced are no loss, and do no harm"""
    for mode in ("color", "gray", "bw"):
        desk.good("-m", mode, long_page=2, pages=3, whole=[1, 2, 3])


def test_parameters(desk):
    """A driver that cannot say what its page is like"""
    desk.bad(said="connection", whole=[1], fault_at="parameters", fault_page=2, pages=3)
    desk.bad(said="connection", fault_at="parameters", pages=3)


def test_open(desk):
    """A scanner that cannot be opened, listed or set is named with the reason"""
    for status, said in (("ACCESS_DENIED", "access to the scanner is denied"),
                         ("IO_ERROR", "the scanner cannot be reached"),
                         ("INVAL", 'there is no scanner "fault:0"'),
                         ("NO_MEM", "driver has no memory left")):
        for place in ("open", "init"):
            desk.bad(said=said, fault_at=place, fault_status=status)
    desk.bad(said="the scanner refuses source = ADF: Error during device I/O", fault_at="control",
             fault_status="IO_ERROR")


def test_busy(desk):
    """A scanner in use is waited for, at open and at start, and the wait is said"""
    for how in ({"busy": 2}, {"busy": 2, "busy_at": "start"},
                {"fault_at": "start", "fault_page": 2, "fault_status": "DEVICE_BUSY",
                 "fault_times": 2},
                {"fault_at": "start", "fault_status": "WARMING_UP", "fault_times": 1}):
        talk = scandesk.Talk(desk, pages=3, **how)
        scandesk.check_pages(talk.finish(), [1, 2, 3])
        tap.among("waited for", talk.shown, "the terminal")


def test_busy_for_ever(desk):
    """Where the wait has an end, it ends"""
    for how, whole in (({"busy": 10**6}, []), ({"busy": 10**6, "busy_at": "start"}, []),
                       ({"fault_at": "start", "fault_page": 2, "fault_status": "DEVICE_BUSY"},
                        [1])):
        result = desk.bad(said="in use", whole=whole, settings={"wait_busy": "2s"}, **how)
        assert result.took < BUSY_LIMIT, f"it took {result.took:.1f} s"
        assert result.took > 1.5, f"it took {result.took:.1f} s"


def test_in_use(desk):
    """A scanner that another program has open is waited for, and taken when it is free"""
    first = desk.start(pages=1, hang="start", settings={"wait_start": "50s"})
    first.await_("hang start")
    second = scandesk.Run(desk.new_folder(), first.scanner, scandesk.BASE, {"wait_busy": "50s"})
    second.await_("open failed 3")
    first.scanner.set(pages=2)
    first.process.kill()
    scanner.finish(first.process)
    result = second.finish()
    tap.same(result.code, 0, f"the exit code ({result.said})")
    scandesk.check_pages(result, [1, 2])


if __name__ == "__main__":
    tap.run(globals(), scandesk.Desk)
