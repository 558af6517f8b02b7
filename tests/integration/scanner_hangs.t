#!/usr/bin/python3 -B
"""scan2mail and a driver that hangs, crashes or ends its process: it never takes scan2mail with
it, and Ctrl-C keeps its word."""
import itertools
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import scandesk, scanner, tap  # noqa: E402

# What is said, and of the mail.
SILENT = ("has not answered", "no answer from the scanner after page 2: 2 pages attached")
DEAD = {"crash": "driver has crashed by the signal SEGV", "exit": "driver has crashed:"}
FAILURE = "failure of the scanner's driver after page 2: 2 pages attached"
HANG_LIMIT = 12.0  # seconds until a watchdog of one second has done its work on a busy machine
# Where a driver may stop, and the pages that are whole by then.
BEFORE = ("init", "open", "control")
AMID = ("start", "first-read", "read", "end", "parameters")  # of page 3
AFTER = ("cancel", "close", "exit")
PHASES = [*((each, []) for each in BEFORE), *((each, [1, 2]) for each in AMID),
          *((each, [1, 2, 3]) for each in AFTER)]
SCENE = {"pages": 3, "fault_page": 3}


def hang(phase, whole, deaf):
    sentence = f"hang in {phase}" + (", deaf" if deaf else "")

    def meet(desk):
        return desk.scan(hang=phase, settings=scandesk.SHORT, **SCENE,
                         **({"deaf": "yes"} if deaf else {}))

    def test(_):
        result = outcome.outcome.result()
        scandesk.check_pages(result, whole)
        assert result.took < HANG_LIMIT, f"it took {result.took:.1f} s"
        if phase in AFTER:
            tap.same(result.code, 0, f"the exit code ({result.said})")
        else:
            scandesk.check_bad(result, said=SILENT[0], whole=whole)
            if whole:
                tap.same(result.remark(), (SILENT[1], False), "the remark")

    outcome = tap.side_by_side(sentence, meet)
    test.__doc__ = f"A driver that hangs: {phase}" + (", and blocks all signals" if deaf else "")
    return test


def death(phase, whole, how):
    def test(desk):
        result = desk.scan(**{how: phase}, **SCENE)
        scandesk.check_pages(result, whole)
        if phase in AFTER:
            tap.same(result.code, 0, f"the exit code ({result.said})")
        else:
            scandesk.check_bad(result, said=DEAD[how], whole=whole)
            if whole:
                tap.same(result.remark(), (FAILURE, False), "the remark")

    test.__doc__ = f"A driver that {'crashes' if how == 'crash' else 'ends its process'}: {phase}"
    return test


def stop(phase, number, deaf):
    def test(desk):
        run = desk.start(hang=phase, **SCENE, **({"deaf": "yes"} if deaf else {}))
        run.await_(f"hang {phase}")
        result = run.stop(number)
        assert result.took < scanner.STOP_LIMIT, f"it took {result.took:.1f} s"
        if phase not in AFTER or result.code:  # after the last page it may be delivered or not
            tap.same((result.code, result.numbers), (128 + number, []), "exit code and pages")
            tap.among("nothing was sent", result.said, "standard error")
        else:
            scandesk.check_pages(result, [1, 2, 3])

    test.__doc__ = (f"{signal.Signals(number).name} while the driver hangs: {phase}"
                    + (", and blocks all signals" if deaf else ""))
    return test


def test_stop_term(desk):
    """SIGTERM while the driver hangs amid a page, and blocks all signals: whole pages count"""
    run = desk.start(hang="read", deaf="yes", **SCENE)
    run.await_("hang read")
    result = run.stop(signal.SIGTERM)
    assert result.took < scanner.STOP_LIMIT, f"it took {result.took:.1f} s"
    scandesk.check_bad(result, said="stopped by the signal TERM", whole=[1, 2])
    tap.among("stopped after page 2: 2 pages attached", result.remark()[0], "the mail's words")


def test_stop_in_a_page(desk):
    """Ctrl-C in the middle of a page: the driver is told by sane_cancel(), and closed"""
    run = desk.start(pages=3, read_delay=20, read_max=500)
    run.await_("read 1")
    result = run.stop()
    tap.same((result.code, result.numbers), (130, []), "exit code and pages")
    assert result.took < scanner.STOP_LIMIT, f"it took {result.took:.1f} s"
    calls = result.scanner.calls()
    tap.among("cancel", calls, "the calls")
    tap.among("close", calls, "the calls")


def test_stop_while_busy(desk):
    """Ctrl-C while a scanner is waited for that is in use"""
    run = desk.start(busy=10**6)
    run.await_("open failed 3")
    result = run.stop()
    tap.same((result.code, result.numbers), (130, []), "exit code and pages")
    assert result.took < scanner.STOP_LIMIT, f"it took {result.took:.1f} s"


def test_signals_blocked(desk):
    """Whoever starts it with all signals blocked, as scanbd does, finds it as obedient"""
    for what in ("hang", "stop"):
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            run = desk.start(hang="read", settings=scandesk.SHORT if what == "hang" else (),
                             **SCENE)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        if what == "hang":
            scandesk.check_bad(run.finish(), said=SILENT[0], whole=[1, 2])
            continue
        run.await_("hang read")
        result = run.stop()
        tap.same((result.code, result.numbers), (130, []), "exit code and pages")
        assert result.took < scanner.STOP_LIMIT, f"it took {result.took:.1f} s"


for _phase, _whole in PHASES:
    for _deaf in (False, True):
        globals()[f"test_hang_{_phase}_{_deaf}"] = hang(_phase, _whole, _deaf)
for _phase, _whole in PHASES:
    for _how in ("crash", "exit"):
        globals()[f"test_{_how}_{_phase}"] = death(_phase, _whole, _how)
for _phase, _deaf in itertools.product([each for each, _ in PHASES], (False, True)):
    globals()[f"test_stop_{_phase}_{_deaf}"] = stop(_phase, signal.SIGINT, _deaf)


class SideBySide(tap.SideBySide, scandesk.Desk):
    """All hangs at once: each waits for its watchdog."""


if __name__ == "__main__":
    tap.run(globals(), SideBySide)
