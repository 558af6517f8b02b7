#!/usr/bin/python3 -B
"""Prints through the real cupsd with an account that signs in with tokens."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import documents, oauth, settings, tap  # noqa: E402
from rig.house import House as PrintServer  # noqa: E402
from fakes import entra  # noqa: E402 (rig has put it on the path)

TO = "mail-to=bob@example.com"
QUEUES = [f"mail{number}" for number in range(8)]
SECRET = "Qz8~canary-client-secret-77c1e"


class House(PrintServer):
    """With an authorization server, and an account for which somebody has signed in."""

    def __init__(self):
        super().__init__()
        self.entra = entra.Server(self.server.kit)
        self.application = self.entra.register()
        self.sections = {**self.sections, "account": oauth.keys(self.entra, self.application)}

    def __enter__(self):
        self.entra.start()
        super().__enter__()
        self.b = self.file("b.pdf", documents.pdf("B one", "B two"))
        return self

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.entra.stop()

    def judge(self, token, mailbox):
        return self.entra.valid(token, mailbox)

    def configure(self, **account):
        """Writes the settings anew, with these keys of the account beside the usual ones."""
        keys = {**self.sections["account"], **account}
        settings.write(self.folder / "etc", self.server, **{**self.sections, "account": keys})
        self.store = oauth.Store(self.cupsd.settings)

    def sign_in(self, left=oauth.LIFETIME):
        """Somebody signs in; the access token lives for `left` seconds."""
        self.configure()
        self.entra.faults.clear()
        self.entra.release.clear()
        self.entra.requests.clear()
        self.store.plant(self.entra.grant(self.application, settings.USER, oauth.SCOPE),
                         self.entra.issue(self.application, settings.USER, oauth.SCOPE,
                                          max(left, 0)), left=left)

    def print(self, **how):
        return self.lp(self.b, options=[TO], **how)

    def stopped(self, job, *words):
        """The queue's message; it must have stopped with these words, and the job waits."""
        printer = self.cupsd.wait_printer("mail", ("stopped",))
        message = printer["printer-state-message"][0]
        for word in words:
            tap.among(word, message, "the queue's message")
        tap.same(self.cupsd.client.job(job)["state"], "pending", "the state of the job")
        tap.same(self.new_mails(), [], "the mails")
        return message

    def enabled(self, job):
        """The mail of a job whose queue had stopped, and is started again."""
        self.cupsd.run("cupsenable", "mail")
        return self.sent(job)


def test_cached_token(house):
    """A job signs in with the token that is known; nobody is asked for one"""
    house.sign_in()
    message = house.sent(house.print())
    tap.same((message.envelope["auth"], message.envelope["mechanism"]),
             (settings.USER, "XOAUTH2"), "who signed in, and how")
    tap.same(house.entra.count("token"), 0, "the number of questions")


def test_expired_token(house):
    """An expired token is renewed once, and kept for the next job"""
    house.sign_in(left=-10)
    before = house.store.read()
    for _ in range(2):
        house.sent(house.print())
    tap.same(house.entra.count("token"), 1, "the number of questions")
    known = house.store.read()
    tap.among(known.refresh, house.entra.refresh, "the refresh tokens that came")
    assert known.refresh != before.refresh, "the old refresh token is still there"
    tap.same(known.login, before.login, "the login's number")


def test_many_queues(house):
    """Eight queues at once with an expired token make one question of it"""
    house.sign_in()
    for queue in QUEUES:
        house.cupsd.add_queue(queue, ppd=rig.PPD)
    house.sent(house.print())
    house.sign_in(left=-10)
    house.entra.fault("token", "wait")
    jobs = [house.print(queue=queue) for queue in QUEUES]
    assert house.entra.wait("token"), "nobody asked"
    for job in jobs:
        house.cupsd.poll(lambda: "Waiting for a connection" in house.cupsd.log(job),
                         f"job {job} never came so far")
    house.entra.release.set()
    for job in jobs:
        tap.same(house.cupsd.wait(job)["state"], "completed", f"the state of job {job}")
    tap.same(len(house.new_mails()), len(QUEUES), "the number of mails")
    tap.same(house.entra.count("token"), 1, "the number of questions")


def test_sign_in_over(house):
    """A sign-in that has ended stops the queue and names the command; a new one mends it"""
    house.sign_in(left=-10)
    house.entra.faults["token"] = "AADSTS700082"
    job = house.print()
    message = house.stopped(job, "postroom login", "700082")
    tap.among(house.entra.correlations[-1], message, "the queue's message")
    house.sign_in()
    message = house.enabled(job)
    tap.same(message.envelope["mechanism"], "XOAUTH2", "the mechanism")


