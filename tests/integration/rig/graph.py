"""Accounts that send through Microsoft Graph: settings, and what arrived of a message."""
import contextlib
import re
import socket
import time
from dataclasses import dataclass

from fakes import entra, graph
from rig import backend, history, journal, mail, oauth, settings, tap
from rig.backend import RETRY, STOP, UUID

SCOPE = oauth.GRAPH_SCOPE.format("localhost")
LARGE = 4 * 1024 * 1024  # bytes: more than one request takes
LISTS = ("to", "cc", "bcc")


def keys(server):
    """An account's keys for a service, over those of oauth.keys()."""
    return {"server": "graph", "tls": None,
            "graph_url": f"https://localhost:{server.port}/v1.0"}


class GraphHouse(oauth.TokenHouse):
    """A house whose accounts send through Graph. A tap fixture."""

    scope = SCOPE

    @contextlib.contextmanager
    def server(self, script=None, tokens=None, **sections):
        """As ever, but a graph.Server: what it is shown, tokens(token, mailbox, audiences)
        judges."""
        def judge(token, mailbox):
            return tokens(token, mailbox, entra.GRAPH)
        with graph.Server(script or {}, kit=self.kit, tokens=judge) as server:
            folder = self.folder / f"etc-{next(self.numbers)}"
            account = {**sections.pop("account", {}), **keys(server)}
            server.settings = settings.write(folder, server, account=account, **sections)
            yield server

    def plain(self, script=None, **sections):
        """A submission server, to compare with."""
        return backend.House.server(self, script, **sections)


# -- what arrived ------------------------------------------------------------------------------

BCC = re.compile(rb"^bcc:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*", re.MULTILINE | re.IGNORECASE)


@dataclass
class Arrived:
    """A message as its recipients have it: Exchange takes Bcc out of the header. `header` is
    what was handed in for each kind of recipient."""

    mail: mail.Mail
    header: dict
    later: list  # attachments that are not in the MIME form

    @property
    def recipients(self):
        return sorted(sum(self.header.values(), []))

    @property
    def documents(self):
        """(name, content) of each attachment, in order."""
        inside = [(each.filename, each.content) for each in self.mail.attachments]
        return inside + [(each.name, each.content) for each in self.later]


def arrived(server):
    """All messages that the service sent."""
    found = []
    for each in server.accepted:
        head, blank, body = each.content.partition(b"\r\n\r\n")
        head = BCC.sub(b"", head + b"\r\n")
        found.append(Arrived(mail.Mail(head + blank[2:] + body), each.recipients,
                             each.attachments))
    return found


def drafts(server):
    return [each for each in server.mailbox if each.draft]


def tokens_shown(server, where="graph"):
    """The bearer of each request, "" where there was none."""
    return [each["bearer"] for each in server.requests if each["where"] == where]


def renewals(server):
    return len(oauth.asked(server))


# -- what is left on the disk ------------------------------------------------------------------

def pause(server):
    """Seconds for which the account is closed to all jobs; 0: it is not."""
    path = settings.state_of(server.settings) / "limits" / "office365.state"
    line, = (each for each in journal.texts(path.read_bytes()) if each.startswith("pause"))
    fields = line.split(" ")
    if len(fields) < 4:
        return 0
    return int(fields[2]) / 1000 - time.clock_gettime(time.CLOCK_BOOTTIME)


def move(server, port):
    """From now on the settings lead to another port, and the tokens are for that."""
    text = server.settings.read_text()
    server.settings.write_text(re.sub(r"(graph_url = https://localhost:)\d+",
                                      rf"\g<1>{port}", text))
    server.store.identity = oauth.identity(server.settings)
    server.store.plant(*server.before)


def free_place():
    """An address where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()


def reopen(server):
    """Time has passed: the account's pause is over."""
    (settings.state_of(server.settings) / "limits" / "office365.state").unlink()


def events(server, **wanted):
    """The lines of the record that have these fields."""
    return [each for each in history.read(server.settings.parent / "log")
            if all(each.get(key) == value for key, value in wanted.items())]


# -- what many tests say -----------------------------------------------------------------------

def sent(house, server, count=1, **how):
    """Prints; it must be sent, and be the count-th message. Returns that."""
    result = house.print(server, **how)
    tap.same(result.code, 0, "the exit code")
    tap.same(len(server.accepted), count, "the number of messages")
    tap.same(drafts(server), [], "the drafts that are left")
    return arrived(server)[-1]


def stopped(house, server, *words, **how):
    """Prints; the queue must stop with these words, and nothing may be sent."""
    result = house.print(server, **how)
    tap.same(result.code, STOP, "the exit code")
    for word in words:
        tap.among(word, result.log, "the log")
    tap.same(server.accepted, [], "the messages")
    return result


def put_off(house, server, *words, **how):
    """Runs until it waits for its next try, with these words, and sits that out no further."""
    with house.start(server, **how) as run:
        assert run.wait_said("next try"), run.said()
        run.terminate()
        house.last = run.finish()
    server.wait_idle(5)
    tap.same(house.last.code, RETRY, "the exit code")
    for word in words:
        tap.among(word, house.last.log, "the log")
    return house.last


def known(server, uuid=UUID):
    return journal.known(settings.state_of(server.settings), uuid)
