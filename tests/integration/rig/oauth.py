"""Accounts that sign in with tokens, and what is known of their tokens on the disk.

The store is written and read here by other code than the program's own (lib/login/tokens.h,
seal.h, moment.h, endpoint.h): a test can stand for a login of some time ago, and is a witness
of what was kept.
"""
import configparser
import contextlib
import stat
import time
import zlib
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from fakes import certificates, entra
from rig import journal, settings, tap
from rig.backend import STOP, House

ACCOUNT = "office365"
SCOPE = "https://outlook.office.com/SMTP.Send offline_access"
APP_SCOPE = "https://outlook.office365.com/.default"
GRAPH_SCOPE = "https://{0}/Mail.Send https://{0}/Mail.ReadWrite offline_access"
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PORTS = {"starttls": 587, "implicit": 465}  # where a server's setting names none
LIFETIME = 3600  # seconds of a token that is planted
SUFFIXES = ("device", "token", "authorize")


# -- settings ----------------------------------------------------------------------------------

def keys(server, application, auth="oauth-device", **more):
    """An account's keys for an authorization server, over those of settings.write()."""
    return {"auth": auth, "password_file": None, "authority": server.url,
            "tenant": server.tenant, "client_id": application.id, **more}


def certificate(folder, name="app", days=30):
    """A new key and its certificate, self-signed as most of these are: their paths."""
    folder = Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    certificates.openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                         "-out", pem, "-days", days, "-subj", "/CN=Postroom",
                         "-addext", "keyUsage=digitalSignature")
    key.chmod(0o600)
    pem.chmod(0o644)
    return pem, key


