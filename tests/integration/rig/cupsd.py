"""A cupsd of its own: folders, socket, port and backend folder below one directory.

The system's print server is neither used nor disturbed. The filters are the system's; the
backend folder holds nothing but the mailto that was built, as `make install` would put it
there: root's, 0700, so that cupsd starts it as root. Readiness is a connection to the socket.
"""
import grp
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import rig
from fakes import program
from rig import ipp, tap

READY_LIMIT = 15   # seconds until cupsd answers
JOB_LIMIT = 60     # seconds until a job has come to rest
PAUSE = 0.05       # seconds between two looks
LOG_TAIL = 60      # lines of cupsd's log below a test that failed
SERVER_BIN = Path("/usr/lib/cups")
AT_REST = ("held", "stopped", "canceled", "aborted", "completed")

CUPSD_CONF = """\
LogLevel debug
PageLogFormat %p %u %j %P %C %{{job-name}}
MaxLogSize 0
Listen {socket}
Listen 127.0.0.1:{port}
Browsing No
WebInterface No
DefaultAuthType None
JobRetryInterval 1
JobKillDelay 10
PreserveJobHistory Yes
PreserveJobFiles Yes
<Location />
  Order allow,deny
  Allow from all
</Location>
<Policy default>
  JobPrivateAccess all
  JobPrivateValues none
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""

CUPS_FILES_CONF = """\
ServerRoot {folder}/etc
ServerBin {folder}/bin
DataDir /usr/share/cups
DocumentRoot /usr/share/cups/doc-root
RequestRoot {folder}/spool
TempDir {folder}/spool/tmp
CacheDir {folder}/cache
StateDir {folder}/run
AccessLog {folder}/log/access
ErrorLog {folder}/log/error
PageLog {folder}/log/page
User lp
Group lp
SystemGroup root
SetEnv POSTROOM_CONFIG {settings}
"""

# What cupsd and its children, who run as lp, need; modes as the Debian package makes them.
FOLDERS = {"etc": 0o755, "etc/ppd": 0o755, "bin": 0o755, "bin/backend": 0o755,
           "spool": 0o710, "spool/tmp": 0o1770, "cache": 0o770, "run": 0o755,
           "log": 0o755}


class Cupsd:
    """The server. The settings file need not exist before the first job; `more` is text
    for the end of cupsd.conf."""

    def __init__(self, settings, folder=None, more=""):
        if os.getuid() != 0:
            raise tap.Skip("root, who alone can start a cupsd whose backend runs as root")
        if not shutil.which("cupsd", path="/usr/sbin"):
            raise tap.Skip("the package cups")
        self.own = folder is None
        # Short, as a socket's name is limited to 107 bytes, and open to the user lp.
        self.folder = Path(folder or tempfile.mkdtemp(prefix="postroom-cups-"))
        self.folder.chmod(0o755)
        self.settings = settings
        self.more = more
        self.socket = self.folder / "run" / "cups.sock"
        self.process = None
        self.client = ipp.Client(self.socket)

    # -- building --------------------------------------------------------------------------

    def _make_folders(self):
        lp = grp.getgrnam("lp").gr_gid
        for name, mode in FOLDERS.items():
            path = self.folder / name
            path.mkdir(parents=True, exist_ok=True)
            os.chown(path, 0, lp)
            path.chmod(mode)
        for name in ("filter", "daemon", "notifier", "cgi-bin"):
            link = self.folder / "bin" / name
            if not link.is_symlink():
                link.symlink_to(SERVER_BIN / name)
        backend = self.folder / "bin" / "backend" / "mailto"
        shutil.copyfile(rig.built("mailto"), backend)
        backend.chmod(0o700)

    def _write_settings(self):
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        etc = self.folder / "etc"
        names = {"folder": self.folder, "socket": self.socket, "port": self.port,
                 "settings": self.settings}
        (etc / "cupsd.conf").write_text(CUPSD_CONF.format(**names) + self.more)
        (etc / "cups-files.conf").write_text(CUPS_FILES_CONF.format(**names))

    def _wait_until_ready(self):
        end = time.monotonic() + READY_LIMIT
        watch = os.pidfd_open(self.process.pid)
        try:
            while time.monotonic() < end:
                with socket.socket(socket.AF_UNIX) as probe:
                    if probe.connect_ex(str(self.socket)) == 0:
                        return
                if select.select([watch], [], [], PAUSE)[0]:
                    break
        finally:
            os.close(watch)
        raise RuntimeError(f"cupsd does not start:\n{self.diagnose()}")

    def start(self):
        self._make_folders()
        # A copy: AppArmor, where it is on, would confine the original to the system's paths.
        shutil.copy("/usr/sbin/cupsd", self.folder / "cupsd")
        self.launch()

    def launch(self):
        """Starts cupsd on what is there already, also after kill(); on another port, as its
        old one may be somebody else's by now."""
        self._write_settings()
        self.process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", self.folder / "cupsd", "-f",
             "-c", self.folder / "etc" / "cupsd.conf",
             "-s", self.folder / "etc" / "cups-files.conf"],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"},
            cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)
        self._wait_until_ready()

    def kill(self):
        """cupsd alone dies, as by a crash."""
        self.process.kill()
        self.process.wait()

    def crash(self):
        """All die, as by a power loss: cupsd hears of no end, its children not of its own."""
        self.process.send_signal(signal.SIGSTOP)
        self._kill_leftovers()
        self.kill()

    def stop(self):
        if self.process:
            program.end_session(self.process)
            self.process = None
            self._kill_leftovers()
        if self.own:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _kill_leftovers(self):
        """cupsd puts each filter and backend into a group of its own; their environment
        names this server's folder."""
        mark = f"CUPS_SERVERROOT={self.folder}/etc\0".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark in (entry / "environ").read_bytes():
                    os.kill(int(entry.name), 9)
            except OSError:
                continue

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    # -- using -----------------------------------------------------------------------------

    def environment(self, **more):
        """For programs that are to use this server."""
        return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
                "HOME": str(self.folder / "run"), "CUPS_SERVER": str(self.socket), **more}

    def run(self, *command, check=True, **more):
        done = subprocess.run([str(each) for each in command], env=self.environment(**more),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=JOB_LIMIT)
        if check and done.returncode:
            raise RuntimeError(f"{command[0]}: {done.stderr.strip()}")
        return done

    def add_queue(self, name, uri="mailto:", *, ppd=None, options=()):
        """A queue with a PPD, or a raw one."""
        driver = ["-P", ppd] if ppd else ["-m", "raw"]
        more = [part for each in options for part in ("-o", each)]
        self.run("lpadmin", "-p", name, "-E", "-v", uri, *driver,
                 "-o", "job-sheets-default=none,none", *more)

    def lp(self, queue, *files, title=None, user="alice", options=(), copies=None):
        """Prints files with lp; returns the job's number."""
        command = ["lp", "-d", queue, "-U", user]
        command += ["-t", title] if title is not None else []
        command += ["-n", copies] if copies else []
        command += [part for each in options for part in ("-o", each)]
        done = self.run(*command, "--", *files)
        return int(re.search(rf"{re.escape(queue)}-(\d+)", done.stdout).group(1))

    def poll(self, look, complaint, limit=JOB_LIMIT):
        """Asks look() again and again until it gives something, and returns that."""
        end = time.monotonic() + limit
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise TimeoutError(complaint)
            select.select([], [], [], PAUSE)

    def wait(self, number, until=AT_REST, limit=JOB_LIMIT):
        """A job's attributes once its state is one of `until`."""
        def look():
            job = self.client.job(number)
            return job if job["state"] in until else None
        return self.poll(look, f"job {number} is in no state of {until}", limit)

    def wait_printer(self, queue, states, limit=JOB_LIMIT):
        """A queue's attributes once its state is one of `states`."""
        def look():
            printer = self.client.printer(queue)
            return printer if printer["state"] in states else None
        return self.poll(look, f"queue {queue} is in no state of {states}", limit)

    def pages(self, number):
        """The page log's lines of a job: (user, page or "total", copies or sheets)."""
        log = self.folder / "log" / "page"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        fields = [line.split(" ", 5) for line in lines]
        return [(each[1], each[3], int(each[4])) for each in fields
                if each[2] == str(number)]

    def log(self, number=None):
        """The error log, or a job's part of it."""
        path = self.folder / "log" / "error"
        text = path.read_text(errors="replace") if path.exists() else ""
        if number is None:
            return text
        return "".join(line for line in text.splitlines(True) if f"[Job {number}]" in line)

    def diagnose(self):
        """The end of the log, without cupsd's talk of clients."""
        noise = re.compile(r"\[(Client|CGI|Notifier)|cupsd(Set|Mark|Check|Update|Is)|"
                           r"envp\[|Report:")
        lines = [line for line in self.log().splitlines() if not noise.search(line)]
        return "\n".join(lines[-LOG_TAIL:])
