#!/usr/bin/python3 -B
"""What CUPS does not take is kept, and `scan2mail --resend` brings it in, once."""
import fcntl
import os
import re
import signal
import stat
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import disk, documents, mail, scans, tap  # noqa: E402
from rig.scans import LONG, SHEETS  # noqa: E402
from fakes import line  # noqa: E402 (rig has put it on the path)

KEPT = 3  # the exit code of a scan that waits for --resend
NAME = r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-\d{3}"
ROOM = 1 << 20  # bytes of a small disk
MANY = 6


class House(scans.House):
    """Where mounts can be made that nobody else sees, and scan2mail's user has an address."""

    sections = {**scans.House.sections, "users": {"*": "%u@example.com"}}

    def __enter__(self):
        self.alone = disk.alone()
        return super().__enter__()

    def resend(self):
        return self.end(self.run("--resend"))

    def put(self, name, content=None):
        """A PDF of one page in the state folder, as if it had been kept."""
        self.state.mkdir(exist_ok=True)
        self.scans.parent.mkdir(exist_ok=True)
        self.scans.mkdir(mode=0o700, exist_ok=True)
        path = self.scans / name
        path.write_bytes(documents.pdf(name) if content is None else content)
        os.utime(path, (1e9, 1e9))  # nobody is writing to it any more
        return path

    def put_job(self, stem, **texts):
        texts = {"queue": "mail", "to": "bob@example.com", "subject": stem, **texts}
        (self.scans / f"{stem}.job").write_text(
            "".join(f"{name}: {value}\n" for name, value in texts.items()))

    def is_kept(self, result, *words):
        """A scan that ended so is one PDF with its job's texts; the PDF's path."""
        code, err = result
        tap.same(code, KEPT, "the exit code")
        pdf, job = sorted(house_paths(self), key=lambda path: path.suffix, reverse=True)
        assert re.fullmatch(NAME + r"\.pdf", pdf.name), pdf.name
        tap.same(job.name, pdf.stem + ".job", "the file beside it")
        for word in (*words, str(pdf), "scan2mail --resend"):
            tap.among(word, err, "standard error")
        for path, mode in ((self.scans, 0o700), (pdf, 0o600), (job, 0o600)):
            tap.same(stat.S_IMODE(path.stat().st_mode), mode, f"the mode of {path.name}")
        mail.pdf_check(pdf.read_bytes())
        return pdf

    def comes_in(self, subject, pages=SHEETS):
        """--resend makes one mail of the one that is kept."""
        newest = self.newest_job()
        code, err = self.resend()
        tap.same(code, 0, f"the exit code of --resend, which said {err!r}")
        tap.same(self.newest_job(), newest + 1, "the newest job")
        message = self.last_mail()
        tap.same(message["Subject"], subject, "Subject")
        tap.same(message.envelope["rcpt_tos"], ["bob@example.com"], "the envelope")
        tap.same(message.attachments[0].pages, pages, "the pages")
        tap.same(self.names(), [], "what is kept")


    def is_outside(self, reason):
        """Without cupsd a scan is left where the temporary files are, and that is said."""
        self.cupsd.kill()
        try:
            with self.start("-t", "bob@example.com") as process:
                err = process.communicate(timeout=scans.LIMIT)[1]
        finally:
            self.cupsd.launch()
        tap.same(process.returncode, KEPT, "the exit code")
        pdf, = self.tmp.iterdir()
        for word in (reason, f"the scan is {pdf} now"):
            tap.among(word, err, "standard error")
        tap.same(stat.S_IMODE(pdf.stat().st_mode), 0o600, "the mode")
        tap.same(mail.pdf_pages(pdf.read_bytes()), SHEETS, "the pages")
        mail.pdf_check(pdf.read_bytes())
        pdf.unlink()
        tap.same(self.names(), [], "what is kept")


def house_paths(house):
    return [house.scans / name for name in house.names()]


def test_nothing_kept(house):
    """With nothing kept --resend does nothing"""
    house.fresh()
    tap.same(house.resend()[0], 0, "the exit code")


