#!/usr/bin/python3 -B
"""Prints with lp through the real cupsd and its filters, and reads the mails that arrive."""
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import documents, mail, settings, tap  # noqa: E402
from rig.house import ALICE, House as PrintServer  # noqa: E402
from fakes import scripted  # noqa: E402 (rig has put it on the path)

TO = "mail-to=bob@example.com"


class House(PrintServer):
    """With documents that most tests print."""

    def __enter__(self):
        super().__enter__()
        self.a = self.file("a.pdf", documents.pdf("A one", "A two", "A three", "A four"))
        self.b = self.file("b.pdf", documents.pdf("B one", "B two"))
        self.picture = self.file("picture.png", documents.png())
        self.letter = self.file("letter.txt", documents.LETTER.encode())
        return self


def texts(attachment):
    """The text of each page of an attachment, which must be a sound PDF."""
    tap.same(attachment.type, "application/pdf", "the media type")
    mail.pdf_check(attachment.content)
    return mail.pdf_text(attachment.content)


def test_one_file(house):
    """lp FILE: one mail, one PDF, all headers in place"""
    message = house.sent(house.lp(house.a, title="Offer 4711", options=[TO]))
    tap.same(message.envelope["mail_from"], settings.USER, "MAIL FROM")
    tap.same(message.envelope["rcpt_tos"], ["bob@example.com"], "RCPT TO")
    tap.same(message.envelope["auth"], settings.USER, "the user who signed in")
    tap.among(message.envelope["tls"], ("TLSv1.2", "TLSv1.3"), "the version of TLS")
    tap.same(message["From"], f"Office Scanner <{settings.USER}>", "From")
    tap.same(message["To"], "bob@example.com", "To")
    tap.same(message["Reply-To"], ALICE, "Reply-To")
    tap.same(message["Subject"], "Offer 4711", "Subject")
    tap.same(message["Auto-Submitted"], None, "Auto-Submitted")
    assert message["User-Agent"].startswith("Postroom/"), message["User-Agent"]
    attachment, = message.attachments
    tap.same(attachment.filename, "Offer 4711.pdf", "the attachment's name")
    tap.same(texts(attachment), ["A one", "A two", "A three", "A four"], "the pages")


def test_text_file(house):
    """A text file becomes a PDF"""
    message = house.sent(house.lp(house.letter, options=[TO]))
    attachment, = message.attachments
    tap.same(attachment.filename, "letter.pdf", "the attachment's name")
    page, = texts(attachment)  # in glyph numbers: texttopdf writes no table of characters
    assert len(page) > len(documents.LETTER) / 2, f"the page says {page!r}"


def test_image(house):
    """An image becomes a PDF of one page"""
    message = house.sent(house.lp(house.picture, options=[TO]))
    attachment, = message.attachments
    tap.same(attachment.filename, "picture.pdf", "the attachment's name")
    tap.same(len(texts(attachment)), 1, "the number of pages")


def test_two_files(house):
    """Two files: one mail, two attachments named after their documents, none dropped"""
    message = house.sent(house.lp(house.a, house.b, title="Both", options=[TO]))
    tap.same([each.filename for each in message.attachments], ["a.pdf", "b.pdf"], "the names")
    first, second = message.attachments
    tap.same(texts(first), ["A one", "A two", "A three", "A four"], "the first document")
    tap.same(texts(second), ["B one", "B two"], "the second document")


def test_mixed_files(house):
    """A PDF, a text and an image in one job: three attachments in their order"""
    message = house.sent(house.lp(house.b, house.letter, house.picture, options=[TO]))
    tap.same([each.filename for each in message.attachments],
             ["b.pdf", "letter.pdf", "picture.pdf"], "the names")
    tap.same([len(texts(each)) for each in message.attachments], [2, 1, 1], "the pages")


def test_same_name_twice(house):
    """The same file twice: two attachments with names that differ"""
    message = house.sent(house.lp(house.b, house.b, options=[TO]))
    names = [each.filename for each in message.attachments]
    tap.same(len(set(names)), 2, "the number of names")
    for each in message.attachments:
        tap.same(texts(each), ["B one", "B two"], f"the pages of {each.filename}")


