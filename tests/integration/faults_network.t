#!/usr/bin/python3 -B
"""The fault matrix, rows N and T: what a network and a stranger's TLS can do to a job."""
import contextlib
import socket
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, faults, network, settings, tap  # noqa: E402
from rig.backend import OK, RETRY, STOP  # noqa: E402
from fakes.line import Deaf, Line  # noqa: E402
from fakes.nameserver import NameServer  # noqa: E402

LARGE = documents.pdf("Large", padding=4 * 1024 * 1024)  # more than the sockets buffer
THREE, SIX = "three.host.test", "six.host.test"
LIVE = "127.0.0.4"  # RFC 6724 sorts the addresses of loopback by their numbers
NAMES = ((THREE, "127.0.0.2", "127.0.0.3", LIVE), (SIX, "::1", "127.0.0.1"))


def at(stage, action):
    return {"faults": {stage: action}}


# ID, what goes wrong, the script for it, the exit code, what the log must name, settings.
faults.table(globals(), [
    ("N13a", "a web portal answers on the port",
     at("greeting", {"raw": "HTTP/1.1 400 Bad Request\r\n\r\n", "then": "close"}), RETRY,
     "not a submission server"),
    ("N13b", "another service answers on the port",
     at("greeting", {"raw": "SSH-2.0-OpenSSH_9.2\r\n", "then": "close"}), RETRY,
     "not a submission server"),
    ("T1a", "STARTTLS is not offered, AUTH in clear text is", {"starttls": False}, RETRY,
     "STARTTLS"),
    ("T1b", "STARTTLS is offered and not understood (502)",
     at("starttls", "502 5.5.1 What?"), RETRY, "TLS"),
    ("T2", "STARTTLS is put off (454)", at("starttls", "454 4.7.0 TLS not available"),
     RETRY, "TLS"),
    ("T3", "a reply is slipped in behind the answer to STARTTLS",
     at("starttls", {"reply": "220 2.0.0 Ready", "inject": "250 AUTH LOGIN\r\n"}), RETRY,
     "localhost"),
    ("T4a", "the certificate is of an unknown authority", {"certificate": "unknown-ca"},
     STOP, "certificate"),
    ("T4b", "the certificate is the server's own word", {"certificate": "self-signed"},
     STOP, "certificate"),
    ("T5a", "the certificate has expired", {"certificate": "expired"}, STOP, "certificate"),
    ("T5b", "the certificate is not yet valid", {"certificate": "not-yet-valid"}, RETRY,
     "clock"),
    ("T6", "the certificate is another host's", {"certificate": "wrong-host"}, STOP,
     "certificate"),
    ("T7", "the server knows no TLS above 1.1", {"newest": "1.1"}, RETRY, "TLS"),
    ("T8a", "the server speaks no TLS after STARTTLS", at("tls", {"raw": "what?\r\n" * 10}),
     RETRY, "TLS"),
    ("T8b", "the server closes during the handshake", at("tls", "close"), RETRY,
     "localhost"),
    ("T8c", "the server resets during the handshake", at("tls", "reset"), RETRY,
     "localhost"),
])


def redirect(server, address):
    """Lets the settings lead to another address."""
    settings.write(server.settings.parent, server, account={"server": address})


# -- names -------------------------------------------------------------------------------------

def unresolved(house, label):
    with house.server() as server:
        redirect(server, f"{label}.host.test:587")
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.among(f"{label}.host.test", result.log, "the log")
        tap.among(label, house.names.asked, "the names that were asked for")
        return faults.saw(server, result)


for number, fault, label in (
        ("N1a", "the name server does not know the name (NXDOMAIN)", "nxdomain"),
        ("N1b", "the name server fails (SERVFAIL)", "servfail"),
        ("N1c", "the name server does not answer", "silent")):
    globals()[f"test_{number}"] = faults.row(
        number, fault, f"exit {RETRY}: {faults.EXPECTED[RETRY]}")(
            lambda house, label=label: unresolved(house, label))


