#!/usr/bin/python3 -B
"""How jobs end: each by the server's yes, with its owner told, or waiting where it is seen.
The faults themselves are in faults_*.t; here is what a job that meets several of them, run
after run, comes to."""
import copy
import random
import re
import string
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, faults, history, journal, mail  # noqa: E402
from rig import settings, strace, tap  # noqa: E402
from rig.backend import CANCEL, HOLD, OK, RETRY, STOP  # noqa: E402

ALICE = "alice@example.com"  # the job's owner
ADMIN = "admin@example.com"
A, B = "a@b.example", "b@d.example"
OWNER = {"users": {"alice": ALICE}}
HOUR = {"postroom": {"give_up_after": "1h"}}
REFUSE = {"postroom": {"oversize": "refuse"}}
SMALL = {"account": {"max_message_size": "64K"}}
OTHER = "0f0e0d0c-4c3a-3f8e-4a86-000000000001"  # another job
UNKNOWN, LATER = "550 5.1.1 Unknown", "450 4.2.0 Greylisted"
AWAY, JUNK = "421 4.3.2 Not now", "550 5.7.1 Looks like junk"
UNTOLD = "could not be told"
MINUTE = 60  # seconds
DAY = 24 * 60 * MINUTE
PROMPT = 2.0  # seconds for what is to happen at once
AT_ONCE = 12  # tests


def script(**stages):
    return {"faults": stages}


def to(*addresses):
    return backend.OPTIONS.replace("bob@example.com", ",".join(addresses))


# -- all tests side by side, since most of them wait -------------------------------------------

CASES = {}  # the first ones begin first: those that wait longest


def aside(function):
    """A test that is begun with all others, in a house that it shares with them."""
    def test(house):
        house.outcomes[function.__name__].result()
    CASES[function.__name__] = function
    test.__doc__ = function.__doc__
    return test


def variant(name, sentence, function, *arguments):
    """Declares a test that is one of several of the same shape."""
    def case(house):
        function(house, *arguments)
    case.__name__, case.__doc__ = f"test_{name}", sentence
    globals()[case.__name__] = aside(case)


class House(backend.House):
    def __enter__(self):
        super().__enter__()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self.outcomes = {name: pool.submit(case, copy.copy(self))
                             for name, case in CASES.items()}
        return self


def run(house, server, code, words="", **how):
    """One run of the job, ended when it waits; its exit code, and what its log has."""
    with house.start(server, **how) as started:
        if started.wait_said("next try") and started.process.poll() is None:
            started.terminate()
        result = started.finish()
    server.wait_idle(5)
    tap.same(result.code, code, f"the exit code (“{faults.sentence(result.log)}”)")
    tap.among(words, result.log, "the log")
    return result


def envelopes(server):
    return [each.recipients for each in server.accepted]


def record(server, event):
    """The lines of the record with this event."""
    return [each for each in history.read(server.settings.parent / "log")
            if each["event"] == event]


def told(server, *words):
    """The owner got one notice, and it has the words."""
    notices = [each for each in server.accepted if each.recipients == [ALICE]]
    tap.same(len(notices), 1, "the number of notices")
    text = " ".join(mail.Mail(notices[0].content).text.split())
    for word in words:
        tap.among(word, text, "the notice")


def limits(server):
    return settings.state_of(server.settings) / "limits"


# -- journals of another time ------------------------------------------------------------------

def seal(text):
    return b"%s %08x\n" % (text.encode(), zlib.crc32(text.encode()))


def rewrite(server, change):
    """Makes another journal of the job's lines."""
    state = settings.state_of(server.settings)
    path, = (state / "jobs").glob(f"*-{backend.UUID}")
    path.write_bytes(b"".join(map(seal, change(journal.lines(state, backend.UUID)))))


def earlier(line, seconds):
    """A line with its moment so much earlier; in another boot where this one is younger."""
    *head, wall, boot, name = line.split(" ")
    boot = int(boot) - seconds * 1000
    if boot < 0:
        boot, name = 0, "before"
    return " ".join([*head, str(int(wall) - seconds), str(boot), name])


