#!/usr/bin/python3 -B
"""The fault matrix, rows D: what a disk can do to what the backend keeps of a job."""
import os
import sys
import zlib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, faults, settings, tap  # noqa: E402
from rig.backend import HOLD, OK, RETRY, STOP  # noqa: E402

STOP_LIMIT = 2.0  # seconds in which a job leaves whatever else lies in the folder
MOMENT = 300_000  # microseconds
MANY = 20_000  # files that are none of ours
NOT_SENT = (RETRY, STOP, HOLD)
ONCE_LOST = {"faults": {"eod": ["close", None]}}  # the first answer is lost


def connections(server):
    return server.script.reached["greeting"]


def jobs(server):
    return settings.state_of(server.settings) / "jobs"


def journal_of(server):
    return jobs(server) / f"17-{backend.UUID}"


def inject(path, *faults_of):
    """strace with faults in the calls that name a path, or a file of that path."""
    names = ",".join(each.partition(":")[0] for each in faults_of)
    return ("strace", "-f", "-qq", "-o", "/dev/null", *(("-P", str(path)) if path else ()),
            "-e", f"trace={names}",
            *(part for each in faults_of for part in ("-e", f"inject={each}")))


# -- the disk fails ----------------------------------------------------------------------------

def fails(house, where, *faults_of):
    """What a run makes of a journal that cannot be written: nothing leaves before it is on
    the disk; with a disk that works again the job is sent once."""
    with house.server() as server:
        tap.same(house.print(server, uuid=OTHER, number=16).code, OK, "a job before")
        first = house.print(server, under=inject(where(server), *faults_of))
        tap.same(first.code, RETRY, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        tap.among("journal", first.log, "the log")
        second = house.print(server)
        tap.same((second.code, len(server.accepted)), (OK, 2), "the exit code, the messages")
        return faults.saw(server, first, second)


OTHER = "0f0e0d0c-4c3a-3f8e-4a86-000000000001"  # another job
for number, fault, where, *how in (
        ("D2a", "writing to the journal fails (EIO)", journal_of, "write:error=EIO"),
        ("D2b", "reading the journal fails (EIO)", journal_of, "read:error=EIO",
         "pread64:error=EIO"),
        ("D4a", "the journal cannot be made (EACCES)", jobs, "openat:error=EACCES"),
        ("D4b", "the new journal cannot get its name (EIO)", jobs, "renameat2:error=EIO"),
        ("D4c", "the journals' folder cannot be synced (EIO)", jobs, "fsync:error=EIO"),
        ("D4d", "nothing can be locked (ENOLCK)", lambda _: None, "flock:error=ENOLCK")):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "exit 7: nothing leaves, the queue says why; sent once later")(
            lambda house, where=where, how=how: fails(house, where, *how))


@faults.row("D2c", "reading the job's document fails (EIO)",
            "nothing leaves; sent once when it can be read")
def test_D2c(house):
    file = house.tmp / "d00017-001"
    file.write_bytes(house.pdf)
    with house.server() as server:
        first = house.print(server, file=file, under=inject(
            file, "read:error=EIO", "pread64:error=EIO"))
        tap.among(first.code, NOT_SENT, "the exit code")
        tap.same(server.accepted, [], "the accepted messages")
        second = house.print(server, file=file)
        tap.same((second.code, len(server.accepted)), (OK, 1), "the exit code, the messages")
        return faults.saw(server, first, second)


# -- the journal is damaged --------------------------------------------------------------------

