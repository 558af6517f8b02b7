#!/usr/bin/python3 -B
"""A submission server that goes wrong as it is told, and a fast sink for benchmarks.

usage: scripted.py FOLDER SCRIPT

SCRIPT is JSON, or the name of a file that holds it; {} is a server without a fault. Each
command line is recorded with the state of the connection, so that a test can assert that no
credential and no byte of a message went where it must not. As a program, it writes
FOLDER/record.json when it ends; what a client has to trust is FOLDER/tls/authority/ca.pem.

What the server offers, with the defaults:

    "certificate": "good"       or what is wrong with it: "wrong-host", "unknown-ca",
                                "self-signed", "expired", "not-yet-valid"; "always" is
                                good at any time
    "implicit": false           TLS from the first byte, as on port 465
    "starttls": true            false: an old server, or someone in between who takes the offer
                                out and lures with AUTH on the bare line
    "newest": null              "1.1": an appliance that was never updated
    "mechanisms": ["LOGIN", "XOAUTH2"]   []: a server that lets nobody in;
                                ["PLAIN"]: one that is not Office 365
    "challenge": false          true: a refused token is challenged first, as Gmail does it
    "size": 157286400           0: not announced
    "keep": true                false: count the message's bytes and let them go (a sink)

Passwords are not judged; tokens are, where Server is given a judge of them.

"faults" maps a stage to an action, or to a list of actions, one for each time that the stage
is reached, over all connections; null, and what comes after the list's end, is no fault:

    greeting  the connection stands           ehlo   EHLO was read, also the one inside TLS
    starttls  STARTTLS was read               tls    before the handshake
    auth      the credential was read         mail, rcpt, data, quit   the command was read
    body      inside the message              eod    the lone dot was read

    "451 4.3.0 Text"   this reply instead of the usual one; "\\n" parts the lines of a long one
    "close"            an orderly end without an answer: the service restarts
    "reset"            RST: a firewall or NAT forgot the connection
    "hang"             no answer, but still reading: the service is stuck
    "stall"            neither answers nor reads: the machine or the line is gone
    "wait"             answers as usual, but not before a test sets Server.release: the moment
                       in between is the test's

An action may also be an object: "reply"; "then", one of the words, after the reply;
"inject", text sent in one piece with the reply (CVE-2011-0411: commands slipped in before
TLS); "raw", bytes sent as they are (a web portal that answers on the port); "endless", bytes
sent again and again until the client goes or has taken ENDLESS_MAX of them; "pause", seconds
before all that; "slow", seconds between two bytes of the reply; "after", for the stage body:
how many bytes to read first. A byte that is no UTF-8 is written as JSON's \\udcXX.
"""
import hashlib
import json
import socket
import ssl
import struct
import sys
import threading
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes import bearer, certificates, dialogue, program  # noqa: E402

BLOCK = 1024 * 1024        # bytes asked of the socket at a time
LINE_MAX = 64 * 1024       # bytes of a command line; a client that sends more is cut off
HANDSHAKE_LIMIT = 30       # seconds
NEVER = 3600               # seconds; longer than any test runs
ENDLESS_MAX = 1 << 30      # bytes; a client that took so many would take any number
END_OF_DATA = b"\r\n.\r\n"
STAGES = ("greeting", "ehlo", "starttls", "tls", "auth", "mail", "rcpt", "data", "body",
          "eod", "quit")
ENDINGS = ("close", "reset", "hang", "stall", "wait")


class Ended(Exception):
    """The connection ended, by the script's will or the client's."""


@dataclass
class Action:
    """What to do at a stage in place of the usual."""

    reply: str = ""
    then: str = ""
    inject: str = ""
    raw: str = ""
    endless: str = ""
    pause: float = 0
    slow: float = 0
    after: int = 0

    @classmethod
    def parse(cls, value):
        if isinstance(value, str):
            value = {"then": value} if value in ENDINGS else {"reply": value}
        action = cls(**value)
        if action.then and action.then not in ENDINGS:
            raise ValueError(f"no such ending: {action.then!r}; there are {ENDINGS}")
        return action


@dataclass
class Command:
    """One line from the client, without its line end."""

    connection: int
    tls: bool
    line: bytes


@dataclass
class Message:
    """What came after DATA. Whole when the lone dot was seen, accepted when it was answered
    with 2yz. Size and digest are of the bytes as they came; the content lacks the transparent
    dots and is empty where nothing is kept."""

    connection: int
    sender: str
    recipients: list
    size: int = 0
    whole: bool = False
    accepted: bool = False
    digest: str = ""
    content: bytes = field(default=b"", repr=False)


