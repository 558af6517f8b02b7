#!/usr/bin/python3 -B
"""Scans that say something of themselves: what the mail says of them, and jobs that a part of a
stack holds (partial = hold) until somebody releases them."""
import random
import string
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, crash, documents, history, house as rig_house, journal  # noqa: E402
from rig import mail, settings, strace, tap  # noqa: E402
from rig.backend import HOLD, OK, RETRY  # noqa: E402

JAM = "paper jam after page 2: 2 pages attached"
SENTENCE = "Paper jam after page 2: 2 pages attached."
LIST = "Attached: Report.pdf (2 pages)"
SCANNED = backend.OPTIONS + " mail-scanned=yes"  # as scan2mail says of its jobs
QUICK = {"account": {"max_connections": 10, "max_per_minute": 10000}}
KINDS = "alone", "all", "power"  # of death (rig/crash.py)


def text(words):
    """A text of a PDF: UTF-16 in hexadecimal, as scan2mail writes it."""
    return "<" + (b"\xfe\xff" + words.encode("utf-16-be")).hex() + ">"


def scan(remark=None, hold=False, creator="scan2mail", more="", pages=("One", "Two"),
         incomplete=False):
    """A PDF of two pages that says of itself what scan2mail's do (pdfwriter.h)."""
    info = f"/Creator ({creator}) " + more
    info += f"/PostroomRemark {text(remark)} " if remark else ""
    info += "/PostroomIncomplete (incomplete) " if incomplete else ""
    info += "/PostroomHold (hold) " if hold else ""
    whole = documents.pdf(*pages)
    root = b"/Root 1 0 R >>"
    assert whole.count(root) == 1
    return whole.replace(root, root[:-2] + b"/Info << %s>> >>" % info.encode())


def body(content):
    return mail.Mail(content).text.replace("\r\n", "\n").rstrip("\n")


class House(backend.House):
    """By hand; and the print server, made when the first test asks for it."""

    cups = None

    def __enter__(self):
        super().__enter__()
        self.part = scan(JAM, hold=True, incomplete=True)
        return self

    def __exit__(self, *_):
        if self.cups:
            self.cups.__exit__()
        super().__exit__()

    def diagnose(self):
        return (self.cups.diagnose() if self.cups else "") + super().diagnose()

    def print_server(self):
        if not self.cups:
            cups = rig_house.House()
            cups.cupsd.more = "DirtyCleanInterval 0\n"  # what it knows is on the disk at once
            self.cups = cups.__enter__()
        return self.cups

    def print(self, server, **how):
        """As scan2mail's job, unless it is said otherwise."""
        return super().print(server, **{"options": SCANNED, **how})

    def sent(self, server, code=OK, **how):
        """Runs the job; the text of the one mail that came of it."""
        before = len(server.accepted)
        result = self.print(server, **how)
        tap.same(result.code, code, f"the exit code ({result.log})")
        new = server.accepted[before:]
        tap.same(len(new), 1, "the number of mails")
        return body(new[0].content)

    def not_sent(self, server, code, **how):
        """Runs the job, of which nothing may reach the server; what it said."""
        before = len(server.messages)
        result = self.print(server, **how)
        tap.same(result.code, code, f"the exit code ({result.log})")
        tap.same(len(server.messages), before, "the number of messages")
        return result.log


# -- what the mail says ------------------------------------------------------------------------

def test_counted(house):
    """A scan is listed with its pages, also below the sender's own words"""
    with house.server() as server:
        tap.same(house.sent(server, data=scan()), LIST, "the text")
    with house.server() as server:
        own = house.sent(server, data=scan(),
                         options=SCANNED + " mail-body=As\\ agreed.")
        tap.same(own, f"As agreed.\n\n{LIST}", "the text with own words")


def test_remark(house):
    """What a scan says of itself stands in the mail as a sentence, and holds nothing"""
    with house.server() as server:
        got = house.sent(server, data=scan(JAM))
        tap.same(got, f"{SENTENCE}\n\n{LIST}", "the text")
        tap.same(mail.Mail(server.accepted[0].content)["Subject"], "Report", "the subject")


def test_incomplete(house):
    """A scan that broke off is told from a whole one in the inbox already"""
    with house.server() as server:
        house.sent(server, data=scan(JAM, incomplete=True))
        tap.same(mail.Mail(server.accepted[0].content)["Subject"], "Report (incomplete)",
                 "the subject")


