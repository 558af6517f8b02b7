#!/usr/bin/python3 -B
"""What the backend makes of everything that a submission server can do to it."""
import os
import signal
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, mail, settings, tap  # noqa: E402
from rig.backend import CANCEL, OK, RETRY, STOP  # noqa: E402

AT_ONCE = 8  # runs side by side; most of them wait to be tried again
STOP_LIMIT = 2.0  # seconds from SIGTERM, or from the server's 250, to the end
LARGE = documents.pdf("Large", padding=20 * 1024 * 1024)  # more than the sockets buffer


def at(stage, action):
    return {"faults": {stage: action}}


# What goes wrong, the script for it, the exit code, and what the queue's message must name.
FAULTS = [
    ("the greeting asks to come back later", at("greeting", "421 4.3.2 Not now"), RETRY,
     "421"),
    ("the greeting turns everyone away", at("greeting", "554 5.3.2 No service"), RETRY,
     "554"),
    ("the server closes before its greeting", at("greeting", "close"), RETRY, "localhost"),
    ("the server resets before its greeting", at("greeting", "reset"), RETRY, "localhost"),
    ("a web portal answers on the port",
     at("greeting", {"raw": "HTTP/1.1 400 Bad Request\r\n\r\n", "then": "close"}), RETRY,
     "not a submission server"),
    ("EHLO is refused", at("ehlo", "502 5.5.1 What?"), RETRY, "EHLO"),
    ("the server closes after EHLO", at("ehlo", "close"), RETRY, "localhost"),
    ("STARTTLS is not offered, AUTH in clear text is", {"starttls": False}, RETRY, "STARTTLS"),
    ("STARTTLS is refused", at("starttls", "454 4.7.0 TLS not available"), RETRY, "TLS"),
    ("bytes are slipped in behind the answer to STARTTLS",
     at("starttls", {"reply": "220 2.0.0 Ready", "inject": "250 AUTH LOGIN\r\n"}), RETRY,
     "localhost"),
    ("the server speaks no TLS after STARTTLS", at("tls", {"raw": "what?\r\n" * 10}), RETRY,
     "TLS"),
    ("the server closes during the handshake", at("tls", "close"), RETRY, "localhost"),
    ("the certificate is of an unknown authority", {"certificate": "unknown-ca"}, STOP,
     "certificate"),
    ("the certificate is another host's", {"certificate": "wrong-host"}, STOP, "certificate"),
    ("the certificate has expired", {"certificate": "expired"}, STOP, "certificate"),
    ("the server knows no TLS above 1.1", {"newest": "1.1"}, RETRY, "TLS"),
    ("no sign-in is offered", {"mechanisms": []}, STOP, "sign-in"),
    ("no sign-in with a password is offered", {"mechanisms": ["XOAUTH2"]}, STOP, "sign-in"),
    ("the password is wrong", at("auth", "535 5.7.3 Authentication unsuccessful [X]"), STOP,
     "password"),
    ("sign-in with passwords is switched off",
     at("auth", "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is "
        "disabled for the Mailbox."), STOP, "SMTP AUTH"),
    ("a refusal repeats the password",
     at("auth", f"535 5.7.3 {settings.PASSWORD} is wrong"), STOP, "left out"),
    ("logins cannot be checked for the moment", at("auth", "454 4.7.0 Temporary"), RETRY,
     "454"),
    ("the server closes instead of judging the login", at("auth", "close"), RETRY,
     "localhost"),
    ("the login is answered with 250 and not 235", at("auth", "250 2.0.0 Fine"), STOP, "235"),
    ("the sender may not send as this mailbox", at("mail", "550 5.7.60 Not yours"), STOP,
     "from"),
    ("the sender is sent away for a while", at("mail", "451 4.7.500 Busy"), RETRY, "451"),
    ("the mailbox has too many connections", at("mail", "432 4.3.2 Concurrent connections "
                                                "limit exceeded"), RETRY, "432"),
    ("the size is refused at the sender", at("mail", "552 5.3.4 Too big"), CANCEL, "552"),
    ("the recipient does not exist", at("rcpt", "550 5.1.1 Unknown"), CANCEL, "recipient"),
    ("the recipient is greylisted", at("rcpt", "451 4.7.1 Greylisted"), RETRY, "451"),
    ("DATA is refused for now", at("data", "451 4.3.0 Later"), RETRY, "451"),
    ("DATA is refused for good", at("data", "554 5.6.0 Never"), CANCEL, "554"),
    ("the server closes inside the message", at("body", {"then": "close"}), RETRY,
     "localhost"),
    ("the server resets inside the message", at("body", {"then": "reset"}), RETRY,
     "localhost"),
    ("the server gives up inside the message", at("body", "421 4.4.2 Timeout"), RETRY,
     "localhost"),
    ("the message is refused for now", at("eod", "451 4.3.0 Later"), RETRY, "451"),
    ("the message is refused for good", at("eod", "550 5.7.1 Looks like junk"), CANCEL,
     "550"),
    ("the message is too large for the mailbox", at("eod", "552 5.3.4 Too big"), CANCEL,
     "552"),
    ("the sender is denied only after the message",
     at("eod", "554 5.2.252 SendAsDenied; not allowed"), STOP, "from"),
]