def test_banners(house):
    """Banner pages are not mailed, before and after"""
    for sheets in ("standard,none", "none,standard", "standard,standard"):
        message = house.sent(house.lp(house.b, options=[TO, f"job-sheets={sheets}"]))
        attachment, = message.attachments
        tap.same(texts(attachment), ["B one", "B two"], f"the pages with {sheets}")


def test_banners_of_two_files(house):
    """Banners around two files: the two files remain, with their names"""
    message = house.sent(house.lp(house.a, house.b,
                                  options=[TO, "job-sheets=standard,standard"]))
    tap.same([each.filename for each in message.attachments], ["a.pdf", "b.pdf"], "the names")
    tap.same([len(texts(each)) for each in message.attachments], [4, 2], "the pages")


def test_page_range(house):
    """A page range takes these pages and no other"""
    message = house.sent(house.lp(house.a, options=[TO, "page-ranges=2-3"]))
    attachment, = message.attachments
    tap.same(texts(attachment), ["A two", "A three"], "the pages")


def test_copies(house):
    """Three copies are one mail with each page once"""
    message = house.sent(house.lp(house.b, options=[TO], copies=3))
    attachment, = message.attachments
    tap.same(texts(attachment), ["B one", "B two"], "the pages")


def test_n_up(house):
    """Two pages on a sheet make two sheets of four pages"""
    message = house.sent(house.lp(house.a, options=[TO, "number-up=2"]))
    attachment, = message.attachments
    sheets = texts(attachment)
    tap.same(len(sheets), 2, "the number of sheets")
    tap.among("A one", sheets[0], "the first sheet")
    tap.among("A two", sheets[0], "the first sheet")


def test_raw(house):
    """A PDF on a raw queue arrives byte for byte"""
    message = house.sent(house.lp(house.a, queue="raw", options=[TO]))
    attachment, = message.attachments
    tap.same(attachment.content, house.a.read_bytes(), "the attachment")
    tap.same((attachment.filename, attachment.type), ("a.pdf", "application/pdf"), "the name")


def test_raw_option(house):
    """-o raw on the queue with the driver arrives byte for byte, too"""
    message = house.sent(house.lp(house.a, options=[TO, "raw"]))
    attachment, = message.attachments
    tap.same(attachment.content, house.a.read_bytes(), "the attachment")


def test_raw_two_files(house):
    """Two files of different kinds on a raw queue: both, byte for byte, as what they are"""
    message = house.sent(house.lp(house.picture, house.a, queue="raw", options=[TO]))
    tap.same([(each.filename, each.type) for each in message.attachments],
             [("picture.png", "image/png"), ("a.pdf", "application/pdf")], "the names")
    tap.same([each.content for each in message.attachments],
             [house.picture.read_bytes(), house.a.read_bytes()], "the contents")


def test_raw_executable(house):
    """An executable is refused: the job is cancelled, nothing is sent, the reason is given"""
    elf = house.file("report.pdf.exe", Path("/bin/true").read_bytes())
    reason = house.not_sent(house.lp(elf, queue="raw", options=[TO]), "canceled")
    tap.among("executable", reason, "the reason")
    notice = house.notices.pop()
    tap.same((notice["To"], notice["Subject"]), (ALICE, "Not sent: report.pdf.exe"),
             "who is told of what")
    tap.among("executable", notice.text, "the notice")


def test_damaged_pdf(house):
    """A PDF that no filter can read: nothing is sent, and the job does not count as done"""
    broken = house.file("broken.pdf", house.a.read_bytes()[:300])
    job = house.cupsd.wait(house.lp(broken, options=[TO]))
    tap.same(house.new_mails(), [], "the mails")
    assert job["state"] != "completed", f"the state is {job['state']}"
    house.cupsd.run("cupsenable", "mail")


def test_names_beyond_ascii(house):
    """Titles and file names with umlauts, emoji and characters that Windows forbids"""
    message = house.sent(house.lp(house.b, title="Größe: 50% / Maß 🖨", options=[TO]))
    tap.same(message["Subject"], "Größe: 50% / Maß 🖨", "Subject")
    name = message.attachments[0].filename
    assert name.endswith(".pdf") and not set(name) & set('\\/:*?"<>|'), name
    tap.among("Maß", name, "the attachment's name")
    paths = [house.file("Übersicht März.pdf"), house.file("日本語.pdf")]
    message = house.sent(house.lp(*paths, options=[TO]))
    tap.same([each.filename for each in message.attachments],
             ["Übersicht März.pdf", "日本語.pdf"], "the names")