def test_printed(house):
    """What was not scanned is mailed as ever, whatever else stands in it"""
    told = {"hold": True, "incomplete": True}
    for number, (data, options) in enumerate((
            (documents.pdf("One", "Two"), SCANNED), (scan(JAM, creator="Writer", **told), SCANNED),
            (scan(JAM, **told), backend.OPTIONS))):  # the last: a stranger's, printed
        for own in (False, True):
            with house.server() as server:
                own_options = options + (" mail-body=As\\ agreed." if own else "")
                got = house.sent(server, data=data, options=own_options)
                tap.same(got, "As agreed." if own else LIST, f"the text of {number}")
                tap.same(mail.Mail(server.accepted[0].content)["Subject"], "Report", "the subject")


def test_hostile(house):
    """A remark that would be headers, lines of the log or another reading order is one line"""
    evil = "jam\r\nBcc: eve@example.com\r\n\r\nERROR: x\x1b[31m\u202egnp.exe\u2066" + "z" * 9000
    clean = "jam  Bcc: eve@example.com    ERROR: x [31mgnp.exezzz"
    with house.server() as server:
        data = scan(evil, hold=True)
        log = house.not_sent(server, HOLD, data=data)
        lines = [line for line in log.splitlines() if clean in line]
        tap.same(len(lines), 1, f"the lines that have it: {log}")
        tap.same([line for line in log.splitlines() if line.startswith("ERROR: x")], [],
                 "the lines of the log that it made")
        tap.among("lp -i mail-17 -H resume", lines[0], "the message, below cupsd's limit")
        held, = [each for each in history.read(server.settings.parent / "log")
                 if each["event"] == "held"]
        tap.among(clean, held["reason"], "the record")
        got = house.sent(server, data=data)
        tap.same(server.accepted[0].recipients, ["bob@example.com"], "the envelope")
        tap.among("J" + clean[1:], got.replace("\n", " "), "the text")
        assert len(got) < 1200, f"{len(got)} characters"
        tap.same(mail.Mail(server.accepted[0].content)["Bcc"], None, "Bcc")


def test_nonsense(house):
    """Word of a scan that is no such word is none: sent, and it says nothing"""
    for more in ("/PostroomHold true /PostroomRemark true /PostroomIncomplete true ",
                 "/PostroomHold (held) /PostroomIncomplete (hold) ", "/PostroomRemark 99 0 R ",
                 "/PostroomRemark << /A (r) >> /PostroomHold 1 0 R "):
        with house.server() as server:
            tap.same(house.sent(server, data=scan(more=more)), LIST, f"the text with {more}")
            tap.same(mail.Mail(server.accepted[0].content)["Subject"], "Report", "the subject")


def test_divided(house):
    """A scan in several mails: each says what it said, and how many pages of how many it has"""
    letters = random.Random(1).choices(string.ascii_letters, k=60_000)
    data = scan(JAM, hold=True, pages=["Dense\n" + "".join(letters)] * 2, incomplete=True)
    with house.server(account={"max_message_size": "64K"},
                      postroom={"oversize": "split"}) as server:
        house.not_sent(server, HOLD, data=data)
        tap.same(house.print(server, data=data).code, OK, "the exit code")
        texts = sorted(body(each.content) for each in server.accepted)
        tap.same(texts, [f"Part {n} of 2.\n{SENTENCE}\n\n"
                         f"Attached: Report ({n} of 2).pdf (1 of 2 pages)" for n in (1, 2)],
                 "the texts")
        tap.same(sorted(mail.Mail(each.content)["Subject"] for each in server.accepted),
                 [f"Report (incomplete) ({n} of 2)" for n in (1, 2)], "the subjects")


# -- held --------------------------------------------------------------------------------------

