#!/usr/bin/python3 -B
"""postroom login: signing in by each way, who signed in, and the test message."""
import os
import re
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import admin, oauth, tap  # noqa: E402
from fakes import jwt  # noqa: E402
from rig.admin import MAILBOX, OK, USAGE  # noqa: E402
from rig.signing import (ADDRESS, CODE, OTHER, WORKER, approve, arrived, by_device,  # noqa: E402
                         hidden, now_works, refused)


# -- the frame -------------------------------------------------------------------------------

def test_help_and_version(house):
    """--help and --version answer without root, settings or network; nonsense is exit 2"""
    with house.place() as place:
        code, out = place.run("--version")
        tap.same(code, OK, "the exit code")
        assert out.startswith("postroom "), out
        for arguments in (["--help"], ["login", "--help"]):
            code, out = place.run(*arguments)
            tap.same(code, OK, "the exit code")
            tap.among("login", out, "the help")
        told = re.findall(r"(?m)^ {8}(\w.*)$", place.run("--help")[1])
        tap.same([line for line in told if not line[0].isupper()], [], "helps in lower case")
        assert len(told) > 2, told
        for arguments in ([], ["no-such"], ["login", "--nonsense"], ["login", "a", "b"]):
            code, out = place.run(*arguments)
            tap.same(code, USAGE, f"the exit code of {arguments}")
            tap.among("Usage: postroom", out, "the output")


def test_not_root(house):
    """Without root: a clear sentence, exit 1, and nobody is asked"""
    with house.place() as place:
        program = house.folder / "postroom"
        program.write_bytes(Path(admin.rig.built("postroom")).read_bytes())
        program.chmod(0o755)
        under = ["/usr/bin/setpriv", f"--reuid={WORKER.pw_uid}",
                 f"--regid={WORKER.pw_gid}", "--clear-groups", program]
        with place.start("login", under=[*under, "login"]) as command:
            tap.same(command.finish(), USAGE, "the exit code of two operands")
        refused(place, lambda: place.run(under=under[:-1] + [program, "login", "--"]),
                "only root")
        tap.same(len(place.entra.requests), 0, "the number of requests")


def test_unknown_account(house):
    """An account that the settings do not have is named"""
    with house.place() as place:
        refused(place, lambda: place.run("login", "nowhere"), "no account 'nowhere'")


# -- the device flow -------------------------------------------------------------------------

def test_device_approved(house):
    """A code typed on another device: message sent, tokens stored, no secret shown"""
    with house.place() as place:
        before = place.settings.read_bytes()
        code, out = by_device(place)
        tap.same(code, OK, "the exit code")
        now_works(place)
        assert any(token in place.stored for token in place.entra.refresh), "no refresh token"
        tap.same(place.settings.read_bytes(), before, "the settings")
        message = arrived(place)
        tap.among(MAILBOX, message["To"], "To")
        tap.among("Postroom", message["Subject"], "Subject")
        tap.same(message["Auto-Submitted"], "auto-generated", "Auto-Submitted")
        tap.among("microsoft.com/devicelogin", out, "the output")
        tap.absent("█", out, "the output of a pipe")
        hidden(place, out)


def test_device_on_a_terminal(house):
    """On a terminal the address is there as a QR code, too"""
    with house.place() as place:
        code, out = by_device(place, terminal=True)
        tap.same(code, OK, "the exit code")
        rows = [line for line in out.splitlines() if line.strip() and not set(line) - set(" ▀▄█")]
        assert len(rows) > 12 and len({len(row) for row in rows}) == 1, f"{len(rows)} rows"


def test_terminal_without_utf8(house):
    """A terminal that shows no UTF-8 gets no QR code"""
    with house.place() as place:
        code, out = by_device(place, "--no-test", terminal=True, LANG="C")
        tap.same(code, OK, "the exit code")
        tap.absent("█", out, "the output")
        tap.absent("\N{REPLACEMENT CHARACTER}", out, "the output")


def test_child_is_nobody(house):
    """Who talks to the network is not root, has no terminal, and shows nothing"""
    with house.place() as place:
        with place.start("login", terminal=True) as command:
            code = command.wait_for(CODE)[1]
            assert place.entra.wait("token"), "nobody asked"
            entry, = command.children()
            status = dict(line.split(":\t", 1) for line
                          in (entry / "status").read_text().splitlines() if ":\t" in line)
            tap.same(status["Uid"].split(), [str(WORKER.pw_uid)] * 4, "the users")
            tap.same(status["NoNewPrivs"], "1", "NoNewPrivs")
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            tap.same(fields[4], "0", "the child's terminal")
            for link in (entry / "fd").iterdir():
                tap.absent("/dev/pts", os.readlink(link), "the child's files")
            place.entra.approve(MAILBOX, code)
            for each in (entry, Path(f"/proc/{command.process.pid}")):
                for name in ("cmdline", "environ"):
                    text = (each / name).read_bytes()
                    for token in place.secrets():
                        tap.absent(token.encode(), text, str(each / name))
            tap.same(command.finish(), OK, "the exit code")


