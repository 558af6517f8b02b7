#!/usr/bin/python3 -B
"""postroom login: signing in by each way, the test message, and the way over from a password."""
import os
import pwd
import signal
import sys
from email import message_from_bytes
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import admin, settings, tap  # noqa: E402
from fakes import entra, graph  # noqa: E402
from rig.admin import FAILED, MAILBOX, OK, USAGE  # noqa: E402

WORKER = pwd.getpwnam(settings.WORKER)
OTHER = "admin@example.com"
CODE = r"(?m)^Code: +(\S+)$"     # the code to type
ADDRESS = r"(?m)^(https://\S+)$"  # the address to open
PASSWORD = {"auth": "password"}


def approve(command, place, who=MAILBOX):
    place.entra.approve(who, command.wait_for(CODE)[1])


def by_device(place, *arguments, who=MAILBOX, **how):
    """Signs in with the code on another device; (exit code, what was printed)."""
    with place.start("login", *arguments, **how) as command:
        approve(command, place, who)
        return command.finish(), command.out


def arrived(place, count=1):
    """The test message as it arrived."""
    paths = place.mail.wait(count)
    tap.same(len(paths), count, "the number of messages")
    return message_from_bytes(paths[-1].read_bytes())


def nothing_done(place, before):
    tap.same(place.stored, "", "what is stored")
    tap.same(place.settings.read_bytes(), before, "the settings")


def refused(place, run, *words, code=FAILED, messages=0):
    before = place.settings.read_bytes()
    result, out = run()
    tap.same(result, code, "the exit code")
    for word in words:
        tap.among(word, out, "the output")
    nothing_done(place, before)
    tap.same(len(place.mail.paths), messages, "the number of messages")
    hidden(place, out)


def hidden(place, out):
    for token in place.secrets():
        tap.absent(token, out, "the output")
    tap.absent(settings.PASSWORD, out, "the output")


def now_works(place):
    """The stored tokens are the account's and root's alone."""
    tap.same(place.tokens.stat().st_mode & 0o7777, 0o600, "the mode of the tokens")
    tap.same(place.tokens.parent.stat().st_mode & 0o7777, 0o700, "the mode of the folder")
    tap.same(place.tokens.stat().st_uid, 0, "the owner of the tokens")
    assert any(token in place.stored for token in place.entra.access), "no token is stored"


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


# -- applications ----------------------------------------------------------------------------

def with_secret(place):
    """Registers an application with a secret; the path of its file."""
    path = place.secret.with_name("client")
    path.touch(mode=0o600)
    path.write_text("s3cret~value\n")
    place.application = place.entra.register(secret="s3cret~value")
    place.entra.mailboxes[place.application.id] = [MAILBOX]
    return path


def over_by_app(place, *more):
    return ("login", "office365", "--app", "--client-id", place.application.id,
            *more)


def test_way_over_app(house):
    """From a password to an application with a secret, and once more"""
    with house.place(**PASSWORD) as place:
        secret = with_secret(place)
        code, out = place.run(*over_by_app(place, "--secret-file", secret))
        tap.same(code, OK, "the exit code")
        now_works(place)
        text = place.settings.read_text()
        for line in ("auth = oauth-app", f"client_id = {place.application.id}",
                     f"client_secret_file = {secret}"):
            tap.among(f"\n{line}\n", text, "the settings")
        tap.absent("s3cret", out, "the output")
        tap.same(place.run("login")[0], OK, "the exit code of a second one")
        arrived(place, 2)


def test_way_over_app_wrong_secret(house):
    """A secret that is none: nothing changes"""
    with house.place(**PASSWORD) as place:
        secret = with_secret(place)
        secret.write_text("another\n")
        refused(place, lambda: place.run(*over_by_app(place, "--secret-file", secret)),
                "7000215")


def test_way_over_certificate(house):
    """From a password to an application with a certificate"""
    with house.place(**PASSWORD) as place:
        certificate, key = (place.secret.with_name(name) for name in ("app.pem", "app.key"))
        admin.certificates.openssl(
            "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out",
            certificate, "-days", 90, "-subj", "/CN=postroom")
        key.chmod(0o600)
        place.application = place.entra.register(certificate=certificate)
        place.entra.mailboxes[place.application.id] = [MAILBOX]
        code, _ = place.run(*over_by_app(
            place, "--certificate", certificate, "--key", key))
        tap.same(code, OK, "the exit code")
        now_works(place)
        tap.among(f"\nkey_file = {key}\n", place.settings.read_text(), "the settings")