def age(server, seconds, *kinds):
    """Makes the lines of these kinds older."""
    def change(lines):
        found = [earlier(line, seconds) if line.split()[0] in kinds else line
                 for line in lines]
        assert found != lines, f"no line to make older: {lines}"
        return found
    rewrite(server, change)


# -- waits -------------------------------------------------------------------------------------

SCORE = re.compile(r'"/proc/self/oom_score_adj".*\nwrite\(\d+, "(-?\d+)"')


def scores_asked(house):
    """What each process asked for, in the order in which they were made."""
    traces = sorted(house.folder.glob("spared.*"), key=lambda each: int(each.suffix[1:]))
    return [score for each in traces for score in SCORE.findall(each.read_text())]


@aside
def test_spared(house):
    """The supervisor asks to be spared when memory is short; worker and probe do not"""
    if not strace.STRACE.exists():
        raise tap.Skip("the package strace")
    under = (strace.STRACE, "-ff", "-qq", "-o", house.folder / "spared",
             "-e", "trace=openat,write")
    with house.server(postroom={"retry_after": "90s"}) as server:
        server.stop()
        with house.start(server, under=under) as started:
            assert started.wait_said("next try"), started.said()
            tap.same(scores_asked(house), ["-1000", "0"], "the supervisor's and the worker's")
            assert started.wait(lambda: len(scores_asked(house)) > 2), "no probe asked"
            tap.same(scores_asked(house)[2:], ["0"], "the probe's")


def unopened(house, name):
    """The wait of a job that cannot know its account's limits is the schedule's."""
    with house.server(postroom={"retry_after": "15s"}) as server:
        run(house, server, OK, uuid=OTHER, number=16)
        path = limits(server) / f"office365.{name}"
        path.unlink()
        path.mkdir()
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.among(f"office365.{name}", result.log, "the log")
        assert 10 <= result.seconds <= 20, f"{result.seconds} s"
        path.rmdir()
        run(house, server, OK)


for part, what in (("state", "standing"), ("1", "first connection")):
    variant(f"unopened_{part}", f"The account's {what} cannot be opened: the job waits as long "
            "as the settings say", unopened, part)


def next_try(log):
    """The hour that was announced last, in minutes."""
    hours, minutes = re.findall(r"next try at (?:[0-9-]{10} )?(\d\d):(\d\d)", log)[-1]
    return int(hours) * 60 + int(minutes)


@aside
def test_throttled_for_long(house):
    """A server that throttles each try (432) is tried less and less often"""
    throttled = script(mail="432 4.3.2 Concurrent connections limit exceeded")
    with house.server(throttled, postroom={"retry_after": "15s"}) as server:
        first = next_try(run(house, server, RETRY, "432").log)  # in a minute or two
        rewrite(server, lambda lines: [*lines, *[each for each in lines
                                                 if each.startswith("try ")] * 29])
        (limits(server) / "office365.state").unlink()
        late = next_try(run(house, server, RETRY, "432").log)
        assert 44 <= (late - first) % (24 * 60) <= 72, f"{late - first} minutes more"


@aside
def test_time_held(house):
    """Time in which nobody tried, as the job was held, does not count: it is not given up"""
    with house.server(script(greeting=[AWAY, AWAY]), postroom={"give_up_after": "6h"},
                      **OWNER) as server:
        run(house, server, RETRY)
        age(server, 6 * DAY, "job", "try")
        run(house, server, RETRY, "421")
        run(house, server, OK)
        tap.same(envelopes(server), [["bob@example.com"]], "the envelopes")


@aside
def test_put_off_after_outage(house):
    """Recipients put off for the first time after an outage of half an hour do not hold"""
    stages = script(greeting=[AWAY], rcpt=[LATER])
    with house.server(stages) as server:
        run(house, server, RETRY, "421")
        age(server, 31 * MINUTE, "job", "try")
        run(house, server, RETRY, "450")
        run(house, server, OK)


@aside
def test_put_off_for_long(house):
    """Recipients put off for half an hour hold the job, and its owner is told"""
    with house.server(script(rcpt=[LATER, LATER]), **OWNER) as server:
        run(house, server, RETRY, "450")
        age(server, 31 * MINUTE, "put-off")
        run(house, server, HOLD, "release the job")
        told(server, "bob@example.com")
        run(house, server, OK)


