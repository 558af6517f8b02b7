"""A job that is run twice: first under a fault, then as cupsd runs it again when all is well.

What the server has, what the journal held between the two and what the second run says must
agree: the message is there exactly once, or it may be there twice and the second run said so,
and then the first one had come between intent and outcome.
"""
import contextlib
import itertools
from dataclasses import dataclass

from fakes import limiting
from rig import backend, history, journal, settings

UUID = "6d1ba6cf-4c3a-3f8e-4a86-{:012x}"
RECIPIENT = "bob{}@example.com"
WARNING = "possible duplicate"  # what the second run says where it sends again
SHOWN = 20  # complaints that are told one by one

numbers = itertools.count(1)


@dataclass
class Trial:
    name: str
    number: int  # cupsd's, of the job
    recipient: str
    first: backend.Result
    known: str  # what the journal held after the first run
    early: int  # messages that had arrived by then
    second: backend.Result

    def complaint(self, server, record):
        """What is wrong about it, or "". To be asked when the server is idle; record has the
        lines of the history."""
        arrived = [each for each in server.of(self.recipient) if each.arrived]
        warned = WARNING in self.second.log
        if self.second.code != backend.OK:
            return f"the second run ended with {self.second.code}: {last(self.second.log)}"
        if not arrived:
            return "the message is lost"
        if self.first.code == backend.OK and self.known == journal.NONE:
            return "it was sent and the journal has nothing of it"
        if len({each.digest for each in arrived}) > 1:
            return "the two messages differ"
        if self.known == journal.INTENT:
            noted = any(line.get("job") == str(self.number) and line.get("duplicate") == "possible"
                        for line in record)
            return "" if warned and noted else "a possible duplicate was not called one"
        if len(arrived) > 1:
            return f"the message came {len(arrived)} times, and the journal had {self.known}"
        return "a possible duplicate without an intent" if warned else ""


def last(log):
    return log.strip().rpartition("\n")[2]


class House(backend.House):
    """With a fast server, and settings that are in nobody's way."""

    @contextlib.contextmanager
    def server(self, **sections):
        with limiting.Server(self.kit) as server:
            folder = self.folder / f"etc-{next(self.numbers)}"
            account = {"max_connections": 100, "max_per_minute": 10000}
            server.settings = settings.write(folder, server, account=account,
                                             **sections)
            server.state = settings.state_of(server.settings)
            yield server


def run(house, server, name, *, number=None, before=(), under=(), mend=lambda: None, **how):
    """Runs a job under the fault that the command `under` brings, mends what the caller
    broke, and runs it again. `before` brings a fault of its own, and a run before these. The
    job's number is one of `numbers`."""
    number = number or next(numbers)
    uuid, recipient = UUID.format(number), RECIPIENT.format(number)
    options = backend.OPTIONS.replace("bob@example.com", recipient)

    def once(**more):
        with house.start(server, options=options, uuid=uuid, number=number,
                         **how, **more) as one:
            return one.finish()
    if before:
        once(under=before)
    first = once(under=under)
    known = journal.known(server.state, uuid)
    early = sum(each.arrived for each in server.of(recipient))
    mend()
    return Trial(name, number, recipient, first, known, early, once())


def judge(trials, server):
    """Fails with the complaints about any of the trials."""
    assert server.wait_idle(), "a connection of a run that has ended is still open"
    record = history.read(server.settings.parent / "log", torn=True)
    wrong = [f"{each.name}: {complaint} (first run {each.first.code})" for each in trials
             if (complaint := each.complaint(server, record))]
    shown = "\n".join(wrong[:SHOWN])
    assert not wrong, f"{len(wrong)} of {len(trials)} trials went wrong:\n{shown}"