def flip(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def damaged(house, damage, script=None):
    """A first run, the damage, and the runs after it: the job leaves at last, and if that
    was the second time the log says so; then it is at rest."""
    with house.server(script) as server:
        results = [house.print(server)]
        sent = len([each for each in server.messages if each.whole])
        damage(journal_of(server))
        while results[-1].code != OK or len(results) == 1:
            assert len(results) < 4, f"the exit codes {[each.code for each in results]}"
            results.append(house.print(server))
        again = len([each for each in server.messages if each.whole]) - sent
        tap.same(sent + again > 0, True, "sent at all")
        if sent and again:
            tap.among(faults.DUPLICATE, results[-1].log, "the log")
        rest = house.print(server)
        tap.same((rest.code, len(server.messages)), (OK, sent + again), "the run after")
        left = sorted(each.name for each in jobs(server).iterdir() if "damaged" in each.name)
        return sent, again, left, results


def last_line(path):
    """Where the last line of a journal starts."""
    return path.read_bytes().rstrip(b"\n").rfind(b"\n") + 1


def tell(house, damage, script, wanted):
    sent, again, left, results = damaged(house, damage, script)
    tap.same((again, bool(left)), wanted, "how often it was sent then, what was set aside")
    facts = [f"exit {', then '.join(str(each.code) for each in results)}",
             f"sent {sent} × before and {again} × after",
             "the journal set aside" if left else "",
             faults.DUPLICATE if faults.DUPLICATE in results[-1].log else ""]
    return "; ".join(filter(None, facts))


LATER = {"faults": {"mail": ["451 4.3.0 Later", None]}}
for number, fault, expected, damage, script, wanted in (
        ("D10a", "the last line of a sent job's journal, its outcome, was torn by power loss",
         "sent again with the same bytes, “possible duplicate”",
         lambda path: os.truncate(path, last_line(path) + 9), None, (1, False)),
        ("D10b", "a bit of the outcome has changed",
         "sent again with the same bytes, “possible duplicate”",
         lambda path: flip(path, last_line(path) + 10), None, (1, False)),
        ("D10c", "a bit of the journal's first line has changed",
         "set aside and reported; sent again, “possible duplicate”",
         lambda path: flip(path, 6), None, (1, True)),
        ("D10d", "the journal of a job that waits is empty", "set aside; sent once",
         lambda path: os.truncate(path, 0), LATER, (1, True)),
        ("D10e", "the journal of a job that waits has lost its last line", "sent once",
         lambda path: os.truncate(path, last_line(path)), LATER, (1, False)),
        ("D10f", "the journal is a megabyte of noise",
         "set aside and reported; sent again, “possible duplicate”",
         lambda path: path.write_bytes(b"\xa5" * 1_000_000), None, (1, True))):
    globals()[f"test_{number}"] = faults.row(number, fault, expected)(
        lambda house, damage=damage, script=script, wanted=wanted:
        tell(house, damage, script, wanted))


def make_newer(path):
    """The first line, sealed, of a version that is not known yet."""
    text = path.read_bytes().split(b"\n")[0][:-9].replace(b"job 1 ", b"job 99 ")
    path.write_bytes(b"%s %08x\n" % (text, zlib.crc32(text)))


@faults.row("D12", "the journal of a sent job is of a newer version of Postroom",
            "exit 3: held, the journal kept as it is, nothing sent again")
def test_D12(house):
    with house.server() as server:
        tap.same(house.print(server).code, OK, "the first exit code")
        make_newer(journal_of(server))
        content = journal_of(server).read_bytes()
        result = house.print(server)
        tap.same(result.code, HOLD, "the exit code")
        tap.among("version", result.log, "the log")
        tap.same(len(server.messages), 1, "the number of messages")
        tap.same(journal_of(server).read_bytes(), content, "the journal")
        return f"exit {result.code}; “{faults.sentence(result.log)}”"


# -- the folder --------------------------------------------------------------------------------

def arranged(house, arrange, code, word):
    """A state folder that somebody changed before the job came."""
    with house.server() as server:
        arrange(settings.state_of(server.settings))
        result = house.print(server)
        tap.same(result.code, code, "the exit code")
        tap.same(len(server.accepted), int(code == OK), "the number of messages")
        tap.among(word, result.log, "the log")
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        if code != OK and jobs(server).is_dir():
            journal_of(server).unlink(missing_ok=True)  # what lies there is no journal
        return faults.saw(server, result)


def crowd(state):
    (state / "jobs").mkdir(mode=0o700)
    for number in range(MANY):
        (state / "jobs" / f"stranger-{number}").touch()
    (state / "jobs" / "two\nlines").touch()


def in_place_of_journal(make):
    def arrange(state):
        (state / "jobs").mkdir(mode=0o700)
        make(state / "jobs" / f"17-{backend.UUID}")
    return arrange


SENT, STOPPED = "exit 0: sent once", "exit 4: the queue stops and names it, nothing sent"
for number, fault, expected, arrange, code, word in (
        ("D11a", "state_dir is missing", f"made anew; {SENT}",
         lambda state: state.rmdir(), OK, "Sent to"),
        ("D11b", "state_dir may be written by others", STOPPED,
         lambda state: state.chmod(0o777), STOP, "/state"),
        ("D11c", "state_dir is a symbolic link", STOPPED,
         lambda state: (state.rename(f"{state}.real"), state.symlink_to(f"{state}.real")),
         STOP, "/state"),
        ("D11d", "a file lies where the journals' folder is due", STOPPED,
         lambda state: (state / "jobs").touch(), STOP, "/state/jobs"),
        ("D11e", f"{MANY:,} files of others, and a name of two lines, beside the journals",
         f"{SENT}, within two seconds", crowd, OK, "Sent to"),
        ("D11f", "a symbolic link lies where the journal is due", STOPPED,
         in_place_of_journal(lambda path: path.symlink_to("/etc/passwd")), STOP, "journal"),
        ("D11g", "a FIFO lies where the journal is due", f"{STOPPED}, and it does not block",
         in_place_of_journal(os.mkfifo), STOP, "journal"),
        ("D11h", "the limits' folder is still root's, as a crash has left it",
         f"given to the worker; {SENT}", lambda state: (state / "limits").mkdir(mode=0o700), OK,
         "Sent to")):
    globals()[f"test_{number}"] = faults.row(number, fault, expected)(
        lambda house, arrange=arrange, code=code, word=word:
        arranged(house, arrange, code, word))


@faults.row("D11i", "two jobs make the folders at the same time", "each is sent once")
def test_D11i(house):
    """The first stands still for a moment after each folder that it made."""
    with house.server() as server:
        with house.start(server, under=inject(None, f"mkdirat:delay_exit={MOMENT}")) as run:
            assert run.wait((settings.state_of(server.settings) / "limits").exists)
            second = house.print(server, uuid=OTHER, number=16)
            first = run.finish()
        tap.same([first.code, second.code], [OK, OK], f"the exit codes ({second.log})")
        tap.same(len(server.accepted), 2, "the number of messages")
        return faults.saw(server, first, second)


class House(faults.SideBySide, backend.House):
    """All rows side by side."""


if __name__ == "__main__":
    tap.run(globals(), House)