def no_leak(server, log):
    """Nothing secret outside TLS, nor in what the backend says."""
    for secret in (settings.PASSWORD, b64encode(settings.PASSWORD.encode()).decode()):
        tap.absent(secret.encode(), bytes(server.bare), "the bytes outside TLS")
        tap.absent(secret, log, "the log")
    tap.absent(b"MAIL FROM", bytes(server.bare).upper(), "the bytes outside TLS")
    assert all(tls for tls, _, _ in server.credentials), "a credential outside TLS"


class House(backend.House):
    """Meets all faults at the start, side by side; the tests then look at what came of it."""

    def __enter__(self):
        with ThreadPoolExecutor(AT_ONCE) as pool:
            self.met = list(pool.map(self._meet, [script for _, script, _, _ in FAULTS]))
        return self

    def _meet(self, script):
        with self.server(script) as server:
            return server, self.print(server)


def fault_test(number, title, code, words):
    def test(house):
        server, house.last = house.met[number]
        tap.same(house.last.code, code, "the exit code")
        tap.same(server.accepted, [], "the accepted messages")
        tap.among(words, house.last.log, "the log")
        no_leak(server, house.last.log)
    test.__doc__ = f"{title}: exit {code}"
    return test


for number, (title, _, code, words) in enumerate(FAULTS):
    globals()[f"test_fault_{number}"] = fault_test(number, title, code, words)


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
        no_leak(server, result.log)


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
    for kind in ("unknown-ca", "wrong-host", "expired"):
        with house.server({"certificate": kind}) as server:
            house.print(server)
            tap.same(server.verbs, ["EHLO", "STARTTLS"], f"the commands ({kind})")
            tap.same(server.credentials, [], "the credentials")


def test_no_login_no_mail(house):
    """Where nobody signed in, MAIL is never said"""
    for script in ({"mechanisms": []}, at("auth", "250 2.0.0 Fine"),
                   at("auth", "535 5.7.3 No"), at("auth", "454 4.7.0 Later")):
        with house.server(script) as server:
            house.print(server)
            tap.absent("MAIL", server.verbs, f"the commands with {script}")


def test_size_limit(house):
    """A message over the server's limit is cancelled before DATA"""
    with house.server({"size": 1000}) as server:
        result = house.print(server)
        tap.same(result.code, CANCEL, "the exit code")
        tap.among("1000", result.log, "the log")
        tap.absent("DATA", server.verbs, "the commands")


def test_account_limit(house):
    """A message over max_message_size is cancelled before anybody is asked"""
    with house.server(account={"max_message_size": "64K"}) as server:
        result = house.print(server, data=documents.pdf("Big", padding=70_000))
        tap.same(result.code, CANCEL, "the exit code")
        tap.among("max_message_size", result.log, "the log")
        tap.same(server.script.reached["greeting"], 0, "the number of connections")


def test_one_recipient_of_three(house):
    """One refused recipient of three: nothing is sent, the log names the server's word"""
    script = at("rcpt", [None, "550 5.1.10 RESOLVER.ADR.RecipientNotFound", None])
    options = backend.OPTIONS.replace("bob@example.com", "a@b.example,c@d.example,e@f.example")
    with house.server(script) as server:
        result = house.print(server, options=options)
        tap.same(result.code, CANCEL, "the exit code")
        tap.same(server.messages, [], "the messages")
        tap.among("RecipientNotFound", result.log, "the log")


