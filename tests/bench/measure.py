"""Times, processor seconds and memory of programs, and how a benchmark tells its figures."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

SAMPLE_PAUSE = 0.002  # seconds between two looks at a process tree
MB = 1000 * 1000

# The head of a mapping in /proc/PID/smaps: addresses, rights, offset, device, inode, path.
MAPPING = re.compile(r"^(?=[0-9a-f]+-[0-9a-f]+ )", re.M)


class Unmeasured(Exception):
    """Something could not be measured; the text says what, and why."""


class Run:
    """A program that ran: its wall time, and the processor time of it and its children."""

    def __init__(self, arguments, environment=None, stdin="/dev/null", folder=None):
        self.log = pathlib.Path(folder or ".") / "run.log"
        start = time.monotonic()
        with open(stdin, "rb") as source, open(self.log, "wb") as log:
            self.process = subprocess.Popen(arguments, env=environment, stdin=source, stdout=log,
                                            stderr=log, cwd=folder)
        self.arguments, self.start = arguments, start

    def wait(self):
        _, status, usage = os.wait4(self.process.pid, 0)
        self.wall = time.monotonic() - self.start
        self.cpu = usage.ru_utime + usage.ru_stime
        self.process.returncode = os.waitstatus_to_exitcode(status)
        if self.process.returncode:
            said = self.log.read_text(errors="replace").strip()[-500:]
            raise Unmeasured(f"{self.arguments[0]} ended with {self.process.returncode}: {said}")
        return self


def descendants(pid):
    """A process and all below it, as far as they still live."""
    found, rest = [], [pid]
    while rest:
        pid = rest.pop()
        found.append(pid)
        try:
            for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
                rest += [int(child) for child in (task / "children").read_text().split()]
        except OSError:
            pass
    return found


def read(path):
    """A file below /proc; "" when the process is gone."""
    try:
        return pathlib.Path(path).read_text()
    except OSError:
        return ""


def kilobytes(text, key):
    """A figure of such a file, in bytes."""
    found = re.search(rf"^{key}:\s+(\d+) kB", text, re.M)
    return int(found[1]) * 1024 if found else 0


def file_pages(pid):
    """Gives (file and offset, bytes in memory) of what a process maps from files."""
    for mapping in MAPPING.split(read(f"/proc/{pid}/smaps"))[1:]:
        head, _, rest = mapping.partition("\n")
        yield tuple(head.split()[2:]), kilobytes(rest, "Rss") - kilobytes(rest, "Anonymous")


def together(pids):
    """The memory of some processes: what they share counts once, and what else runs on this
    machine with the same libraries makes it no smaller, as it does with proportional set sizes."""
    own = sum(kilobytes(read(f"/proc/{pid}/smaps_rollup"), "Pss_Anon") for pid in pids)
    files = {}
    for pid in pids:
        for place, size in file_pages(pid):
            files[place] = max(size, files.get(place, 0))
    return own + sum(files.values())


class Watch:
    """Looks at a process tree until it ends. `together` is the most that its processes had in
    memory at one time; `alone` is the largest resident set of each, by the kernel's own account
    (VmHWM), which no look can miss while the process lives."""

    def __init__(self, pid):
        self.pid, self.together, self.alone = pid, 0, {}
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.sample)
        self.thread.start()

    def look(self):
        pids = descendants(self.pid)
        for pid in pids:
            largest = kilobytes(read(f"/proc/{pid}/status"), "VmHWM")
            self.alone[pid] = max(largest, self.alone.get(pid, 0))
        self.together = max(self.together, together(pids))

    def sample(self):
        while not self.over.wait(SAMPLE_PAUSE):
            self.look()

    def stop(self):
        self.over.set()
        self.thread.join()


class Report:
    """Writes one JSON line per figure. One that misses its limit is short, which is no error."""

    def __init__(self, title):
        self.title = title

    def figure(self, name, value, unit="", limit=None):
        short = limit is not None and value > limit
        print(json.dumps({"bench": self.title, "name": name, "value": round(value, 4),
                          "unit": unit, "limit": limit, "short": short}), flush=True)


def program(build, name):
    path = pathlib.Path(build).resolve() / name
    if not path.is_file():
        raise Unmeasured(f"{path} is missing: `make all` builds it")
    return str(path)


def main(bench):
    """Runs bench(BUILD, FOLDER) in a folder of its own; 1 when something was not measured."""
    with tempfile.TemporaryDirectory(prefix="postroom-bench-") as folder:
        os.chmod(folder, 0o755)  # the backend's worker is not root
        try:
            bench(sys.argv[1], pathlib.Path(folder))
        except (Unmeasured, OSError, subprocess.CalledProcessError) as error:
            print(f"not measured: {error}", file=sys.stderr)
            sys.exit(1)
