#!/usr/bin/python3 -B
"""What children have of their parents' memory: of those that read a stranger's document or
talk to a stranger, none has a secret that it does not need.

Each child is looked at while strace holds it at a system call. Beside it the processes above
are looked at, which must have the secret: or the look itself would be blind."""
import base64
import contextlib
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import admin, documents, oauth, settings, tap  # noqa: E402
from rig.backend import OK  # noqa: E402
from rig.signing import approve  # noqa: E402

READERS = 2  # children that such a document is read by, at least
HELD = 1000000  # microseconds that strace holds a process at its first call of a kind
REGION_MAX = 64 << 20  # bytes of a mapping that are looked at
SECRET = "Qz8~canary-client-secret-5f1b7-of-an-application"
LONG_PASSWORD = settings.PASSWORD * 4 + "-and-its-end-that-nobody-else-has"
PIECE = 16  # characters of a secret that give it away
PIECE_EVERY = 64  # characters from one piece to the next
JWT_SAME = 48  # characters at a token's start that are in each


# -- looking ---------------------------------------------------------------------------------

def regions(pid):
    """(name, bytes) of each mapping that a process can write to."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            fields = line.split()
            start, end = (int(each, 16) for each in fields[0].split("-"))
            if "rw" not in fields[1] or end - start > REGION_MAX:
                continue
            with contextlib.suppress(OSError, ValueError):  # [vvar] and its like
                memory.seek(start)
                yield fields[5] if len(fields) > 5 else "anonymous", memory.read(end - start)


def pieces(secret):
    """Parts of a secret, as they are and in base64. The first bytes of what was freed are
    overwritten by the allocator's own: the end is among the parts."""
    last = len(secret) - PIECE
    found = {secret[at:at + PIECE] for at in [*range(JWT_SAME, last, PIECE_EVERY), last]}
    for shift in range(3):  # of the triples that base64 makes
        found.add(base64.b64encode(secret[-PIECE - shift:].encode())[4:PIECE].decode())
    return {each.encode() for each in found}


def held(pid, secrets):
    """Where a process has a piece of one of the secrets (by name)."""
    found = set()
    for region, content in regions(pid):
        found |= {f"{name} in {region}" for name, secret in secrets.items()
                  if any(piece in content for piece in pieces(secret))}
    return found


def parent_of(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_ours(pid, program):
    return Path(f"/proc/{pid}/comm").read_text().strip() == program


def under(call):
    if not shutil.which("strace"):
        raise tap.Skip("the package strace")
    return ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}",
            "-e", f"inject={call}:delay_enter={HELD}:when=1")


class Looker:
    """Looks at each process of a generation once, as soon as it is there, and at those above
    it: what was found of the secrets."""

    def __init__(self, program, generation, secrets):
        """generation 1: the program's children; 2: theirs. secrets(): by name."""
        self.program, self.generation, self.secrets = program, generation, secrets
        self.seen = {}  # in those, by number
        self.above = set()

    def _ancestors(self, pid):
        found = []
        while is_ours(pid := parent_of(pid), self.program):
            found.append(pid)
        return found

    def look(self, family):
        """False: to go on."""
        for pid in [int(entry.name) for entry in family]:
            with contextlib.suppress(OSError):  # it has just ended
                above = self._ancestors(pid) if is_ours(pid, self.program) else []
                if len(above) == self.generation and pid not in self.seen:
                    secrets = self.secrets()
                    self.seen[pid] = held(pid, secrets)
                    for each in above:
                        self.above |= held(each, secrets)
        return False

    def check(self, least, known=""):
        """At least so many were seen, and none had any; one above them had `known`."""
        assert len(self.seen) >= least, f"{len(self.seen)} children were seen, not {least}"
        for pid, found in self.seen.items():
            tap.same(found, set(), f"what child {pid} has")
        assert not known or any(each.startswith(known) for each in self.above), (
            f"nobody above had the {known}, only {self.above}: this test sees nothing")


# -- the children that read documents --------------------------------------------------------

def document():
    """It is divided anew when the server turns out to take less than the settings say: by
    children that are born after a connection was made, with what there was to sign in."""
    return documents.pdf(*[f"page {number} " * 40 for number in range(12)])


def look_at_readers(house, server, data, secrets, known):
    """Prints a document, and looks at the children that read it."""
    looker = Looker("mailto", 2, secrets)
    with house.start(server, data=data, under=under("prlimit64")) as run:
        run.wait(lambda: looker.look(run.family()))
        house.last = run.finish()
    tap.same(house.last.code, OK, "the exit code")
    tap.same(house.last.log.count("INFO: Connecting to"), 2, "the number of connections")
    looker.check(READERS, known)


def tokens_of(server):
    """All tokens that were ever given out, by name."""
    return {**{f"access token {n}": each for n, each in enumerate(list(server.entra.access))},
            **{f"refresh token {n}": each for n, each in enumerate(list(server.entra.refresh))}}


def test_reader_beside_a_password(house):
    """No child that reads a document has the password, nor what a connection left of it"""
    data = document()
    with house.server({"size": len(data)}) as server:
        settings.secret_of(server.settings).write_text(LONG_PASSWORD + "\n")
        look_at_readers(house, server, data, lambda: {"password": LONG_PASSWORD}, "password")
        assert any(LONG_PASSWORD.encode() in answer for *_, answers in server.credentials
                   for answer in answers), "another password was shown"


def test_reader_beside_tokens(house):
    """Nor has it a token, old or new, nor what a renewal left of them"""
    data = document()
    with house.signed_in({"size": len(data)}, left=-10) as server:
        look_at_readers(house, server, data, lambda: tokens_of(server), "refresh token 1")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")


def test_reader_beside_a_client_secret(house):
    """Nor has it an application's secret, nor the token that it brought"""
    data = document()
    path = oauth.secret_file(house.folder / "app", SECRET)
    with house.office({"size": len(data)}, auth="oauth-app", application={"secret": SECRET},
                      account={"client_secret_file": path}) as server:
        look_at_readers(house, server, data,
                        lambda: {"client secret": SECRET, **tokens_of(server)},
                        "access token 0")
        tap.same(len(oauth.asked(server)), 1, "the number of questions")


# -- the others ------------------------------------------------------------------------------

def test_probe(house):
    """Who waits for the network, and the probe that is sent out meanwhile, have no token"""
    with house.signed_in(left=-10, postroom={"retry_after": "90s"}) as server:
        server.stop()
        looker = Looker("mailto", 1, lambda: tokens_of(server))
        with house.start(server, under=under("setresuid")) as run:
            assert run.wait_said("next try at"), run.said()
            assert run.wait(lambda: looker.look(run.family()) or looker.seen), run.said()
        tap.same(len(oauth.asked(server)), 1, "the number of questions")
        looker.check(1)
        tap.same(looker.above, set(), "what the supervisor has")


def test_sender_of_the_test_message(house):
    """Who sends the test message has the access token, and not the refresh token"""
    with admin.House() as other:
        found = {}

        def judge(token, mailbox):
            """Called while the child waits for the answer to its login."""
            for entry in command.children():
                found[entry.name] = held(int(entry.name), tokens_of(place))
            return place.entra.valid(token, mailbox)

        with other.place(tokens=judge) as place, place.start("login") as command:
            approve(command, place)
            tap.same(command.finish(), admin.OK, "the exit code")
        (has,) = found.values()
        assert any(each.startswith("access token") for each in has), "it had no token"
        tap.same({each for each in has if each.startswith("refresh")}, set(), "what it had")


if __name__ == "__main__":
    tap.run(globals(), oauth.TokenHouse)
