"""An authorization server that nobody here wrote: glewlwyd, as Debian has it.

So that no misreading of an RFC is tested against itself. It runs as whoever runs the tests, on
a free port of loopback, with a folder of its own for settings and database. Its package is
unpacked below the build folder and never installed, as installing it starts a system service.
It is set up over its REST API, and a Person acts there as a browser with somebody before it.
"""
import contextlib
import json
import secrets
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from fakes import program
from rig import debian, settings, tap

DATABASE = "usr/share/dbconfig-common/data/glewlwyd/install/sqlite3"
START_LIMIT = 20  # seconds
PAUSE = 0.05  # between two looks whether it listens
CALL_LIMIT = 20
STARTS = 5  # tries, as another program may take the port that was free
ADMINISTRATOR = ("admin", "password")  # as its database is delivered

USER = settings.USER
OTHER = "somebody@example.com"  # may sign in too, and is not the mailbox
SCOPE = "https://outlook.example/SMTP.Send"
OFFLINE = "offline_access"
DELEGATED = f"{SCOPE} {OFFLINE}"
NAMED = f"openid {DELEGATED}"  # an id_token comes with it, which names the person
APP_SCOPE = "https://outlook.example/.default"
INTROSPECT = "introspect"  # the scope that lets a resource server ask about tokens
PUBLIC = "postroom-public"
CONFIDENTIAL = "postroom-secret"
RESOURCE = "submission-server"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
INTERVAL = 1  # seconds between two questions of the device flow
ACCESS_LIFETIME = 3600  # seconds

SETTINGS = """\
port = {port}
bind_address = "127.0.0.1"
external_url = "https://localhost:{port}"
login_url = "login.html"
api_prefix = "api"
static_files_path = "{folder}/web"
log_mode = "console"
log_level = "DEBUG"
cookie_domain = "localhost"
cookie_secure = 1
session_key = "session"
admin_scope = "g_admin"
profile_scope = "g_profile"
user_module_path = "{modules}/user"
user_middleware_module_path = "{folder}/none"
client_module_path = "{modules}/client"
user_auth_scheme_module_path = "{modules}/scheme"
plugin_module_path = "{modules}/plugin"
use_secure_connection = true
secure_connection_key_file = "{key}"
secure_connection_pem_file = "{certificate}"
hash_algorithm = "SHA256"
database = {{ type = "sqlite3" path = "{folder}/database" }};
"""


def installed():
    """The folder that has usr/bin/glewlwyd and what it needs. Of the ways to set up a database
    the one is chosen that does nothing and needs nothing."""
    return debian.root_of("glewlwyd", "usr/bin/glewlwyd")


# -- talking to it --------------------------------------------------------------------

class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@dataclass
class Answer:
    status: int
    text: str
    location: str
    cookie: str

    @property
    def json(self):
        """Its object; {} where it sent none, as it does with some refusals."""
        return json.loads(self.text) if self.text.startswith("{") else {}

    @property
    def error(self):
        return self.json.get("error", "")


class Browser:
    """Exchanges with one web server, with the session cookie that it gave."""

    def __init__(self, base, ca_file):
        self.base, self.cookie = base, ""
        context = ssl.create_default_context(cafile=ca_file)
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect,
            urllib.request.HTTPSHandler(context=context))

    def call(self, method, url, *, body=None, form=None, bearer=None):
        """One exchange, on a path below the base or on a whole URL; redirects are not
        followed."""
        fields = {"Cookie": self.cookie} if self.cookie else {}
        data = None
        if body is not None:
            data, fields["Content-Type"] = json.dumps(body).encode(), "application/json"
        if form is not None:
            data = urlencode(form).encode()
        if bearer:
            fields["Authorization"] = f"Bearer {bearer}"
        url = url if "://" in url else self.base + url
        request = urllib.request.Request(url, data, fields, method=method)
        try:
            reply = self.opener.open(request, timeout=CALL_LIMIT)
        except urllib.error.HTTPError as error:
            reply = error
        with reply:
            return Answer(reply.status, reply.read().decode(),
                          reply.headers.get("Location", ""),
                          reply.headers.get("Set-Cookie", "").partition(";")[0])

    def post(self, path, **form):
        return self.call("POST", path, form=form)

    def log_in(self, name, password):
        answer = self.call("POST", "/auth/", body={"username": name, "password": password})
        assert answer.status == 200 and answer.cookie, f"no login of {name}: {answer}"
        self.cookie = answer.cookie

    def change(self, method, path, body):
        answer = self.call(method, path, body=body)
        assert answer.status == 200, f"{method} {path}: {answer.status} {answer.text}"


