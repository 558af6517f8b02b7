#!/usr/bin/python3 -B
"""A disk that is full, read-only or broken: nothing leaves that could not be recorded first, and
what was sent counts as sent."""
import contextlib
import itertools
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import disk, strace, tap, trial  # noqa: E402
from rig.backend import HOLD, OK, RETRY, STOP  # noqa: E402
from rig.disk import PAGE, fill  # noqa: E402

PAGES = 12     # of room that are tried, from none on
INODES = 8     # likewise
SIZES = (1, 50, 100, 150, 200, 250, 300, 400, 500, 1000, 10000)  # of files, in bytes
FAULTS_MAX = 64  # calls of one kind that a run makes at most
AT_ONCE = 8    # trials side by side; most of them wait to be tried again
WRITES = "write,writev,pwrite64,pwritev,pwritev2"


class House(trial.House):
    """With a server for all tests, each of which has its own state_dir."""

    def __enter__(self):
        """What is mounted here, no other process sees; it ends with this one."""
        self.trials = []
        self.alone = disk.alone()
        return self

    def diagnose(self):
        return "\n".join(f"{each.name}: exit {each.first.code}, journal: {each.known}: "
                         f"{trial.last(each.first.log)}" for each in self.trials)

    @contextlib.contextmanager
    def meets(self, **sections):
        """A server, and all the trials that are made with it; they are judged at the end."""
        self.trials = []
        with self.server(**sections) as server:
            yield server
            trial.judge(self.trials, server)
            agree(self.trials)

    def try_out(self, server, name, **how):
        self.trials.append(trial.run(self, server, name, **how))
        return self.trials[-1]


def agree(trials):
    """Sent is what arrived, and nothing else: here no connection ever broke."""
    for each in trials:
        if each.first.code == OK:
            tap.same(each.early, 1, f"{each.name}: the number of messages of a success")
        else:
            tap.among(each.first.code, (RETRY, HOLD, STOP), f"{each.name}: the exit code")
            tap.same(each.early, 0, f"{each.name}: the number of messages of a failure")


def put_off(each, folder):
    """A first run that sent nothing, waits, and names the folder."""
    tap.same(each.first.code, RETRY, f"{each.name}: the exit code")
    tap.among(str(folder), each.first.log, f"{each.name}: the log")


def test_full_disk(house):
    """However little room is left in state_dir: recorded and sent, or neither, and told why"""
    with house.meets() as server, disk.small(server.state, f"size={64 * PAGE}", house.alone):
        filler = server.state / "filler"
        codes = set()
        for pages in range(PAGES):
            fill(filler, pages * PAGE)
            each = house.try_out(server, f"{pages} pages left", mend=filler.unlink)
            codes.add(each.first.code)
            if each.first.code != OK:
                put_off(each, server.state)
        tap.same(codes, {OK, RETRY}, "the exit codes from no room to enough")


def test_no_more_files(house):
    """However few files state_dir can still take: the same"""
    with house.meets() as server, disk.small(server.state, "nr_inodes=40", house.alone):
        codes = set()
        for spare in range(INODES):
            made = []
            with contextlib.suppress(OSError):
                while True:
                    path = server.state / f"filler-{len(made)}"
                    path.touch()
                    made.append(path)
            for path in made[len(made) - spare:]:
                path.unlink()

            def mend(rest=made[:len(made) - spare]):
                for path in rest:
                    path.unlink()
            each = house.try_out(server, f"{spare} files left", mend=mend)
            codes.add(each.first.code)
            if each.first.code != OK:
                put_off(each, server.state)
        tap.same(codes, {OK, RETRY}, "the exit codes from no file to enough")


def remount(folder, how):
    subprocess.run(["mount", "-o", f"remount,{how}", folder], check=True)


def test_read_only_disk(house):
    """A state_dir that turned read-only: nothing is sent, and the folder is named"""
    with house.meets() as server, disk.small(server.state, f"size={64 * PAGE}", house.alone):
        for name in ("new", "used"):
            remount(server.state, "ro")
            each = house.try_out(server, f"{name} and read-only",
                                 mend=lambda: remount(server.state, "rw"))
            put_off(each, server.state)