def test_device_declined(house):
    """The person says no, in either server's word"""
    for word in ("authorization_declined", "access_denied"):
        with house.place() as place:
            def run(place=place, word=word):
                with place.start("login") as command:
                    place.entra.decline(word, command.wait_for(CODE)[1])
                    return command.finish(), command.out
            refused(place, run, word)


def test_device_expired(house):
    """The code gets too old: the server says so, or nobody needs to ask"""
    with house.place() as place:
        place.entra.fault("token", "expired_token")
        refused(place, lambda: place.run("login"), "expired_token")
    with house.place() as place:
        place.entra.device_lifetime, place.entra.interval = 2, 5
        refused(place, lambda: place.run("login"), "nobody signed in")
        tap.same(place.entra.count("token"), 0, "the number of questions")


def test_device_slow_down(house):
    """slow_down: five seconds more between two questions, then it works"""
    with house.place() as place:
        place.entra.fault("token", "slow_down")
        with place.start("login") as command:
            assert place.entra.wait("token"), "nobody asked"
            approve(command, place)
            assert place.entra.wait("token", 2, limit=4) is False, "it did not slow down"
            tap.same(command.finish(), OK, "the exit code")
        tap.same(place.entra.count("token"), 2, "the number of questions")


def test_device_trouble(house):
    """Broken connections and a service with trouble while it waits: it goes on"""
    with house.place() as place:
        place.entra.fault("token", "reset", "temporarily_unavailable")
        code, _ = by_device(place, "--no-test")
        tap.same(code, OK, "the exit code")
        tap.same(place.entra.count("token"), 3, "the number of questions")


def test_device_refused(house):
    """What the service refuses ends it, with the number that Microsoft gives"""
    with house.place() as place:
        place.entra.fault("devicecode", "AADSTS700016")
        refused(place, lambda: place.run("login"), "700016")
    with house.place() as place:
        place.entra.fault("token", "AADSTS53003")
        refused(place, lambda: place.run("login"), "53003")


def test_nonsense(house):
    """Nonsense instead of a code, or of tokens, ends it or is passed over; nothing is stored"""
    for body in ("", "{", "\0" * 100, '{"user_code": "A\\u001b[31m"}', "[" * 5000,
                 '{"device_code":"d","user_code":"u","verification_uri":"javascript:1"}'):
        with house.place() as place:
            place.entra.fault("devicecode", {"status": 200, "body": body})
            refused(place, lambda place=place: place.run("login"), "postroom: ")


def test_wrong_person(house):
    """Somebody else signed in: refused, with what to do; nothing is stored or sent"""
    with house.place() as place:
        refused(place, lambda: by_device(place, who=OTHER), OTHER, MAILBOX, "private window",
                "--shared")


def test_person_in_another_case(house):
    """The mailbox's name in other letters is the mailbox"""
    with house.place() as place:
        tap.same(by_device(place, who=MAILBOX.upper())[0], OK, "the exit code")
        now_works(place)


def test_shared(house):
    """--shared: a person who may send from the mailbox"""
    with house.place() as place:
        place.entra.mailboxes[OTHER] = [MAILBOX]
        tap.same(by_device(place, "--shared", who=OTHER)[0], OK, "the exit code")
        now_works(place)


def test_server_refuses(house):
    """The mail server does not take the token: nothing is stored, and an hour is mentioned"""
    with house.place(tokens=lambda *_: False) as place:
        refused(place, lambda: by_device(place), "hour", "535")


def test_other_address(house):
    """--test ADDRESS: the message goes there; --no-test: none is sent"""
    with house.place() as place:
        tap.same(by_device(place, "--test", "boss@example.com")[0], OK, "the exit code")
        tap.among("boss@example.com", arrived(place)["To"], "To")
        tap.same(by_device(place, "--no-test")[0], OK, "the exit code")
        tap.same(len(place.mail.paths), 1, "the number of messages")
        code, _ = place.run("login", "--test", "no address\r\n")
        tap.same(code, USAGE, "the exit code")


def test_no_refresh_token(house):
    """Without a refresh token the account would stop within the hour: refused"""
    with house.place(scope="https://outlook.office.com/SMTP.Send") as place:
        refused(place, lambda: by_device(place), "offline_access")


def given(place, **answer):
    """An answer with tokens that tell nobody, beside these."""
    scope = oauth.SCOPE
    return {"status": 200, "json": {
        "token_type": "Bearer", "expires_in": 3599, "access_token": "opaque-access",
        "refresh_token": place.entra.grant(place.application, MAILBOX, scope), **answer}}


def test_nobody_knows_who(house):
    """A token that does not tell who signed in needs a test message, or --shared"""
    with house.place() as place:
        place.entra.fault("token", given(place))
        refused(place, lambda: place.run("login", "--no-test"), "--shared", "--no-test", MAILBOX)
    with house.place() as place:
        place.entra.fault("token", given(place))
        tap.same(place.run("login", "--no-test", "--shared")[0], OK, "the exit code")
        tap.among("opaque-access", place.stored, "the tokens")
    with house.place(tokens=lambda *_: True) as place:
        place.entra.fault("token", given(place))
        tap.same(place.run("login")[0], OK, "the exit code with a test message")
        arrived(place)


