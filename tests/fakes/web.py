"""A web service on loopback that records what it is asked, and goes wrong as it is told.

HTTPS and HTTP/1.1 with certificates made on the spot; a class derived from Service says what
is answered. `faults` maps a stage, as Service.stage() names it, to an action, or to a list of
actions, one for each time that the stage is reached; None, and what comes after the list's
end, is no fault. An action is a dictionary of Action's members, or one of the words

    "close"  an orderly end without an answer     "reset"  RST
    "hang"   no answer, but still reading         "stall"  neither answers nor reads
    "wait"   answers as usual, but not before a test sets Service.release
    "lost"   does what was asked, and closes without an answer

or a word that Service.reply_named() knows.
"""
import json
import socket
import socketserver
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from fakes import program

HANDSHAKE_LIMIT = 30           # seconds
NEVER = 3600                   # seconds; longer than any test runs
BODY_MAX = 256 * 1024 * 1024   # bytes of a request
ENDLESS_MAX = 1 << 30          # bytes; a client that took so many would take any number
BLOCK = 64 * 1024
ENDINGS = ("close", "reset", "hang", "stall", "wait", "lost")


@dataclass
class Reply:
    status: int = 200
    body: bytes = b""
    fields: dict = field(default_factory=dict)


def reply_json(value, status=200, **fields):
    fields = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store",
              **{name.replace("_", "-"): str(each) for name, each in fields.items()}}
    return Reply(status, json.dumps(value).encode(), fields)


@dataclass
class Request:
    """What was asked. A name that comes twice in query or form is in `twice`."""

    stage: str
    method: str
    path: str
    query: dict
    fields: dict  # names in lower case
    body: bytes = field(repr=False)
    connection: tuple  # the client's address
    moment: float
    form: dict = field(default_factory=dict, repr=False)
    twice: set = field(default_factory=set)


@dataclass
class Action:
    """What to do in place of the usual, in this order."""

    pause: float = 0     # seconds before all that
    hold: bool = False   # not before a test sets Service.release
    take: bool = False   # does what was asked first; its reply is not sent
    raw: str = ""        # bytes sent as they are, in place of a reply
    endless: str = ""    # in a reply's body again and again, until the client goes
    status: int = 0      # a reply of this code, with
    body: str = ""
    json: object = None
    fields: dict = field(default_factory=dict)
    cut: int = -1        # bytes of the reply's body that are sent before the connection ends
    slow: float = 0      # seconds between two bytes of the body
    then: str = ""       # "close", "reset", "hang", "stall"

    def reply(self):
        body = json.dumps(self.json) if self.json is not None else self.body
        fields = {"Content-Type": "application/json", **self.fields}
        return Reply(self.status, body.encode("utf-8", "surrogateescape"), fields)


def _pairs(text):
    """The names and values of a query or form, and the names that came twice."""
    pairs = parse_qsl(text, keep_blank_values=True)
    names = [name for name, _ in pairs]
    return dict(pairs), {name for name in names if names.count(name) > 1}