def test_full_disk_of_the_record(house):
    """A log_file that cannot be written keeps nothing from being sent"""
    folder = house.folder / "log"
    folder.mkdir()
    with disk.small(folder, f"size={4 * PAGE}", house.alone):
        fill(folder / "filler", 0)
        with house.meets(postroom={"log_file": folder / "history"}) as server:
            each = house.try_out(server, "no room for the record")
            tap.same(each.first.code, OK, "the exit code")
            tap.among("history", each.first.log, "the log")


def test_full_temporary_folder(house):
    """A full TMPDIR: nothing is sent, and the folder is named"""
    folder = house.folder / "small"
    folder.mkdir()
    with house.meets() as server, disk.small(folder, f"mode=1777,size={4 * PAGE}", house.alone):
        filler = folder / "filler"
        fill(filler, 0)
        each = house.try_out(server, "no room for the document", mend=filler.unlink,
                             TMPDIR=str(folder))
        put_off(each, folder)


def test_file_size_limit(house):
    """However small the files may be that it can write (RLIMIT_FSIZE)"""
    document = house.folder / "d00017-001"
    document.write_bytes(house.pdf)
    document.chmod(0o644)
    with house.meets() as server, ThreadPoolExecutor(AT_ONCE) as pool:
        def meet(size, file):
            return house.try_out(server, f"{size} bytes, {file}", file=file,
                                 under=("/usr/bin/prlimit", f"--fsize={size}"))
        met = pool.map(meet, *zip(*itertools.product(SIZES, (None, document))))
        tap.same({each.first.code for each in met}, {OK, RETRY}, "the exit codes")


def each_fault(house, server, calls, error, before=()):
    """Lets each call of some kind fail, one in a run, until a run has no more of them;
    returns how the runs ended, in the order of the calls."""
    faults = [strace.Fault(house.folder, calls, f"error={error}", 1 + n)
              for n in range(FAULTS_MAX)]

    def meet(fault):
        return house.try_out(server, fault.name, before=before, under=fault.command)
    codes = []
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for start in range(0, FAULTS_MAX, AT_ONCE):
            block = faults[start:start + AT_ONCE]
            for each, fault in zip(list(pool.map(meet, block)), block):
                if not fault.came:
                    tap.same(each.first.code, OK, "the exit code of a run without a fault")
                    return codes
                codes.append(each.first.code)
    raise AssertionError(f"there are more than {FAULTS_MAX} calls of {calls}")


def begun(house):
    """A run whose worker dies at its first word to the server. The next run has no journal
    to make, so that the worker's calls are the first of their kind."""
    return strace.Fault(house.folder, "sendto", "signal=KILL", 1).command


def test_failing_fsync(house):
    """Each fsync that fails: nothing is sent, but where that of the outcome fails it was"""
    with house.meets() as server:
        tap.same(each_fault(house, server, "fsync", "EIO")[:1], [RETRY], "the folder's")
        tap.same(each_fault(house, server, "fdatasync", "EIO"), [RETRY, OK],
                 "those of a new journal and of the outcome")
        tap.same(each_fault(house, server, "fdatasync", "EIO", begun(house)), [RETRY, OK],
                 "those of the intent and of the outcome")


def test_failing_write(house):
    """Each write for which there is no room: not sent, or it was sent before"""
    with house.meets() as server:
        for before in ((), begun(house)):
            codes = each_fault(house, server, WRITES, "ENOSPC", before)
            tap.same(set(codes), {OK, RETRY}, "the exit codes")


def test_failing_lock(house):
    """Each lock that the file system does not give: not sent, or it was sent before"""
    with house.meets() as server:
        tap.among(RETRY, each_fault(house, server, "flock", "ENOLCK"), "the exit codes")


def test_wrong_kinds(house):
    """A state_dir whose parts are something else than they should be"""
    def link(path):
        path.symlink_to("/tmp")

    def pipe(path):
        os.mkfifo(path, 0o600)

    for name, make in (("a file", Path.touch), ("a link", link), ("a pipe", pipe)):
        for part in ("jobs", "limits"):
            with house.meets() as server:
                path = server.state / part
                make(path)
                each = house.try_out(server, f"{part} is {name}", mend=path.unlink)
                assert each.first.code != OK, each.first.log
                tap.among(str(path), each.first.log, "the log")


if __name__ == "__main__":
    tap.run(globals(), House)
