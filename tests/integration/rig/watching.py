"""scan2maild before scanners of the tests: its settings, the daemon, and what it must not leave
behind."""
import contextlib
import itertools
import os
import signal
import subprocess
import time
from pathlib import Path

import rig
from rig import scanner, tap

LIMIT = 30  # seconds for whatever is waited for
PROFILE = {"to": "bob@example.com", "subject": "Scan by %p", "queue": "mail",
           "source": "flatbed", "mode": "gray", "resolution": "75"}
NUMBERS = itertools.count(1)


class Scanners(scanner.Scanner):
    """fault:0 and, where `second` is set, fault:1, whose files are called fault.1.*."""

    def __init__(self, folder, second=None, **scenario):
        super().__init__(folder, **scenario)
        if second is None:
            return
        self._write(self.folder / "fault.1.conf",
                    "".join(f"{key} {value}\n" for key, value in second.items()))
        (self.folder / "fault.1.buttons").mkdir()
        (self.folder / "fault.1.log").touch()

    def press_second(self, option):
        (self.folder / "fault.1.buttons" / option).write_text("1")


def settings(buttons, poll=100, **profiles):
    """A postroom.conf: buttons {"option" or ("device", "option"): {key: value}}; poll None: the
    default."""
    text = ["[postroom]", f"button_poll = {poll}" if poll else ""]
    for name, changes in {"default": {}, **profiles}.items():
        text += [f"[scan {name}]"]
        text += [f"{key} = {value}" for key, value in {**PROFILE, **changes}.items()]
    for name, values in buttons.items():
        device, option = name if isinstance(name, tuple) else ("fault:0", name)
        text += [f'[button "{device}" "{option}"]']
        text += [f"{key} = {value}" for key, value in values.items()]
    return "\n".join([*text, ""])


class Daemon:
    """scan2maild on a folder of its own. It must end in order, and leave nothing."""

    def __init__(self, house, text, device=None, environment=(), under=()):
        """`under` is a command that it is started by."""
        self.under = under
        self.folder = house.folder / f"daemon-{next(NUMBERS)}"
        for name in ("state", "tmp"):
            (self.folder / name).mkdir(parents=True)
        self.device = device or Scanners(self.folder / "sane")
        self.conf = self.folder / "postroom.conf"
        self.conf.write_text(text)
        self.log = self.folder / "log"
        self.environment = house.cupsd.environment(
            POSTROOM_CONFIG=str(self.conf), STATE_DIRECTORY=str(self.folder / "state"),
            TMPDIR=str(self.folder / "tmp"), **self.device.environment(),
            **dict(environment))

    def start(self):
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [*self.under, rig.built("scan2maild")], env=self.environment, cwd="/",
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)

    def pid(self):
        """The daemon's own, whatever it was started by."""
        pid = self.process.pid
        if self.under:
            pid, = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
        return pid

    def said(self):
        return self.log.read_text(errors="replace")

    def await_(self, words, times=1):
        """Waits until it has said this so often."""
        scanner.await_(f"{words!r} of the daemon", lambda: self.said().count(words) >= times or
                       self.process.poll() is not None, LIMIT)
        assert self.said().count(words) >= times, f"{words!r} is not in: {self.said()}"

    def hup(self, text=None):
        if text is not None:
            self.conf.write_text(text)
        os.kill(self.pid(), signal.SIGHUP)

    def await_looks(self, more=2):
        """Waits for looks at the scanner that begin from now on."""
        seen = self.device.opens()
        scanner.await_("a look", lambda: self.device.opens() >= seen + more, LIMIT)

    def stop(self):
        """SIGTERM; gives how long it took."""
        begun = time.monotonic()
        os.kill(self.pid(), signal.SIGTERM)
        code, _, _ = scanner.finish(self.process, LIMIT)
        took = time.monotonic() - begun
        tap.same(code, 0, f"the exit code ({self.said()})")
        self.look_for_remains()
        return took

    def kill(self):
        """Ends whatever a test that failed has left."""
        for each in (self.process.pid, *scanner.session(self.process.pid)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(each, signal.SIGKILL)
        self.process.wait()

    def look_for_remains(self):
        tap.same(scanner.session(self.process.pid), {}, "processes of the session")
        tap.same(self.device.processes(), [], "processes with the driver")
        tap.same(list((self.folder / "tmp").rglob("*")), [], "temporary files")
        tap.same(self.device.violations(), [], "what the driver complained of")