def query(url):
    """The names and values in a URL's query."""
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    return {name: values[0] for name, values in found.items()}


class Person(Browser):
    """Somebody with a browser: is sent to the login page, signs in, agrees, goes on."""

    def __init__(self, server, name=USER):
        super().__init__(server.base, server.ca_file)
        self.name, self.password = name, server.passwords[name]

    def _agree(self, client, scope):
        if not self.cookie:
            self.log_in(self.name, self.password)
        self.change("PUT", f"/auth/grant/{client}", {"scope": scope})

    def _visit(self, url):
        """Goes to an address, and after the login page's questions on to where that page
        sends a browser back to; returns where that leads."""
        page = query(self.call("GET", url).location)
        tap.among("client_id", page, "what the login page is told")
        self._agree(page["client_id"], page["scope"])
        onward = page["callback_url"]
        onward += "&g_continue" if "?" in onward else "?g_continue"
        answer = self.call("GET", onward)
        tap.same(answer.status, 302, "the answer to somebody who agreed")
        return answer.location

    def enter_code(self, address, code):
        """What the person does with address and code of the device flow."""
        if not self.cookie:
            self.log_in(self.name, self.password)
        prompt = self._visit(f"{address}?{urlencode({'code': code})}")
        tap.same(query(prompt).get("prompt"), "deviceComplete", "what the page says")

    def follow(self, url):
        """Goes to an address that the browser was sent to, and back to loopback."""
        parts = urlsplit(url)
        return self.call("GET", urlunsplit(parts._replace(path=parts.path or "/")))

    def authorize(self, url):
        """What the person does with the address of the code flow; returns the address that
        the browser is sent to, and that nobody went to yet."""
        return self._visit(url)


# -- the server -----------------------------------------------------------------------