class Handler(BaseHTTPRequestHandler):
    """One connection, in a thread of its own."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Fake", ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body of a reply in one piece

    def setup(self):
        service = self.server.service
        service.adopt(self.request, self.request)
        self.request.settimeout(HANDSHAKE_LIMIT)
        plain = self.request
        try:
            self.request = service.context.wrap_socket(plain, server_side=True)
        except (OSError, ssl.SSLError) as error:
            service.refused.append(str(error))
            raise
        self.request.settimeout(None)
        service.adopt(plain, self.request)
        super().setup()

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):
            pass  # the client went, or the fault was to end the connection

    def finish(self):
        try:
            super().finish()
        except (OSError, ValueError):
            pass

    def log_message(self, *_):
        pass

    def _request(self):
        self.server.service.heads.append((self.command, self.path))
        size = int(self.headers.get("Content-Length", 0))
        if size > BODY_MAX:
            raise OSError("a body that is too large")
        body = self.rfile.read(size)
        parts = urlsplit(self.path)
        query, twice = _pairs(parts.query)
        request = Request(self.server.service.stage(self.command, parts.path), self.command,
                          parts.path, query,
                          {name.lower(): value for name, value in self.headers.items()},
                          body, self.client_address, time.monotonic(), twice=twice)
        if request.fields.get("content-type", "").startswith(
                "application/x-www-form-urlencoded"):
            request.form, twice = _pairs(body.decode("latin-1"))
            request.twice = request.twice | twice
        return request

    def _serve(self):
        service = self.server.service
        request = self._request()
        action = service.reach(request)
        if action is None:
            self._send(service.take(request))
            return
        if action.pause and service.stopping.wait(action.pause):
            raise OSError("the service stops")
        if action.hold or action.then == "wait":
            service.release.wait(NEVER)
        if action.take or action.then == "lost":
            service.take(request)
        if action.then == "wait":
            self._send(service.take(request))
            return
        if action.raw:
            self.wfile.write(action.raw.encode("latin-1"))
            self.close_connection = True
        elif action.endless:
            self._repeat(action)
        elif action.status:
            self._send(action.reply(), action)
        self._end(action.then)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve

    def _head(self, reply, size):
        self.send_response(reply.status)
        for name, value in {**reply.fields, **self.server.service.every_reply()}.items():
            self.send_header(name, value)
        if size is not None:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def _send(self, reply, how=Action()):
        self._head(reply, len(reply.body))
        body = reply.body if how.cut < 0 else reply.body[:how.cut]
        for block in (body[n:n + 1] for n in range(len(body))) if how.slow else [body]:
            if how.slow and self.server.service.stopping.wait(how.slow):
                raise OSError("the service stops")
            self.wfile.write(block)
            if how.slow:
                self.wfile.flush()
        if how.cut >= 0:
            self.close_connection = True

    def _repeat(self, action):
        service = self.server.service
        reply = action.reply()
        reply.status = reply.status or 200
        self._head(reply, None)
        self.wfile.write(reply.body)
        text = action.endless.encode("latin-1")
        block = text * (BLOCK // len(text) + 1)
        while service.endless < ENDLESS_MAX:
            self.wfile.write(block)
            service.endless += len(block)

    def _end(self, how):
        self.wfile.flush()
        if not how:
            return
        self.close_connection = True
        if how == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
            self.connection.close()
        elif how == "hang":
            while self.rfile.read(1):  # a client that gives up ends it
                pass
        elif how == "stall":
            self.server.service.stopping.wait(NEVER)


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    service = None

    def shutdown_request(self, request):
        self.service.forget(request)
        super().shutdown_request(request)

    def handle_error(self, request, client_address):
        pass  # what goes wrong with a connection is the client's to notice

    def server_bind(self):  # without a look for the name of the machine
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "localhost", self.server_address[1]


class Service(program.Served):
    """The service in a thread of its own, with what it saw:

    requests   every request, in order
    heads      (method, path) of every request, also of those whose body never came
    refused    handshakes that the client broke off
    endless    bytes that clients took of what has no end
    """

    host = "localhost"

    def __init__(self, kit, faults=None, certificate="good"):
        self.kit, self.certificate = kit, certificate
        self.ca_file = kit.ca_file
        self.faults = dict(faults or {})
        self.requests, self.heads, self.refused = [], [], []
        self.endless = 0
        self.stopping, self.release = threading.Event(), threading.Event()
        self.lock = threading.Condition(threading.RLock())
        self.connections = {}
        self.listener = _Listener(("127.0.0.1", 0), Handler)
        self.listener.service = self
        self.port = self.listener.server_address[1]
        self.url = f"https://{self.host}:{self.port}"
        self.thread = threading.Thread(target=self.listener.serve_forever, args=[0.05],
                                       daemon=True)

    # -- for the services ------------------------------------------------------------------

    def stage(self, method, path):
        """The name of what a request is for."""
        raise NotImplementedError

    def answer(self, request):
        """The reply to a request. Called by one thread at a time."""
        raise NotImplementedError

    def reply_named(self, word):
        """The reply that an action's word stands for."""
        raise ValueError(f"no such ending: {word!r}; there are {ENDINGS}")

    def every_reply(self):
        """Fields that all replies have."""
        return {}

    # -- faults ----------------------------------------------------------------------------

    def _action(self, value):
        if value is None or isinstance(value, Action):
            return value
        if isinstance(value, dict):
            return Action(**value)
        if value in ENDINGS:
            return Action(then=value)
        reply = self.reply_named(value)
        return Action(status=reply.status, body=reply.body.decode(), fields=reply.fields)

    def reach(self, request):
        """Records the request and returns the action that is due, or None."""
        with self.lock:
            turn = self.count(request.stage)
            self.requests.append(request)
            self.lock.notify_all()
            fault = self.faults.get(request.stage)
            if isinstance(fault, list):
                fault = fault[turn] if turn < len(fault) else None
            return self._action(fault)

    def fault(self, stage, *actions):
        """From now on, what happens when the stage is reached next, and then, and then."""
        with self.lock:
            self.faults[stage] = [None] * self.count(stage) + list(actions)

    def take(self, request):
        with self.lock:
            reply = self.answer(request)
            self.lock.notify_all()
            return reply

    # -- for tests -------------------------------------------------------------------------

    def asked(self, stage):
        """The requests of a stage."""
        with self.lock:
            return [each for each in self.requests if each.stage == stage]

    def count(self, stage):
        return len(self.asked(stage))

    def wait_for(self, condition, limit=30):
        """Waits for condition(), which is asked again whenever a request came."""
        with self.lock:
            return self.lock.wait_for(condition, limit)

    def wait(self, stage, times=1, limit=30):
        """Waits until a stage has been reached so often; False when the limit passed."""
        return self.wait_for(lambda: self.count(stage) >= times, limit)

    # -- running ---------------------------------------------------------------------------

    def adopt(self, plain, stream):
        """Remembers the connection's stream of the moment, for stop()."""
        with self.lock:
            self.connections[plain] = stream

    def forget(self, plain):
        with self.lock:
            stream = self.connections.pop(plain, None)
        if stream not in (None, plain):
            stream.close()

    def start(self):
        self.context = self.kit.context(self.certificate)
        self.thread.start()

    def stop(self):
        """Ends all connections, also those that hang."""
        self.stopping.set()
        self.release.set()
        self.listener.shutdown()
        self.listener.server_close()
        with self.lock:
            streams = list(self.connections.values())
        for stream in streams:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