@aside
def test_secret_changed_meanwhile(house):
    """A password that was changed while the old one was tried is tried at once"""
    refused = {"pause": 1, "reply": "535 5.7.3 Authentication unsuccessful"}
    with house.server(script(auth=[refused])) as server:
        with house.start(server) as started:
            assert server.wait("auth")
            settings.secret_of(server.settings).write_text("anotherpassword\n")
            result = started.finish(1 + PROMPT)
        tap.same(result.code, RETRY, "the exit code")
        tap.among("535", result.log, "the log")
        run(house, server, OK)


# -- the owner is told, or the job stays -------------------------------------------------------

@aside
def test_notice_put_off(house):
    """A notice that is put off at the end of its data leaves with the next run, once"""
    with house.server(script(rcpt=[UNKNOWN], eod=["451 4.3.2 Busy"]), **OWNER) as server:
        run(house, server, RETRY, "cannot be told now")
        tap.same(envelopes(server), [], "the envelopes")
        run(house, server, CANCEL)
        told(server, "bob@example.com")
        run(house, server, CANCEL)
        told(server)


@aside
def test_notice_put_off_for_long(house):
    """A notice that is put off for half an hour holds the job; released, it ends"""
    with house.server(script(rcpt=[UNKNOWN, LATER, LATER]), **OWNER) as server:
        run(house, server, RETRY)
        age(server, 31 * MINUTE, "put-off")
        run(house, server, HOLD, UNTOLD)
        run(house, server, CANCEL)
        told(server, "bob@example.com")


@aside
def test_given_up_untold(house):
    """A job given up while its owner cannot be told is held; later it ends, and he is told"""
    with house.server(script(greeting=[AWAY] * 3), **OWNER, **HOUR) as server:
        run(house, server, RETRY)
        age(server, 61 * MINUTE, "job", "try")
        run(house, server, HOLD, UNTOLD)
        tap.same(len(record(server, "given-up")), 1, "the record's lines")
        run(house, server, CANCEL, "given up")
        told(server, "bob@example.com", "given up")


@aside
def test_given_up_told(house):
    """A job given up where mail can go out ends at once, and its owner is told"""
    with house.server(script(data=["451 4.3.0 Later"] * 2), **OWNER, **HOUR) as server:
        run(house, server, RETRY)
        age(server, 61 * MINUTE, "job", "try")
        run(house, server, CANCEL, "given up")
        told(server, "bob@example.com", "given up")


@aside
def test_owner_refused(house):
    """Where the owner's address is refused, only the administrator counts as told"""
    sections = {**OWNER, "postroom": {"notify": f"owner, {ADMIN}"}}
    with house.server(script(rcpt=[UNKNOWN, UNKNOWN]), **sections) as server:
        result = run(house, server, CANCEL, f"{ADMIN} has been told")
        tap.absent(f"{ALICE} has been told", result.log, "the log")
        tap.same(envelopes(server), [[ADMIN]], "the envelopes")
        line, = record(server, "notice")
        tap.same(line["to"], ADMIN, "the record's recipients")


# -- what is refused before it is a message ----------------------------------------------------

def executable(_):
    return {"data": Path("/bin/true").read_bytes(), "FINAL_CONTENT_TYPE": "printer/raw"}


def too_large(_):
    return {"data": documents.pdf("Big", padding=60_000)}


def too_many(house):
    folder = house.folder / "spool"
    folder.mkdir(exist_ok=True)
    for number in range(1, 104):
        (folder / f"d00017-{number:03}").write_bytes(house.pdf)
    return {"CUPS_REQUESTROOT": str(folder)}


def no_secret(server):
    secret = settings.secret_of(server.settings)
    away = secret.with_name("away")
    secret.rename(away)
    return lambda: away.rename(secret)


def bad_certificate(server):
    server.script.certificate = "expired"
    return lambda: setattr(server.script, "certificate", "good")


