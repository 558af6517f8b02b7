"""The print server of a test file: cupsd, a submission server, queues. A tap fixture."""
import tempfile
from pathlib import Path

import rig
from fakes import submission
from rig import cupsd, documents, mail, settings, tap

ADDRESSES = {"Accounting": "invoices@example.com",
             "Board": "chair@example.com, Büro Süd <sued@example.com>"}
ALICE = "alice@example.com"  # what [users] makes of the user alice


class House:
    """Queues: `mail` has the driver, `raw` none."""

    ppd = rig.PPD
    sections = {"users": {"alice": ALICE}, "addresses": ADDRESSES}

    def __init__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        self.folder.chmod(0o755)
        self.server = submission.Server(self.folder / "server", settings.USER,
                                        settings.PASSWORD, tokens=self.judge)
        self.cupsd = cupsd.Cupsd(self.folder / "etc" / "postroom.conf")
        self.taken = 0
        self.notices = []  # to owners, as new_mails() found them

    def judge(self, token, mailbox):
        """Whether a token is good: none is, where there is nobody who issues them."""
        return False

    def __enter__(self):
        try:
            self.server.start()
            settings.write(self.folder / "etc", self.server, **self.sections)
            self.cupsd.start()
            self.cupsd.add_queue("mail", ppd=rig.PPD)
            self.cupsd.add_queue("raw")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.cupsd.stop()
        self.server.stop()
        self.holder.cleanup()

    def diagnose(self):
        return self.cupsd.diagnose()

    def file(self, name, content=None):
        """A document in a file; a PDF of one page where no content is given."""
        path = self.folder / name
        path.write_bytes(documents.pdf(name) if content is None else content)
        return path

    def new_mails(self):
        """The mails that came since the last call, but for notices, which are kept."""
        paths = self.server.paths[self.taken:]
        self.taken += len(paths)
        mails = [mail.read(path) for path in paths]
        self.notices += [each for each in mails if each.is_notice]
        return [each for each in mails if not each.is_notice]

    def sent(self, job, until=cupsd.AT_REST):
        """The one mail of a job, which must have been completed."""
        attributes = self.cupsd.wait(job, until)
        tap.same(attributes["state"], "completed", f"the state of job {job}")
        mails = self.new_mails()
        tap.same(len(mails), 1, "the number of mails")
        return mails[0]

    def not_sent(self, job, state):
        """The queue's message about a job that must not have been sent."""
        attributes = self.cupsd.wait(job)
        tap.same(attributes["state"], state, f"the state of job {job}")
        tap.same(self.new_mails(), [], "the mails")
        return attributes.get("job-printer-state-message", [""])[0]

    def lp(self, *files, queue="mail", title=None, user="alice", options=(), copies=None):
        return self.cupsd.lp(queue, *files, title=title, user=user, options=options,
                             copies=copies)
