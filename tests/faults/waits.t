#!/usr/bin/python3 -B
"""The fault matrix, the rows that take minutes: what never answers, or does so late. All at
once, in eleven minutes."""
import os
import signal
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "integration"))
from rig import backend, cupsd, documents, faults, settings, tap  # noqa: E402
from rig.backend import OK, RETRY  # noqa: E402
from fakes import scripted  # noqa: E402
from fakes.line import Deaf, Line  # noqa: E402

RUN_LIMIT = 900  # seconds; the longest row waits for ten minutes
LARGE = documents.pdf("Large", padding=4 * 1024 * 1024)  # more than the sockets buffer
SLOW = documents.pdf("Slow", padding=150_000)  # four minutes at a kilobyte in a second
OTHER = "0f0e0d0c-4c3a-3f8e-4a86-000000000002"  # another job
ONE = {"account": {"max_connections": "1"}}


def at(stage, action):
    return {"faults": {stage: action}}


def patient(house, server, **how):
    """As house.print(), for a run of minutes."""
    with house.start(server, **how) as run:
        result = run.finish(RUN_LIMIT)
    server.wait_idle(5)
    return result


def redirect(server, address):
    settings.write(server.settings.parent, server, account={"server": address})


def given_up(house, script, seconds, data=None):
    """The first run gives up within some seconds, the second one sends."""
    with house.server(script) as server:
        first = patient(house, server, data=data)
        tap.same(first.code, RETRY, "the first exit code")
        least, most = seconds
        assert least <= first.seconds <= most, f"{first.seconds} s"
        tap.same([each for each in server.messages if each.whole], [], "the whole messages")
        second = patient(house, server, data=data)
        tap.same((second.code, len(server.accepted)), (OK, 1), "the exit code, the messages")
        return faults.saw(server, first, second)


for number, fault, stage, least, most in (
        ("S1e", "the server never greets", "greeting", 50, 100),
        ("S2c", "EHLO is never answered", "ehlo", 50, 100),
        ("T8d", "the TLS handshake is never answered", "tls", 50, 100),
        ("A3c", "the login is never judged", "auth", 50, 100),
        ("S4c", "MAIL is never answered", "mail", 240, 320),
        ("S9c", "DATA is never answered", "data", 100, 140)):
    globals()[f"test_{number}"] = faults.row(
        number, fault, f"given up after {least} to {most} seconds; sent once at the next try")(
            lambda house, stage=stage, span=(least, most):
            given_up(house, at(stage, ["hang", None]), span))


@faults.row("N9", "the server stops reading inside the message",
            "given up after about three minutes; sent once at the next try")
def test_N9(house):
    stall = {"then": "stall", "after": 100_000}
    return given_up(house, at("body", [stall, None]), (170, 230), LARGE)


@faults.row("N5", "nothing answers at the server's address, not even a refusal",
            f"exit {RETRY} within a minute: {faults.EXPECTED[RETRY]}")
def test_N5(house):
    with house.server() as server, Deaf() as deaf:
        redirect(server, f"127.0.0.2:{deaf.port}")
        result = patient(house, server)
        tap.same(result.code, RETRY, "the exit code")
        assert result.seconds < 60, f"{result.seconds} s"
        return faults.saw(server, result)


# -- slow, but alive ---------------------------------------------------------------------------

def endured(house, line, data=None, script=None):
    """It takes long, and is sent in one go."""
    with house.server(script) as server, Line(server.port, **line) as between:
        redirect(server, f"localhost:{between.port}")
        result = patient(house, server, data=data)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.messages), 1, "the number of messages")
        return faults.saw(server, result)


@faults.row("N7b", "every packet takes half a second, either way", "exit 0: sent once")
def test_N7b(house):
    return endured(house, {"delay": 0.5})


@faults.row("N8", "the line carries a kilobyte in a second, for minutes",
            "exit 0: sent once, as long as it goes on")
def test_N8(house):
    return endured(house, {"rate": 1000}, SLOW)


@faults.row("S15", "the last reply takes nine minutes", "exit 0: waited for, sent once")
def test_S15(house):
    reply = {"reply": "250 2.0.0 OK <late@x>", "pause": 540}
    return endured(house, {}, script=at("eod", reply))


@faults.row("S19b", "the last reply comes byte by byte, one in a second",
            "exit 0: waited for, sent once")
def test_S19b(house):
    reply = {"reply": "250 2.0.0 OK <slow@x> queued", "slow": 1}
    return endured(house, {}, script=at("eod", reply))


# -- no answer to the end of the data ----------------------------------------------------------

