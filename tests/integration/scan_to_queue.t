#!/usr/bin/python3 -B
"""scan2mail into the queue: from SANE's `test` device through cupsd to the mail."""
import re
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import mail, scans, tap  # noqa: E402
from rig.scans import LIMIT, LONG, SHEETS  # noqa: E402

STOP_LIMIT = 2.0  # seconds from a signal to the end


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
    tap.same(house.names(), [], "what is kept")


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
    started = house.feeder.started
    try:
        file.write_text(before.replace("queue = mail", "queue = nowhere"))
        code, err = house.scan("-t", "bob@example.com")
        file.write_text(before.replace("queue = mail\n", ""))
        nameless = house.scan("-t", "bob@example.com")
    finally:
        file.write_text(before)
    tap.same(house.feeder.started, started, "the sheets that were wanted")
    tap.same(code, 1, "the exit code")
    tap.among('there is no queue "nowhere"', err, "standard error")
    tap.same(nameless[0], 1, "the exit code without any queue")
    tap.among("no queue is named", nameless[1], "standard error")
    tap.same(house.names(), [], "what is kept")
    tap.same(house.new_mails(), [], "the mails")


def test_queue_stopped(house):
    """A stopped queue takes the job, and sends it when it is started again"""
    house.cupsd.run("cupsdisable", "mail")
    try:
        code, err = house.scan("-t", "bob@example.com", "-s", "Later")
        tap.same((code, err), (0, ""), "exit code and standard error")
        tap.same(house.new_mails(), [], "the mails")
    finally:
        house.cupsd.run("cupsenable", "mail")
    tap.same(house.last_mail()["Subject"], "Later", "Subject")


def test_interrupted(house):
    """Ctrl-C inside the stack: no job, no mail, no process, nothing kept"""
    newest, wait = house.newest_job(), house.on_its_way()
    with house.start("-t", "bob@example.com", *LONG) as process:
        wait()
        process.send_signal(signal.SIGINT)
        tap.same(house.end(process)[0], 130, "the exit code")
    tap.same(house.newest_job(), newest, "the newest job")
    tap.same(house.new_mails(), [], "the mails")
    tap.same(house.names(), [], "what is kept")


def test_ended_amid_a_stack(house):
    """SIGTERM inside the stack: its whole pages are sent, once, and nothing is kept"""
    house.fresh()
    newest, wait = house.newest_job(), house.on_its_way()
    process = house.start("-t", "bob@example.com", "-s", "Ended", *LONG)
    wait()
    house.spooled(process, b"endstream")  # a page is whole
    process.send_signal(signal.SIGTERM)
    code, err = house.end(process)
    tap.same(code, 1, "the exit code")
    tap.among("stopped by the signal TERM", err, "standard error")
    tap.same(house.names(), [], "what is kept")
    message = house.last_mail()
    pages = message.attachments[0].pages
    assert 0 < pages < SHEETS, pages
    tap.same(message["Subject"], "Ended (incomplete)", "Subject")
    tap.among(f"topped after page {pages}: {pages} page", message.text, "the mail")
    tap.same(house.newest_job(), newest + 1, "the newest job")


def test_nobody_waits_for_cupsd(house):
    """While cupsd stands still all is scanned; when it goes on, it gets the rest"""
    wait = house.on_its_way()
    process = house.start("-t", "bob@example.com", "-s", "Patience", *LONG)
    wait()
    house.cupsd.process.send_signal(signal.SIGSTOP)
    try:
        house.spooled(process)
        tap.same(process.poll(), None, "the exit code before cupsd goes on")
    finally:
        house.cupsd.process.send_signal(signal.SIGCONT)
    tap.same(house.end(process), (0, ""), "exit code and standard error")
    message = house.last_mail()
    tap.same(message["Subject"], "Patience", "Subject")
    tap.same(message.attachments[0].pages, SHEETS, "the pages")
    mail.pdf_check(message.attachments[0].content)


def test_interrupted_while_cupsd_is_silent(house):
    """Signals end the wait for cupsd's answer within two seconds, and the whole scan is kept"""
    for number, code in ((signal.SIGINT, 3), (signal.SIGTERM, 3), (signal.SIGHUP, 3)):
        house.fresh()
        newest, wait = house.newest_job(), house.on_its_way()
        process = house.start("-t", "bob@example.com", *LONG)
        wait()
        house.cupsd.process.send_signal(signal.SIGSTOP)
        try:
            house.spooled(process)
            start = time.monotonic()
            process.send_signal(number)
            tap.same(process.wait(LIMIT), code, f"the exit code after {number.name}")
            took = time.monotonic() - start
            assert took < STOP_LIMIT, f"it took {took:.1f} seconds"
        finally:
            house.cupsd.process.send_signal(signal.SIGCONT)
        said = house.end(process)[1]
        tap.among(f"stopped by the signal {number.name[3:]}", said, "standard error")
        tap.among("is kept as", said, "standard error")
        pdf, = (name for name in house.names() if name.endswith(".pdf"))
        mail.pdf_check((house.scans / pdf).read_bytes())
        if "while CUPS took the job" not in said:
            tap.same(house.newest_job(), newest, "the newest job")


def test_killed_while_cupsd_is_silent(house):
    """kill -9 then leaves the PDF, and the next --resend says that it may be a job already"""
    house.fresh()
    wait = house.on_its_way()
    process = house.start("-t", "bob@example.com", "-s", "Killed", *LONG)
    wait()
    house.cupsd.process.send_signal(signal.SIGSTOP)
    try:
        house.cupsd.poll(lambda: any(name.endswith(".sending") for name in house.names()),
                         "the PDF has no name")
        process.kill()
        process.wait(LIMIT)
    finally:
        house.cupsd.process.send_signal(signal.SIGCONT)
    process.communicate()
    code, err = house.end(house.run("--resend"))
    tap.same(code, 0, "the exit code of --resend")
    assert re.search(r"may have become a job before|is job \d+ of the queue mail already", err), err
    tap.same(house.last_mail()["Subject"], "Killed", "Subject")
    tap.same(house.names(), [], "what is kept")


def test_cupsd_restarted(house):
    """cupsd dies inside the stack and is back before its end: one job, one mail, all pages"""
    newest, wait = house.newest_job(), house.on_its_way()
    process = house.start("-t", "bob@example.com", "-s", "Again", *LONG)
    wait()
    process.send_signal(signal.SIGSTOP)
    house.cupsd.kill()
    house.cupsd.launch()
    process.send_signal(signal.SIGCONT)
    tap.same(house.end(process), (0, ""), "exit code and standard error")
    tap.same(house.newest_job(), newest + 1, "the newest job")
    message = house.last_mail()
    tap.same(message["Subject"], "Again", "Subject")
    tap.same(message.attachments[0].pages, SHEETS, "the pages")
    tap.same(house.names(), [], "what is kept")


if __name__ == "__main__":
    tap.run(globals(), scans.House)