def test_other_success_codes(house):
    """251, 252 and answers of several lines to the end of the data mean sent"""
    for reply in ("251 2.1.5 Will forward", "252 2.0.0 Will try",
                  "250-2.0.0 One\n250 2.0.0 Two"):
        with house.server(at("eod", reply)) as server:
            tap.same(house.print(server).code, OK, f"the exit code after {reply!r}")
            tap.same(len(server.accepted), 1, "the number of messages")


def test_quit_does_not_matter(house):
    """After 250 nothing matters: QUIT unanswered, reset, refused, all end at once as sent"""
    for action in ("hang", "stall", "reset", "close", "500 5.5.1 What?"):
        with house.server(at("quit", action)) as server:
            result = house.print(server)
            tap.same(result.code, OK, f"the exit code ({action})")
            tap.same(len(server.accepted), 1, "the number of messages")
            assert result.seconds < STOP_LIMIT, f"{result.seconds} s after QUIT: {action}"


def test_reset_after_250(house):
    """A connection that breaks in the moment after 250 means sent"""
    with house.server(at("eod", {"reply": "250 2.0.0 OK", "then": "reset"})) as server:
        tap.same(house.print(server).code, OK, "the exit code")


def test_uncertain(house):
    """No answer to the end of the data: tried again with the same bytes, and said so"""
    with house.server(at("eod", ["close", None])) as server:
        first = house.print(server)
        tap.same(first.code, RETRY, "the first exit code")
        tap.among("may have arrived", first.log, "the log")
        tap.same(house.print(server).code, OK, "the second exit code")
        one, two = server.messages
        tap.same(one.content, two.content, "the second message")
        tap.among(backend.UUID, mail.Mail(two.content)["Message-ID"], "the Message-ID")


def test_retry_waits(house):
    """A job to be tried again waits retry_after first, as cupsd starts it again at once"""
    with house.server(at("greeting", "421 4.3.2 Not now")) as server:
        result = house.print(server)
        assert result.seconds >= 1, f"only {result.seconds} s"


def test_retry_wait_ends_on_sigterm(house):
    """A cancelled job does not sit out its wait"""
    script = at("greeting", "421 4.3.2 Not now")
    with house.server(script, postroom={"retry_after": "10m"}) as server:
        for times in range(1, 6):  # it comes before, in and after the worker's end
            with house.start(server) as run:
                assert server.wait("greeting", times) and server.wait_idle()
                run.terminate()
                tap.same(run.finish(STOP_LIMIT).code, RETRY, f"the exit code of run {times}")


def test_refused_connection(house):
    """Nobody listens: exit 7"""
    with house.server() as server:
        server.stop()
        result = house.print(server)
        tap.same(result.code, RETRY, "the exit code")
        tap.among(str(server.port), result.log, "the log")


def terminated(house, script, stage, **how):
    """Stops the backend when the server has reached a stage; nothing may come of it."""
    with house.server(script) as server:
        with house.start(server, **how) as run:
            assert server.wait(stage), f"the stage {stage} was never reached"
            run.terminate()
            result = run.finish()
            left = run.left_behind()
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s at the stage {stage}"
        tap.same(left, [], "the processes left behind")
        tap.same(server.accepted, [], "the accepted messages")
        tap.same([each for each in server.messages if each.whole], [], "the whole messages")
        tap.same(result.code, RETRY, "the exit code: not a success, cupsd knows the rest")
        no_leak(server, result.log)


