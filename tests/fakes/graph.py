#!/usr/bin/python3 -B
"""Microsoft Graph, as far as mail is sent through it, that goes wrong as it is told.

usage: graph.py FOLDER SCRIPT

SCRIPT is JSON, or the name of a file that holds it; {} is a service without a fault. As a
program it says `ready PORT`; then each line on its standard input is a new SCRIPT, which
it begins anew with and answers with `ready PORT`, or the word `record`, which it answers
with what it saw so far as one line of JSON. It ends when its standard input does. What a
client has to trust is FOLDER/tls/authority/ca.pem.

Two ports: the service's, and that of the upload sessions, whose addresses carry their own
key and take no token. The script, with the defaults:

    "certificate": "good"            as in scripted.py
    "user": "scanner@example.com"    whose mailbox /me is, and the only one below /users
    "tokens": ["token"]              the bearers that are good
    "may": ["send", "drafts"]        the application's permissions
    "request_max": 4194304           bytes of a request that are taken
    "oversize": 413                  200: takes a larger one, says yes and sends nothing
    "message_max": 0                 bytes of a message that the mailbox may send; 0: any
    "session_min": 3145728           bytes below which there are no upload sessions
    "range_max": 4000000             bytes of one range
    "concurrent": 4                  requests at one time
    "keep": true                     false: digests of attachments alone
    "mailbox": []                    messages that are there before: "id" (Message-ID, without
                                     brackets), "draft", "to" (a list), "attachments" (a list of
                                     [name, size])

"faults" maps a step to an action, or to a list of actions, one for each time that the step is
reached; null, and what comes after the list's end, is no fault. The steps:

    sendmail, search, get, create, list, attach, session, put, where, send, delete

    "503 ErrorServerBusy"   this answer, without effect
    "close", "reset"        the connection ends when the request was read, without effect
    "effect-then-close"     it has its effect, and the connection ends without an answer
    "effect-then-hang"      it has its effect, and no answer comes
    "half"                  it ends with a reset when half of the body was read
    "forget"                the upload session is gone, and so is this request
    "wait"                  answers as usual, but not before a test sets Server.release
    "hang"                  no answer

An action may also be an object: "status", "error", "message", "headers" (an object), "raw"
(the body as it is), "endless" (what it repeats for ever behind that), "effect" (true: it has
its effect all the same).
"""
import hashlib
import json
import re
import socket
import struct
import sys
import threading
import time
from base64 import b64decode
from binascii import Error as NotBase64
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes import certificates, program, web  # noqa: E402
from fakes.graphscript import Script  # noqa: E402
from fakes.mailbox import Attachment, Message, Session  # noqa: E402

BLOCK = 1024 * 1024       # bytes read at a time
NEVER = 3600              # seconds; longer than any test runs
MESSAGES = {
    "InvalidAuthenticationToken": "Access token has expired or is not yet valid.",
    "ErrorAccessDenied": "Access is denied. Check credentials and try again.",
    "ErrorItemNotFound": "The specified object was not found in the store.",
    "ErrorMimeContentInvalidBase64String": "Invalid base64 string for MIME content.",
}


class Ended(Exception):
    """The connection ended, by the script's will or the client's."""


class Refused(Exception):
    """An answer that is an error."""

    def __init__(self, status, error, headers=None):
        super().__init__(error)
        self.status, self.error, self.headers = status, error, headers or {}


