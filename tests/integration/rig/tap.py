"""A test file in TAP (the Test Anything Protocol): functions named test_*, run in order.

A test's line is its docstring's first line. It fails by any exception and is skipped by
Skip, which names what is missing. The fixture is a context manager that all tests of the
file get; when it fails, so do they all.
"""
import contextlib
import copy
import signal
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

SHOWN = 2000  # characters of a value that is not as it should be
MEETINGS = []  # of this program, what side_by_side() declared


class Skip(Exception):
    """Names the thing that is missing for a test."""


def same(got, wanted, what="it"):
    assert got == wanted, f"{what} is {_short(got)}, not {_short(wanted)}"


def among(item, group, what="it"):
    assert item in group, f"{what}: {item!r} is not in {_short(group)}"


def absent(item, group, what="it"):
    """What must not be there may be a secret, so that it is not printed."""
    assert item not in group, f"{what}: what must not be there is"


def _short(value):
    text = repr(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"


def _comment(text):
    for line in text.splitlines():
        print(f"# {line}")


def _explain(error):
    """Where and why: for a failed assertion its sentence, for a surprise the whole story."""
    if not isinstance(error, AssertionError):
        return "".join(traceback.format_exception(error))
    frames = [each for each in traceback.extract_tb(error.__traceback__)
              if each.filename != __file__]
    places = [f"{each.filename}:{each.lineno}" for each in frames]
    return "\n".join([str(error) or (frames[-1].line if frames else ""), *places[::-1]])


def _result(number, name, error, diagnose):
    """Prints one test's lines; whether it did not fail."""
    if error is None:
        print(f"ok {number} - {name}")
    elif isinstance(error, Skip):
        print(f"ok {number} - {name} # SKIP {error}")
    else:
        print(f"not ok {number} - {name}")
        _comment(_explain(error))
        if diagnose:
            with contextlib.suppress(Exception):
                _comment(diagnose())
    sys.stdout.flush()
    return error is None or isinstance(error, Skip)


def _attempt(function, *arguments):
    try:
        return function(*arguments), None
    except Exception as error:  # a test fails by whatever it raises
        return None, error


def side_by_side(sentence, meet):
    """A test that SideBySide meets at the start: meet(house), which its line is about."""
    def test(_):
        test.outcome.result()
    test.__doc__, test.meet = sentence, meet
    MEETINGS.append(test)
    return test


class SideBySide:
    """Before a fixture's class: all `meetings` are met at its start, side by side, since most
    of them wait. Each has what came of it as `outcome`, a future, which its test looks at."""

    at_once = 8
    meetings = MEETINGS

    def __enter__(self):
        super().__enter__()
        with ThreadPoolExecutor(self.at_once) as pool:
            for each in self.meetings:
                each.outcome = pool.submit(each.meet, copy.copy(self))
        return self


def run(names, fixture=contextlib.nullcontext):
    """Runs the tests in names, a module's globals(), and ends the program. A fixture may
    have diagnose(), whose text is printed below a test that failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tests = [value for name, value in names.items() if name.startswith("test_")]
    print(f"1..{len(tests)}", flush=True)
    good = True
    with contextlib.ExitStack() as stack:
        house, broken = _attempt(lambda: stack.enter_context(fixture()))
        for number, test in enumerate(tests, 1):
            name = (test.__doc__ or test.__name__).splitlines()[0].rstrip(".")
            error = broken
            if not broken:
                _, error = _attempt(test, house)
            elif number == 2 and not isinstance(broken, Skip):
                broken = error = AssertionError("as above")
            good &= _result(number, name, error, getattr(house, "diagnose", None))
    sys.exit(0 if good else 1)
