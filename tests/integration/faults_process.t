#!/usr/bin/python3 -B
"""The fault matrix, rows P, C, F, I and K: what can befall the backend's own processes, its
start, its input and its clock."""
import os
import signal
import sys
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, faults, mail, tap  # noqa: E402
from rig.backend import HOLD, OK, RETRY, STOP  # noqa: E402

STOP_LIMIT = 2.0  # seconds from SIGTERM to the end
LARGE = documents.pdf("Large", padding=20 * 1024 * 1024)  # more than the sockets buffer
OTHER = "0f0e0d0c-4c3a-3f8e-4a86-000000000002"  # another job
CREATED = 1795354468  # of the job (backend.OPTIONS)
FAKETIME = "/usr/$LIB/faketime/libfaketime.so.1"  # ld.so(8) knows the folder


def at(stage, action):
    return {"faults": {stage: action}}


def connections(server):
    return server.script.reached["greeting"]


# -- told to stop ------------------------------------------------------------------------------

def terminated(house, script, stage, data=None):
    """Stops the backend when the server has reached a stage; nothing may come of it."""
    with house.server(script) as server:
        with house.start(server, data=data) as run:
            assert server.wait(stage), f"the stage {stage} was never reached"
            run.terminate()
            result = run.finish()
            left = run.left_behind()
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        tap.same(left, [], "the processes left behind")
        tap.same([each for each in server.messages if each.whole], [], "the whole messages")
        tap.same(result.code, RETRY, "the exit code: not a success, cupsd knows the rest")
        return faults.saw(server, result)


STOPPED = "exit 7 within two seconds, nothing sent, no process left"
for number, fault, stage in (
        ("P2a", "SIGTERM while the server keeps its greeting back", "greeting"),
        ("P2b", "SIGTERM while EHLO is not answered", "ehlo"),
        ("P2c", "SIGTERM while STARTTLS is not answered", "starttls"),
        ("P2d", "SIGTERM in the TLS handshake", "tls"),
        ("P2e", "SIGTERM while the login is judged", "auth"),
        ("P2f", "SIGTERM while MAIL is not answered", "mail"),
        ("P2g", "SIGTERM while RCPT is not answered", "rcpt"),
        ("P2h", "SIGTERM while DATA is not answered", "data")):
    globals()[f"test_{number}"] = faults.row(number, fault, STOPPED)(
        lambda house, stage=stage: terminated(house, at(stage, "hang"), stage))


@faults.row("P2i", "SIGTERM inside the message", f"{STOPPED}: no end of data leaves")
def test_P2i(house):
    return terminated(house, at("body", {"then": "stall", "after": 100_000}), "body", LARGE)


@faults.row("P2j", "SIGTERM after the final dot", "exit 0: the server's answer is awaited")
def test_P2j(house):
    with house.server(at("eod", "wait")) as server:
        with house.start(server) as run:
            assert server.wait("eod")
            run.terminate()
            server.release.set()
            result = run.finish()
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        return faults.saw(server, result)


@faults.row("P2k", "SIGTERM while the job waits for its next try",
            "exit 7 within two seconds, five times over")
def test_P2k(house):
    script = at("greeting", "421 4.3.2 Not now")
    results = []
    with house.server(script, postroom={"retry_after": "10m"}) as server:
        for _ in range(5):
            with house.start(server) as run:
                assert run.wait_said("next try"), run.said()
                run.terminate()
                results.append(run.finish(STOP_LIMIT))
        tap.same([each.code for each in results], [RETRY] * 5, "the exit codes")
        return faults.saw(server, *results)


@faults.row("P2l", "SIGTERM while the filters work",
            "exit 7 within two seconds, nobody was asked")
def test_P2l(house):
    reader, writer = os.pipe()
    with house.server() as server, open(reader, "rb") as pipe:
        os.write(writer, house.pdf[:100])
        with house.start(server, data=pipe) as run:
            assert run.wait(lambda: len(run.family()) >= 2), "no worker"
            run.terminate()
            result = run.finish()
            tap.same(run.left_behind(), [], "the processes left behind")
        os.close(writer)
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        tap.same(result.code, RETRY, "the exit code")
        tap.same(connections(server), 0, "the number of connections")
        return faults.saw(server, result)


