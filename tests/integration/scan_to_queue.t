#!/usr/bin/python3 -B
"""scan2mail into the queue: from SANE's `test` device through cupsd to the mail."""
import re
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import rig  # noqa: E402
from fakes import feeder  # noqa: E402
from rig import house as rig_house, mail, tap  # noqa: E402

SCAN2MAIL = rig.BUILD / "scan2mail"
SHEETS = 3
LIMIT = 60  # seconds for one stack
SCAN = ["-S", "adf", "-m", "gray", "-r", "75"]


class House(rig_house.House):
    """The print server, and a scanner with three sheets behind saned."""

    sections = {**rig_house.House.sections, "more": """[scan default]
to = Accounting
subject = Scan %d by %p
queue = mail
"""}

    def __init__(self):
        rig.built("scan2mail")
        super().__init__()
        self.feeder = feeder.Feeder(self.folder / "scanner", sheets=SHEETS)

    def __enter__(self):
        super().__enter__()
        self.feeder.start()
        return self

    def __exit__(self, *_):
        self.feeder.stop()
        super().__exit__()

    def start(self, *arguments, user="alice"):
        return subprocess.Popen(
            [SCAN2MAIL, "-d", self.feeder.device, *SCAN, *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=self.cupsd.environment(
                USER=user, SANE_CONFIG_DIR=str(self.feeder.client),
                POSTROOM_CONFIG=str(self.folder / "etc" / "postroom.conf")))

    def scan(self, *arguments):
        """Scans a stack; the exit code and what was said."""
        with self.start(*arguments) as process:
            out, err = process.communicate(timeout=LIMIT)
        tap.same(out, "", "standard output")
        return process.returncode, err

    def newest_job(self):
        """The number of the queue's last job, 0 before the first."""
        listed = self.cupsd.run("lpstat", "-W", "all", "-o", "mail").stdout
        return max((int(each) for each in re.findall(r"^mail-(\d+)", listed, re.M)), default=0)

    def last_mail(self):
        """The mail of the newest job."""
        return self.sent(self.newest_job())


def test_stack(house):
    """A stack of three sheets is one mail with a PDF of three pages, recipient and subject given"""
    code, err = house.scan("-t", "bob@example.com", "-s", "Minutes")
    tap.same((code, err), (0, ""), "exit code and standard error")
    message = house.last_mail()
    tap.same(message["To"], "bob@example.com", "To")
    tap.same(message["Subject"], "Minutes", "Subject")
    attachment, = message.attachments
    tap.same(attachment.filename, "Minutes.pdf", "the attachment's name")
    tap.same(attachment.pages, SHEETS, "the pages")
    mail.pdf_check(attachment.content)


def test_texts_arrive_as_typed(house):
    """Quotes, commas, backslashes and umlauts in recipient and subject survive IPP and cupsd"""
    subject = """Größe "A", 'B' \\ C = {d} -o mail-bcc=x@y.z"""
    code, err = house.scan("-t", '"Weiß, Bob" <bob@example.com>', "-t", "Board", "-s", subject)
    tap.same((code, err), (0, ""), "exit code and standard error")
    message = house.last_mail()
    tap.same(message["Subject"], subject, "Subject")
    tap.same(sorted(message.envelope["rcpt_tos"]),
             ["bob@example.com", "chair@example.com", "sued@example.com"], "the envelope")


def test_profile(house):
    """Without options the profile says where it goes"""
    code, err = house.scan()
    tap.same((code, err), (0, ""), "exit code and standard error")
    message = house.last_mail()
    tap.same(message.envelope["rcpt_tos"], ["invoices@example.com"], "the envelope")
    assert message["Subject"].endswith("by default"), message["Subject"]


def test_queue_missing(house):
    """A queue that does not exist is named, and nothing is scanned"""
    file = house.folder / "etc" / "postroom.conf"
    before = file.read_text()
    try:
        file.write_text(before.replace("queue = mail", "queue = nowhere"))
        code, err = house.scan("-t", "bob@example.com")
    finally:
        file.write_text(before)
    tap.same(code, 1, "the exit code")
    tap.among("nowhere", err, "standard error")
    tap.same(house.new_mails(), [], "the mails")


def test_interrupted(house):
    """Ctrl-C inside the stack: no job, no mail, no process"""
    newest, seen = house.newest_job(), house.cupsd.log().count("Print-Job")
    with house.start("-t", "bob@example.com", "-r", "600") as process:
        house.cupsd.poll(lambda: house.cupsd.log().count("Print-Job") > seen,
                         "no page was on its way into the queue")
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=LIMIT)
    tap.same(process.returncode, 130, "the exit code")
    tap.same(house.newest_job(), newest, "the newest job")
    tap.same(house.new_mails(), [], "the mails")



if __name__ == "__main__":
    tap.run(globals(), House)