def reached_at_last(house, name, *dead):
    """A name whose first addresses do not answer, and whose last one does."""
    with house.server() as server, Line(server.port, at=(LIVE, server.port)):
        redirect(server, f"{name}:{server.port}")
        tried = [each[4][0] for each in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
        tap.same(tried[:len(dead)], list(dead), "the addresses that are tried first")
        with contextlib.ExitStack() as stack:
            for address in dead:
                stack.enter_context(Deaf(address, server.port))
            result = house.print(server)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        return result, faults.saw(server, result)


@faults.row("N2", "a name with three addresses, two of which are dead",
            "exit 0 within 35 seconds: sent once by the third")
def test_N2(house):
    result, seen = reached_at_last(house, THREE, "127.0.0.2", "127.0.0.3")
    assert result.seconds < 35, f"{result.seconds} s"
    return seen


@faults.row("N3", "the server's IPv6 address is dead, its IPv4 address is not",
            "exit 0 within 5 seconds: sent once by IPv4")
def test_N3(house):
    result, seen = reached_at_last(house, SIX, "::1")
    assert result.seconds < 5, f"{result.seconds} s"
    return seen


# -- connections -------------------------------------------------------------------------------

@faults.row("N4", "nobody listens on the port", f"exit {RETRY}: {faults.EXPECTED[RETRY]}")
def test_N4(house):
    with house.server() as server:
        server.stop()
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.among(str(server.port), result.log, "the log")
        return faults.saw(server, result)


@faults.row("N7a", "every packet takes 50 ms, either way", "exit 0: sent once")
def test_N7a(house):
    return through(house, OK, delay=0.05)


def broken(house, action):
    """The connection ends inside a large message, at first; then it holds."""
    with house.server(at("body", [{**action, "after": 100_000}, None])) as server:
        first = house.print(server, data=LARGE)
        second = house.print(server, data=LARGE)
        tap.same([first.code, second.code], [RETRY, OK], "the exit codes")
        tap.same([each.whole for each in server.messages], [False, True], "the messages")
        tap.absent(faults.DUPLICATE, second.log, "the log")
        return faults.saw(server, first, second)


for number, fault, action in (
        ("N10", "the connection is reset inside the message", {"then": "reset"}),
        ("N11a", "the server closes inside the message", {"then": "close"}),
        ("N11b", "the server gives up inside the message (421)",
         {"reply": "421 4.4.2 Connection dropped due to SocketError", "then": "close"})):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "exit 7 and then 0: sent once, and nobody speaks of a duplicate")(
            lambda house, action=action: broken(house, action))


@faults.row("N12a", "a byte of the message arrives changed",
            f"exit {RETRY}: {faults.EXPECTED[RETRY]}")
def test_N12a(house):
    return through(house, RETRY, flip=1_000_000, data=LARGE)


@faults.row("N12b", "a byte of the server's handshake arrives changed",
            f"exit {RETRY}: {faults.EXPECTED[RETRY]}")
def test_N12b(house):
    return through(house, RETRY, flip=-900)


def through(house, code, data=None, **how):
    """Prints over a line that does something to what it carries."""
    with house.server() as server, Line(server.port, **how) as line:
        redirect(server, f"localhost:{line.port}")
        result = house.print(server, data=data)
        assert line.carried, "nothing went over the line"
        tap.same(result.code, code, "the exit code")
        tap.same(len(server.accepted), int(code == OK), "the number of messages")
        return faults.saw(server, result)


# -- the authorities ---------------------------------------------------------------------------

def authorities(house, make):
    """A ca_file that is not as it should be: no login, and the message names the file."""
    with house.server() as server:
        path = server.settings.parent / "authorities.pem"
        make(path)
        settings.write(server.settings.parent, server, account={"ca_file": path})
        result = house.print(server)
        tap.same(result.code, STOP, "the exit code")
        tap.among(str(path), result.log, "the log")
        tap.same(server.credentials, [], "the credentials")
        return faults.saw(server, result)


def _unreadable(path):
    path.write_text("")
    path.chmod(0o600)


for number, fault, make in (
        ("T9a", "the authorities' file (ca_file) is missing", lambda path: None),
        ("T9b", "the authorities' file is empty", lambda path: path.write_text("")),
        ("T9c", "the authorities' file holds no certificate",
         lambda path: path.write_text("no certificate\n" * 20)),
        ("T9d", "the authorities' file cannot be read", _unreadable),
        ("T9e", "the authorities' file is a folder", lambda path: path.mkdir())):
    globals()[f"test_{number}"] = faults.row(
        number, fault, "exit 4: the queue stops and names the file, nothing sent")(
            lambda house, make=make: authorities(house, make))


class House(faults.SideBySide, backend.House):
    """All rows side by side, in a network of its own."""

    def __enter__(self):
        network.arrange(NAMES)
        self.stack = contextlib.ExitStack()
        self.names = self.stack.enter_context(NameServer())
        return super().__enter__()

    def __exit__(self, *error):
        self.stack.close()
        super().__exit__(*error)


if __name__ == "__main__":
    network.enter()
    tap.run(globals(), House)