@faults.row("P2m", "SIGTERM while the worker hangs where it hears nothing (SIGSTOP)",
            "exit 7 within two seconds, nothing sent, no process left")
def test_P2m(house):
    with house.server(at("rcpt", "hang")) as server:
        with house.start(server) as run:
            assert server.wait("rcpt")
            os.kill(worker_of(run), signal.SIGSTOP)
            run.terminate()
            result = run.finish()
            tap.same(run.left_behind(), [], "the processes left behind")
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        tap.same(result.code, RETRY, "the exit code")
        tap.same(server.accepted, [], "the accepted messages")
        return faults.saw(server, result)


# -- signals -----------------------------------------------------------------------------------

def signalled(house, number):
    """Twenty signals to the whole group while the server keeps it waiting."""
    with house.server(at("rcpt", "wait")) as server:
        with house.start(server) as run:
            assert server.wait("rcpt")
            for _ in range(20):
                os.killpg(run.process.pid, number)
            server.release.set()
            result = run.finish()
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        return faults.saw(server, result)


for number, which in (("P3a", signal.SIGPIPE), ("P3b", signal.SIGCHLD),
                      ("P3c", signal.SIGCONT), ("P3d", signal.SIGWINCH)):
    globals()[f"test_{number}"] = faults.row(
        number, f"twenty times {which.name} to all its processes", "exit 0: sent once")(
            lambda house, which=which: signalled(house, which))


def worker_of(run):
    worker = max(int(each.name) for each in run.family())
    assert worker != run.process.pid, "there is no worker"
    return worker


def killed(house, number):
    """The worker dies; the job is not taken for sent, and leaves when it is released."""
    with house.server(at("rcpt", ["wait", None])) as server:
        with house.start(server, under=("prlimit", "--core=unlimited", "--")) as run:
            assert server.wait("rcpt")
            os.kill(worker_of(run), number)
            first = run.finish()
        server.release.set()
        tap.same(first.code, HOLD, "the exit code")
        tap.same(server.accepted, [], "the accepted messages")
        second = house.print(server)
        tap.same(second.code, OK, "the exit code after the release")
        tap.same(len(server.accepted), 1, "the number of messages")
        return faults.saw(server, first, second)


@faults.row("P3e", "the worker is killed (SIGKILL)", "exit 3: held; sent once when released")
def test_P3e(house):
    return killed(house, signal.SIGKILL)


@faults.row("P9", "the worker crashes (SIGSEGV), and core files are allowed",
            "exit 3: held, no core file; sent once when released")
def test_P9(house):
    cores = set(Path("/").glob("core*"))
    seen = killed(house, signal.SIGSEGV)
    tap.same(set(Path("/").glob("core*")) - cores, set(), "the core files")
    return seen


# -- what the system refuses -------------------------------------------------------------------

def starved(house, *under):
    """What a run makes of a lack: sent once, or tried again, or the queue stops, and never
    taken for sent; then it is sent when there is enough."""
    with house.server() as server:
        first = house.print(server, under=under)
        tap.among(first.code, (OK, RETRY, STOP), "the exit code")
        tap.same(len(server.accepted), int(first.code == OK), "the number of messages")
        second = house.print(server)
        tap.same((second.code, len(server.accepted)), (OK, 1), "the exit code, the messages")
        return faults.saw(server, first, second)


LACK = "sent, tried again, or the queue stops; sent once in the end"
for number, fault, limit in (
        ("P4a", "48 MB of memory", "--as=48000000"),
        ("P4b", "64 MB of memory", "--as=64000000"),
        ("P4c", "128 MB of memory", "--as=128000000"),
        ("P5a", "8 open files", "--nofile=8"),
        ("P5b", "12 open files", "--nofile=12")):
    globals()[f"test_{number}"] = faults.row(number, fault, LACK)(
        lambda house, limit=limit: starved(house, "prlimit", limit, "--"))


