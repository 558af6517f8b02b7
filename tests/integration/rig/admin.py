"""The administrator's command, run on pipes or on a terminal, against a fake authorization
server and a submission server that asks it about tokens."""
import contextlib
import os
import pty
import re
import select
import signal
import ssl
import struct
import subprocess
import time
import urllib.request
from fcntl import ioctl
from pathlib import Path
from termios import TIOCSCTTY, TIOCSWINSZ

import rig
from fakes import certificates, entra, program, submission
from rig import ground, settings, tap

RUN_LIMIT = 30     # seconds until a command has ended
OK, FAILED, USAGE = 0, 1, 2
MAILBOX = settings.USER
CLEAN = re.compile(rb"\x1b\[[0-9;]*m")
COLUMNS = 100


class Command:
    """One run. `out` is all that it printed so far, standard error with it."""

    def __init__(self, arguments, environment, terminal=False, under=()):
        self.arguments = [*map(str, under), str(rig.built("postroom")), *map(str, arguments)]
        self.bytes = b""
        ours = theirs = None
        if terminal:
            ours, theirs = pty.openpty()
            ioctl(theirs, TIOCSWINSZ, struct.pack("HHHH", 50, COLUMNS, 0, 0))
        else:
            self.pipe, write = os.pipe()
        self.process = subprocess.Popen(
            self.arguments, env=environment, start_new_session=True,
            stdin=theirs if terminal else subprocess.PIPE,
            stdout=theirs if terminal else write,
            stderr=theirs if terminal else write,
            preexec_fn=(lambda: ioctl(0, TIOCSCTTY, 0)) if terminal else None)
        os.close(theirs if terminal else write)
        if terminal:
            self.pipe = ours
        self.terminal = terminal

    @property
    def out(self):
        return CLEAN.sub(b"", self.bytes).decode(errors="replace").replace("\r\n", "\n")

    def _more(self, limit):
        """Reads a piece; False at the end."""
        if not select.select([self.pipe], [], [], max(limit, 0))[0]:
            raise TimeoutError(f"the command said nothing more:\n{self.out}")
        try:
            piece = os.read(self.pipe, 65536)
        except OSError:  # a terminal whose other side is closed
            piece = b""
        self.bytes += piece
        return bool(piece)

    def wait_for(self, pattern):
        """Reads until the pattern stands in what was printed; returns its match."""
        end = time.monotonic() + RUN_LIMIT
        while not (found := re.search(pattern, self.out)):
            if not self._more(end - time.monotonic()):
                raise AssertionError(f"{pattern!r} never came:\n{self.out}")
        return found

    def type(self, text):
        if self.terminal:
            os.write(self.pipe, text.encode())
        else:
            self.process.stdin.write(text.encode())
            self.process.stdin.flush()

    def finish(self):
        """The exit code, once all is said."""
        end = time.monotonic() + RUN_LIMIT
        with contextlib.suppress(OSError):
            if self.process.stdin and not self.process.stdin.closed:
                self.process.stdin.close()
        while self._more(end - time.monotonic()):
            pass
        return self.process.wait(max(end - time.monotonic(), 1))

    def interrupt(self):
        """Ctrl-C."""
        if self.terminal:
            self.type("\x03")
        else:
            os.killpg(self.process.pid, signal.SIGINT)

    def children(self):
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [Path(f"/proc/{each}") for each in path.read_text().split()]

    def close(self):
        if self.process.poll() is None:
            program.end_session(self.process)
        with contextlib.suppress(OSError):
            if self.process.stdin:
                self.process.stdin.close()
        os.close(self.pipe)


class Place:
    """Settings for one account, and the servers that they lead to."""

    def __init__(self, house, folder, service, mail, **account):
        self.house, self.folder, self.entra, self.mail = house, folder, service, mail
        self.application = service.register()
        usual = {"auth": "oauth-device", "client_id": self.application.id,
                 "password_file": None}
        self.settings = settings.write(folder, mail, account={
            **({} if account.get("auth") == "password" else usual),
            "authority": service.url, "tenant": service.tenant, **account})

    @property
    def secret(self):
        return settings.secret_of(self.settings)

    @property
    def tokens(self):
        return settings.state_of(self.settings) / "tokens" / "office365"

    @property
    def stored(self):
        return self.tokens.read_text() if self.tokens.exists() else ""

    def environment(self, **more):
        return {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8",
                "POSTROOM_CONFIG": str(self.settings), **more}

    @contextlib.contextmanager
    def start(self, *arguments, terminal=False, under=(), **environment):
        command = Command(arguments, self.environment(**environment), terminal, under)
        self.house.last = command
        try:
            yield command
        finally:
            command.close()

    def run(self, *arguments, **how):
        """Runs a command to its end; returns (exit code, what it printed)."""
        with self.start(*arguments, **how) as command:
            return command.finish(), command.out

    def browse(self, address, follow=True):
        """Signs in at an authorize address as the server's `person`; returns where the
        browser ended, and goes there."""
        class Stay(urllib.request.HTTPRedirectHandler):
            def redirect_request(self, *_):
                return None
        trust = ssl.create_default_context(cafile=self.entra.ca_file)
        opener = urllib.request.build_opener(
            Stay, urllib.request.HTTPSHandler(context=trust))
        try:
            opener.open(address, timeout=RUN_LIMIT)
            raise AssertionError("the browser was sent nowhere")
        except urllib.error.HTTPError as answer:
            tap.same(answer.code, 302, "the authorization server's answer")
            place = answer.headers["Location"]
        if follow:
            with urllib.request.urlopen(place, timeout=RUN_LIMIT) as page:
                page.read()
        return place

    def secrets(self):
        """All tokens that were ever given out."""
        return [*self.entra.access, *self.entra.refresh, *self.entra.devices,
                *self.entra.codes]


class House(ground.Ground):
    """A folder with certificates. A tap fixture."""

    def __init__(self):
        super().__init__("postroom", "may sign in for an account")
        self.kit = certificates.Kit(self.folder / "tls")

    def diagnose(self):
        return self.last.out if self.last else ""

    @contextlib.contextmanager
    def place(self, tokens=None, **account):
        """The servers, and settings for them. tokens(token, mailbox): who judges, instead
        of the authorization server."""
        folder = self.folder / f"etc-{next(self.numbers)}"
        with entra.Server(self.kit) as service:
            service.interval = 1
            with submission.Server(folder / "server", MAILBOX, settings.PASSWORD,
                                   kit=self.kit, tokens=tokens or service.valid) as mail:
                yield Place(self, folder, service, mail, **account)
