#!/usr/bin/python3 -B
"""A renewal of tokens that is killed at each of its system calls: the store has the old tokens or
the new ones, whole, and no token is shown that is not kept. Broken disks are in oauth_disk.t."""
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import crash, oauth, strace, tap  # noqa: E402
from rig.backend import OK  # noqa: E402

KEEPER = 0       # the supervisor, which stores
AT_ONCE = 4
BEFORE, AFTER = 32, 8  # calls around the one that finds the new tokens stored
WRITES = "write,writev,pwrite64"
KINDS = ("all", "power", "alone")


@dataclass
class Point:
    """A kill at a call of the supervisor, and what was found then and after another run."""

    call: int
    kind: str
    killed: bool = False
    stored: bool = False   # the new tokens were on the disk
    told: bool = False     # the new token had been shown to the submission server
    second: object = None
    complaint: str = ""

    @property
    def name(self):
        return f"call {self.call}, {self.kind}"


class House(oauth.TokenHouse):
    """All points are met at the start, side by side."""

    def __enter__(self):
        super().__enter__()
        edge = self._find_edge()
        points = [Point(call, kind) for kind in KINDS
                  for call in range(max(1, edge - BEFORE), edge + AFTER)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self.points = list(pool.map(self.meet, points))
        print(f"# {sum(each.killed for each in self.points)} kills at {len(self.points)} "
              f"points around call {edge}", flush=True)
        return self

    def _find_edge(self):
        """The first call of the supervisor that finds the new tokens stored."""
        low, high = 1, 4096
        while low < high:
            middle = (low + high) // 2
            point = self.meet(Point(middle, "all"))
            if point.stored or not point.killed:
                high = middle
            else:
                low = middle + 1
        return low

    def meet(self, point):
        with self.signed_in(left=-10) as server:
            counts = server.settings.with_name("counts")
            how = str(server.store.path) if point.kind == "power" else point.kind
            under = (crash.KILL_AT, str(KEEPER), str(point.call), how, counts)
            with self.start(server, under=under) as run:
                run.finish()
            server.wait_idle()
            point.killed = "killed" in counts.read_text()
            counts.unlink()
            point.told = bool(server.credentials)
            point.complaint = judge(point, server)
            point.second = self.print(server)
            if not point.complaint:
                point.complaint = judge_again(point, server)
        return point


def judge(point, server):
    """What is wrong with the store after the kill, or ""."""
    try:
        known = server.store.read()
    except AssertionError as error:
        return f"the store is damaged: {error}"
    if known is None:
        return "the store is gone"
    if known.refresh != server.before[0] and known.refresh not in server.entra.refresh:
        return "a refresh token that nobody gave"
    point.stored = known.refresh != server.before[0]
    if point.told and known.access != oauth.shown(server)[-1][1]:
        return "a token was shown that is not kept"
    return ""


def judge_again(point, server):
    """What is wrong after the run that followed, or ""."""
    if point.second.code != OK:
        return f"the second run ended with {point.second.code}: {point.second.log[-300:]}"
    left = sorted(path.name for path in server.store.folder.iterdir())
    if left not in (["office365"], ["office365", "office365.lock"]):
        return f"left in the folder: {left}"
    count = len(oauth.asked(server))
    if count > 2 or (point.stored and count > 1):
        return f"{count} questions"
    return ""


def test_kills(house):
    """After a kill at any call the store is whole, and the next run sends"""
    wrong = [f"{each.name}: {each.complaint}" for each in house.points if each.complaint]
    assert not wrong, f"{len(wrong)} of {len(house.points)}: " + "\n".join(wrong[:10])


def test_states(house):
    """Both states were met by each kind of death: the old tokens, and the new ones"""
    for kind in KINDS:
        met = {each.stored for each in house.points if each.killed and each.kind == kind}
        tap.same(met, {False, True}, f"stored, when {kind} died")


def test_order(house):
    """The new tokens are on the disk, file and folder, before the old ones are gone and before
    the submission server sees them"""
    with house.signed_in(left=-10) as server:
        record = server.settings.with_name("calls")
        command = (strace.STRACE, "-f", "-qq", "-y", "-o", record,
                   "-e", "trace=fsync,rename,renameat,renameat2,connect")
        with house.start(server, under=command) as run:
            tap.same(run.finish().code, OK, "the exit code")
        wanted = [("fsync", "/tokens/office365.new"), ("rename", "office365.new"),
                  ("fsync", "/tokens>"), ("connect", f"htons({server.port})")]
        found = []
        for line in record.read_text().splitlines():
            for call, words in wanted:
                if f" {call}" in line and words in line and (call, words) not in found:
                    found.append((call, words))
        tap.same(found, wanted, "the calls, in their order")


if __name__ == "__main__":
    tap.run(globals(), House)