def inject(*calls):
    """strace with faults to inject: "fork:error=EAGAIN"."""
    names = ",".join(each.partition(":")[0] for each in calls)
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={names}",
            *(part for each in calls for part in ("-e", f"inject={each}")))


@faults.row("P5c", "no further process can be started (EAGAIN)", LACK)
def test_P5c(house):
    return starved(house, *inject("clone:error=EAGAIN", "clone3:error=EAGAIN",
                                  "fork:error=EAGAIN", "vfork:error=EAGAIN"))


def rooted(house, call):
    with house.server() as server:
        result = house.print(server, under=inject(f"{call}:error=EPERM"))
        tap.same(result.code, STOP, "the exit code")
        tap.among("could not give up", result.log, "the log")
        tap.same(connections(server), 0, "the number of connections")
        return faults.saw(server, result)


for number, call in (("P8a", "setgroups"), ("P8b", "setresgid"), ("P8c", "setresuid")):
    globals()[f"test_{number}"] = faults.row(
        number, f"{call}() fails: the worker cannot give up root",
        "exit 4: no secret is read, nobody is asked")(
            lambda house, call=call: rooted(house, call))


def shell(redirections):
    return ("bash", "-c", f'exec "$@" {redirections}', "bash")


def redirected(house, redirections, **how):
    with house.server() as server:
        result = house.print(server, under=shell(redirections), **how)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        message = mail.Mail(server.accepted[0].content)
        tap.same(message.attachments[0].content, house.pdf, "the attachment")
        return faults.saw(server, result)


for number, fault, redirections in (
        ("P6a", "standard output and error are closed at the start", ">&- 2>&-"),
        ("P7a", "standard error takes no byte (ENOSPC)", "2>/dev/full"),
        ("P7b", "nobody reads standard error any more (EPIPE)", "2> >(true)")):
    globals()[f"test_{number}"] = faults.row(number, fault, "exit 0: sent once")(
        lambda house, redirections=redirections: redirected(house, redirections))


@faults.row("P6b", "standard input, output and error are closed, on a raw queue",
            "exit 0: sent once")
def test_P6b(house):
    file = house.tmp / "d00017-001"
    file.write_bytes(house.pdf)
    return redirected(house, "<&- >&- 2>&-", file=file)


# -- its start ---------------------------------------------------------------------------------

@faults.row("C7a", "cupsd counts its jobs anew, and a number comes again",
            "a job is known by its UUID: sent")
def test_C7a(house):
    with house.server() as server:
        tap.same(house.print(server).code, OK, "the first exit code")
        result = house.print(server, uuid=OTHER)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 2, "the number of messages")
        return faults.saw(server, result, uuid=OTHER)


@faults.row("C7b", "a job that was sent is started again",
            "exit 0 without a connection; the log says why")
def test_C7b(house):
    with house.server() as server:
        first, second = house.print(server), house.print(server)
        tap.same([first.code, second.code], [OK, OK], "the exit codes")
        tap.same(connections(server), 1, "the number of connections")
        tap.among("nothing is sent twice", second.log, "the log")
        return faults.saw(server, first, second)


HOSTILE = {"ALL_PROXY": "socks5h://127.0.0.1:1", "all_proxy": "socks5h://127.0.0.1:1",
           "HTTPS_PROXY": "http://127.0.0.1:1", "smtp_proxy": "http://127.0.0.1:1",
           "SSL_CERT_FILE": "/dev/null", "SSL_CERT_DIR": "/dev/null",
           "OPENSSL_CONF": "/dev/null", "CURL_CA_BUNDLE": "/dev/null", "LC_ALL": "xx_YY",
           "LOCALDOMAIN": "elsewhere.example", "RES_OPTIONS": "ndots:15",
           "MALLOC_PERTURB_": "165"}


@faults.row("F4", "proxies, key logs and other people's certificates in the environment",
            "ignored: sent once, no key of TLS in a file")