def test_accounting(house):
    """cupsd's page log has each page once, whatever filter or none counted it"""
    cases = [
        ("a PDF", 4, [house.a], {}),
        ("a page range", 2, [house.a], {"options": ["page-ranges=2-3"]}),
        ("two files", 6, [house.a, house.b], {}),
        ("an image", 1, [house.picture], {}),
        ("a text", 1, [house.letter], {}),
        ("a raw PDF", 4, [house.a], {"queue": "raw"}),
    ]
    wrong = []
    for title, wanted, files, how in cases:
        how["options"] = [TO, *how.get("options", [])]
        job = house.lp(*files, **how)
        house.sent(job)
        lines = house.cupsd.pages(job)
        totals = [count for _, page, count in lines if page == "total"]
        logged = totals[-1] if totals else sum(count for _, _, count in lines)
        counted = house.cupsd.client.job(job)["job-impressions-completed"][0]
        users = {user for user, _, _ in lines}
        if (logged, counted, users) != (wanted, wanted, {"alice"}):
            wrong.append((title, wanted, counted, lines))
    tap.same(wrong, [], "what was counted wrong (what, pages, counted, page log)")


def with_scripted(house, script, use):
    """Prints to a scripted server in place of the usual one."""
    with scripted.Server(script, kit=house.server.kit) as server:
        settings.write(house.folder / "etc", server, **house.sections)
        try:
            use(server)
        finally:
            settings.write(house.folder / "etc", house.server, **house.sections)


def test_server_comes_back(house):
    """A server that is away for two attempts: the job waits, then is sent, once"""
    def use(server):
        job = house.cupsd.wait(house.lp(house.b, options=[TO]))
        tap.same(job["state"], "completed", "the state")
        tap.same(server.script.reached["greeting"], 3, "the number of attempts")
        tap.same(len(server.accepted), 1, "the number of messages")
    with_scripted(house, {"faults": {"greeting": ["421 4.3.2 Not now", "close"]}}, use)


def queue_says(house, text):
    """Waits until the queue's message has the text, and returns it."""
    def look():
        message = house.cupsd.client.printer("mail")["printer-state-message"][0]
        return message if text in message else None
    return house.cupsd.poll(look, f"the queue never says {text!r}")


def test_wrong_password(house):
    """A wrong password is waited out where all see it, and goes on when it is put right"""
    def use(server):
        job = house.lp(house.b, options=[TO])
        tap.among("password", queue_says(house, "next try at"), "the queue's message")
        tap.same(house.cupsd.client.job(job)["state"], "processing", "the job's state")
        secret = settings.secret_of(house.folder / "etc" / "postroom.conf")
        secret.write_text(secret.read_text())  # as who mends it does
        tap.same(house.cupsd.wait(job)["state"], "completed", "the job's last state")
        tap.same(server.script.reached["auth"], 2, "the number of logins")
        tap.same(len(server.accepted), 1, "the number of messages")
    with_scripted(house, {"faults": {"auth": ["535 5.7.3 Authentication unsuccessful"]}}, use)


def test_switched_off(house):
    """A login that only a person can mend stops the queue at once, and loses nothing"""
    refusal = ("535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is "
               "disabled for the Mailbox.")
    def use(server):
        job = house.lp(house.b, options=[TO])
        printer = house.cupsd.wait_printer("mail", ("stopped",))
        tap.among("SMTP AUTH", printer["printer-state-message"][0], "the queue's message")
        tap.same(house.cupsd.client.job(job)["state"], "pending", "the state of the job")
        house.cupsd.settings.touch()  # Postroom cannot see what was mended elsewhere
        house.cupsd.run("cupsenable", "mail")
        tap.same(house.cupsd.wait(job)["state"], "completed", "the state of the job")
        tap.same(len(server.accepted), 1, "the number of messages")
    with_scripted(house, {"faults": {"auth": [refusal]}}, use)