def turned_away(house, make, word, damage):
    how = make(house)
    sections = {**REFUSE, **SMALL}
    with house.server(**OWNER, **sections) as server:
        mend = damage(server)
        run(house, server, STOP, **how)
        tap.same(envelopes(server), [], "the envelopes")
        mend()
        run(house, server, CANCEL, word, **how)
        told(server, word)
        run(house, server, CANCEL, word, **how)
        told(server)
    with house.server(**sections) as server:
        run(house, server, CANCEL, "nobody is told by mail", **how)
        tap.same(envelopes(server), [], "the envelopes")


for make, word in ((executable, "program"), (too_large, "max_message_size"),
                   (too_many, "100 documents")):
    for damage in (no_secret, bad_certificate):
        names = make.__name__, damage.__name__
        what, trouble = (each.replace("_", " ") for each in names)
        variant("_".join(["refused", *names]), f"Refused before it is a message ({what}), with "
                f"{trouble}: the queue stops; once that is mended the owner is told",
                turned_away, make, word, damage)


@aside
def test_login_wanted(house):
    """A server that wants a login of an account without one stops the queue"""
    account = {"auth": "none", "username": None, "password_file": None}
    with house.server(script(mail=["530 5.7.57 Client not authenticated"]),
                      account=account) as server:
        run(house, server, STOP, "530")


# -- some have it, some do not -----------------------------------------------------------------

def half_sent(house, last, sections, words):
    """A has it, B was put off, and then never gets it."""
    wanted = [[A], [ALICE]] if "users" in sections else [[A]]
    with house.server(script(rcpt=[None, LATER], eod=[None, last]), **sections) as server:
        run(house, server, RETRY, options=to(A, B))
        age(server, 61 * MINUTE, "job", "try")
        for _ in range(2):
            result = run(house, server, OK, f"not to {B}", options=to(A, B))
            tap.among(words, result.log, "the log")
            tap.same(envelopes(server), wanted, "the envelopes")
        if "users" in sections:
            told(server, B, words)


for last, name, sections, words in ((JUNK, "refused", {}, "junk"),
                                    ("451 4.3.0 Later", "given up", HOUR, "given up")):
    for who, users in (("somebody", OWNER), ("nobody", {})):
        variant(f"half_sent_{name}_{who}".replace(" ", "_"), f"One has it, the other's is "
                f"{name}, and {who} can be told: sent, and the log names who has it not",
                half_sent, last, {**sections, **users}, words)


@aside
def test_few_at_a_time(house):
    """A server that takes two recipients at a time (452 4.5.3) gets all six in one run"""
    full = "452 4.5.3 Too many recipients"
    six = [f"{each}@b.example" for each in "uvwxyz"]
    turns = [None, None, *[full] * 4, None, None, full, full, None, None]
    with house.server(script(rcpt=turns)) as server:
        run(house, server, OK, options=to(*six))
        tap.same(envelopes(server), [six[:2], six[2:4], six[4:]], "the envelopes")


# -- once, and whose ---------------------------------------------------------------------------

@aside
def test_duplicate_after_put_off(house):
    """A message that may have arrived stays a possible duplicate, whatever lies between"""
    with house.server(script(eod=["close"], rcpt=[None, LATER])) as server:
        run(house, server, RETRY, "may have arrived")
        run(house, server, RETRY, "450")
        run(house, server, OK, faults.DUPLICATE)
        tap.same([each["duplicate"] for each in record(server, "sent")], ["possible"],
                 "the record's word")


@aside
def test_uuid_of_another(house):
    """A job that carries another job's job-uuid takes nothing from it: both are sent"""
    with house.server() as server:
        run(house, server, OK, number=16, user="mallory")
        run(house, server, OK, number=17)
        names = [mail.Mail(each.content)["Message-ID"] for each in server.accepted]
        tap.same(len(set(names)), 2, "the number of Message-IDs")


@aside
def test_sent_before_limit(house):
    """A job that was sent is not refused when max_message_size is lowered later"""
    big = documents.pdf("Big", padding=80_000)
    for sections in (REFUSE, {}):
        with house.server(**OWNER, **sections) as server:
            run(house, server, OK, data=big)
            text = server.settings.read_text()
            server.settings.write_text(text.replace(
                "max_per_minute", "max_message_size = 64K\nmax_per_minute"))
            run(house, server, OK, "an earlier attempt", data=big)
            tap.same(envelopes(server), [["bob@example.com"]], "the envelopes")