# -- the way over ----------------------------------------------------------------------------

def test_way_over_device(house):
    """From a password, by device: the file changes in its place, owner and mode stay"""
    with house.place(**PASSWORD) as place:
        os.chown(place.settings, 0, WORKER.pw_gid)
        place.settings.chmod(0o640)
        before = place.settings.read_text()
        code, out = by_device(place, "office365", "--client-id", place.application.id)
        tap.same(code, OK, "the exit code")
        now_works(place)
        after = place.settings.read_text().splitlines()
        kept = [line for line in before.splitlines() if line != "auth = password"]
        tap.same([line for line in after if line in kept], kept, "the lines that stay")
        tap.same([line for line in after if line not in kept],
                 ["auth = oauth-device", f"client_id = {place.application.id}"],
                 "the lines that are new")
        st = place.settings.stat()
        tap.same((st.st_mode & 0o7777, st.st_uid, st.st_gid), (0o640, 0, WORKER.pw_gid),
                 "mode, owner and group")
        tap.same(place.secret.read_text().strip(), settings.PASSWORD, "the password")
        tap.among("--forget-password", out, "the output")


class Judge:
    """Graph's list of good tokens, which the authorization server has."""

    def __init__(self, service):
        self.service = service

    def __contains__(self, token):
        return self.service.valid(token, MAILBOX, entra.GRAPH)


def test_way_over_graph(house):
    """From a password over SMTP to Microsoft Graph: its refusal changes nothing, then it does"""
    scope = f"{entra.GRAPH[0]}/Mail.Send offline_access"
    with house.place(**PASSWORD, scope=scope) as place:
        with graph.Server({"faults": {"sendmail": ["403 ErrorSendAsDenied"]}},
                          kit=house.kit) as service:
            service.script.tokens = Judge(place.entra)
            text = place.settings.read_text().replace(
                "auth = password",
                f"auth = password\ngraph_url = https://localhost:{service.port}/v1.0")
            place.settings.write_text(text)
            arguments = ("office365", "--graph", "--client-id", place.application.id)
            refused(place, lambda: by_device(place, *arguments), "ErrorSendAsDenied")
            code, _ = by_device(place, *arguments)
            tap.same(code, OK, "the exit code")
            tap.same(len(service.accepted), 1, "the number of messages")
        now_works(place)
        tap.among("\nserver = graph\n", place.settings.read_text(), "the settings")
        tap.same(len(place.mail.paths), 0, "the number of messages over SMTP")


def test_way_over_asks(house):
    """What is missing is asked for on the terminal; without one it is named"""
    with house.place(**PASSWORD) as place:
        refused(place, lambda: place.run("login", "office365"), "--client-id", code=USAGE)
        with place.start("login", "office365", terminal=True) as command:
            command.wait_for("client.* ID")
            command.type(f"{place.application.id}\n")
            approve(command, place)
            tap.same(command.finish(), OK, "the exit code")
        now_works(place)


def test_way_over_refused(house):
    """The server refuses the test message: the account keeps its password"""
    with house.place(tokens=lambda *_: False, **PASSWORD) as place:
        secret = with_secret(place)
        refused(place, lambda: place.run(*over_by_app(place, "--secret-file", secret)), "hour")


def test_way_over_of_others(house):
    """An account that signs in otherwise already is not switched"""
    with house.place() as place:
        refused(place, lambda: place.run("login", "office365", "--app"), "no password",
                code=USAGE)


def test_settings_changed_meanwhile(house):
    """Settings that somebody edits meanwhile keep the edit; what was not tried is not switched"""
    with house.place(**PASSWORD) as place:
        with place.start("login", "office365", "--client-id", place.application.id) as command:
            code = command.wait_for(CODE)[1]
            place.settings.write_text(place.settings.read_text() + "; a note\n")
            place.entra.approve(MAILBOX, code)
            tap.same(command.finish(), OK, "the exit code")
        tap.among("; a note\n", place.settings.read_text(), "the settings")
        tap.among("\nauth = oauth-device\n", place.settings.read_text(), "the settings")
    with house.place(**PASSWORD) as place:
        with place.start("login", "office365", "--client-id", place.application.id) as command:
            code = command.wait_for(CODE)[1]
            text = place.settings.read_text().replace(f"username = {MAILBOX}",
                                                      f"username = {OTHER}")
            place.settings.write_text(text)
            place.entra.approve(MAILBOX, code)
            tap.same(command.finish(), FAILED, "the exit code")
        tap.same(place.settings.read_text(), text, "the settings")