class Handler(web.Handler):
    """One connection, of the script's time in which it was taken: what comes late is cut."""

    def setup(self):
        self.script = self.server.service.house.script
        super().setup()

    def answer(self, status, body=None, headers=None, raw=None):
        data = raw.encode("latin-1") if raw is not None else b""
        if body is not None:
            data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("request-id", f"request-{self.number}")
        if data:
            self.send_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def refuse(self, status, error, headers=None, message=None):
        body = {"error": {"code": error, "message": message or MESSAGES.get(error, error),
                          "innerError": {"request-id": f"request-{self.number}"}}}
        self.answer(status, body if error else None, headers)

    def repeat(self, status, action):
        """An answer whose body has no end."""
        house = self.server.service.house
        text = action["endless"].encode("latin-1")
        block = text * (web.BLOCK // len(text) + 1)
        self.close_connection = True
        self.send_response(status)
        self.end_headers()
        self.wfile.write(action.get("raw", "").encode("latin-1"))
        while house.endless < web.ENDLESS_MAX:
            self.wfile.write(block)
            house.endless += len(block)

    def cut(self, reset):
        """Ends the connection without an answer."""
        self.close_connection = True
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                       struct.pack("ii", 1, 0))
        self.connection.close()
        raise Ended

    def take(self, most):
        """Reads up to so many bytes of the body."""
        blocks = []
        while most > 0:
            block = self.rfile.read(min(BLOCK, most))
            if not block:
                raise Ended
            blocks.append(block)
            most -= len(block)
        return b"".join(blocks)

    def serve(self):
        port = self.server.service
        try:
            port.house.serve(self, port.upload)
        except Refused as refusal:
            self.refuse(refusal.status, refusal.error, refusal.headers)
        except (Ended, OSError):
            self.close_connection = True
        finally:
            port.house.note()

    do_GET = do_POST = do_PUT = do_DELETE = serve


class Port(web.Service):
    """One of the two ports."""

    def __init__(self, house, upload):
        super().__init__(house.kit)
        self.house, self.upload = house, upload
        self.listener.RequestHandlerClass = Handler