class Script:
    """The script, and how often each stage has been reached."""

    DEFAULTS = {"certificate": "good", "implicit": False, "starttls": True, "newest": None,
                "mechanisms": list(dialogue.MECHANISMS), "challenge": False,
                "size": dialogue.SIZE_LIMIT, "keep": True, "faults": {}}

    def __init__(self, script):
        unknown = set(script) - set(self.DEFAULTS)
        unknown |= set(script.get("faults", {})) - set(STAGES)
        if unknown:
            raise ValueError(f"the script names what does not exist: {sorted(unknown)}")
        for name, default in self.DEFAULTS.items():
            setattr(self, name, script.get(name, default))
        self.actions = {
            stage: value if isinstance(value, list) else None
            for stage, value in self.faults.items()}
        self.always = {
            stage: Action.parse(value)
            for stage, value in self.faults.items() if not isinstance(value, list)}
        self.reached = dict.fromkeys(STAGES, 0)
        self.lock = threading.Condition()

    def reach(self, stage):
        """Counts the stage and returns the action that is due, or None."""
        with self.lock:
            turn = self.reached[stage]
            self.reached[stage] = turn + 1
            self.lock.notify_all()
        if stage in self.always:
            return self.always[stage]
        turns = self.actions.get(stage) or []
        if turn < len(turns) and turns[turn] is not None:
            return Action.parse(turns[turn])
        return None