def test_F4(house):
    keys = house.tmp / "keys"  # where the worker could write them
    with house.server() as server:
        result = house.print(server, SSLKEYLOGFILE=str(keys), **HOSTILE)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        assert not keys.exists(), "the keys of the TLS session were written to a file"
        return faults.saw(server, result)


@faults.row("F5a", "arguments that cupsd never gives",
            "exit 3 or 4: no crash, nobody is asked")
def test_F5a(house):
    results = []
    with house.server() as server:
        environment = house.environment(server.settings)
        for arguments in (["mailto:", "1"], ["mailto:", "x", "u", "t", "1", ""],
                          ["mailto:", "1", "u", "t", "1", "", "/nowhere/d1", "more"]):
            run = backend.Run(arguments, environment, b"")
            results.append(run.finish())
            run.close()
            tap.among(results[-1].code, (HOLD, STOP), f"the exit code of {arguments}")
            tap.among("ERROR: ", results[-1].log, f"the log of {arguments}")
        tap.same(connections(server), 0, "the number of connections")
        return faults.saw(server, *results)


@faults.row("F5b", "a title of 64 KB and a copy count of -1",
            "exit 3: held, and the queue says that the title is too long")
def test_F5b(house):
    with house.server() as server:
        result = house.print(server, title="long " * 13_000, copies="-1")
        tap.same(result.code, HOLD, "the exit code")
        tap.among("title", result.log, "the log")
        tap.same(connections(server), 0, "the number of connections")
        return faults.saw(server, result)


# -- its input ---------------------------------------------------------------------------------

def damaged(house, data, code):
    with house.server() as server:
        result = house.print(server, data=data)
        tap.same(result.code, code, "the exit code")
        tap.among("PDF" if data else "nothing was sent", result.log, "the log")
        tap.same(connections(server), 0, "the number of connections")
        return faults.saw(server, result)


