#!/usr/bin/python3 -B
"""What the backend says to a submission server, and what it must never say. The faults that
a server can have are in faults_server.t and faults_network.t."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, faults, mail, settings, tap  # noqa: E402
from rig.backend import CANCEL, OK, RETRY  # noqa: E402

LARGE = documents.pdf("Large", padding=20 * 1024 * 1024)  # more than the sockets buffer


def at(stage, action):
    return {"faults": {stage: action}}


def test_success(house):
    """A message goes through, once, with the password inside TLS only"""
    with house.server() as server:
        result = house.print(server)
        tap.same(result.code, OK, "the exit code")
        tap.same([each.recipients for each in server.accepted], [["bob@example.com"]],
                 "the recipients")
        tap.same(server.credentials,
                 [(True, "LOGIN", [settings.USER.encode(), settings.PASSWORD.encode()])],
                 "the credentials")
        message = mail.Mail(server.accepted[0].content)
        tap.same([each.content for each in message.attachments], [house.pdf],
                 "the attachments")
        sizes = [each.line.partition(b"SIZE=")[2] for each in server.commands
                 if each.line.startswith(b"MAIL")]
        tap.same(sizes, [str(len(server.accepted[0].content)).encode()], "SIZE=")
        faults.no_leak(server, result.log)


def test_implicit_tls(house):
    """TLS from the first byte, as on port 465"""
    with house.server({"implicit": True}, account={"tls": "implicit"}) as server:
        tap.same(house.print(server).code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        tap.same(bytes(server.bare), b"", "the bytes outside TLS")


def test_plain_mechanism(house):
    """A server that offers PLAIN alone gets PLAIN, inside TLS"""
    with house.server({"mechanisms": ["PLAIN"]}) as server:
        tap.same(house.print(server).code, OK, "the exit code")
        secret = f"\0{settings.USER}\0{settings.PASSWORD}".encode()
        tap.same(server.credentials, [(True, "PLAIN", [secret])], "the credentials")


def test_no_credential_before_verification(house):
    """No certificate that is wrong gets to see more than EHLO and STARTTLS"""
    for kind in ("unknown-ca", "self-signed", "wrong-host", "expired", "not-yet-valid"):
        with house.server({"certificate": kind}) as server:
            house.print(server)
            tap.same(server.verbs, ["EHLO", "STARTTLS"], f"the commands ({kind})")
            tap.same(server.credentials, [], "the credentials")


def test_no_login_no_mail(house):
    """Where nobody signed in, MAIL is never said"""
    at_once = {"postroom": {"auth_patience": "0s"}}
    for script in ({"mechanisms": []}, at("auth", "250 2.0.0 Fine"),
                   at("auth", "535 5.7.3 No"), at("auth", "454 4.7.0 Later")):
        with house.server(script, **at_once) as server:
            house.print(server)
            tap.among("EHLO", server.verbs, f"the commands with {script}")
            tap.absent("MAIL", server.verbs, f"the commands with {script}")


def test_retry_waits(house):
    """A job to be tried again waits retry_after first, as cupsd starts it again at once"""
    with house.server(at("greeting", "421 4.3.2 Not now")) as server:
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        assert 0.8 <= result.seconds < 3, f"{result.seconds} s and not about one"


def test_reply_inside_the_message(house):
    """A yes that comes before the end of the message is none"""
    script = at("body", {"reply": "250 2.0.0 Stray", "then": "wait", "after": 1000})
    script["faults"]["eod"] = "550 5.7.1 Looks like junk"
    with house.server(script) as server, house.start(server, data=LARGE) as run:
        assert server.wait("body")
        server.release.set()
        result = run.finish()
        tap.same(result.code, RETRY, "the exit code")
        tap.among("before it had the whole message", result.log, "the log")
        tap.same(server.accepted, [], "the accepted messages")


def test_hostile_reply(house):
    """A server's reply cannot command cupsd through the log"""
    reply = "550 5.1.1 No\rSTATE: +com.example.injected\r such user\0 \x1b[31m here"
    with house.server(at("rcpt", reply)) as server:
        result = house.print(server)
        tap.same(result.code, CANCEL, "the exit code")
        for line in result.log.splitlines():
            assert not line.startswith("STATE: +com."), f"injected: {line!r}"
        for byte in "\r\0\x1b":
            tap.absent(byte, result.log, "the log")


if __name__ == "__main__":
    tap.run(globals(), backend.House)