def test_nobody_signed_in(house):
    """Where nobody has signed in yet the queue stops and names the command"""
    house.sign_in()
    house.store.path.unlink()
    job = house.print()
    house.stopped(job, "postroom login office365")
    house.sign_in()
    house.enabled(job)


def test_refusals(house):
    """Consent, Conditional Access: the queue's message has the hint and the correlation id"""
    for number, word in ((65001, "consent"), (53003, "Conditional Access")):
        house.sign_in(left=-10)
        house.entra.faults["token"] = f"AADSTS{number}"
        job = house.print()
        message = house.stopped(job, word, str(number))
        tap.among(house.entra.correlations[-1], message, "the queue's message")
        house.sign_in()
        house.enabled(job)


def test_token_refused(house):
    """A token that the server refuses is renewed once and the message goes"""
    house.sign_in()
    house.entra.revoke_access()
    house.sent(house.print())
    tap.same(house.entra.count("token"), 1, "the number of questions")


def test_mailbox_refused(house):
    """Where the new token is refused too the queue stops with the reason; nothing is lost"""
    house.sign_in()
    judge, house.server.mailbox.tokens = house.server.mailbox.tokens, lambda *_: False
    try:
        job = house.print()
        house.stopped(job, "access token", "535")
    finally:
        house.server.mailbox.tokens = judge
    tap.same(house.entra.count("token"), 1, "the number of questions")
    house.cupsd.settings.touch()  # Postroom cannot see what was mended elsewhere
    house.enabled(job)


def test_service_down(house):
    """While the sign-in service is down the job waits, and a new sign-in ends the wait"""
    house.sign_in(left=-10)
    house.entra.faults["token"] = {"status": 503}
    job = house.print()
    house.cupsd.poll(lambda: house.store.read().pause > 0, "nobody asked")
    house.cupsd.poll(lambda: "next try" in house.cupsd.client.printer("mail")
                     ["printer-state-message"][0], "the queue does not say that it waits")
    tap.same(house.cupsd.client.job(job)["state"], "processing", "the state of the job")
    tap.same(house.new_mails(), [], "the mails")
    house.sign_in()
    house.sent(job)


def test_application(house):
    """An application signs in with its certificate, and with its secret"""
    secrets = house.folder / "etc" / "secrets"
    pem, key = oauth.certificate(secrets)
    certified = house.entra.register(certificate=pem)
    secret = house.entra.register(secret=SECRET)
    house.entra.mailboxes = {each.id: [settings.USER] for each in (certified, secret)}
    for application, keys in (
            (certified, {"certificate_file": pem, "key_file": key}),
            (secret, {"client_secret_file": oauth.secret_file(secrets, SECRET)})):
        house.configure(auth="oauth-app", client_id=application.id, **keys)
        house.entra.requests.clear()
        for _ in range(2):
            message = house.sent(house.print())
            tap.same(message.envelope["mechanism"], "XOAUTH2", "the mechanism")
        form, = [each.form for each in house.entra.asked("token")]
        tap.same(form["grant_type"], "client_credentials", "the question")


def test_canaries(house):
    """No token and no secret of all these jobs is where anybody but root can see it"""
    house.sign_in(left=-10)
    house.entra.fault("token", "wait")
    job = house.print()
    assert house.entra.wait("token"), "nobody asked"
    house.cupsd.poll(lambda: "Signing in" in house.cupsd.log(job), "nobody says so")
    mark = f"CUPS_SERVERROOT={house.cupsd.folder}/etc\0".encode()
    family = [entry for entry in Path("/proc").glob("[0-9]*") if has_mark(entry, mark)]
    backends = [entry for entry in family
                if (entry / "exe").resolve().name.startswith("mailto")]
    assert len(backends) == 2, f"{len(backends)} processes of the backend"
    key = "".join((house.folder / "etc" / "secrets" / "app.key").read_text().splitlines()[1:-1])
    known = oauth.canaries(house, SECRET, key)
    assert len(known) > 50, "these are all of the canaries?"
    oauth.search_processes(backends, known)
    house.entra.release.set()
    house.sent(job)
    known = oauth.canaries(house, SECRET, key)
    error_log = house.cupsd.log()
    tap.among("Signing in", error_log, "the log (is this the right one?)")
    for folder in (house.cupsd.folder, house.folder / "etc"):
        files = oauth.search_files(folder, known)
        assert files > 5, f"only {files} files below {folder} were looked at"


def has_mark(entry, mark):
    try:
        return mark in (entry / "environ").read_bytes()
    except OSError:
        return False


if __name__ == "__main__":
    tap.run(globals(), House)