def free_port():
    """A port of loopback that nobody has at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def _listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), CALL_LIMIT).close()
    except ConnectionRefusedError:
        return False
    return True


class Server(Browser):
    """A context manager. Its own requests are the administrator's."""

    def __init__(self, kit, folder):
        self.root = installed()
        self.folder = Path(folder)
        self.folder.mkdir()
        self.ca_file = kit.ca_file
        self.certificate, self.key = kit.authority.issue("authorization")
        self.passwords = {name: secrets.token_urlsafe(12) for name in (USER, OTHER)}
        # A secret's reserved characters have to survive being sent in a form.
        self.secret = f"a+b&c=d%2F/é {secrets.token_urlsafe(12)}"
        self.resource_secret = secrets.token_urlsafe(12)
        self.process, self.log, self.reader = None, [], None

    def __enter__(self):
        for name in ("web", "none"):
            (self.folder / name).mkdir()
        with contextlib.closing(sqlite3.connect(self.folder / "database")) as database:
            database.executescript((self.root / DATABASE).read_text())
        try:
            self._start()
            self._set_up()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.process:
            program.end_session(self.process)
            self.reader.join()
            self.process = None

    def diagnose(self):
        """The last things that it found wrong."""
        return "".join([line for line in self.log if " INFO: " not in line][-8:])

    # starting

    def _start(self):
        for _ in range(STARTS):
            port = free_port()
            file = self.folder / "settings"
            file.write_text(SETTINGS.format(
                port=port, folder=self.folder, modules=self.root / "usr/lib/glewlwyd",
                key=self.key, certificate=self.certificate))
            if self._run_program(file, port):
                break
            self.__exit__()
        else:
            raise AssertionError(f"glewlwyd does not start:\n{self.diagnose()}")
        self.issuer = f"https://localhost:{port}"
        super().__init__(f"{self.issuer}/api", self.ca_file)
        place = f"{self.base}/oidc"
        self.token_url, self.authorize_url = f"{place}/token", f"{place}/auth"
        self.device_url = f"{place}/device_authorization"

    def _run_program(self, file, port):
        """Starts the program; whether it came to listen on the port."""
        libraries = ":".join(str(each) for each in self.root.glob("usr/lib/*-linux-*"))
        environment = {"PATH": "/usr/bin:/bin", "LD_LIBRARY_PATH": libraries}
        self.process = subprocess.Popen(
            [self.root / "usr/bin/glewlwyd", "--config-file", file], text=True,
            env=environment if self.root != Path("/") else None, cwd=self.folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True)
        ended = threading.Event()
        self.reader = threading.Thread(target=self._read, args=(ended,), daemon=True)
        self.reader.start()
        # What it says of having started it says before it listens.
        end = time.monotonic() + START_LIMIT
        while not _listens(port):
            if ended.wait(PAUSE) or time.monotonic() > end:
                return False
        return not ended.is_set()

    def _read(self, ended):
        with self.process.stdout as lines:
            for line in lines:
                self.log.append(line)
        ended.set()

    # setting up

    def _set_up(self):
        self.log_in(*ADMINISTRATOR)
        self.change("POST", "/mod/plugin/", {
            "module": "oidc", "name": "oidc", "display_name": "oidc", "enabled": True,
            "parameters": self._plugin()})
        for name in (SCOPE, OFFLINE, APP_SCOPE, INTROSPECT):
            self.change("POST", "/scope/", {"name": name, "display_name": name,
                                            "password_required": False, "scheme": {}})
        for name in (USER, OTHER):
            self.change("POST", "/user/", {
                "username": name, "name": name, "email": name, "enabled": True,
                "password": self.passwords[name],
                "scope": ["g_profile", "openid", SCOPE, OFFLINE]})
        self.add_client(PUBLIC, confidential=False,
                        authorization_type=["device_authorization", "code",
                                            "refresh_token"])
        self.add_client(CONFIDENTIAL, scope=[APP_SCOPE], client_secret=self.secret,
                        token_endpoint_auth_method=["client_secret_post"])
        self.add_client(RESOURCE, scope=[INTROSPECT], client_secret=self.resource_secret,
                        token_endpoint_auth_method=["client_secret_post"])

    def _plugin(self):
        """The settings of the authorization server proper. Access tokens are JWTs, signed
        with a key made here; a refresh token is good for one use, and when an old one is
        shown again the newest dies too (RFC 9700 4.14.2)."""
        private, public = self.folder / "signing.key", self.folder / "signing.pub"
        for command in (("genrsa", "-out", private, "2048"),
                        ("rsa", "-in", private, "-pubout", "-out", public)):
            subprocess.run(("openssl", *command), check=True, capture_output=True)
        on = ("allow-non-oidc", "auth-type-client-enabled", "auth-type-code-enabled",
              "auth-type-device-enabled", "auth-type-refresh-enabled", "pkce-allowed",
              "pkce-required", "introspection-revocation-allowed", "jwks-show",
              "request-parameter-allow")
        off = ("auth-type-token-enabled", "auth-type-implicit-enabled",
               "auth-type-password-enabled", "pkce-method-plain-allowed")
        return {"iss": self.issuer, "jwt-type": "rsa", "jwt-key-size": "256",
                "key": private.read_text(), "cert": public.read_text(),
                "code-duration": 600, "access-token-duration": ACCESS_LIFETIME,
                "refresh-token-duration": 14 * 24 * 3600, "refresh-token-one-use": "always",
                "device-authorization-expiration": 600,
                "device-authorization-interval": INTERVAL,
                "introspection-revocation-auth-scope": [INTROSPECT],
                "client-pubkey-parameter": "pubkey", "client-jwks-parameter": "jwks",
                "request-maximum-exp": 600, "email-claim": "mandatory",
                **dict.fromkeys(on, True), **dict.fromkeys(off, False)}

    def add_client(self, name, **more):
        self.change("POST", "/client/", {
            "client_id": name, "client_name": name, "confidential": True, "enabled": True,
            "scope": [], "authorization_type": ["client_credentials"], **more})

    def add_certified_client(self, name, public_key, signature="PS256"):
        """A client that shows who it is by an assertion; public_key is PEM. A client with a
        set of keys (JWKS) instead would have to name one by `kid`."""
        self.add_client(name, scope=[APP_SCOPE], pubkey=public_key,
                        token_endpoint_auth_method=["private_key_jwt"],
                        token_endpoint_signing_alg=signature)

    def allow_redirects(self, *urls):
        """The addresses that the public client may have a browser sent back to: compared
        letter by letter, the port too."""
        body = {**self.call("GET", f"/client/{PUBLIC}").json, "redirect_uri": list(urls)}
        self.change("PUT", f"/client/{PUBLIC}", body)

    # asking

    def token(self, **form):
        """Asks the token endpoint."""
        return Browser(self.base, self.ca_file).post("/oidc/token", **form)

    def refresh(self, token, **more):
        return self.token(grant_type="refresh_token", client_id=PUBLIC,
                          refresh_token=token, **more)

    def app_token(self, name=CONFIDENTIAL, scope=APP_SCOPE, **proof):
        return self.token(grant_type="client_credentials", client_id=name, scope=scope,
                          **proof)

    def introspect(self, token):
        """What the server says of a token (RFC 7662), as a resource server may ask."""
        return self._as_resource("introspect", token).json

    def revoke(self, token):
        """Ends a token (RFC 7009)."""
        self._as_resource("revoke", token)

    def _as_resource(self, what, token):
        mine = self.app_token(RESOURCE, INTROSPECT, client_secret=self.resource_secret)
        answer = self.call("POST", f"/oidc/{what}", form={"token": token},
                           bearer=mine.json["access_token"])
        tap.same(answer.status, 200, f"the status of {what}")
        return answer