def test_cupsd_away(house):
    """Without cupsd the stack is scanned and kept, and comes in when it is back"""
    house.fresh()
    house.cupsd.kill()
    try:
        result = house.scan("-t", "bob@example.com", "-s", "Größe, \"A\" = 1: 2")
        house.is_kept(result, "CUPS does not answer")
        again = house.resend()
        tap.same(again[0], 3, "the exit code of --resend without cupsd")
        tap.among("CUPS does not answer", again[1], "standard error")
        house.is_kept(result)
    finally:
        house.cupsd.launch()
    house.comes_in("Größe, \"A\" = 1: 2")


def test_queue_rejecting(house):
    """What the queue does not accept is kept until it does"""
    house.fresh()
    house.cupsd.run("cupsreject", "mail")
    try:
        house.is_kept(house.scan("-t", "bob@example.com", "-s", "Closed"), "queue mail",
                      "not accepting")
        code, err = house.resend()
        tap.same(code, 3, "the exit code of --resend")
        tap.among("not accepting", err, "standard error")
        tap.same(len(house.names()), 2, "the number of files")
    finally:
        house.cupsd.run("cupsaccept", "mail")
    house.comes_in("Closed")


def test_cupsd_killed(house):
    """cupsd dies inside the stack: no page is lost"""
    house.fresh()
    wait = house.on_its_way()
    process = house.start("-t", "bob@example.com", "-s", "Killed", *LONG)
    wait()
    house.cupsd.kill()
    try:
        house.is_kept(house.end(process), "CUPS")
    finally:
        house.cupsd.launch()
    house.comes_in("Killed")


def test_too_many_jobs(house):
    """A server that takes no more jobs (MaxJobs) gets it later"""
    house.fresh()
    waiting = house.lp(house.file("waiting.pdf"), options=["job-hold-until=indefinite"])
    house.cupsd.more = scans.AT_ONCE + "MaxJobs 1\n"
    house.cupsd.kill()
    house.cupsd.launch()
    try:
        house.is_kept(house.scan("-t", "bob@example.com", "-s", "Many"), "oo many")
    finally:
        house.cupsd.more = scans.AT_ONCE
        house.cupsd.kill()
        house.cupsd.launch()
        house.cupsd.run("cancel", f"mail-{waiting}")
    house.comes_in("Many")


def test_job_there_already(house):
    """A scan of which CUPS has a job, though its answer was lost, is not sent again"""
    house.fresh()
    newest = house.newest_job()
    with line.Line(house.cupsd.port, lost=b"job-id") as deaf:
        house.way = {"CUPS_SERVER": f"127.0.0.1:{deaf.port}"}
        try:
            result = house.scan("-t", "bob@example.com", "-s", "Once")
        finally:
            house.way = {}
    house.is_kept(result, "unless CUPS has the job all the same")
    house.cupsd.poll(lambda: house.newest_job() == newest + 1, "CUPS made no job of it")
    tap.same(house.last_mail()["Subject"], "Once", "Subject")  # and the job is an old one
    code, err = house.resend()
    tap.same(code, 0, "the exit code of --resend")
    tap.among(f"is job {newest + 1} of the queue mail already", err, "standard error")
    tap.same(house.names(), [], "what is kept")
    tap.same(house.newest_job(), newest + 1, "the newest job")


def test_job_forgotten(house):
    """Where CUPS knows of no such job, what it may have had is sent once more, and it is said"""
    house.fresh()
    house.put("a.pdf")
    house.put_job("a", id="0123456789abcdef", doubt="yes")
    house.put("b.sending")
    house.put_job("b", id="fedcba9876543210")
    newest = house.newest_job()
    code, err = house.resend()
    tap.same(code, 0, "the exit code of --resend")
    for name in "ab":
        tap.among(f"{name}.pdf may have become a job before", err, "standard error")
    for job in (newest + 1, newest + 2):
        house.sent(job)
    tap.same(house.newest_job(), newest + 2, "the newest job")