@aside
def test_limit_remembered(house):
    """A limit that the server told yesterday and no longer has refuses nothing"""
    big = documents.pdf("Big", padding=120_000)
    with house.server({"size": 100_000}, **REFUSE) as server:
        run(house, server, OK)
        server.script.size = 10_000_000
        run(house, server, OK, data=big, uuid=OTHER, number=18)
        server.script.size = 100_000
        run(house, server, OK, uuid="0f0e0d0c-4c3a-3f8e-4a86-000000000002", number=19)
        run(house, server, CANCEL, "97.6 KB", data=big, number=20,
            uuid="0f0e0d0c-4c3a-3f8e-4a86-000000000003")


# -- what the worker may use, and what is written of it ----------------------------------------

def made_smaller(house, step, document, messages):
    """Where TMPDIR is root's alone, the worker has a folder of its own."""
    closed = house.folder / f"closed-{step}"
    closed.mkdir(mode=0o700)
    with house.server(postroom={"oversize": step}, **SMALL) as server:
        run(house, server, OK, data=document, TMPDIR=str(closed))
        attached = [mail.Mail(each.content).attachments for each in server.accepted]
        tap.same([[each.pages for each in message] for message in attached], messages,
                 "the pages of each message")
        tap.same([*closed.iterdir(), *(settings.state_of(server.settings) / "tmp").iterdir()],
                 [], "what is left")


DENSE = "Dense\n" + "".join(random.Random(1).choices(string.ascii_letters, k=60_000))
for step, *large in (("shrink", documents.photo(), [[1]]),
                     ("split", documents.pdf(*[DENSE] * 3), [[1], [1], [1]])):
    variant(f"closed_tmp_{step}", f"A large document ({step}) where TMPDIR is root's alone: "
            "sent, and no file is left", made_smaller, step, *large)


@aside
def test_oom_score(house):
    """The kernel spares the supervisor, not the worker, when memory is short"""
    lowered = subprocess.run(["/bin/sh", "-c", "echo -1000 > /proc/self/oom_score_adj"],
                             stderr=subprocess.DEVNULL, check=False)
    if lowered.returncode != 0:
        raise tap.Skip("CAP_SYS_RESOURCE, without which no process can be spared")
    with house.server(script(eod="hang")) as server, house.start(server) as started:
        assert server.wait("eod"), started.said()
        supervisor, worker = sorted(started.family(), key=lambda each: int(each.name))
        scores = [int((each / "oom_score_adj").read_text()) for each in (supervisor, worker)]
        tap.same(scores, [-1000, 0], "the scores of supervisor and worker")


HEAD = re.compile(r'time=\d{4}-\S+ job=(\d+) queue=mail '
                  r'user=("(?:[^"\\]|\\.)*"|\S+) event=')


@aside
def test_record_head(house):
    """Each line of the record begins with time, job, queue and user, whoever forges"""
    forger = 'eve" job=99 queue=boss'
    nowhere = backend.OPTIONS.replace("mail-to=bob@example.com ", "")
    stages = script(greeting=[None, None, None, AWAY], rcpt=[None, UNKNOWN])
    with house.server(stages, **OWNER) as server:
        run(house, server, OK, user=forger)
        for number, code, how in ((18, CANCEL, {}), (19, RETRY, {}),
                                  (20, HOLD, {"user": "bob", "options": nowhere})):
            run(house, server, code, number=number, **how)
        path = server.settings.parent / "log"
        heads = [HEAD.match(line) for line in path.read_text().splitlines()]
        assert all(heads), path.read_text()
        tap.same([head[1] for head in heads], ["17", "18", "18", "19", "20"], "the jobs")
        lines = history.read(path)
        tap.same(lines[0]["user"], forger, "the forger's name")
        tap.same([each["event"] for each in lines],
                 ["sent", "refused", "notice", "waiting", "held"], "the events")


if __name__ == "__main__":
    tap.run(globals(), House)