KILL_AT = Path(__file__).parent / "rig" / "kill_at.py"
KILL_LAST = 130  # calls of the parent after the server took the message
KILL_STEPS = (29, 3)  # of how many calls one is tried, before these and among them


def kill_points(calls):
    last = calls - KILL_LAST
    return [*range(1, last, KILL_STEPS[0]), *range(last, calls + 1, KILL_STEPS[1])]


def test_killed_anywhere(house):
    """Killed at any of its system calls, the account has its old way or its new one, whole"""
    ways = {"old": 0, "new": 0}
    with house.place(**PASSWORD) as place:
        secret, counts = with_secret(place), place.folder / "counts"
        command = over_by_app(place, "--secret-file", secret)
        before = place.settings.read_bytes()

        def run(call):
            place.tokens.unlink(missing_ok=True)
            place.settings.write_bytes(before)
            code, out = place.run(*command, under=(KILL_AT, 0, call, "all", counts))
            if code == 126:
                raise tap.Skip("the right to trace processes (ptrace)")
            return code, out
        for _ in range(2):  # the first one makes folders that the second finds
            tap.same(run(0)[0], OK, "the exit code")
        after = place.settings.read_bytes()
        calls = int(counts.read_text().split()[0])
        for call in kill_points(calls):
            run(call)
            text = place.settings.read_bytes()
            tap.among(text, (before, after), f"the settings after a kill at call {call}")
            ways["new" if text == after else "old"] += "killed" in counts.read_text()
            if text == after:
                now_works(place)
            tap.same(place.secret.read_text().strip(), settings.PASSWORD, "the password")
        place.settings.write_bytes(before)  # what was left over is no hindrance
        tap.same(place.run(*command)[0], OK, "the exit code")
        tap.same(place.settings.read_bytes(), after, "the settings")
        tap.same(sorted(each.name for each in place.folder.glob("postroom.conf*")),
                 ["postroom.conf"], "the settings and what lies beside them")
    print(f"# of {calls} calls killed at {sum(ways.values())}: {ways}", flush=True)
    assert ways["old"] > 3 and ways["new"] > 1, f"the kills missed the switch: {ways}"


# -- forgetting the password -----------------------------------------------------------------

def brought_over(place):
    secret = with_secret(place)
    tap.same(place.run(*over_by_app(place, "--secret-file", secret))[0], OK, "the exit code")


def test_forget_password(house):
    """--forget-password removes file and line, and goes on where it was cut off"""
    with house.place(**PASSWORD) as place:
        brought_over(place)
        before = place.settings.read_text()
        for _ in range(2):  # the second time as if it was cut off behind the file
            code, out = place.run("login", "office365", "--forget-password")
            tap.same(code, OK, f"the exit code ({out})")
            assert not place.secret.exists(), "the password is still there"
            tap.same(place.settings.read_text(),
                     before.replace(f"password_file = {place.secret}\n", ""), "the settings")
            place.settings.write_text(before)


def test_forget_too_early(house):
    """The password that is still needed stays: of this account, of another one, without tokens"""
    with house.place(**PASSWORD) as place:
        def stays(*words):
            before = place.settings.read_text()
            code, out = place.run("login", "office365", "--forget-password")
            tap.same(code, FAILED, "the exit code")
            for word in words:
                tap.among(word, out, "the output")
            tap.same(place.settings.read_text(), before, "the settings")
            tap.same(place.secret.read_text().strip(), settings.PASSWORD, "the password")
        stays("still logs in")
        brought_over(place)
        done = place.settings.read_text()
        place.settings.write_text(done + f"[account second]\nserver = smtp.example.com\n"
                                  f"username = {OTHER}\npassword_file = {place.secret}\n")
        stays("second")
        place.settings.write_text(done)
        place.tokens.unlink()
        stays("nobody has signed in")


if __name__ == "__main__":
    tap.run(globals(), admin.House)