def test_oldest_first(house):
    """All that is kept comes in, oldest first, each with its own recipient and file name"""
    house.fresh()
    for age in (2, 3, 1):
        os.utime(house.put(f"{age}.pdf"), (1e9 - age, 1e9 - age))
        house.put_job(f"{age}", to=f"bob{age}@example.com", filename=f"Number {age}.pdf")
    newest = house.newest_job()
    tap.same(house.resend()[0], 0, "the exit code")
    tap.same(house.newest_job(), newest + 3, "the newest job")
    for number in range(newest + 1, newest + 4):
        house.cupsd.wait(number)
    found = [(message.envelope["rcpt_tos"][0], message.attachments[0].filename)
             for message in house.new_mails()]  # the queue sends one after the other
    tap.same(found, [(f"bob{age}@example.com", f"Number {age}.pdf") for age in (3, 2, 1)],
             "recipients and names")


def test_two_at_once(house):
    """Two --resend at once send nothing twice"""
    house.fresh()
    for number in range(MANY):
        house.put(f"{number}.pdf")
        house.put_job(f"{number}")
    newest = house.newest_job()
    both = [house.run("--resend") for _ in range(2)]
    for each in both:
        each.wait(timeout=scans.LIMIT)
    tap.same([house.end(each)[0] for each in both], [0, 0], "the exit codes")
    tap.same(house.newest_job(), newest + MANY, "the newest job")
    for number in range(MANY):
        house.cupsd.wait(newest + 1 + number)
    tap.same(sorted(message["Subject"] for message in house.new_mails()),
             [str(number) for number in range(MANY)], "the subjects")
    tap.same(house.names(), [], "what is kept")


