"""A storm: many jobs of many users on several queues of one account at once, through the real
cupsd, at a server that limits, loses and refuses. A tap fixture that lets it pass at its start,
and what it left."""
import itertools
import socket
import tempfile
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import rig
from fakes import certificates, limiting
from rig import cupsd, documents, history, ipp, settings, tap

USERS = ("alice", "bob", "carol", "dave", "erin")
QUEUES = ("driver", "raw1", "raw2", "raw3")  # the first has the real filters
DOMAIN = "example.com"  # of the users; recipients are elsewhere
STRANGER = "127.0.0.2"
STRANGER_LIMIT = 60     # seconds until a stranger has got somebody 432
PAUSE_MAX = 120         # seconds that an account stands still after 432
BURST = 4               # messages that may leave at once (lib/send/limits.h)
SLACK = 1.05            # the rate is held within so much
WINDOWS = (8, 60)       # seconds; in shorter ones the start of processes is seen, not the rate
SHOWN = 10              # complaints that are told one by one
CUPSD_CONF = "MaxJobs 0\n"


@dataclass
class Plan:
    jobs: int
    per_minute: int
    limit: int  # seconds for all of it
    connections: int = 3
    reset_every: int = 50
    refuse_every: int = 97
    delay: float = 0.12  # seconds to each answer to the end of the data
    strangers: tuple = ()  # after so many messages somebody else takes all connections


@dataclass
class Job:
    number: int  # cupsd's
    queue: str
    title: str
    user: str
    recipient: str
    state: str = ""
    arrivals: tuple = ()  # at the server, in order
    notices: tuple = ()   # to its owner
    records: tuple = ()   # lines of the history

    @property
    def fates(self):
        return [each.fate for each in self.arrivals]

    @property
    def refused(self):
        return limiting.THROWN_OUT in self.fates

    @property
    def arrived(self):
        return sum(each.arrived for each in self.arrivals)

    @property
    def name(self):
        return f"job {self.number} ({self.state}; {', '.join(self.fates) or 'never came'})"


class House:
    """The storm of a plan, and after it its jobs with all that came of them."""

    plan = None

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        self.folder.chmod(0o755)
        kit = certificates.Kit(self.folder / "tls")
        self.server = limiting.Server(
            kit, connections=self.plan.connections, reset_every=self.plan.reset_every,
            refuse_every=self.plan.refuse_every, delay=self.plan.delay)
        self.cupsd = cupsd.Cupsd(self.folder / "etc" / "postroom.conf", more=CUPSD_CONF)
        self.log = self.folder / "etc" / "history"
        self.jobs, self.seconds = [], 0

    def __enter__(self):
        try:
            self._open()
            start = time.monotonic()
            threading.Thread(target=self._strangers, daemon=True).start()
            self._submit()
            self._wait(start + self.plan.limit)
            self.seconds = time.monotonic() - start
            self._gather()
            print(f"# {self.figures()}", flush=True)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.cupsd.stop()
        self.server.stop()
        self.holder.cleanup()

    def figures(self):
        return (f"{self.plan.jobs} jobs in {self.seconds:.0f} s by "
                f"{len(self.server.opened)} connections, at most {self.server.most} at a time; "
                f"{self.server.throttled} times 432; resets: {dict(self.server.resets)}")

    diagnose = figures

    def _open(self):
        self.server.start()
        settings.write(
            self.folder / "etc", self.server, users={"*": f"%u@{DOMAIN}"},
            postroom={"retry_after": "1s", "log_file": self.log},
            account={"max_connections": self.plan.connections,
                     "max_per_minute": self.plan.per_minute})
        self.cupsd.start()
        for name in QUEUES:
            self.cupsd.add_queue(name, ppd=rig.PPD if name == QUEUES[0] else None)

    def _submit(self):
        """Prints all jobs, users and queues in turn, as fast as cupsd takes them."""
        clients = [ipp.Client(self.cupsd.socket, user) for user in USERS]
        for turn, client, queue in zip(range(self.plan.jobs), itertools.cycle(clients),
                                       itertools.cycle(QUEUES)):
            title, recipient = f"Storm {turn:04d}", f"to{turn}@partner.example"
            number = client.print(queue, documents.pdf(title), title=title,
                                  options=[("mail-to", ipp.TEXT, recipient)])
            self.jobs.append(Job(number, queue, title, client.user, recipient))

    def _strangers(self):
        """Somebody else uses the mailbox: takes all its connections until it shows."""
        for after in self.plan.strangers:
            self.server.wait_for(lambda: len(self.server.arrivals) >= after, self.plan.limit)
            before = self.server.throttled
            taken = [socket.create_connection(("127.0.0.1", self.server.port),
                                              source_address=(STRANGER, 0))
                     for _ in range(self.plan.connections)]
            self.server.wait_for(lambda: self.server.throttled > before, STRANGER_LIMIT)
            for each in taken:
                each.close()

    def _wait(self, end):
        """Until no job has anything left to do."""
        def left():
            return end - time.monotonic()
        self.server.wait_for(lambda: len({
            recipient for each in self.server.arrivals for recipient in each.recipients
            if each.arrived or each.fate == limiting.THROWN_OUT}) >= self.plan.jobs, left())

        def busy():
            states = self.cupsd.client.jobs("not-completed").values()
            return sum(each in ("pending", "processing") for each in states)
        try:
            self.cupsd.poll(lambda: not busy(), "", left())
        except TimeoutError:
            raise AssertionError(f"{busy()} jobs have not ended: {self.figures()}") from None
        self.server.wait_idle()

    def _gather(self):
        states = self.cupsd.client.jobs()
        arrivals, notices, records = defaultdict(list), defaultdict(list), defaultdict(list)
        for each in self.server.arrivals:
            for recipient in each.recipients:
                arrivals[recipient].append(each)
        for line in history.read(self.log):
            records[line["job"]].append(line)
        for job in self.jobs:
            job.state = states[job.number]
            job.arrivals = arrivals[job.recipient]
            job.records = records[str(job.number)]
            job.notices = [each for each in arrivals[f"{job.user}@{DOMAIN}"]
                           if job.title.encode() in each.content]


