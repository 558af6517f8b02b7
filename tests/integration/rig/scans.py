"""A print server with a scanner beside it: scan2mail on its way into the queue. A tap fixture."""
import itertools
import os
import re
import subprocess
from pathlib import Path

import rig
from fakes import feeder
from rig import house, scanner, tap

SCAN2MAIL = rig.BUILD / "scan2mail"
SHEETS = 3
LIMIT = 60  # seconds for one stack
SCAN = ["-S", "adf", "-m", "gray", "-r", "75"]
LONG = ["-r", "600"]  # long enough for something to happen meanwhile
AT_ONCE = "DirtyCleanInterval 0\n"  # a cupsd that is killed then knows its queues


class House(house.House):
    """A scanner with three sheets behind saned, and a user with folders of his own."""

    sections = {**house.House.sections, "more": """[scan default]
to = Accounting
subject = Scan %d by %p
queue = mail
"""}

    def __init__(self):
        rig.built("scan2mail")
        super().__init__()
        self.feeder = feeder.Feeder(self.folder / "scanner", sheets=SHEETS)
        self.cupsd.more = AT_ONCE
        self.tmp = self.folder / "tmp"
        self.numbers = itertools.count(1)
        self.way = {}  # to cupsd, where it is another one than the socket
        self.fresh()

    def __enter__(self):
        super().__enter__()
        self.tmp.mkdir()
        self.feeder.start()
        return self

    def __exit__(self, *_):
        self.feeder.stop()
        super().__exit__()

    def fresh(self):
        """From now on the user has a state folder that nobody has used."""
        self.state = self.folder / f"state-{next(self.numbers)}"
        self.scans = self.state / "postroom" / "scans"

    def environment(self, user="alice"):
        return self.cupsd.environment(
            **self.way, USER=user, SANE_CONFIG_DIR=str(self.feeder.client), TMPDIR=str(self.tmp),
            XDG_STATE_HOME=str(self.state),
            POSTROOM_CONFIG=str(self.folder / "etc" / "postroom.conf"))

    def run(self, *arguments, user="alice"):
        return subprocess.Popen(
            [SCAN2MAIL, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=self.environment(user),
            start_new_session=True)

    def start(self, *arguments, user="alice"):
        return self.run("-d", self.feeder.device, *SCAN, *arguments, user=user)

    def end(self, process):
        """The exit code and what was said. No process may be left, and no file but what is kept
        whole."""
        with process:
            out, err = process.communicate(timeout=LIMIT)
        tap.same(scanner.session(process.pid), {}, "processes of the session")
        tap.same(out, "", "standard output")
        tap.same(os.listdir(self.tmp), [], "the folder for temporary files")
        odd = [each for each in self.names() if not re.fullmatch(r"[^.].*\.(pdf|job)", each)]
        tap.same(odd, [], "unfinished files in the state folder")
        return process.returncode, err

    def scan(self, *arguments):
        """Scans a stack; the exit code and what was said."""
        return self.end(self.start(*arguments))

    def names(self):
        """What is kept."""
        return sorted(os.listdir(self.scans)) if self.scans.exists() else []

    def on_its_way(self):
        """Waits until scan2mail, started before, hands pages to cupsd: to be entered before
        it is started."""
        seen = self.cupsd.log().count("Print-Job")
        return lambda: self.cupsd.poll(
            lambda: self.cupsd.log().count("Print-Job") > seen,
            "no page was on its way into the queue")

    def _pdf_so_far(self, process):
        for each in Path(f"/proc/{process.pid}/fd").iterdir():
            target = os.readlink(each)
            if target.startswith(str(self.scans)) and target.endswith("(deleted)"):
                return each.read_bytes()
        return b""

    def spooled(self, process, mark=b"%%EOF\n"):
        """Waits until the PDF of a scan is whole in its file, or has what is looked for."""
        self.cupsd.poll(lambda: mark in self._pdf_so_far(process),
                        f"the PDF does not come to its {mark}")

    def newest_job(self):
        """The number of the queue's last job, 0 before the first."""
        listed = self.cupsd.run("lpstat", "-W", "all", "-o", "mail").stdout
        return max((int(each) for each in re.findall(r"^mail-(\d+)", listed, re.M)), default=0)

    def last_mail(self):
        """The mail of the newest job."""
        return self.sent(self.newest_job())