def test_sigterm_before_the_message(house):
    """SIGTERM ends it within two seconds wherever the server hangs, with nothing sent"""
    stages = ("greeting", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data")
    with ThreadPoolExecutor(AT_ONCE // 2) as pool:
        list(pool.map(lambda stage: terminated(house, at(stage, "hang"), stage), stages))


def test_sigterm_inside_the_message(house):
    """SIGTERM inside the message: no end of data is sent"""
    terminated(house, at("body", {"then": "stall", "after": 100_000}), "body", data=LARGE)


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


def test_sigterm_while_filters_work(house):
    """SIGTERM while the filters have not finished: nobody is asked"""
    reader, writer = os.pipe()
    with house.server() as server, open(reader, "rb") as pipe:
        os.write(writer, house.pdf[:100])
        with house.start(server, data=pipe) as run:
            assert len(wait_family(run, 2)) >= 2, "no worker"
            run.terminate()
            result = run.finish()
            tap.same(run.left_behind(), [], "the processes left behind")
        os.close(writer)
        assert result.seconds < STOP_LIMIT, f"{result.seconds} s"
        tap.same(result.code, RETRY, "the exit code")
        tap.same(server.script.reached["greeting"], 0, "the number of connections")


def wait_family(run, size):
    """The run's processes once there are so many of them, or it has ended."""
    family = run.family()
    while len(family) < size and run.process.poll() is None:
        family = run.family()
    return family


def test_sigterm_after_the_message(house):
    """SIGTERM after the end of the data: the server's answer is still heard"""
    with house.server(at("eod", "wait")) as server:
        with house.start(server) as run:
            assert server.wait("eod")
            run.terminate()
            server.release.set()
            house.last = run.finish()
        tap.same(house.last.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")


def test_sigpipe(house):
    """SIGPIPE, which cupsd would take for success, kills nothing"""
    with house.server(at("rcpt", "wait")) as server:
        with house.start(server) as run:
            assert server.wait("rcpt")
            for _ in range(20):
                os.killpg(run.process.pid, signal.SIGPIPE)
            server.release.set()
            house.last = run.finish()
        tap.same(house.last.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")


def test_killed_worker(house):
    """A worker killed from outside is never a success"""
    with house.server(at("rcpt", "wait")) as server:
        with house.start(server) as run:
            assert server.wait("rcpt")
            worker = [int(each.name) for each in run.family()][-1]
            assert worker != run.process.pid, "there is no worker"
            os.kill(worker, signal.SIGKILL)
            house.last = run.finish()
        tap.same(house.last.code, backend.HOLD, "the exit code")
        tap.among("killed", house.last.log, "the log")
        tap.same(server.accepted, [], "the accepted messages")


def test_empty_input(house):
    """No input, as when a filter failed: nothing is sent, nobody is asked, exit 0"""
    with house.server() as server:
        tap.same(house.print(server, data=b"").code, OK, "the exit code")
        tap.same(server.script.reached["greeting"], 0, "the number of connections")


def test_damaged_input(house):
    """Input that a filter left half done is held, and nothing is sent"""
    for data in (house.pdf[:len(house.pdf) // 2], b"no PDF at all"):
        with house.server() as server:
            tap.same(house.print(server, data=data).code, backend.HOLD, "the exit code")
            tap.same(server.script.reached["greeting"], 0, "the number of connections")


def test_environment(house):
    """Proxies, key logs and other people's certificates in the environment are ignored"""
    keys = house.tmp / "keys"  # where the worker could write them
    hostile = {"SSLKEYLOGFILE": str(keys), "ALL_PROXY": "socks5h://127.0.0.1:1",
               "all_proxy": "socks5h://127.0.0.1:1", "HTTPS_PROXY": "http://127.0.0.1:1",
               "smtp_proxy": "http://127.0.0.1:1", "SSL_CERT_FILE": "/dev/null",
               "SSL_CERT_DIR": "/dev/null", "OPENSSL_CONF": "/dev/null",
               "CURL_CA_BUNDLE": "/dev/null", "LC_ALL": "xx_YY", "TZ": "nowhere"}
    with house.server() as server:
        result = house.print(server, **hostile)
        tap.same(result.code, OK, "the exit code")
        tap.same(len(server.accepted), 1, "the number of messages")
        assert not keys.exists(), "the keys of the TLS session were written to a file"


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


def test_arguments(house):
    """Arguments that cupsd never gives: refused without a crash"""
    with house.server() as server:
        environment = house.environment(server.settings)
        for arguments in (["mailto:", "1"], ["mailto:", "x", "u", "t", "1", ""],
                          ["mailto:", "1", "u", "t", "1", "", "/nowhere/d1", "more"]):
            run = backend.Run(arguments, environment, b"")
            result = run.finish()
            run.close()
            tap.among(result.code, (backend.HOLD, STOP), f"the exit code of {arguments}")
            tap.same(server.script.reached["greeting"], 0, "the number of connections")


if __name__ == "__main__":
    tap.run(globals(), House)