def test_less_granted(house):
    """A service that grants less than was asked for: a warning, and no word where it is all"""
    asked = oauth.SCOPE.split()[0]
    other = asked.replace("SMTP.Send", "IMAP.AccessAsUser.All")
    for granted, warned in ((other, True), (f"{other} {asked}", False), ("smtp.send", False),
                            ("", False)):
        with house.place(tokens=lambda *_: True) as place:
            place.entra.fault("token", given(place, scope=granted))
            code, out = place.run("login")
            tap.same(code, OK, "the exit code")
            tap.same("Warning" in out, warned, f"whether there is a warning for {granted!r}")
            tap.same(f"{asked} is missing" in out, warned, "whether it names the scope")


def test_interrupted(house):
    """Ctrl-C ends it cleanly, on a terminal and by a signal; no process is left"""
    for terminal in (False, True):
        with house.place() as place:
            def run(place=place, terminal=terminal):
                with place.start("login", terminal=terminal) as command:
                    command.wait_for("Waiting")
                    assert place.entra.wait("token"), "nobody asked"
                    child, = command.children()
                    command.interrupt()
                    code = command.finish()
                    assert not child.exists(), "the child is left"
                    return code, command.out
            refused(place, run, "stopped; nothing was changed")


def test_killed(house):
    """When root's half is killed, the other half dies with it"""
    with house.place() as place:
        with place.start("login") as command:
            assert place.entra.wait("token"), "nobody asked"
            child, = command.children()
            watch = os.pidfd_open(int(child.name))
            command.process.send_signal(signal.SIGKILL)
            ready, _, _ = admin.select.select([watch], [], [], 10)
            os.close(watch)
            assert ready, "the child lives on"


# -- the authorization code ------------------------------------------------------------------

def test_code_by_listener(house):
    """A browser comes back to the listener, after strangers did"""
    with house.place(auth="oauth-code") as place:
        place.entra.person = MAILBOX
        with place.start("login") as command:
            address = command.wait_for(ADDRESS)[1]
            port = admin.re.search(r"localhost%3A(\d+)", address)[1]
            for path in ("favicon.ico", "?code=evil&state=guess"):
                try:
                    admin.urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=30)
                    raise AssertionError("a stranger was let in")
                except admin.urllib.error.HTTPError as answer:
                    tap.among(answer.code, (400, 404), "the answer to a stranger")
            place.browse(address)
            tap.same(command.finish(), OK, "the exit code")
            hidden(place, command.out)
        now_works(place)
        arrived(place)


def test_code_pasted(house):
    """The address is pasted, with or without a listener; a wrong line is asked for again"""
    for arguments in ([], ["--paste"]):
        with house.place(auth="oauth-code") as place:
            place.entra.person = MAILBOX
            with place.start("login", *arguments, terminal=True) as command:
                address = command.wait_for(r"(?m)^(https://\S+)\n")[1]
                end = place.browse(address, follow=False)
                command.type("http://localhost/?code=1&state=wrong\n")
                command.wait_for("paste all of it")
                command.type(end + "\n")
                tap.same(command.finish(), OK, "the exit code")
            now_works(place)


OPENID = {"auth": "oauth-code", "scope": f"{oauth.SCOPE} openid"}


def browsed(place):
    """Signs in by a browser; what the address had for a nonce, exit code, output."""
    place.entra.person = MAILBOX
    with place.start("login") as command:
        address = command.wait_for(ADDRESS)[1]
        place.browse(address)
        return re.search(r"&nonce=([\w-]{43})&", address), command.finish(), command.out


def test_nonce(house):
    """openid in the scope: a nonce goes along, another one each time, and comes back"""
    seen = set()
    with house.place(**OPENID) as place:
        for _ in range(2):
            nonce, code, out = browsed(place)
            tap.same(code, OK, "the exit code")
            assert nonce, "there was no nonce"
            seen.add(nonce[1])
        tap.same(len(seen), 2, "the number of nonces")
        now_works(place)
    with house.place(auth="oauth-code") as place:
        nonce, code, _ = browsed(place)
        tap.same((nonce, code), (None, OK), "nonce and exit code without openid")


def test_foreign_id_token(house):
    """An id_token of another sign-in, or without a nonce, is refused"""
    for claims in ({"nonce": "A" * 43}, {}, {"nonce": 5}):
        with house.place(**OPENID) as place:
            token = jwt.make({"preferred_username": MAILBOX, **claims}, 500)
            place.entra.fault("token", given(place, id_token=token))
            refused(place, lambda place=place: browsed(place)[1:], "another sign-in")


def test_code_declined(house):
    """The person says no in the browser"""
    with house.place(auth="oauth-code") as place:
        def run():
            with place.start("login") as command:
                place.browse(command.wait_for(ADDRESS)[1])
                return command.finish(), command.out
        refused(place, run, "declined")


def test_code_nothing_pasted(house):
    """--paste, and the terminal ends: a sentence"""
    with house.place(auth="oauth-code") as place:
        refused(place, lambda: place.run("login", "--paste"), "no address was pasted")


if __name__ == "__main__":
    tap.run(globals(), admin.House)
