"""The servers that docs/servers.md is about, as far as they are not fakes of their own, and the
page's blocks as settings that lead to fakes."""
import contextlib
import itertools
import re
import shlex
import ssl
import subprocess
import textwrap
import types
from pathlib import Path
from urllib.request import urlopen

import rig
from fakes import certificates, dialogue, entra, graph, program, scripted
from rig import ROOT, backend, oauth, settings, tap
from rig.backend import OK

PAGE = ROOT / "docs" / "servers.md"
GUIDES = [ROOT / "docs" / name for name in ("office365.md", "office365.de.md")]
BLOCK = re.compile(r"^( *)```ini\n(.*?)^\1```$", re.M | re.S)
LINE = re.compile(r"^(\w+)( *= *)(.*)$")
HEAD = re.compile(r"^\[account (\S+)\]$", re.M)
MAILBOX = settings.USER
OWN, STRANGER = "bob@example.com", "bob@elsewhere.example"
LOCAL = "https://localhost"  # what a fake of Microsoft Graph is a resource by
GOOGLE = "https://mail.google.com"
SECRET = "Qz8~client-secret-of-nobody-5f1b7"
LIMIT = 60  # seconds of one run of postroom
RELAY_DENIED = "550 5.7.64 TenantAttribution; Relay Access Denied [FR1PEPF00000F04.example]"


# -- the page ----------------------------------------------------------------------------------

def blocks_of(path):
    """The blocks of settings in a document."""
    return [textwrap.dedent(found[2]) for found in BLOCK.finditer(path.read_text())]


def named(text):
    """The name of a block's account."""
    return HEAD.search(text)[1]


def keys_of(text):
    return {found[1]: found[3] for found in map(LINE.match, text.splitlines()) if found}


# -- the administrator's command ---------------------------------------------------------------

def start(settings_file, *arguments, user=None):
    """`postroom`, running; what it prints is in one pipe."""
    return subprocess.Popen(
        [rig.built("postroom"), *arguments], cwd="/", stdin=subprocess.DEVNULL, user=user,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "CUPS_SERVERBIN": "/nonexistent",
             "POSTROOM_CONFIG": str(settings_file)})


def finish(process):
    """Waits for its end; returns what it printed that nobody has read yet."""
    try:
        return process.communicate(timeout=LIMIT)[0].decode()
    finally:
        program.end_session(process)


def check(settings_file, account=()):
    return finish(start(settings_file, "check", *account))


# -- servers -----------------------------------------------------------------------------------

class Mx(scripted.Connection):
    """Exchange's MX: takes mail for its own organisation, and from whom a connector knows."""

    def rcpt(self, rest):
        address = rest.partition(":")[2].split()[0].strip("<>")
        own = address.endswith("@example.com")
        usual = dialogue.RECIPIENT_OK if own or self.server.knows(self) else RELAY_DENIED
        if self.answer("rcpt", usual):
            self.recipients.append(address)

    VERBS = {**scripted.Connection.VERBS, "RCPT": rcpt}


class MxServer(scripted.Server):
    """knows(connection) tells whether a connector knows the client."""

    def __init__(self, house, faults=None, knows=lambda connection: False):
        super().__init__({"mechanisms": [], "faults": faults or {}}, kit=Asking(house.kit))
        self.knows = knows

    def _serve(self, connection):
        own = Mx(self, connection.stream, connection.number)
        self.adopt(own)
        super()._serve(own)


class Asking:
    """A kit whose servers ask their clients for a certificate, and take none as well."""

    def __init__(self, kit):
        self.kit, self.ca_file = kit, kit.ca_file

    def context(self, *how):
        context = self.kit.context(*how)
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(self.ca_file)
        return context


def shows_certificate(connection):
    """Whether a client's certificate is of the organisation."""
    found = connection.stream.getpeercert() if connection.tls else None
    return any(name.endswith(".example.com")
               for _, name in (found or {}).get("subjectAltName", ()))


class Google(entra.Server):
    """Google's addresses; a refresh token only where offline access was asked for."""

    PATHS = {"/o/oauth2/auth": "authorize", "/token": "token"}

    def stage(self, method, path):
        return self.PATHS.get(path, "unknown")

    def answer(self, request):
        request.path = f"/{self.tenant}/oauth2/v2.0/{request.stage}"  # the base class's
        return super().answer(request)

    def _new_code(self, application, query, redirect_uri):
        code = super()._new_code(application, query, redirect_uri)
        if query.get("access_type") == "offline":
            self.codes[code].grant.scopes.append("offline_access")
        return code


class Good:
    """The tokens that open the mailbox at a service, for graph.py."""

    def __init__(self, authority, resource):
        self.authority, self.resource = authority, resource

    def __contains__(self, token):
        return self.authority.valid(token, MAILBOX, (self.resource,))


# -- what the tests stand on -------------------------------------------------------------------