def secret_file(folder, content, name="client"):
    """A file of root's alone that holds a secret; its path."""
    folder = Path(folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.touch(mode=0o600)
    path.write_text(content + "\n")
    return path


# -- the store ---------------------------------------------------------------------------------

def place(own):
    """The host and the port that an account's tokens are for."""
    if own["server"] == "graph":
        url = urlsplit(own["graph_url"])
        return url.hostname, str(url.port or 443)
    host, _, port = own["server"].partition(":")
    return host, port or str(PORTS[own["tls"]])


def default_scope(own):
    app, host = own["auth"] == "oauth-app", place(own)[0]
    if own["server"] == "graph":
        return f"https://{host}/.default" if app else GRAPH_SCOPE.format(host)
    return APP_SCOPE if app else SCOPE


def identity(settings_file, account=ACCOUNT):
    """The number of what an account's tokens belong to, from its settings."""
    file = configparser.RawConfigParser(strict=False)
    file.read(settings_file)
    own = {"authority": "https://login.microsoftonline.com", "tenant": "organizations",
           "tls": "starttls", **file[f"account {account}"]}
    base = f"{own['authority'].rstrip('/')}/{own['tenant']}/oauth2/v2.0"
    addresses = [own.get(f"{name}_url", f"{base}/{name}{'code' * (name == 'device')}")
                 for name in SUFFIXES]
    scope = own.get("scope") or default_scope(own)
    facts = [own["auth"], *addresses, own["client_id"], scope, own["username"], *place(own)]
    return zlib.crc32(b"".join(each.encode() + b"\0" for each in facts)) or 1


def _moment(ahead=0.0):
    """The moment so many seconds from now."""
    boot = time.clock_gettime(time.CLOCK_BOOTTIME) + ahead
    return f"{int(time.time() + ahead)} {int(boot * 1000)} {BOOT_ID.read_text().strip()}"


def _left(wall_boot_name):
    """Seconds from now until a moment of this boot."""
    _, boot, name = wall_boot_name
    assert name == BOOT_ID.read_text().strip(), "a moment of another boot"
    return int(boot) / 1000 - time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Known:
    """What a store holds; "" and 0 for what is not there."""

    identity: int
    login: int
    refresh: str = ""
    access: str = ""
    left: float = 0   # seconds that the access token still lives
    failed: str = ""  # the sentence of the last failure
    pause: float = 0  # seconds that it keeps others away


class Store:
    """The tokens of an account of a settings file."""

    def __init__(self, settings_file, account=ACCOUNT):
        self.identity = identity(settings_file, account)
        self.folder = settings.state_of(settings_file) / "tokens"
        self.path = self.folder / account

    def plant(self, refresh="", access="", left=LIFETIME, lifetime=LIFETIME, login=0x5eed,
              number=None):
        """Writes it as if somebody had signed in; the access token lives for `left`."""
        number = self.identity if number is None else number
        lines = [f"tokens 1 {number:x} {login:x}",
                 f"refresh {_moment(left - lifetime)} {refresh}" if refresh else "refresh",
                 f"access {_moment(left - lifetime)} {_moment(left)} {access}" if access
                 else "access", "failed"]
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self.path.touch(mode=0o600)
        self.path.write_text("".join(f"{line} {zlib.crc32(line.encode()):08x}\n"
                                     for line in lines))

    def read(self):
        """What it holds; None where there is no file. It must be root's alone."""
        if not self.path.exists():
            return None
        for path, mode in ((self.folder, 0o700), (self.path, 0o600)):
            found = path.stat()
            assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (0, mode), (
                f"{path} is {found.st_uid}'s with mode {found.st_mode:o}")
        head, refresh, access, failed = (
            line.split(" ") for line in journal.texts(self.path.read_bytes()))
        assert head[:2] == ["tokens", "1"] and len(head) == 4, "not a store's first line"
        known = Known(int(head[2], 16), int(head[3], 16))
        if refresh[1:]:
            known.refresh = refresh[4]
        if access[1:]:
            known.access, known.left = access[7], _left(access[4:7])
        if failed[1:]:
            known.failed, known.pause = " ".join(failed[6:]), _left(failed[1:4])
        return known


# -- what a test stands on ---------------------------------------------------------------------

class TokenHouse(House):
    """A house with accounts that sign in with tokens. A tap fixture."""

    scope = SCOPE  # of those who sign in

    @contextlib.contextmanager
    def office(self, script=None, auth="oauth-device", application=None, **sections):
        """An authorization server and a submission server that asks it what is good, and
        settings that lead to both. Yields the latter, with `entra`, its `application`, and
        the `store`. `application` has the registration's particulars, an account's further
        keys stand in sections as ever."""
        with entra.Server(self.kit) as authority:
            registered = authority.register(**(application or {}))
            authority.mailboxes = {registered.id: [settings.USER]} if auth == "oauth-app" else {}
            more = sections.pop("account", {})
            with self.server(script, authority.valid, **sections,
                             account=keys(authority, registered, auth, **more)) as server:
                server.entra, server.application = authority, registered
                server.store = Store(server.settings)
                yield server

    @contextlib.contextmanager
    def signed_in(self, script=None, left=LIFETIME, **how):
        """The same where somebody has signed in, a while ago: an access token that lives
        for `left` seconds, and a refresh token, are in the store; the server's
        `before` has both."""
        with self.office(script, **how) as server:
            authority, application = server.entra, server.application
            before = (authority.grant(application, settings.USER, self.scope),
                      authority.issue(application, settings.USER, self.scope, max(left, 0)))
            server.store.plant(*before, left=left)
            server.before = before
            yield server


def stopped(house, server, *words, shown=0):
    """Prints; the queue must stop with these words, nothing sent, `shown` tokens shown."""
    result = house.print(server)
    tap.same(result.code, STOP, "the exit code")
    for word in words:
        tap.among(word, result.log, "the log")
    tap.same(server.messages, [], "the messages")
    tap.same(len(server.credentials), shown, "the number of tokens shown")
    return result


def shown(server):
    """What a submission server was shown: (mechanism, token) of each AUTH."""
    return [(mechanism, answers[-1].rpartition(b"Bearer ")[2].rstrip(b"\1").decode())
            for _, mechanism, answers in server.credentials]


def asked(server):
    """The forms that the token endpoint got."""
    return [each.form for each in server.entra.asked("token")]


# -- secrets -----------------------------------------------------------------------------------

PIECE = 24  # characters of a secret that give it away
PIECE_EVERY = 150  # characters from one piece to the next: a log line may be cut
JWT_SAME = 48  # characters at the start of each token that are the same
KEPT = ("tokens", "secrets")  # folders where secrets are kept


def canaries(server, *more):
    """Pieces of every token that was ever made here, and of other secrets, as they are and in
    base64: none of them is anywhere by chance."""
    found = set()
    for secret in [*server.entra.access, *server.entra.refresh, *more]:
        places = [*range(JWT_SAME, len(secret) - PIECE, PIECE_EVERY), len(secret) - PIECE]
        found |= {secret[place:place + PIECE] for place in places}
        for shift in range(3):  # of the triples that base64 makes
            found.add(b64encode(secret[-PIECE - shift:].encode())[4:PIECE].decode())
    return {each.encode() for each in found}


def search(content, secrets, where):
    for each in secrets:
        tap.absent(each, content, where)


def search_files(folder, secrets):
    """All files below a folder; returns how many. A file in KEPT may have a secret, if it is
    root's alone."""
    count = 0
    for path in Path(folder).rglob("*"):
        found = path.lstat()
        own = found.st_uid == 0 and stat.S_IMODE(found.st_mode) & 0o077 == 0
        if stat.S_ISREG(found.st_mode) and not (own and path.parent.name in KEPT):
            search(path.read_bytes(), secrets, str(path))
            count += 1
    return count


def search_processes(entries, secrets):
    """What /proc shows of processes: arguments, environment, names; and that none of them
    leaves a core file."""
    for entry in entries:
        for name in ("cmdline", "environ", "comm"):
            search((entry / name).read_bytes(), secrets, f"{entry / name}")
        limits = (entry / "limits").read_text().splitlines()
        core = next(line for line in limits if line.startswith("Max core file size"))
        tap.same(core.split()[4:6], ["0", "0"], f"{entry}: the limit of core files")
        tap.same((entry / "mem").stat().st_uid, 0, f"the owner of {entry / 'mem'}")
