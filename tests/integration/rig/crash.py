"""Kill everywhere: one delivery is run again and again, and each time it is killed at another
of its system calls. A tap fixture that does all of it at its start, and what it saw."""
import contextlib
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rig import backend, journal, tap, trial

KILL_AT = Path(__file__).with_name("kill_at.py")
FORBIDDEN = 126    # how it ends where it cannot trace
AT_ONCE = 4        # trials side by side: a part of each is waiting for the other side
MARGIN = 1.03      # a run makes now more calls, now fewer
REACHED = 0.5      # of the points, at least
SAMPLES = 3        # plain runs whose calls are counted
WORKER = 1         # the first process that the supervisor makes
KINDS = {"all": "the machine ends", "alone": "one process dies", "power": "power is lost"}


@dataclass
class Point:
    """A place to kill: the process in the order of their making, its system call, what dies."""

    process: int
    call: int
    kind: str
    killed: bool = False
    outcome: trial.Trial = None

    @property
    def name(self):
        return f"process {self.process}, call {self.call}, {KINDS[self.kind]}"


class House(trial.House):
    """All points, or with `every` a part: each every-th, and where it matters each."""

    every = 1

    def __enter__(self):
        self.stack = contextlib.ExitStack()
        with self.stack:
            self.target = self.stack.enter_context(self.server())
            self.counts = self._count()
            points = self._choose()
            random.Random(1).shuffle(points)  # what waits is spread over the time
            with ThreadPoolExecutor(AT_ONCE) as pool:
                self.points = list(pool.map(self.kill, points))
            self.target.wait_idle()
            self.stack = self.stack.pop_all()
        print(f"# {self.diagnose()}", flush=True)
        return self

    def __exit__(self, *_):
        self.stack.close()
        super().__exit__()

    def diagnose(self):
        killed = sum(each.killed for each in self.points)
        return (f"calls of each process: {self.counts}; {killed} kills at "
                f"{len(self.points)} points")

    # -- points ----------------------------------------------------------------------------

    def kill(self, point):
        """Runs a job that is killed at a point, and again."""
        number = next(trial.numbers)
        counts = self.folder / f"counts-{number}"
        how = point.kind
        if how == "power":
            how = self.target.state / "jobs" / (
                f"{number}-" + trial.UUID.format(number))
        point.outcome = trial.run(self, self.target, point.name, number=number, under=(
            KILL_AT, str(point.process), str(point.call), how, counts))
        point.killed = "killed" in counts.read_text()
        counts.unlink()
        return point

    def _count(self):
        """How many calls each process of a run makes, at most. The first run is another: it
        makes what the later ones find."""
        counts = self.folder / "counts"
        most = Counter()
        for sample in range(1 + SAMPLES):
            one = trial.run(self, self.target, "plain",
                            under=(KILL_AT, "0", "0", "all", counts))
            if one.first.code == FORBIDDEN:
                raise tap.Skip("the right to trace processes (ptrace)")
            assert one.first.code == backend.OK, one.first.log
            for process, calls in enumerate(counts.read_text().split() if sample else ()):
                most[process] = max(most[process], int(calls))
        return [int(calls * MARGIN) + 1 for _, calls in sorted(most.items())]

    def _choose(self):
        if self.every == 1:
            return [Point(process, call, kind) for kind in KINDS
                    for process, calls in enumerate(self.counts)
                    for call in range(1, calls + 1)]
        intent = self._find_intent()
        matter = [Point(WORKER, call, kind) for kind in KINDS
                  for call in range(intent - 3, self.counts[WORKER] + 1)]
        sample = [Point(process, call, kind) for kind in ("all", "alone")
                  for process, calls in enumerate(self.counts)
                  for call in range(1 + process, calls + 1, self.every)]
        return matter + sample

    def _find_intent(self):
        """The worker's first call that finds the intent in the journal."""
        low, high = 1, self.counts[WORKER]
        while low < high:
            middle = (low + high) // 2
            if self.kill(Point(WORKER, middle, "all")).outcome.known == journal.NONE:
                low = middle + 1
            else:
                high = middle
        return low


# -- what the tests of both files say of it ----------------------------------------------------

def once_or_said(house):
    """After a kill at any system call the mail is there once, or said to be perhaps twice"""
    trial.judge([each.outcome for each in house.points], house.target)


def all_reached(house):
    """Each of the states was met: nothing done, intent, sent; by each kind of death"""
    for kind in KINDS:
        met = {each.outcome.known for each in house.points
               if each.killed and each.kind == kind and each.process == WORKER}
        wanted = {journal.NONE, journal.INTENT, journal.SENT}
        assert met >= wanted, f"{KINDS[kind]}: only {sorted(met)}"
    killed = sum(each.killed for each in house.points)
    assert killed >= len(house.points) * REACHED, f"only {killed} kills"


def worker_is_missed(house):
    """A supervisor whose worker was killed does not take that for a success"""
    for each in house.points:
        if each.killed and each.kind == "alone" and each.process == WORKER:
            code, known = each.outcome.first.code, each.outcome.known
            assert code == backend.HOLD or (code, known) == (backend.OK, journal.SENT), (
                f"{each.name}: exit {code}, the journal has {known}")


def nothing_is_left(house):
    """No temporary file is left behind by any of them"""
    left = [path.name for path in house.tmp.iterdir()]
    assert not left, f"{len(left)} files, as {left[:3]}"