def test_held(house):
    """A part that wants to be seen is held before a server is asked; released it goes, once"""
    with house.server(users={"alice": "alice@example.com"}) as server:
        log = house.not_sent(server, HOLD, data=house.part)
        for words in (JAM, "2 pages are waiting and nothing was sent",
                      "lp -i mail-17 -H resume", "cancel mail-17"):
            tap.among(words, log, "the queue's message")
        tap.same(server.verbs, [], "what the server was asked")
        kinds = [line.split()[0] for line in
                 journal.lines(settings.state_of(server.settings), backend.UUID)]
        tap.same(kinds, ["job", "held-partial"], "the journal")
        tap.same([each["event"] for each in history.read(server.settings.parent / "log")],
                 ["held"], "the record")
        got = house.sent(server, data=house.part)
        tap.same(got, f"{SENTENCE}\n\n{LIST}", "the text")
        house.not_sent(server, OK, data=house.part)
        tap.same([each.recipients for each in server.accepted], [["bob@example.com"]],
                 "the envelopes: no notice among them")


def test_held_without_remark(house):
    """One that says no more than that it wants to be seen is held as well"""
    with house.server() as server:
        tap.among("lp -i mail-17 -H resume",
                  house.not_sent(server, HOLD, data=scan(hold=True)), "the message")
        tap.same(house.sent(server, data=scan(hold=True)), LIST, "the text")


def test_released_into_trouble(house):
    """Released while the server has trouble, it waits as any job and is not held again"""
    with house.server({"faults": {"mail": ["451 4.3.0 Later"]}}) as server:
        house.not_sent(server, HOLD, data=house.part)
        with house.start(server, data=house.part) as run:
            assert run.wait_said("next try"), run.said()
            run.terminate()
            tap.same(run.finish().code, RETRY, "the exit code")
        house.sent(server, data=house.part)


def test_own_job_only(house):
    """It holds its own job and no other"""
    with house.server() as server:
        house.not_sent(server, HOLD, data=house.part)
        house.sent(server, data=scan(JAM), number=18,
                   uuid="0f0e0d0c-4c3a-3f8e-4a86-000000000001")


# -- the moment of holding ---------------------------------------------------------------------

def line_of(server, uuid):
    return "held-partial" in journal.lines(settings.state_of(server.settings), uuid)


class Killer:
    """Runs the job, dies at a call of a process, and tells what was left of the journal."""

    def __init__(self, house, server):
        self.house, self.server = house, server
        self.counts = house.folder / "counts"
        self.numbers = iter(range(100, 100_000))

    def one(self, number, code=None, **how):
        uuid = f"0f0e0d0c-4c3a-3f8e-4a86-{number:012x}"
        options = SCANNED.replace("bob@", f"bob{number}@")
        result = self.house.print(self.server, data=self.house.part, number=number, uuid=uuid,
                                  options=options, **how)
        if code is not None:
            tap.same(result.code, code, f"the exit code of job {number} ({result.log})")
        return result, line_of(self.server, uuid)

    def kill(self, process, call, kind):
        """The exit code and whether the journal has the line, after a death and two runs."""
        number = next(self.numbers)
        name = f"{number}-0f0e0d0c-4c3a-3f8e-4a86-{number:012x}"
        how = settings.state_of(self.server.settings) / "jobs" / name if kind == "power" else kind
        first, known = self.one(
            number, under=(crash.KILL_AT, str(process), str(call), how, self.counts))
        if first.code == crash.FORBIDDEN:
            raise tap.Skip("the right to trace processes (ptrace)")
        tap.same(self.got(number), 0, f"what was sent at {process}, {call}, {kind}")
        return number, first, known

    def got(self, number):
        return sum(f"bob{number}@example.com" in each.recipients
                   for each in self.server.accepted)

    def calls(self):
        return [int(each.split()[0]) for each in self.counts.read_text().splitlines()]


def test_killed(house):
    """Killed anywhere around the journal's line: held once at most, sent once, never before"""
    with house.server(**QUICK) as server:
        killer = Killer(house, server)
        killer.kill(0, 0, "all")
        killer.kill(0, 0, "all")  # the first run makes what the later ones find
        calls = killer.calls()
        low, high = 1, calls[crash.WORKER]
        while low < high:  # the worker's first call that finds the line in the journal
            middle = (low + high) // 2
            if killer.kill(crash.WORKER, middle, "all")[2]:
                high = middle
            else:
                low = middle + 1
        met = set()
        points = [(crash.WORKER, call) for call in range(low - 3, calls[crash.WORKER] + 1)]
        points += [(0, call) for call in range(calls[0] - 12, calls[0] + 1)]
        for kind in KINDS:
            for process, call in points:
                number, first, known = killer.kill(process, call, kind)
                met.add((kind, known))
                if kind == "alone" and process == crash.WORKER:
                    tap.same(first.code, HOLD, f"the exit code at {call} ({first.log})")
                if not known:
                    killer.one(number, HOLD)
                    tap.same(killer.got(number), 0, "what was sent before a release")
                killer.one(number, OK)
                killer.one(number, OK)
                tap.same(killer.got(number), 1, f"the mails at {process}, {call}, {kind}")
        tap.same(met, {(kind, known) for kind in KINDS for known in (False, True)},
                 "what the deaths left")