class Server(program.Served):
    """The service, with what it saw:

    requests   every request: step, method, path, where (graph or upload), size and sha256 of
               the body, type, range, prefer, bearer
    accepted   every message that was sent, as it would arrive
    mailbox    every message in it, drafts and sent ones
    peak       the most requests that were served at a time
    endless    bytes that clients took of what has no end

    tokens(token, mailbox), where it is given, tells what is good in the script's place.
    """

    def __init__(self, script, folder=None, kit=None, tokens=None):
        self.kit = kit or certificates.Kit(Path(folder) / "tls")
        self.ca_file, self.tokens = self.kit.ca_file, tokens
        self.lock = threading.Condition()
        self.stopping, self.release = threading.Event(), threading.Event()
        self.ports = [Port(self, False), Port(self, True)]
        self.port, self.upload_port = (each.port for each in self.ports)
        self.begin(script)

    def begin(self, script):
        """Begins anew with a script."""
        with self.lock:
            self.script = Script(script)
        self.requests, self.accepted, self.mailbox = [], [], []
        for port in self.ports:
            port.certificate = self.script.certificate
            port.context = self.kit.context(port.certificate)
            port.refused.clear()
        self.sessions = {}
        self.served = self.peak = self.count = self.endless = 0
        for each in self.script.mailbox:
            to = ", ".join(each.get("to", []))
            message = self.add(f"Message-ID: <{each['id']}>\r\nTo: {to}\r\n\r\n".encode())
            message.draft = each.get("draft", True)
            for name, size in each.get("attachments", []):
                message.attachments.append(Attachment(self.next(), name, size))

    def next(self):
        self.count += 1
        return self.count

    def add(self, content):
        message = Message(self.next(), content)
        self.mailbox.append(message)
        return message

    # -- one request -----------------------------------------------------------------------

    ROUTES = (
        ("sendmail", "POST", r"/sendMail"),
        ("search", "GET", r"/messages"),
        ("create", "POST", r"/messages"),
        ("get", "GET", r"/messages/([^/]+)"),
        ("delete", "DELETE", r"/messages/([^/]+)"),
        ("list", "GET", r"/messages/([^/]+)/attachments"),
        ("attach", "POST", r"/messages/([^/]+)/attachments"),
        ("session", "POST", r"/messages/([^/]+)/attachments/createUploadSession"),
        ("send", "POST", r"/messages/([^/]+)/send"),
    )

    def route(self, handler, upload):
        """The step of a request, and what its path names."""
        path = urlsplit(handler.path).path
        if upload:
            step = {"PUT": "put", "GET": "where"}.get(handler.command)
            return step, path.rpartition("/")[2]
        mailbox = re.match(r"/v1\.0/(?:me|users/([^/]+))(?=/)", path)
        if not mailbox:
            return None, ""
        if mailbox[1] and unquote(mailbox[1]) != self.script.user:
            return None, "ErrorInvalidUser"
        path = path[mailbox.end():]
        for step, method, pattern in self.ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == handler.command:
                return step, unquote(match[1]) if match.groups() else ""
        return None, ""

    def serve(self, handler, upload):
        """Reads a request, does what the script wants, and answers."""
        with self.lock:
            handler.number = self.next()
        step, name = self.route(handler, upload)
        if step is None:
            handler.close_connection = True
            raise Refused(404, name or "ResourceNotFound")
        with self.lock:
            if handler.script is not self.script:
                handler.cut(False)
            action = self.script.reach(step)
            self.served += 1
            self.peak = max(self.peak, self.served)
            crowded = self.served > self.script.concurrent
        try:
            self.attend(handler, step, name, action, crowded)
        finally:
            with self.lock:
                self.served -= 1

    def attend(self, handler, step, name, action, crowded):
        size = handler.headers["Content-Length"]
        if size is None and handler.command in ("POST", "PUT"):
            handler.close_connection = True
            raise Refused(411, "LengthRequired")
        size = int(size or 0)
        if action.get("then") == "half":
            self.keep(handler, step, handler.take(size // 2))
            handler.cut(True)
        if step != "put" and size > self.script.request_max and self.script.oversize == 413:
            self.keep(handler, step, b"")
            handler.close_connection = True
            handler.refuse(413, "RequestEntityTooLarge")
            handler.take(size)  # or a reset would overtake the answer
            return
        body = handler.take(size)
        self.keep(handler, step, body)
        self.pause(handler, action)
        if action.get("then") in ("close", "reset"):
            handler.cut(action["then"] == "reset")
        if action.get("then") == "forget":
            self.sessions.clear()
        if action.get("status") and not action.get("effect"):
            self.fail(handler, action)
            return
        if crowded:
            raise Refused(429, "ApplicationThrottled", {"Retry-After": "1"})
        self.admit(handler, step)
        if size > self.script.request_max and step != "put":
            handler.answer(200)
            return
        with self.lock:
            answer = getattr(self, f"do_{step}")(handler, name, body)
        if action.get("then") == "effect-then-hang":
            self.stopping.wait(NEVER)
        if action.get("then") in ("effect-then-close", "effect-then-hang"):
            handler.cut(False)
        if action.get("status"):
            self.fail(handler, action)
        elif "endless" in action:
            handler.repeat(answer[0], action)
        elif "raw" in action:
            handler.answer(answer[0], raw=action["raw"])
        else:
            handler.answer(*answer)

    def pause(self, handler, action):
        self.note()
        if action.get("then") == "wait":
            self.release.wait(NEVER)
        if action.get("then") == "hang":
            self.stopping.wait(NEVER)
            handler.cut(False)

    @staticmethod
    def fail(handler, action):
        if "endless" in action:
            handler.repeat(action["status"], action)
        elif "raw" in action:
            handler.answer(action["status"], None, action.get("headers"), action["raw"])
        else:
            handler.refuse(action["status"], action.get("error", ""), action.get("headers"),
                           action.get("message"))

    def keep(self, handler, step, body):
        bearer = handler.headers["Authorization"] or ""
        with self.lock:
            self.requests.append({
                "step": step, "method": handler.command, "path": handler.path,
                "where": "upload" if handler.server.service.upload else "graph",
                "size": len(body), "sha256": hashlib.sha256(body).hexdigest(),
                "type": handler.headers["Content-Type"] or "",
                "range": handler.headers["Content-Range"] or "",
                "prefer": handler.headers["Prefer"] or "",
                "bearer": bearer.removeprefix("Bearer ")})

    def admit(self, handler, step):
        """Whether the request may be made at all."""
        bearer = handler.headers["Authorization"]
        if handler.server.service.upload:
            if bearer is not None:
                raise Refused(400, "ErrorInvalidRequest")
            return
        if not self.knows((bearer or "").removeprefix("Bearer ")):
            raise Refused(401, "InvalidAuthenticationToken")
        need = "send" if step in ("sendmail", "send") else "drafts"
        if need not in self.script.may:
            raise Refused(403, "ErrorAccessDenied")

    def knows(self, token):
        return self.tokens(token, self.script.user) if self.tokens else (
            token in self.script.tokens)

    # -- the steps -------------------------------------------------------------------------

    @staticmethod
    def decode(handler, body):
        """A message in its MIME form."""
        if handler.headers["Content-Type"] != "text/plain":
            raise Refused(415, "UnsupportedMediaType")
        try:
            return b64decode(body, validate=True)
        except (NotBase64, ValueError):
            raise Refused(400, "ErrorMimeContentInvalidBase64String") from None

    def find(self, name):
        for message in self.mailbox:
            if message.id == name:
                return message
        raise Refused(404, "ErrorItemNotFound")

    def submit(self, message):
        size = len(message.content) + sum(each.size for each in message.attachments)
        if self.script.message_max and size > self.script.message_max:
            raise Refused(400, "ErrorMessageSizeExceeded")
        if not any(message.recipients.values()):
            raise Refused(400, "ErrorInvalidRecipients")
        message.draft = False
        self.accepted.append(message)
        return 202, None

    def do_sendmail(self, handler, _, body):
        message = Message(self.next(), self.decode(handler, body))
        answer = self.submit(message)
        self.mailbox.append(message)
        return answer

    def do_search(self, handler, _, __):
        query = parse_qs(urlsplit(handler.path).query)
        match = re.fullmatch(r"internetMessageId eq '((?:[^']|'')*)'",
                             query.get("$filter", [""])[0])
        if not match:
            raise Refused(400, "ErrorInvalidUrlQueryFilter")
        wanted = match[1].replace("''", "'")
        fields = query.get("$select", ["id"])[0].split(",")
        found = [each.as_json() for each in self.mailbox if each.message_id == wanted]
        found = found[:int(query.get("$top", ["10"])[0])]
        return 200, {"value": [{key: each[key] for key in fields} for each in found]}

    def do_get(self, handler, name, _):
        fields = parse_qs(urlsplit(handler.path).query).get("$select", ["id"])[0].split(",")
        message = self.find(name).as_json()
        return 200, {key: message[key] for key in fields}

    def do_create(self, handler, _, body):
        return 201, self.add(self.decode(handler, body)).as_json()

    def do_delete(self, _, name, __):
        self.mailbox.remove(self.find(name))
        return 204, None

    def do_list(self, _, name, __):
        return 200, {"value": [{"id": each.id, "name": each.name, "size": each.size + 300}
                               for each in self.find(name).attachments]}

    @staticmethod
    def draft_of(message):
        if not message.draft:
            raise Refused(400, "ErrorInvalidRequest")
        return message

    def attach(self, message, name, content, size=None, digest=None):
        if size is None:
            size, digest = len(content), hashlib.sha256(content).hexdigest()
        attachment = Attachment(self.next(), name, size, digest,
                                content if self.script.keep else b"")
        message.attachments.append(attachment)
        return attachment

    def do_attach(self, _, name, body):
        message = self.draft_of(self.find(name))
        try:
            what = json.loads(body)
            content = b64decode(what["contentBytes"], validate=True)
            if what["@odata.type"] != "#microsoft.graph.fileAttachment":
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "RequestBodyRead") from None
        return 201, {"id": self.attach(message, what["name"], content).id}

    def do_session(self, _, name, body):
        message = self.draft_of(self.find(name))
        try:
            item = json.loads(body)["AttachmentItem"]
            session = Session(self.next(), message, item["name"], int(item["size"]))
            if item["attachmentType"] != "file":
                raise ValueError
        except (ValueError, KeyError, TypeError):
            raise Refused(400, "RequestBodyRead") from None
        if session.size < self.script.session_min:
            raise Refused(400, "ErrorAttachmentSizeShouldNotBeLessThanMinimumSize")
        self.sessions[session.key] = session
        url = f"https://localhost:{self.upload_port}/api/AttachmentSessions('1')/{session.key}"
        return 201, {"uploadUrl": url, "nextExpectedRanges": ["0-"],
                     "expirationDateTime": "2099-01-01T00:00:00Z"}

    def session(self, key):
        session = self.sessions.get(key)
        if session is None or session.ends < time.monotonic():
            raise Refused(404, "ErrorItemNotFound")
        return session

    def do_where(self, _, key, __):
        return 200, {"nextExpectedRanges": [str(self.session(key).at)]}

    def do_put(self, handler, key, body):
        session = self.session(key)
        match = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", handler.headers["Content-Range"] or "")
        if not match or handler.headers["Content-Type"] != "application/octet-stream":
            raise Refused(400, "ErrorInvalidRequest")
        first, last, size = map(int, match.groups())
        if size != session.size or last >= size or last - first + 1 != len(body) or \
           len(body) >= self.script.range_max:
            raise Refused(400, "ErrorInvalidRequest")
        if first != session.at:
            raise Refused(416, "ErrorInvalidRange")
        session.at += len(body)
        session.digest.update(body)
        if self.script.keep:
            session.blocks.append(body)
        if session.at < session.size:
            return 200, {"nextExpectedRanges": [str(session.at)]}
        del self.sessions[key]
        made = self.attach(session.message, session.name, b"".join(session.blocks),
                           session.size, session.digest.hexdigest())
        return 201, None, {"Location": f"https://localhost:{self.upload_port}/a/{made.id}"}

    def do_send(self, _, name, body):
        if body:
            raise Refused(400, "ErrorInvalidRequest")
        return self.submit(self.draft_of(self.find(name)))

    # -- for tests -------------------------------------------------------------------------

    def note(self):
        with self.lock:
            self.lock.notify_all()

    def wait_for(self, condition, limit=30):
        """Waits for condition(), which is asked again with each request."""
        with self.lock:
            return self.lock.wait_for(condition, limit)

    def wait(self, step, times=1, limit=30):
        return self.wait_for(lambda: self.script.reached[step] >= times, limit)

    def wait_idle(self, limit=30):
        return self.wait_for(lambda: self.served == 0, limit)

    @property
    def steps(self):
        return [each["step"] for each in self.requests]

    def record(self):
        """What was seen, as JSON takes it. Contents stand only where they are short."""
        with self.lock:
            return {
                "steps": " ".join(self.steps),
                "requests": list(self.requests),
                "accepted": [{
                    "content": each.content.decode("latin-1")
                    if len(each.content) < 65536 else "",
                    "size": len(each.content),
                    "sha256": hashlib.sha256(each.content).hexdigest(),
                    "attachments": " ".join(
                        f"{one['name']}:{one['size']}:{one['sha256']}"
                        for one in each.has_all()),
                } for each in self.accepted],
                "drafts": sum(each.draft for each in self.mailbox),
                "refused": sum(len(each.refused) for each in self.ports),
                "peak": self.peak,
            }

    # -- running ---------------------------------------------------------------------------

    def start(self):
        for each in self.ports:
            each.start()

    def stop(self):
        """Ends all connections, also those that hang."""
        self.stopping.set()
        self.release.set()
        for each in self.ports:
            each.stop()


def main():
    folder, script = program.folder_and_script()
    with Server(script, folder) as server:
        print(f"ready {server.port}", flush=True)
        for line in sys.stdin:
            if line.strip() == "record":
                print(json.dumps(server.record()), flush=True)
            else:
                server.begin(json.loads(line))
                print(f"ready {server.port}", flush=True)


if __name__ == "__main__":
    main()