class Connection:
    """One client, served in a thread of its own."""

    def __init__(self, server, stream, number):
        self.server, self.script = server, server.script
        self.stream, self.number = stream, number
        self.buffer = b""
        self.tls = False
        self.signed_in = server.tokens is None  # where nobody judges, nobody is asked
        self.sender, self.recipients = "", []
        self.said = ""  # the last line of the last answer

    # -- bytes -----------------------------------------------------------------------------

    def receive(self):
        """The next bytes, at least one."""
        try:
            block = self.stream.recv(BLOCK)
        except OSError as error:
            raise Ended from error
        if not block:
            raise Ended
        if not self.tls:
            self.server.bare += block
        return block

    def send(self, data):
        try:
            self.stream.sendall(data)
        except OSError as error:
            raise Ended from error

    def trickle(self, data, pause):
        """Sends byte by byte with a pause before each; at once where there is none."""
        for block in (data[n:n + 1] for n in range(len(data))) if pause else [data]:
            if pause and self.server.stopping.wait(pause):
                raise Ended
            self.send(block)

    def repeat(self, data):
        """Sends the data again and again. `endless` counts what the client took."""
        block = data * (BLOCK // 16 // len(data) + 1)
        while self.server.endless < ENDLESS_MAX:
            self.send(block)
            self.server.endless += len(block)

    def say(self, *lines):
        self.send("".join(f"{line}\r\n" for line in lines).encode())

    def line(self):
        """The next line without its end. Not recorded: a credential may be in it."""
        while b"\n" not in self.buffer:
            if len(self.buffer) > LINE_MAX:
                raise Ended
            self.buffer += self.receive()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.rstrip(b"\r")

    # -- faults ----------------------------------------------------------------------------

    def end(self, how):
        """Ends the connection, or leaves it hanging until the server stops."""
        if how == "wait":
            self.server.release.wait(NEVER)
            return
        if how == "reset":
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
            self.stream.close()
        elif how == "hang":
            while True:  # a client that gives up ends it
                self.receive()
        elif how == "stall":
            self.server.stopping.wait(NEVER)
        raise Ended

    def fault(self, stage):
        """Does what the script wants here. Whether that took the place of the usual answer."""
        action = self.script.reach(stage)
        if action is None:
            return False
        if action.pause and self.server.stopping.wait(action.pause):
            raise Ended
        if action.raw:
            self.send(action.raw.encode("latin-1"))
        if action.endless:
            self.repeat(action.endless.encode("latin-1"))
        if action.reply:
            lines = [f"{line}\r\n" for line in action.reply.split("\n")]
            data = ("".join(lines) + action.inject).encode("utf-8", "surrogateescape")
            self.trickle(data, action.slow)
            self.said = lines[-1]
        if action.then:
            self.end(action.then)
        return bool(action.reply)

    def answer(self, stage, *usual):
        """Answers a stage; whether the answer was a good one. RFC 5321 4.2.1: who says 421
        closes."""
        if not self.fault(stage):
            self.say(*usual)
            self.said = usual[-1]
        if self.said.startswith("421"):
            self.end("close")
        return self.said[0] in "23"

    # -- the dialogue ----------------------------------------------------------------------

    def serve(self):
        if self.script.implicit:
            self.handshake()
        if not self.answer("greeting", dialogue.greeting()):
            self.end("close")
        while True:
            line = self.line()
            self.server.commands.append(Command(self.number, self.tls, line))
            verb, _, rest = line.decode("latin-1").partition(" ")
            handler = self.VERBS.get(verb.upper())
            if handler is None:
                self.say(dialogue.UNKNOWN)
            else:
                handler(self, rest)

    def ehlo(self, _):
        self.answer("ehlo", *dialogue.ehlo(
            "127.0.0.1", self.tls, size=self.script.size, starttls=self.script.starttls,
            mechanisms=self.script.mechanisms))

    def starttls(self, _):
        if self.answer("starttls", dialogue.READY_FOR_TLS):
            self.handshake()

    def handshake(self):
        self.fault("tls")
        self.buffer = b""  # RFC 3207: what came before TLS is forgotten
        context = self.server.kit.context(self.script.certificate, self.script.newest)
        self.stream.settimeout(HANDSHAKE_LIMIT)
        try:
            self.stream = context.wrap_socket(self.stream, server_side=True)
        except (OSError, ssl.SSLError) as error:
            self.server.refused.append(str(error))
            raise Ended from error
        self.stream.settimeout(None)
        self.server.adopt(self)
        self.tls = True

    def auth(self, rest):
        """LOGIN with or without an initial answer; others with theirs. The script says
        whether a password is right; a token is judged."""
        mechanism, _, initial = rest.partition(" ")
        if self.server.tokens and mechanism not in self.script.mechanisms:
            self.say(dialogue.UNKNOWN_MECHANISM)
            return
        prompts = {"LOGIN": [dialogue.USERNAME_CHALLENGE, dialogue.PASSWORD_CHALLENGE]}
        prompts = prompts.get(mechanism.upper(), [""])
        answers = [initial] if initial else []
        for prompt in prompts[len(answers):]:
            self.say("334 " + b64encode(prompt.encode()).decode())
            answers.append(self.line().decode("latin-1"))
        credential = [b64decode(each, validate=False) for each in answers]
        self.server.credentials.append((self.tls, mechanism, credential))
        usual = (dialogue.AUTH_ACCEPTED,)
        if mechanism in bearer.FORMS and not self.judge(mechanism, credential[-1]):
            if self.script.challenge:
                self.server.challenged.append([mechanism, None])
                self.say(f"334 {bearer.CHALLENGE}")
                self.server.challenged[-1][1] = self.line()
            usual = bearer.refused(self.script.challenge)
        self.signed_in = self.answer("auth", *usual) or self.server.tokens is None

    def judge(self, mechanism, answer):
        """Whether a token is good; each is, where nobody was told to judge them."""
        found = bearer.parse(mechanism, answer)
        return self.server.tokens is None or bool(found and self.server.tokens(
            found[1], found[0]))

    def mail(self, rest):
        path, *parameters = rest.partition(":")[2].split()
        size = [int(each[5:]) for each in parameters if each.upper().startswith("SIZE=")]
        usual = dialogue.SENDER_OK
        if self.script.size and size and size[0] > self.script.size:
            usual = dialogue.TOO_LARGE
        if not self.signed_in:
            usual = dialogue.NOT_SIGNED_IN
        if self.answer("mail", usual):
            self.sender, self.recipients = path.strip("<>"), []

    def rcpt(self, rest):
        if self.answer("rcpt", dialogue.RECIPIENT_OK):
            self.recipients.append(rest.partition(":")[2].split()[0].strip("<>"))

    def data(self, _):
        if not self.recipients:
            self.say("503 5.5.2 Need rcpt command")
        elif self.answer("data", dialogue.START_INPUT):
            self.message()

    def message(self):
        message = Message(self.number, self.sender, list(self.recipients))
        self.server.messages.append(message)
        action = self.script.reach("body")
        intake = Intake(message, self.script.keep)
        while not intake.take(self.buffer):
            if action and message.size >= action.after:
                if action.reply:
                    self.say(action.reply)
                self.end(action.then or "close")
            self.buffer = self.receive()
        self.buffer = intake.rest
        self.said = ""
        try:
            self.answer("eod", dialogue.queued())
        finally:
            message.accepted = self.said.startswith("2")
            self.server.note()

    def rset(self, _):
        self.sender, self.recipients = "", []
        self.say(dialogue.RESET)

    def noop(self, _):
        self.say("250 2.0.0 OK")

    def quit(self, _):
        self.answer("quit", dialogue.BYE)
        self.end("close")

    VERBS = {"EHLO": ehlo, "HELO": ehlo, "STARTTLS": starttls, "AUTH": auth, "MAIL": mail,
             "RCPT": rcpt, "DATA": data, "RSET": rset, "NOOP": noop, "QUIT": quit}


class Intake:
    """Takes a message's bytes block by block and finds its end, also across blocks."""

    def __init__(self, message, keep):
        self.message, self.keep = message, keep
        self.digest = hashlib.sha256()
        self.tail = b"\r\n"  # a lone dot may be the first line
        self.skip = len(self.tail)
        self.blocks = []
        self.rest = b""

    def _store(self, block):
        block, self.skip = block[self.skip:], max(0, self.skip - len(block))
        self.message.size += len(block)
        self.digest.update(block)
        if self.keep:
            self.blocks.append(block)

    def take(self, block):
        """Whether the end has come; then `rest` is what followed it."""
        data = self.tail + block
        end = data.find(END_OF_DATA)
        if end < 0:
            keep = min(len(data), len(END_OF_DATA) - 1)
            self._store(data[:len(data) - keep])
            self.tail = data[len(data) - keep:]
            return False
        self._store(data[:end + 2])
        self.rest = data[end + len(END_OF_DATA):]
        content = b"\r\n" + b"".join(self.blocks)
        self.message.content = content.replace(b"\r\n.", b"\r\n")[2:]
        self.message.digest = self.digest.hexdigest()
        self.message.whole = True
        return True


class Server(program.Served):
    """The server in a thread of its own, with what it saw:

    commands     every command line, in order
    credentials  (tls, mechanism, answers) of every AUTH
    challenged   [mechanism, the client's answer or None] of every token that was refused by
                 a challenge first
    bare         every byte that came in outside TLS
    refused      handshakes that the client broke off
    messages     every message, also those that were cut off
    endless      bytes that clients took of what has no end
    peak         the most connections that were open at a time
    """

    def __init__(self, script, folder=None, kit=None, tokens=None):
        """tokens(token, mailbox) tells whether a token is good; then nobody sends who has
        not signed in."""
        self.script, self.tokens = Script(script), tokens
        self.kit = kit or certificates.Kit(Path(folder) / "tls")
        self.ca_file = self.kit.ca_file
        self.commands, self.credentials, self.refused, self.messages = [], [], [], []
        self.challenged = []
        self.bare = bytearray()
        self.endless = self.peak = 0
        self.stopping = threading.Event()
        self.release = threading.Event()
        self.lock = threading.Lock()
        self.connections = {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._listen, daemon=True)

    # -- for tests -------------------------------------------------------------------------

    def wait(self, stage, times=1, limit=30):
        """Waits until a stage has been reached so often; False when the limit passed."""
        with self.script.lock:
            return self.script.lock.wait_for(
                lambda: self.script.reached[stage] >= times, limit)

    def wait_for(self, condition, limit=30):
        """Waits for condition(), which is asked again whenever a stage is reached, a message
        was answered or a connection ended."""
        with self.script.lock:
            return self.script.lock.wait_for(condition, limit)

    def wait_idle(self, limit=30):
        """Waits until no connection is open, so that all that was sent has been seen."""
        return self.wait_for(lambda: not self.connections, limit)

    @property
    def accepted(self):
        return [each for each in self.messages if each.accepted]

    @property
    def verbs(self):
        return [each.line.split(b" ")[0].upper().decode("latin-1") for each in self.commands]

    def record(self):
        """What was seen, as JSON takes it; credentials are counted, not shown."""
        return {
            "commands": [[each.connection, each.tls, each.line.decode("latin-1")]
                         for each in self.commands if b"AUTH" not in each.line.upper()],
            "credentials": [[tls, mechanism, len(answers)]
                            for tls, mechanism, answers in self.credentials],
            "bare_bytes": len(self.bare),
            "refused": self.refused,
            "messages": [{key: value for key, value in vars(each).items()
                          if key != "content"} for each in self.messages],
        }

    # -- running ---------------------------------------------------------------------------

    def note(self):
        with self.script.lock:
            self.script.lock.notify_all()

    def adopt(self, connection):
        """Remembers the connection's stream of the moment, for stop()."""
        with self.lock:
            self.connections[connection.number] = connection
            self.peak = max(self.peak, len(self.connections))

    def _serve(self, connection):
        try:
            connection.serve()
        except Ended:
            pass
        finally:
            connection.stream.close()
            with self.lock:
                self.connections.pop(connection.number, None)
            self.note()

    def _listen(self):
        number = 0
        while not self.stopping.is_set():
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            number += 1
            connection = Connection(self, stream, number)
            self.adopt(connection)
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def start(self):
        self.kit.context(self.script.certificate, self.script.newest)
        self.thread.start()

    def stop(self):
        """Ends all connections, also those that hang."""
        self.stopping.set()
        self.release.set()
        with self.lock:
            streams = [each.stream for each in self.connections.values()]
        for stream in [self.listener, *streams]:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.wait_idle(limit=5)
        self.listener.close()


def main():
    folder, script = program.folder_and_script()
    server = Server(script, folder)
    program.serve_until_told(server)
    (folder / "record.json").write_text(json.dumps(server.record(), indent=1) + "\n")


if __name__ == "__main__":
    main()