for number, fault, expected, code, data in (
        ("I1a", "no input, and cupsd has no document", "exit 0: there is nothing to send",
         OK, lambda pdf: b""),
        ("I1b", "a PDF that was cut off", "exit 3: held, nobody is asked", HOLD,
         lambda pdf: pdf[:len(pdf) // 2]),
        ("I1c", "no PDF at all where a PDF is due", "exit 3: held, nobody is asked", HOLD,
         lambda pdf: b"no PDF at all"),
        ("I6a", "the filters end in the middle of a PDF", "exit 3: held, nobody is asked",
         HOLD, lambda pdf: pdf[:-40])):
    globals()[f"test_{number}"] = faults.row(number, fault, expected)(
        lambda house, data=data, code=code: damaged(house, data(house.pdf), code))


@faults.row("I6b", "the filters deliver byte by byte", "exit 0: waited for, sent once")
def test_I6b(house):
    reader, writer = os.pipe()
    with house.server() as server, open(reader, "rb") as pipe:
        with house.start(server, data=pipe) as run:
            for byte in house.pdf:
                os.write(writer, bytes([byte]))
            os.close(writer)
            result = run.finish()
        tap.same(result.code, OK, "the exit code")
        content = mail.Mail(server.accepted[0].content).attachments[0].content
        tap.same(content, house.pdf, "the attachment")
        return faults.saw(server, result)


@faults.row("I7", "a document with lines of a single dot",
            "exit 0: sent once, byte for byte")
def test_I7(house):
    pdf = house.pdf + b"\r\n.\r\n.\r\nQUIT\r\n%%EOF\r\n"
    with house.server() as server:
        result = house.print(server, data=pdf)
        tap.same(result.code, OK, "the exit code")
        content = mail.Mail(server.accepted[0].content).attachments[0].content
        tap.same(content, pdf, "the attachment")
        return faults.saw(server, result)


TITLES = ["Offer\r\nBcc: eve@evil.example\r\n\r\nbody", "=?utf-8?B?RWlsaWc=?=", "\x1b[31mred",
          "\u202egnp.exe", "\U0001f4e0 fax", "two\r\n.\r\nMAIL FROM:<x@y>", " ", "a" * 900]


@faults.row("I4", "titles with line breaks, headers, escapes and turned letters",
            "exit 0: one subject each, no header and no recipient of theirs")
def test_I4(house):
    with house.server() as server:
        for number, title in enumerate(TITLES):
            result = house.print(server, title=title, number=100 + number,
                                 uuid=f"{OTHER[:-3]}{number:03d}")
            tap.same(result.code, OK, f"the exit code of {title[:40]!r}")
        for message in server.accepted:
            tap.same(message.recipients, ["bob@example.com"], "the envelope")
            tap.absent("eve@", str(mail.Mail(message.content).addresses("To")), "To")
        tap.same(len(server.accepted), len(TITLES), "the number of messages")
        return faults.saw(server, result, uuid=f"{OTHER[:-3]}000")


# -- its clock ---------------------------------------------------------------------------------

def clock(value):
    """The environment in which the wall clock shows something else, at the start."""
    if not list(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")):
        raise tap.Skip("the package faketime")
    return {"LD_PRELOAD": FAKETIME, "FAKETIME": value, "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1"}


def date_of(message):
    return parsedate_to_datetime(mail.Mail(message.content)["Date"])


def year(server):
    """The year in the record of the last outcome, which shows the wall clock."""
    last = (server.settings.parent / "log").read_text().splitlines()[-1]
    return int(last.partition("time=")[2][:4])


def jumps(house, value, shown):
    """A job is put off; the clock jumps; the job must neither stall nor expire, and another
    one leaves as ever."""
    with house.server({"certificate": "always", **at("mail", ["451 4.3.0 Later", None])}) \
            as server:
        first = house.print(server)
        results = [house.print(server, **clock(value)),
                   house.print(server, uuid=OTHER, number=18, **clock(value))]
        tap.same([first.code, *(each.code for each in results)], [RETRY, OK, OK],
                 "the exit codes")
        tap.same(year(server), shown, "the year that the record shows")
        tap.same([date_of(each).timestamp() for each in server.accepted], [CREATED] * 2,
                 "the Date headers")
        for each in results:
            assert each.seconds < STOP_LIMIT, f"{each.seconds} s"
        return faults.saw(server, first, *results)


for number, fault, value, shown in (
        ("K1a", "the clock jumps ten years ahead", "+10y", datetime.now().year + 10),
        ("K1b", "the clock jumps ten years back", "-10y", datetime.now().year - 10),
        ("K1c", "the clock starts in 1970", "1970-01-02 00:00:00", 1970),
        ("K4", "it is the year 2040, after the end of 32 bits", "2040-03-01 00:00:00", 2040)):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "neither stalls nor is given up: sent once, Date as at first")(
            lambda house, value=value, shown=shown: jumps(house, value, shown))


@faults.row("T5c", "the machine's clock is ten years back, before the certificate's time",
            "exit 7: waits for the clock, nothing sent")
def test_T5c(house):
    with house.server() as server:
        result = house.print(server, **clock("-10y"))
        tap.same(result.code, RETRY, "the exit code")
        tap.among("this machine's clock", result.log, "the log")
        tap.same(server.credentials, [], "the credentials")
        return faults.saw(server, result)


def zone(house, **environment):
    with house.server() as server:
        result = house.print(server, **environment)
        tap.same(result.code, OK, "the exit code")
        date = date_of(server.accepted[0])
        tap.same(date.astimezone(timezone.utc).timestamp(), CREATED, "the Date header")
        return faults.saw(server, result, also=f"Date: {date}")


for number, fault, environment in (
        ("K2a", "TZ is garbage", {"TZ": ":no/where\x01"}),
        ("K2b", "TZ names a zone of half hours with summer time", {"TZ": "Australia/Adelaide"}),
        ("K2c", "TZ is empty", {"TZ": ""})):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "exit 0: sent once, a Date that is right")(
            lambda house, environment=environment: zone(house, **environment))


class House(faults.SideBySide, backend.House):
    """All rows side by side."""


if __name__ == "__main__":
    tap.run(globals(), House)
