#!/usr/bin/python3 -B
"""cupsd dies while a job is under way, and is started again."""
import contextlib
import os
import signal
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import cupsd, documents, ipp, settings, tap  # noqa: E402
from fakes import certificates, scripted  # noqa: E402 (rig has put it on the path)

# What cupsd knows of a job and a queue is on the disk at once, not half a minute later.
CUPSD_CONF = "DirtyCleanInterval 0\n"
SMALL = documents.pdf("Under way")
LARGE = documents.pdf("Under way", padding=20 * 1024 * 1024)  # more than the sockets buffer
TO = "mail-to=bob@example.com"


class House:
    """One cupsd and a raw queue, which each test makes die."""

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        self.folder.chmod(0o755)
        self.kit = certificates.Kit(self.folder / "tls")
        self.cupsd = cupsd.Cupsd(self.folder / "etc" / "postroom.conf", more=CUPSD_CONF)

    def __enter__(self):
        try:
            self.cupsd.start()
            self.cupsd.add_queue("raw")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.cupsd.stop()
        self.holder.cleanup()

    def diagnose(self):
        return self.cupsd.diagnose()

    @contextlib.contextmanager
    def job(self, stage, action, content=SMALL):
        """A job that has come so far at a server with this script."""
        document = self.folder / "document.pdf"
        document.write_bytes(content)
        with scripted.Server({"faults": {stage: action}}, kit=self.kit) as server:
            settings.write(self.folder / "etc", server)
            number = self.cupsd.lp("raw", document, options=[TO])
            assert server.wait(stage), f"the stage {stage} was never reached"
            try:
                yield server, number
            finally:
                with contextlib.suppress(ipp.Error, OSError):  # where it has ended
                    self.cupsd.client.cancel(number)

    def completed(self, number):
        tap.same(self.cupsd.wait(number)["state"], "completed", f"the state of job {number}")

    def backends(self):
        """The backends that this cupsd started, also those that have ended and are not yet
        heard of, as the letters of /proc/PID/stat."""
        found = []
        for task in Path(f"/proc/{self.cupsd.process.pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                with contextlib.suppress(OSError):
                    stat = Path(f"/proc/{child}/stat").read_text()
                    if "(mailto)" in stat:
                        found.append(stat.rpartition(")")[2].split()[0])
        return found


def sent_once(server):
    tap.same(len(server.accepted), 1, "the number of messages that were taken")
    tap.same(len(server.messages), 1, "the number of messages")
    tap.same(server.script.reached["greeting"], 1, "the number of connections")


def test_killed_in_the_message(house):
    """cupsd dies inside the message: nothing of that is taken, and the next run sends it"""
    script = [{"then": "wait", "after": 1000}, None]
    with house.job("body", script, LARGE) as (server, number):
        house.cupsd.kill()
        house.cupsd.launch()
        server.release.set()
        house.completed(number)
        tap.same(len(server.accepted), 1, "the number of messages that were taken")
        tap.absent("possible duplicate", house.cupsd.log(number), "the log")


def test_killed_before_the_answer(house):
    """cupsd dies before the server has answered: the backend hears it, a second one waits"""
    with house.job("eod", "wait") as (server, number):
        house.cupsd.kill()
        house.cupsd.launch()
        house.cupsd.poll(lambda: house.cupsd.log(number).count("Started backend") >= 2,
                         "the job was not started again")
        house.cupsd.poll(lambda: "next try at" in house.cupsd.log(number),
                         "the second backend does not wait")
        server.release.set()
        house.completed(number)
        sent_once(server)


def test_killed_before_it_heard(house):
    """cupsd dies before it has read that the job was sent: it is not sent again"""
    with house.job("eod", "wait") as (server, number):
        os.kill(house.cupsd.process.pid, signal.SIGSTOP)
        server.release.set()
        house.cupsd.poll(lambda: house.backends() == ["Z"], "the backend does not end")
        house.cupsd.kill()
        house.cupsd.launch()
        house.completed(number)
        sent_once(server)
        tap.same(house.cupsd.log(number).count("Started backend"), 2, "the number of runs")


def test_all_killed_before_the_answer(house):
    """All die before the server has answered: sent again, the same bytes, and it is said"""
    with house.job("eod", ["hang", None]) as (server, number):
        house.cupsd.crash()
        house.cupsd.launch()
        house.completed(number)
        tap.same([each.whole for each in server.messages], [True, True], "the messages")
        one, two = server.messages
        tap.same(two.digest, one.digest, "the second message")
        tap.among("possible duplicate", house.cupsd.log(number), "the log")


def test_all_killed_in_the_message(house):
    """All die inside the message: sent again, and nobody speaks of duplicates"""
    script = [{"then": "stall", "after": 1000}, None]
    with house.job("body", script, LARGE) as (server, number):
        house.cupsd.crash()
        house.cupsd.launch()
        house.completed(number)
        tap.same([each.whole for each in server.messages], [False, True], "the messages")
        tap.absent("possible duplicate", house.cupsd.log(number), "the log")


def test_killed_while_it_waits(house):
    """cupsd dies while a job waits to be tried again: the next one sends it, once"""
    with house.job("greeting", ["421 4.3.2 Not now", None]) as (server, number):
        house.cupsd.poll(lambda: "next try at" in house.cupsd.log(number), "it does not wait")
        house.cupsd.kill()
        house.cupsd.launch()
        house.completed(number)
        tap.same(len(server.messages), 1, "the number of messages")


if __name__ == "__main__":
    tap.run(globals(), House)