def test_disk_fails(house):
    """Where the journal cannot keep that it was held, it is neither held nor sent"""
    with house.server() as server:
        house.not_sent(server, HOLD, data=house.part)
        path, = (settings.state_of(server.settings) / "jobs").glob(f"*-{backend.UUID}")
        born = path.read_bytes().partition(b"\n")[0] + b"\n"
        path.write_bytes(born)
        fault = strace.Fault(house.folder, "fdatasync", "error=EIO", 1)
        with house.start(server, data=house.part, under=fault.command) as run:
            assert run.wait_said("next try"), run.said()
            run.terminate()
            result = run.finish()
        tap.same(result.code, RETRY, "the exit code")
        assert fault.came, "the disk did not fail"
        tap.among("The disk does not keep the job's journal", result.log, "the log")
        tap.same(path.read_bytes().count(b"held-partial"), 0, "the line")
        house.not_sent(server, HOLD, data=house.part)
        house.sent(server, data=house.part)


# -- through cupsd -----------------------------------------------------------------------------

def through_cupsd(house, queue, options=()):
    cups = house.print_server()
    job = cups.lp(cups.file("Scan.pdf", house.part), queue=queue,
                  options=["mail-to=bob@example.com", "mail-scanned=yes", *options])
    message = cups.not_sent(job, "held")
    for words in (JAM, "2 pages are waiting", f"lp -i {queue}-{job} -H resume"):
        tap.among(words, message, "the queue's message")
    tap.same(cups.cupsd.client.printer(queue)["state"], "idle", "the queue")
    shown = cups.cupsd.run("lpstat", "-l", "-o", queue).stdout
    tap.among(f"lp -i {queue}-{job} -H resume", shown, "what lpstat shows")
    command = message[message.index("lp -i"):message.index(" -H resume")] + " -H resume"
    cups.cupsd.run(*command.split())  # as the message says
    got = cups.sent(job, until=("completed", "canceled", "aborted"))
    tap.same(got.text.strip().replace("\r\n", "\n"),
             f"{SENTENCE}\n\nAttached: Scan.pdf (2 pages)", "the text")
    assert got["Subject"].endswith(" (incomplete)"), got["Subject"]
    tap.same(got.attachments[0].pages, 2, "the pages")
    tap.same(cups.notices, [], "the notices")
    return job


def test_cupsd(house):
    """Through cupsd as scan2mail sends it: held, seen in the queue, released, sent once"""
    through_cupsd(house, "mail", ["document-format=application/vnd.cups-pdf"])


def test_cupsd_raw(house):
    """The same on a queue without a driver"""
    through_cupsd(house, "raw")


def test_cupsd_cancelled(house):
    """One that is cancelled instead is gone, and nothing is sent"""
    cups = house.print_server()
    job = cups.lp(cups.file("Scan.pdf", house.part), queue="raw",
                  options=["mail-to=bob@example.com", "mail-scanned=yes"])
    cups.not_sent(job, "held")
    cups.cupsd.run("cancel", f"raw-{job}", CUPS_USER="alice")
    tap.same(cups.cupsd.wait(job, ("canceled", "completed"))["state"], "canceled", "the state")
    tap.same(cups.new_mails(), [], "the mails")


def test_cupsd_dies(house):
    """cupsd dies while the job is held, and starts again: held still, then sent once"""
    cups = house.print_server()
    job = cups.lp(cups.file("Scan.pdf", house.part), queue="raw",
                  options=["mail-to=bob@example.com", "mail-scanned=yes"])
    cups.not_sent(job, "held")
    cups.cupsd.kill()
    cups.cupsd.launch()
    cups.not_sent(job, "held")
    cups.cupsd.run("lp", "-i", f"raw-{job}", "-H", "resume")
    cups.sent(job, until=("completed", "canceled", "aborted"))


if __name__ == "__main__":
    tap.run(globals(), House)