def none_wrong(wrong, jobs):
    shown = "\n".join(wrong[:SHOWN])
    assert not wrong, f"{len(wrong)} of {len(jobs)} jobs: {shown}"


# -- what the tests of both files say of it ----------------------------------------------------

def at_rest(house):
    """Every job ended: completed, or cancelled where the server refused it for good"""
    none_wrong([each.name for each in house.jobs
                if each.state != ("canceled" if each.refused else "completed")], house.jobs)


def once(house):
    """What was not refused arrived once; twice only where the server's yes was lost"""
    def right(job):
        if job.refused:
            return job.arrived == 0
        return job.arrived == 1 + job.fates.count(limiting.UNHEARD)
    none_wrong([each.name for each in house.jobs if not right(each)], house.jobs)


def same_message(house):
    """What came more than once had one Message-ID and, but for filters' PDFs, the same bytes"""
    def right(job):  # pdftopdf gives each of its PDFs another /ID
        ids, digests = ({getattr(each, name) for each in job.arrivals}
                        for name in ("id", "digest"))
        return len(ids) == 1 and (len(digests) == 1 or job.queue == QUEUES[0])
    none_wrong([each.name for each in house.jobs if not right(each)], house.jobs)


def recorded(house):
    """The history has one end of each job, and names each that may have come twice"""
    def right(job):
        ends = [each for each in job.records if each["event"] in ("sent", "refused")]
        said = any(each.get("duplicate") == "possible" for each in ends)
        return (len(ends) == 1 and ends[0]["event"] == ("refused" if job.refused else "sent")
                and said >= (job.arrived > 1))
    none_wrong([f"{each.name}: {each.records}" for each in house.jobs if not right(each)],
               house.jobs)


def owners_told(house):
    """The owner of each refused job, and no other, got one mail about it"""
    refused = [each for each in house.jobs if each.refused]
    assert refused, "nothing was refused"
    none_wrong([f"{each.name}: {len(each.notices)} notices" for each in house.jobs
                if len(each.notices) != int(each.refused)], house.jobs)


def connections_kept(house):
    """Never were more connections open at one time than allowed"""
    assert house.server.most <= house.plan.connections, house.server.most
    if not house.plan.strangers:
        tap.same(house.server.throttled, 0, "the number of times that 432 was said")


def rate_kept(house):
    """No window of time saw more connections than the rate allows"""
    opened = sorted(house.server.opened)
    for seconds in WINDOWS:
        most = house.plan.per_minute / 60 * seconds * SLACK + BURST
        for first, start in enumerate(opened):
            count = bisect_left(opened, start + seconds) - first
            assert count <= most, f"{count} in {seconds} s; allowed are {most:.0f}"


def faults_happened(house):
    """The server did what it was told to: it reset connections, stage by stage, and said 432"""
    count = house.plan.jobs // house.plan.reset_every
    reset = set((limiting.STAGES[1:] + limiting.STAGES[:1])[:count])
    assert set(house.server.resets) >= reset, dict(house.server.resets)
    if house.plan.strangers:
        assert house.server.throttled >= len(house.plan.strangers), house.server.throttled
        tap.same(house.server.most, house.plan.connections, "the most connections")