def test_locked(house):
    """A PDF that another run is sending is left to it"""
    house.fresh()
    newest = house.newest_job()
    with open(house.put("a.pdf"), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        tap.same(house.resend()[0], 0, "the exit code")
    tap.same(house.names(), ["a.pdf"], "what is kept")
    tap.same(house.newest_job(), newest, "the newest job")


def test_strangers(house):
    """Links, other users' files, and what is no PDF stay where they are, and are named"""
    house.fresh()
    house.put("notes.txt", b"%PDF-1.4 by its bytes")
    house.put("text.pdf", b"no PDF")
    house.put("empty.pdf", b"")
    os.chown(house.put("other.pdf"), 65534, 65534)
    (house.scans / "link.pdf").symlink_to(house.file("outside.pdf"))
    (house.scans / "folder.pdf").mkdir()
    os.mkfifo(house.scans / "fifo.pdf")
    house.put("damaged.pdf")
    (house.scans / "damaged.job").write_text("nonsense\n")
    before, newest = house.names(), house.newest_job()
    with house.run("--resend") as process:
        err = process.communicate(timeout=scans.LIMIT)[1]
    tap.same(process.returncode, 3, "the exit code")
    for name in before:
        if name != "damaged.job":
            tap.among(name, err, "standard error")
    tap.same(house.names(), before, "what is there")
    tap.same(house.newest_job(), newest, "the newest job")


def test_without_job(house):
    """A PDF that somebody put there goes to the default queue, with its name as the subject"""
    house.fresh()
    house.put("Größe 1.pdf")
    house.cupsd.run("lpadmin", "-d", "mail")
    try:
        tap.same(house.resend()[0], 0, "the exit code")
    finally:
        house.cupsd.run("lpadmin", "-d", "raw")
    message = house.last_mail()
    tap.same(message["Subject"], "Größe 1", "Subject")
    tap.same(message.envelope["rcpt_tos"], ["root@example.com"], "the envelope")


def test_swept_up(house):
    """What an interrupted run has left is removed, and what is just being written is not"""
    house.fresh()
    house.put("a.job", b"subject: a\n")
    house.put(".b.job", b"subj")
    house.put("c.part", b"%PDF-")
    with open(house.put("d.part", b"%PDF-"), "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with house.run("--resend") as process:
            process.communicate(timeout=scans.LIMIT)
        tap.same(process.returncode, 0, "the exit code")
        tap.same(house.names(), ["d.part"], "what is there")


def test_full_disk(house):
    """A state folder that is full: the scan goes through another disk"""
    house.fresh()
    house.state.mkdir()
    with disk.small(house.state, f"size={ROOM}", house.alone):
        disk.fill(house.state / "filler", 2 * disk.PAGE)
        tap.same(house.scan("-t", "bob@example.com", "-s", "Full", *LONG), (0, ""), "the scan")
        message = house.last_mail()
        tap.same(message.attachments[0].pages, SHEETS, "the pages")
        mail.pdf_check(message.attachments[0].content)
        house.is_outside("No space left")


def test_full_disks(house):
    """Where no disk has room for the PDF: the pages that found some are sent, and it is said"""
    house.fresh()
    tap.same(house.scan("-t", "bob@example.com", *LONG), (0, ""), "the scan")
    size = len(house.last_mail().attachments[0].content)
    house.fresh()
    house.state.mkdir()
    with disk.small(house.state, f"size={size // 2}", house.alone), \
            disk.small(house.tmp, f"size={size * 5 // 6}", house.alone):
        code, err = house.scan("-t", "bob@example.com", *LONG)
        tap.same(code, 1, "the exit code")
        tap.among("the PDF cannot be put down", err, "standard error")
        tap.among("2 pages delivered", err, "standard error")
        message = house.last_mail()
        tap.same(message.attachments[0].pages, SHEETS - 1, "the pages")
        mail.pdf_check(message.attachments[0].content)
        tap.among("after page 2: 2 pages attached", message.text, "the mail")


def test_room_again(house):
    """A state folder that was full takes the PDF when it has room in the end"""
    house.fresh()
    house.state.mkdir()
    with disk.small(house.state, "size=64M", house.alone):
        filler = house.state / "filler"
        disk.fill(filler, 2 * disk.PAGE)
        wait = house.on_its_way()
        process = house.start("-t", "bob@example.com", "-s", "Room", *LONG)
        wait()
        house.cupsd.poll(lambda: outside(house, process), "the PDF does not leave the disk")
        filler.unlink()
        house.cupsd.kill()
        try:
            house.is_kept(house.end(process))
        finally:
            house.cupsd.launch()
        house.comes_in("Room")


def outside(house, process):
    """Whether the PDF of a scan grows in the folder for temporary files."""
    links = [os.readlink(each) for each in Path(f"/proc/{process.pid}/fd").iterdir()]
    return any(link.startswith(str(house.tmp)) for link in links)


def test_no_state_folder(house):
    """Where there can be no state folder the scan goes on, and it is said"""
    house.fresh()
    house.state.write_text("in the way\n")
    code, err = house.scan("-t", "bob@example.com", "-s", "Homeless")
    tap.same(code, 0, "the exit code")
    tap.among("cannot be kept there", err, "standard error")
    tap.same(house.last_mail()["Subject"], "Homeless", "Subject")
    house.is_outside("set XDG_STATE_HOME to another folder")


def test_not_removable(house):
    """What could not be removed afterwards is not sent, however often it is tried"""
    house.fresh()
    if not house.alone:
        raise tap.Skip("the right to mount a file system")
    newest = house.newest_job()
    for name in ("a.pdf", "b.sending"):
        path = house.put(name)
        subprocess.run(["mount", "--bind", path, path], check=True)  # which keeps its name
    try:
        for _ in range(2):
            with house.run("--resend") as process:
                err = process.communicate(timeout=scans.LIMIT)[1]
            code = process.returncode
            tap.same(code, 3, "the exit code of --resend")
            tap.among("a.pdf stays: it cannot be renamed", err, "standard error")
            tap.among("b.sending stays: it cannot be renamed", err, "standard error")
    finally:
        for name in ("a.pdf", "b.sending"):
            subprocess.run(["umount", house.scans / name], check=True)
    tap.same(house.newest_job(), newest, "the newest job")


def test_interrupted(house):
    """Ctrl-C ends --resend, and what was not brought in stays"""
    house.fresh()
    house.put("a.pdf")
    house.put_job("a")
    house.cupsd.process.send_signal(signal.SIGSTOP)
    try:
        process = house.run("--resend")
        house.cupsd.poll(lambda: len(os.listdir(f"/proc/{process.pid}/task")) > 1,
                         "nothing is handed to CUPS")
        process.send_signal(signal.SIGINT)
        tap.same(house.end(process)[0], 130, "the exit code")
    finally:
        house.cupsd.process.send_signal(signal.SIGCONT)
    tap.same(house.names(), ["a.job", "a.pdf"], "what is kept")


if __name__ == "__main__":
    tap.run(globals(), House)