def twice(house, server, first):
    """After a first run that got no answer: sent again, and said so."""
    tap.same(first.code, RETRY, "the first exit code")
    tap.among("may have arrived", first.log, "the log")
    assert 590 < first.seconds < 640, f"{first.seconds} s"
    second = patient(house, server)
    tap.same(second.code, OK, "the second exit code")
    tap.among("possible duplicate", second.log, "the log")
    one, two = server.messages
    tap.same(one.content, two.content, "the second message")
    return faults.saw(server, first, second)


AGAIN = "given up after ten minutes, sent again with the same bytes, “possible duplicate”"


@faults.row("S16", "the last reply takes eleven minutes", AGAIN)
def test_S16(house):
    reply = {"reply": "250 2.0.0 OK <later@x>", "pause": 660}
    with house.server(at("eod", [reply, None])) as server:
        return twice(house, server, patient(house, server))


@faults.row("N14", "the line forgets the connection while the server thinks", AGAIN)
def test_N14(house):
    with house.server(at("eod", ["wait", None])) as server:
        with Line(server.port) as line:
            redirect(server, f"localhost:{line.port}")
            with house.start(server) as run:
                assert server.wait("eod")
                line.die()
                server.release.set()
                first = run.finish(RUN_LIMIT)
        redirect(server, f"localhost:{server.port}")
        return twice(house, server, first)


# -- processes and accounts --------------------------------------------------------------------

@faults.row("K3", "all its processes stand still for 200 seconds inside the message, as in a "
            "suspended machine", "sent once, at the latest by the next try")
def test_K3(house):
    script = at("body", [{"then": "wait", "after": 100_000}, None])
    with house.server(script) as server:
        with house.start(server, data=LARGE) as run:
            assert server.wait("body")
            os.killpg(run.process.pid, signal.SIGSTOP)
            threading.Event().wait(200)  # the fault itself
            os.killpg(run.process.pid, signal.SIGCONT)
            server.release.set()
            results = [run.finish(RUN_LIMIT)]
        tap.among(results[0].code, (OK, RETRY), "the exit code")
        if results[0].code == RETRY:
            results.append(patient(house, server, data=LARGE))
        tap.same((results[-1].code, len(server.accepted)), (OK, 1),
                 "the exit code, the messages")
        return faults.saw(server, *results)


@faults.row("R2c", "the process that has the only connection stands still (SIGSTOP)",
            "the other job waits two minutes, says so, and is tried again; both sent once")
def test_R2c(house):
    with house.server(at("rcpt", ["wait", None]), **ONE) as server:
        with house.start(server) as holder:
            assert server.wait("rcpt")
            os.killpg(holder.process.pid, signal.SIGSTOP)
            other = patient(house, server, uuid=OTHER, number=18)
            os.killpg(holder.process.pid, signal.SIGCONT)
            server.release.set()
            first = holder.finish(RUN_LIMIT)
        tap.same([other.code, first.code], [RETRY, OK], "the exit codes")
        tap.among("max_connections", other.log, "the log")
        last = patient(house, server, uuid=OTHER, number=18)
        tap.same((last.code, len(server.accepted)), (OK, 2), "the exit code, the messages")
        return faults.saw(server, other, last, uuid=OTHER)


@faults.row("R3", "other programs use the mailbox, and the server says 432 to a job",
            "the account pauses for one to two minutes, then sent once")
def test_R3(house):
    reply = "432 4.3.2 Concurrent connections limit exceeded"
    with house.server(at("mail", [reply, None])) as server:
        first = patient(house, server)
        tap.same(first.code, RETRY, "the first exit code")
        assert 59 < first.seconds < 130, f"{first.seconds} s"
        second = patient(house, server)
        tap.same((second.code, len(server.accepted)), (OK, 1), "the exit code, the messages")
        return faults.saw(server, first, second)


@faults.row("C3", "an outage of more tries than cupsd's JobRetryLimit",
            "the job is not aborted: it waits in the queue, then it is sent once")
def test_C3(house):
    script = at("greeting", ["421 4.3.2 Not now"] * 4)
    folder = house.folder / "queue"
    with scripted.Server(script, kit=house.kit) as server:
        file = folder / "settings" / "postroom.conf"
        settings.write(file.parent, server)
        with cupsd.Cupsd(file, more="JobRetryLimit 2\n") as queue:
            queue.add_queue("mail")
            document = folder / "report.pdf"
            document.write_bytes(house.pdf)
            job = queue.lp("mail", document, options=["mail-to=bob@example.com"])
            state = queue.wait(job, limit=RUN_LIMIT)["state"]
        tap.same(state, "completed", "the state of the job")
        tap.same(len(server.accepted), 1, "the number of messages")
        tries = server.script.reached["greeting"]
        tap.same(tries, 5, "the number of tries")
        return f"job completed after {tries} tries; 1 message taken"


class House(faults.SideBySide, backend.House):
    """All rows at once."""

    at_once = len(faults.ROWS)


if __name__ == "__main__":
    tap.run(globals(), House)
