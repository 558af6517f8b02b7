#!/usr/bin/python3 -B
"""Prints through the real cupsd with an account that sends through Microsoft Graph."""
import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from rig import documents, graph, journal, oauth, settings, tap  # noqa: E402
from rig.house import ALICE  # noqa: E402
from rig.house import House as PrintServer  # noqa: E402
from fakes import entra  # noqa: E402 (rig has put it on the path)
from fakes import graph as service  # noqa: E402

TO = "mail-to=bob@example.com"
ALL = [TO, "mail-cc=carol@example.com", "mail-bcc=dave@example.com"]
QUEUES = [f"mail{number}" for number in range(8)]
LARGE = 2300  # pixels of a picture's side: 5 MB
SECRET = "Qz8~canary-client-secret-3d5a0"


class House(PrintServer):
    """With an authorization server, and a mailbox that somebody has signed in to. `server` is
    Microsoft Graph."""

    def __init__(self):
        super().__init__()
        self.cupsd.more = "DirtyCleanInterval 0\n"  # what it knows is on the disk at once
        self.server = service.Server({}, kit=self.server.kit, tokens=self.judge)
        self.entra = entra.Server(self.server.kit)
        self.application = self.entra.register()
        self.sections = {**self.sections, "account": {
            **oauth.keys(self.entra, self.application), **graph.keys(self.server)}}

    def __enter__(self):
        self.entra.start()
        super().__enter__()
        self.small = self.file("small.pdf", documents.pdf("Small"))
        self.large = self.file("large.pdf", documents.photo(LARGE))
        self.store = oauth.Store(self.cupsd.settings)
        return self

    def __exit__(self, *arguments):
        super().__exit__(*arguments)
        self.entra.stop()

    def judge(self, token, mailbox):
        return self.entra.valid(token, mailbox, entra.GRAPH)

    def begin(self, script=None, left=oauth.LIFETIME, **account):
        """All begins anew: the service, whose script this is, the settings with these keys of
        the account, and a login whose token lives for `left` seconds; None: nobody has
        signed in."""
        self.server.wait_idle()
        self.server.release.clear()
        self.server.begin(script or {})
        self.entra.faults.clear()
        self.entra.release.clear()
        self.entra.requests.clear()
        self.taken = 0
        keys = {**self.sections["account"], **account}
        self.server.settings = settings.write(self.folder / "etc", self.server, **{
            **self.sections, "account": keys})
        self.store = oauth.Store(self.server.settings)
        self.store.path.unlink(missing_ok=True)
        if left is None:
            return
        self.store.plant(self.entra.grant(self.application, settings.USER, graph.SCOPE),
                         self.entra.issue(self.application, settings.USER, graph.SCOPE,
                                          max(left, 0)), left=left)

    def new_mails(self):
        """What the service sent since the last call, but for notices, which are kept."""
        found = graph.arrived(self.server)[self.taken:]
        self.taken += len(found)
        self.notices += [each for each in found if each.mail.is_notice]
        return [each for each in found if not each.mail.is_notice]

    def print(self, *files, options=(TO,), **how):
        return self.lp(*(files or [self.small]), options=options, **how)

    def stopped(self, job, *words):
        """The queue must have stopped with these words, and the job waits; it is started."""
        printer = self.cupsd.wait_printer("mail", ("stopped",))
        for word in words:
            tap.among(word, printer["printer-state-message"][0], "the queue's message")
        tap.same(self.cupsd.client.job(job)["state"], "pending", "the state of the job")
        tap.same(self.new_mails(), [], "the mails")

    def resume(self, job):
        """The mail of a job whose queue had stopped, now that all is well."""
        self.server.script.faults.clear()
        self.server.script.may = ["send", "drafts"]
        os.utime(self.cupsd.settings)  # what was mended elsewhere Postroom cannot see
        self.cupsd.run("cupsenable", "mail")
        return self.sent(job)

    def says(self, *words, queue="mail"):
        """Waits until the queue's message has these words."""
        def look():
            message = self.cupsd.client.printer(queue)["printer-state-message"][0]
            return all(word in message for word in words)
        self.cupsd.poll(look, f"{queue} never says {words}")

    def drafts(self):
        return len(graph.drafts(self.server))


def test_small(house):
    """A small job is one request, with all recipients; the log has the answer"""
    house.begin()
    job = house.print(options=ALL, title="Report")
    message = house.sent(job)
    tap.same(message.header, {"to": ["bob@example.com"], "cc": ["carol@example.com"],
                              "bcc": ["dave@example.com"]}, "the recipients")
    tap.same(message.mail["Subject"], "Report", "the subject")
    tap.same(len(message.documents), 1, "the number of documents")
    tap.same(house.server.steps, ["sendmail"], "the steps")
    said = house.cupsd.log(job)
    for word in ("Sent to bob@example.com and 2 more", "202", "request-"):
        tap.among(word, said, "the log")