def test_refused_recipient(house):
    """A recipient that the server refuses cancels the job, and the queue goes on"""
    def use(server):
        job = house.cupsd.wait(house.lp(house.b, options=[TO]))
        tap.same(job["state"], "canceled", "the state")
        tap.same(house.cupsd.client.printer("mail")["state"], "idle", "the queue")
        job = house.cupsd.wait(house.lp(house.b, options=[TO]))
        tap.same(job["state"], "completed", "the state of the next job")
        tap.same([each.recipients for each in server.accepted],
                 [[ALICE], ["bob@example.com"]], "who was told, and who got the next")
    with_scripted(house, {"faults": {"rcpt": ["550 5.1.1 User unknown"]}}, use)


def test_too_large(house):
    """What is larger than the account may send leaves as several mails, page by page"""
    words = random.Random(4711)
    pages = [f"{number} {words.randbytes(8).hex()}" for number in range(300)]
    account = {"account": {"max_message_size": "64K"}}
    settings.write(house.folder / "etc", house.server, **{**house.sections, **account})
    try:
        job = house.cupsd.wait(house.lp(house.file("long.pdf", documents.pdf(*pages)),
                                        title="Long", options=[TO]))
    finally:
        settings.write(house.folder / "etc", house.server, **house.sections)
    tap.same(job["state"], "completed", "the state")
    mails = house.new_mails()
    count = len(mails)
    assert count > 1, "one mail"
    tap.same([each["Subject"] for each in mails],
             [f"Long ({number} of {count})" for number in range(1, count + 1)], "Subject")
    tap.same(len({each["Message-ID"] for each in mails}), count, "different Message-IDs")
    assert all(len(each.content) <= 64 * 1024 for each in mails), "a mail is too large"
    tap.same([page for each in mails for page in mail.pdf_text(each.attachments[0].content)],
             pages, "all pages")
    left = list((settings.state_of(house.folder / "etc" / "postroom.conf") / "tmp").iterdir())
    tap.same(left, [], "what is left in the folder for what is made anew")


def test_cancel(house):
    """A job cancelled while its message is on the way is not sent, and leaves no process"""
    def use(server):
        job = house.lp(house.b, options=[TO])
        assert server.wait("rcpt"), "the server was never reached"
        house.cupsd.run("cancel", job, CUPS_USER="alice")
        tap.same(house.cupsd.wait(job)["state"], "canceled", "the state")
        assert server.wait_idle(), "the connection stands"
        tap.same(server.accepted, [], "the accepted messages")
    with_scripted(house, {"faults": {"rcpt": ["hang"]}}, use)


def test_hold_and_release(house):
    """A job without a recipient is held with a reason, and sent when it gets one"""
    job = house.lp(house.b, user="mallory")
    reason = house.not_sent(job, "held")
    tap.among("no recipient", reason, "the reason")
    tap.same(house.cupsd.client.printer("mail")["state"], "idle", "the queue")
    house.cupsd.run("lp", "-i", job, "-o", TO, "-H", "resume")
    message = house.sent(job, until=("completed", "canceled", "aborted"))
    tap.same(message["To"], "bob@example.com", "To")


def test_retry_keeps_identity(house):
    """Attempts of one job carry one Message-ID; two jobs have two"""
    def use(server):
        for _ in range(2):
            house.cupsd.wait(house.lp(house.b, options=[TO]))
        first, again, other = [mail.Mail(each.content)["Message-ID"]
                               for each in server.messages]
        tap.same(again, first, "the Message-ID of the second attempt")
        assert other != first, "two jobs share a Message-ID"
    with_scripted(house, {"faults": {"eod": ["451 4.3.0 Later"]}}, use)


def test_filter_killed(house):
    """A filter killed for want of memory, which cupsd takes for success: the job is held"""
    folder = house.cupsd.folder / "bin" / "filter"
    system = folder.readlink()
    folder.unlink()
    folder.mkdir()
    folder.chmod(0o755)  # whatever the umask
    for each in system.iterdir():
        (folder / each.name).symlink_to(each)
    (folder / "pdftopdf").unlink()
    (folder / "pdftopdf").write_text("#!/bin/sh\ncat >/dev/null\nkill -KILL $$\n")
    (folder / "pdftopdf").chmod(0o755)
    reason = house.not_sent(house.lp(house.b, options=[TO]), "held")
    tap.among("the filters delivered nothing", reason, "the reason")


if __name__ == "__main__":
    tap.run(globals(), House)