class House(backend.House):
    """The page's blocks, and which of them have sent mail."""

    def __init__(self):
        super().__init__()
        # what scope the fakes stand for; the own host's follows from graph_url
        entra.RIGHTS.update({LOCAL: ("Mail.Send", "Mail.Send"), GOOGLE: ("", "")})
        self.blocks = {named(text): text for text in blocks_of(PAGE)}
        self.sent = set()
        self.folders, self.jobs = itertools.count(1), itertools.count(1)

    def values(self, name):
        return keys_of(self.blocks[name])

    def files(self, name):
        """Makes the files that a block names; {key: path}. A certificate is of the
        authority that the fakes trust, for a name of the organisation."""
        folder = self.folder / "files" / name
        content = {"password_file": settings.PASSWORD, "client_secret_file": SECRET}
        made = {key: oauth.secret_file(folder, content[key], Path(path).name)
                for key, path in self.values(name).items() if key in content}
        if "certificate_file" in self.values(name):
            make = self.certify if self.values(name)["auth"] == "oauth-app" else self.issue
            made["certificate_file"], made["key_file"] = make(folder)
        return made

    @staticmethod
    def certify(folder):
        """An application's certificate, by the command of the guide."""
        command, = re.findall(r"umask 077; (openssl req [^)]*)\)", GUIDES[0].read_text())
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        subprocess.run(shlex.split(command.replace("\\\n", "")), cwd=folder, umask=0o077,
                       check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return folder / "office365.pem", folder / "office365.key"

    def issue(self, _):
        return self.kit.authority.issue("printserver", hosts="DNS:printserver.example.com")

    def snake_oil(self):
        """A certificate that signs itself, as Debian makes one; its path."""
        pem, key = self.folder / "snake-oil.pem", self.folder / "snake-oil.key"
        if not pem.exists():
            certificates.openssl(
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", pem,
                "-days", 30, "-subj", "/CN=localhost", "-addext", "basicConstraints=CA:FALSE",
                "-addext", "subjectAltName=DNS:localhost")
            pem.chmod(0o644)
            self.kit.pairs["snake-oil"] = (pem, key)
        return pem

    def write(self, name, port, **changes):
        """A block as settings for a server on this port; `changes` are keys that point
        elsewhere, None takes one out. Other lines stay byte for byte."""
        folder = self.folder / f"{name}-{next(self.folders)}"
        own = {"server": f"localhost:{port}", **(changes.pop("files", None) or self.files(name)),
               **changes}
        lines = []
        for line in self.blocks[name].splitlines():
            found = LINE.match(line)
            key = found[1] if found else None
            if key == "server" and found[3] == "graph":
                lines += [line, f"ca_file = {self.kit.ca_file}",
                          f"graph_url = {LOCAL}:{port}/v1.0"]
                continue
            if key not in own:
                lines.append(line)
            elif own[key] is not None:
                lines.append(f"{key}{found[2]}{own[key]}")
            if key == "server":
                lines += [f"{more} = {own[more]}" for more in ("ca_file", "authority")
                          if own.get(more)]
        if "graph" in self.values(name)["server"] and own.get("authority"):
            lines.insert(2, f"authority = {own['authority']}")
        (folder / "state").mkdir(parents=True)
        path = folder / "postroom.conf"
        path.write_text("\n".join([
            "[postroom]", f"state_dir = {folder / 'state'}", f"user = {settings.WORKER}",
            "retry_after = 1s", "oversize = refuse", "notify = none",
            f"log_file = {folder / 'log'}", "", *lines, ""]))
        path.chmod(0o644)
        return path

    @contextlib.contextmanager
    def smtp(self, name, server, **changes):
        """A server for a block of SMTP, and the settings that lead to it."""
        with server:
            changes.setdefault("ca_file", server.ca_file)
            server.settings = self.write(name, server.port, **changes)
            server.name = name
            yield server

    def scripted(self, script=None, tokens=None):
        return scripted.Server(script or {}, kit=self.kit, tokens=tokens)

    def mail(self, server, to=OWN, code=OK, **how):
        """Prints to somebody by this server's settings; the exit code is checked."""
        number = next(self.jobs)
        before = len(server.accepted)
        with self.start(server, options=backend.OPTIONS.replace(OWN, to), number=number,
                        uuid=f"{backend.UUID[:-12]}{number:012d}", **how) as run:
            self.last = run.finish()
        if isinstance(server, scripted.Server):
            server.wait_idle(5)
        tap.same(self.last.code, code, "the exit code")
        tap.same(len(server.accepted) - before, int(code == OK), "the number of messages")
        if code == OK:
            self.sent.add(server.name)
        return self.last

    def login(self, server, act=lambda process: None, code=0):
        """`postroom login` as the page says it; act(process) is what the person does."""
        process = start(server.settings, "login", server.name)
        try:
            act(process)
        finally:
            self.last = types.SimpleNamespace(log=finish(process))
        tap.same(process.returncode, code, "what postroom login ends with")

    def authority(self, name, kind=entra.Server, **application):
        """An authorization server that has the block's application."""
        values = self.values(name)
        server = kind(self.kit, **({"tenant": values["tenant"]} if "tenant" in values else {}))
        server.interval, server.person = 1, MAILBOX
        registered = server.register(**application)
        server.applications = {values["client_id"]: registered}
        registered.id = values["client_id"]
        if registered.verifier:
            registered.verifier.client_id = registered.id
        if values["auth"] == "oauth-app":
            server.mailboxes = {registered.id: [values["username"]]}
        return server


def person(authority, who=MAILBOX):
    """Types the code in, as this person."""
    def act(_):
        assert authority.wait_for(lambda: authority.devices), "no code was asked for"
        authority.approve(who)
    return act


def browser(house):
    """Opens the address that is shown, and goes wherever it leads."""
    def act(process):
        for line in process.stdout:
            if line.startswith(b"https://"):
                context = ssl.create_default_context(cafile=house.kit.ca_file)
                with urlopen(line.decode().strip(), context=context, timeout=30) as answer:
                    tap.among(b"Postroom has got what it needs", answer.read(), "the page")
                return
        raise AssertionError("no address was shown")
    return act


@contextlib.contextmanager
def graph_of(house, name, authority, **script):
    """Microsoft Graph for a block, and the settings that lead to it."""
    tokens = Good(authority, LOCAL)
    with graph.Server({"user": MAILBOX, "tokens": tokens, **script}, kit=house.kit) as server:
        server.settings = house.write(name, server.port, authority=authority.url)
        server.name = name
        yield server