def test_large(house):
    """A large job is a draft that is filled and sent; its pages arrive"""
    house.begin()
    message = house.sent(house.print(house.large, options=ALL))
    (_, content), = message.documents
    assert content.startswith(b"%PDF-") and len(content) > 5_000_000, f"{len(content)} bytes"
    tap.same(message.recipients, ["bob@example.com", "carol@example.com",
                                  "dave@example.com"], "the recipients")
    tap.same(house.drafts(), 0, "the drafts")


def test_several_documents(house):
    """A job of several documents, large and small, is one message that has them all"""
    house.begin()
    other = house.file("other.pdf", documents.photo(2100))
    message = house.sent(house.print(house.large, house.small, other))
    sizes = [len(content) // 1_000_000 for _, content in message.documents]
    tap.same(sizes, [5, 0, 4], "the documents, in MB")
    steps = house.server.steps
    tap.same((steps.count("session"), steps.count("attach"), steps.count("send")), (2, 1, 1),
             "the uploads")
    tap.same(len({name for name, _ in message.documents}), 3, "the names")


def test_application(house):
    """An application with its secret sends from the mailbox of the account"""
    application = house.entra.register(secret=SECRET)
    house.entra.mailboxes = {application.id: [settings.USER]}
    path = oauth.secret_file(house.folder / "etc" / "secrets", SECRET)
    house.begin(left=None, auth="oauth-app", client_id=application.id, client_secret_file=path)
    for document in (house.small, house.large):
        house.sent(house.print(document))
    tap.same(len(house.entra.asked("token")), 1, "the questions for a token")
    paths = {each["path"].split("/")[3] for each in house.server.requests
             if each["where"] == "graph"}
    tap.same(paths, {"scanner%40example.com"}, "the mailboxes")


def test_expired_token(house):
    """An expired token is renewed once, for this job and the next"""
    house.begin(left=-10)
    for _ in range(2):
        house.sent(house.print())
    tap.same(house.entra.count("token"), 1, "the number of questions")


def test_refused_token(house):
    """A refused token is renewed once; where the new one is refused too the queue stops"""
    house.begin()
    house.entra.revoke_access()
    house.sent(house.print())
    house.begin()
    house.server.tokens = lambda *_: False
    try:
        job = house.print()
        house.stopped(job, "access token", "401", "postroom login")
    finally:
        house.server.tokens = house.judge
    tap.same(house.entra.count("token"), 1, "the number of questions")
    house.resume(job)


def test_sign_in_over(house):
    """A sign-in that has ended stops the queue and names the command; a new one mends it"""
    house.begin(left=-10)
    house.entra.faults["token"] = "AADSTS700082"
    job = house.print()
    house.stopped(job, "postroom login", "700082")
    house.begin()
    house.cupsd.run("cupsenable", "mail")
    house.sent(job)


def test_refusals(house):
    """The queue stops with the right remedy, and the job goes when it is mended"""
    for script, words, document in (
            ({"faults": {"sendmail": "403 ErrorSendAsDenied"}}, ("from", "Send As"), "small"),
            ({"may": ["send"]}, ("Mail.ReadWrite", "over 2 MB"), "large"),
            ({"may": []}, ("Mail.Send", "docs/office365.md"), "small"),
            ({"faults": {"search": "404 MailboxNotEnabledForRESTAPI"}},
             ("Exchange Online", "licence"), "large")):
        house.begin(script)
        job = house.print(getattr(house, document))
        house.stopped(job, *words)
        house.resume(job)
        tap.same(house.drafts(), 0, "the drafts")


def test_throttled(house):
    """429 with Retry-After: this job and those of other queues wait, visibly, and go later"""
    busy = {"status": 429, "error": "ApplicationThrottled", "headers": {"Retry-After": "900"}}
    house.begin({"faults": {"sendmail": [busy]}})
    house.cupsd.add_queue("other", ppd=rig.PPD)
    first = house.print()
    house.says("takes no more", "429", "next try")
    assert 880 < graph.pause(house.server) <= 900, graph.pause(house.server)
    second = house.print(queue="other")
    house.says("takes no more", "next try", queue="other")
    tap.same(house.server.steps, ["sendmail"], "the steps")
    for job in (first, second):
        tap.same(house.cupsd.client.job(job)["state"], "processing", f"the state of {job}")
    graph.reopen(house.server)  # the time is over
    settings.write(house.folder / "etc", house.server, **{  # which ends the wait
        **house.sections, "account": {**house.sections["account"], "max_per_minute": "5999"}})
    for job in (first, second):
        tap.same(house.cupsd.wait(job)["state"], "completed", f"the state of {job}")
    tap.same(len(house.new_mails()), 2, "the number of mails")


def test_many_queues(house):
    """Eight queues at once: four requests at a time, none refused, each mail once"""
    house.begin(max_connections="20")
    for queue in QUEUES:
        house.cupsd.add_queue(queue, ppd=rig.PPD)
    house.sent(house.print())
    house.server.script.faults["sendmail"] = "wait"
    jobs = [house.print(queue=queue) for queue in QUEUES]
    assert house.server.wait("sendmail", 1 + 4), "four never came"
    for job in jobs:
        house.cupsd.poll(lambda: "Waiting for a connection" in house.cupsd.log(job),
                         f"job {job} never came so far")
    house.server.release.set()
    for job in jobs:
        tap.same(house.cupsd.wait(job)["state"], "completed", f"the state of {job}")
    tap.same((house.server.peak, len(house.new_mails())), (4, 8), "at once, and mails")


def test_cancelled(house):
    """A job that is cancelled in the middle of its upload leaves no draft; the next one goes"""
    house.begin({"faults": {"put": ["wait"]}})
    job = house.print(house.large)
    assert house.server.wait("put"), "no upload"
    house.cupsd.run("cancel", job)
    tap.same(house.cupsd.wait(job)["state"], "canceled", "the state")
    house.cupsd.poll(lambda: house.drafts() == 0, "a draft is left", limit=5)
    house.server.release.set()
    house.sent(house.print(house.large))
    tap.same(house.drafts(), 0, "the drafts")


def crashed(house, document, step):
    """All die when a step had its effect; the next cupsd sends it once, and leaves nothing."""
    house.begin({"faults": {step: ["wait"]}})
    job = house.print(document)
    assert house.server.wait_for(lambda: step in house.server.steps), f"no {step}"
    house.cupsd.crash()
    house.server.release.set()
    house.server.wait_idle()
    house.cupsd.launch()
    house.sent(job)
    tap.same(house.drafts(), 0, "the drafts")
    tap.same(house.server.steps.count("create"), int(document is house.large), "its drafts")


def test_crash(house):
    """A power loss in the upload, at send and at sendMail: each mail is there once"""
    for document, step in ((house.large, "put"), (house.large, "send"),
                           (house.small, "sendmail")):
        crashed(house, document, step)


def backends(house):
    """The processes of the backend, the supervisor first."""
    mark = f"CUPS_SERVERROOT={house.cupsd.folder}/etc\0".encode()
    return sorted((int(entry.name) for entry in Path("/proc").glob("[0-9]*")
                   if is_backend(entry, mark)), key=int)


def is_backend(entry, mark):
    try:
        return mark in (entry / "environ").read_bytes() and (
            entry / "exe").resolve().name.startswith("mailto")
    except OSError:
        return False


def test_worker_killed(house):
    """A worker that is killed in an upload: the job is held; released it goes, once"""
    house.begin({"faults": {"put": ["wait"]}})
    job = house.print(house.large)
    assert house.server.wait("put"), "no upload"
    supervisor, worker = backends(house)
    os.kill(worker, signal.SIGKILL)
    house.cupsd.wait(job, ("held",))
    house.server.release.set()
    house.server.wait_idle()
    house.cupsd.run("lp", "-i", job, "-H", "resume")
    house.sent(job)
    tap.same((house.drafts(), house.server.steps.count("create")), (0, 1), "the drafts")


def test_notice(house):
    """Whose message is refused for good is told, through Graph, with the reason"""
    house.begin({"faults": {"sendmail": ["400 ErrorInvalidRecipients"]}})
    house.notices.clear()
    job = house.print()
    message = house.not_sent(job, "canceled")
    tap.among("refuses a recipient", message, "the queue's message")
    notice, = house.notices
    tap.same(notice.recipients, [ALICE], "who was told")
    tap.among("refuses a recipient", notice.mail.text, "the notice")


def test_too_large(house):
    """A mailbox that may send less: a job is made smaller, and all of it arrives"""
    house.begin({"message_max": 8_000_000})
    names = [house.file(f"part{n}.pdf", documents.photo(1900 + n))
             for n in range(3)]
    message = house.sent(house.print(*names))
    sizes = [len(content) for _, content in message.documents]
    assert len(sizes) == 3 and max(sizes) < 1_000_000, f"documents of {sizes} bytes"
    tap.same(house.drafts(), 0, "the drafts")


def test_lost_answer(house):
    """A send whose answer is lost: the queue waits, finds the message, and says so"""
    for document, step in ((house.small, "sendmail"), (house.large, "send")):
        house.begin({"faults": {step: ["effect-then-close"]}})
        job = house.print(document)
        house.sent(job)
        tap.among("nothing is sent twice", house.cupsd.log(job), "the log")
        uuid = house.cupsd.client.job(job)["job-uuid"][0].removeprefix("urn:uuid:")
        tap.same(graph.known(house.server, uuid), journal.SENT, "the journal")


def test_canaries(house):
    """No token, secret or upload address of all these jobs is where others can see it"""
    house.begin({"faults": {"put": ["wait"]}})
    job = house.print(house.large)
    assert house.server.wait("put"), "no upload"
    key, = house.server.sessions
    known = oauth.canaries(house, SECRET) | {key.encode()}
    assert len(known) > 50, "these are all of the canaries?"
    entries = [Path(f"/proc/{pid}") for pid in backends(house)]
    tap.same(len(entries), 2, "the processes of the backend")
    oauth.search_processes(entries, known)
    house.server.release.set()
    house.sent(job)
    for folder in (house.cupsd.folder, house.folder / "etc"):
        files = oauth.search_files(folder, known)
        assert files > 5, f"only {files} files below {folder} were looked at"


if __name__ == "__main__":
    tap.run(globals(), House)