class Relay:
    """Stands between a client and a server's token endpoint, at `url`. What it does with the
    server's next answers is its `mode`: "pass", "lose" (the connection ends without it), or
    "hold" until `release` is set; `answered` is set once one is there. A context manager."""

    def __init__(self, server, kit):
        self.server, self.mode = server, "pass"
        self.answered, self.release = threading.Event(), threading.Event()
        relay = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                relay.answer(self)

            def log_message(self, *_):
                pass

        self.web = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.web.daemon_threads = True
        self.web.socket = kit.context().wrap_socket(self.web.socket, server_side=True,
                                                    do_handshake_on_connect=False)
        self.url = f"https://localhost:{self.web.server_port}/token"
        self.thread = threading.Thread(target=self.web.serve_forever)

    def answer(self, handler):
        form = handler.rfile.read(int(handler.headers["Content-Length"]))
        mode = self.mode
        reply = self.server.token(**query("?" + form.decode()))
        self.answered.set()
        if mode == "hold":
            assert self.release.wait(CALL_LIMIT), "nobody released the answer"
        if mode == "lose":
            return
        body = reply.text.encode()
        with contextlib.suppress(OSError):  # a client that is gone
            handler.send_response(reply.status)
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.release.set()
        self.web.shutdown()
        self.web.server_close()
        self.thread.join()
