"""Runs the backend as cupsd would, but by hand: arguments, environment, folders, umask.

For what only the backend's exit code and its talk with the server can tell. A run is a
process group of its own, as cupsd makes it, and what is left of it is killed.
"""
import contextlib
import os
import select
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import rig
from fakes import certificates, program, scripted
from rig import documents, ground, settings

OK, HOLD, STOP, CANCEL, RETRY = 0, 3, 4, 5, 7  # exit codes (mailto(8))
RUN_LIMIT = 60  # seconds
LOG_MAX = 1 << 20  # bytes of a log that are looked at while it runs
PAUSE = 0.05  # seconds between two looks
UUID = "6d1ba6cf-4c3a-3f8e-4a86-5a3f0f1f2e10"
OPTIONS = (f"mail-to=bob@example.com job-uuid=urn:uuid:{UUID} time-at-creation=1795354468 "
           f"date-time-at-creation=")


@dataclass
class Result:
    """How a run ended. A run that a signal killed has a negative code."""

    code: int
    log: str
    seconds: float


class Run:
    """A backend that runs."""

    def __init__(self, arguments, environment, data, under=()):
        """The data are bytes, or a file to read them from: the end of a pipe. `under` is a
        command that the backend is started by: strace, prlimit."""
        self.input = tempfile.TemporaryFile() if isinstance(data, bytes) else data
        if isinstance(data, bytes):
            self.input.write(data)
            self.input.seek(0)
        self.log = tempfile.TemporaryFile()
        self.started = time.monotonic()
        program_file = rig.built("mailto")
        if under:
            arguments, program_file = [*under, program_file, *arguments[1:]], None
        self.process = subprocess.Popen(
            arguments, executable=program_file, env=environment, cwd="/",
            stdin=self.input, stdout=subprocess.DEVNULL, stderr=self.log, umask=0o077,
            start_new_session=True)

    def terminate(self):
        """What cupsd does when a job is cancelled: SIGTERM to the whole group."""
        self.started = time.monotonic()
        os.killpg(self.process.pid, signal.SIGTERM)

    def finish(self, limit=RUN_LIMIT):
        """Waits; the seconds count from the start, or from terminate()."""
        try:
            self.process.wait(limit)
        except subprocess.TimeoutExpired:
            program.end_session(self.process)
            raise AssertionError(f"still running after {limit} s") from None
        seconds = time.monotonic() - self.started
        self.log.seek(0)
        return Result(self.process.returncode, self.log.read().decode(), seconds)

    def said(self):
        """What it has written so far. The offset is the backend's own and stays."""
        return os.pread(self.log.fileno(), LOG_MAX, 0).decode()

    def wait(self, condition, limit=RUN_LIMIT):
        """Waits for condition(); False when the run ended or the limit passed before."""
        end = time.monotonic() + limit
        while not condition():
            if self.process.poll() is not None or time.monotonic() > end:
                return condition()
            select.select([], [], [], PAUSE)
        return True

    def wait_said(self, text, limit=RUN_LIMIT):
        """Waits until it has said the text; False when it ended without."""
        return self.wait(lambda: text in self.said(), limit)

    def family(self):
        """The backend's process and all below it, as folders of /proc."""
        found, queue = [], [self.process.pid]
        while queue:
            entry = Path(f"/proc/{queue.pop()}")
            with contextlib.suppress(OSError):
                for task in (entry / "task").iterdir():
                    queue += [int(each) for each in (task / "children").read_text().split()]
                found.append(entry)
        return found

    def left_behind(self):
        """Processes of the run's session that still live."""
        left = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid and fields[0] != "Z":
                    left.append(int(entry.name))
        return left

    def close(self):
        if self.process.poll() is None:
            program.end_session(self.process)
        for pid in self.left_behind():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.input.close()
        self.log.close()


class House(ground.Ground):
    """A folder with certificates, settings and what cupsd would provide. A tap fixture."""

    def __init__(self):
        super().__init__("mailto", "can start the backend as cupsd does")
        self.kit = certificates.Kit(self.folder / "tls")
        self.tmp = self.folder / "tmp"
        self.tmp.mkdir(mode=0o1777)
        self.tmp.chmod(0o1777)
        self.pdf = documents.pdf("One", "Two")

    def diagnose(self):
        return self.last.log if self.last else ""

    @contextlib.contextmanager
    def server(self, script=None, tokens=None, **sections):
        """A scripted server, and settings that lead to it (`settings` of the server). It
        asks tokens(token, mailbox) what is good, if that is given."""
        with scripted.Server(script or {}, kit=self.kit, tokens=tokens) as server:
            # Its own state: another server may get the same port, and no job of the first
            # must count as sent.
            folder = self.folder / f"etc-{next(self.numbers)}"
            server.settings = settings.write(folder, server, **sections)
            yield server

    def environment(self, settings_file, uri="mailto:", **more):
        """cupsd's, as far as a backend may look at it."""
        return {
            "PATH": "/usr/bin:/bin", "LANG": "en_US.UTF-8", "CHARSET": "utf-8",
            "USER": "root", "HOME": str(self.tmp), "TMPDIR": str(self.tmp),
            "SOFTWARE": "CUPS/2.4.2", "PRINTER": "mail", "DEVICE_URI": uri,
            "CONTENT_TYPE": "application/pdf", "CUPS_FILETYPE": "document",
            "FINAL_CONTENT_TYPE": "application/pdf",
            "POSTROOM_CONFIG": str(settings_file), **more}

    @contextlib.contextmanager
    def start(self, server, *, data=None, options=OPTIONS, title="Report", user="alice",
              file=None, number=17, uuid=UUID, copies="1", under=(), **environment):
        """Starts the backend on a document (standard input, or a file as on a raw queue).
        Runs of one uuid are tries of one job, which leaves once; `number` is cupsd's."""
        uri = environment.get("uri", "mailto:")
        arguments = [uri, str(number), user, title, copies, options.replace(UUID, uuid),
                     *([str(file)] if file else [])]
        run = Run(arguments, self.environment(server.settings, **environment),
                  self.pdf if data is None else data, under)
        try:
            yield run
        finally:
            run.close()

    def print(self, server, **how):
        """Runs the backend to its end and lets the server see all of it."""
        with self.start(server, **how) as run:
            result = run.finish()
        server.wait_idle(5)
        self.last = result
        return result
