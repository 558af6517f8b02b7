"""A submission server with a crowd of clients: it limits, loses and refuses as it is told,
and keeps the books.

    connections   so many at a time for the mailbox; who stands above gets 432, at MAIL or
                  only at the end of the data, in turn
    reset_every   each such connection of the mailbox's own ends by RST, each time at another
                  stage; at "unheard" after the message was taken and before that is said
    refuse_every  each such message is refused for good at the end of the data
    delay         seconds until the end of the data is answered

A client's own connections come from 127.0.0.1. What comes from elsewhere is a stranger who
uses the same mailbox: it takes connections and is otherwise left alone. Messages whose
sender is a program (RFC 3834) are neither refused nor reset behind DATA: for them alone the
backend does not promise to try again.
"""
import hashlib
import itertools
import socket
import ssl
import struct
import threading
import time
from base64 import b64encode
from collections import defaultdict
from dataclasses import dataclass, field
from email.parser import BytesHeaderParser

from fakes import dialogue, program

OWN = "127.0.0.1"
ESTABLISHED = 1  # tcpi_state: the client has not closed yet
STAGES = ("greeting", "unheard", "body", "ehlo", "auth", "mail", "rcpt", "data")
THROTTLED = ("432 4.3.2 Concurrent connections limit exceeded. "
             "Visit https://aka.ms/concurrent_sending for more information.")
REFUSED = "550 5.7.1 This message looks like junk"
TAKEN, UNHEARD, THROWN_OUT, PUT_OFF = "taken", "unheard", "refused", "put off"


class Ended(Exception):
    """The connection ended, by the client's will or ours."""


@dataclass
class Arrival:
    """A message whose end was seen. It is with its recipients when it was taken, also
    where its sender never heard of that."""

    time: float
    fate: str
    id: str
    recipients: list
    digest: str
    automatic: bool
    content: bytes = field(repr=False)

    @property
    def arrived(self):
        return self.fate in (TAKEN, UNHEARD)


class Connection:
    """One client, served in a thread of its own."""

    def __init__(self, server, stream, number, peer):
        self.server, self.stream, self.number = server, stream, number
        self.own = peer == OWN
        self.reset_at = server.reset_stage(number) if self.own else None
        self.above = False  # there were enough connections when it came
        self.lines = stream.makefile("rb")
        self.tls = False
        self.recipients = []

    @property
    def open(self):
        try:
            state = self.stream.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
        except OSError:
            return False
        return state[0] == ESTABLISHED

    # -- bytes -----------------------------------------------------------------------------

    def say(self, *lines):
        self.stream.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def line(self):
        line = self.lines.readline()
        if not line.endswith(b"\n"):
            raise Ended
        return line

    def close(self):
        self.lines.close()
        self.stream.close()

    def reach(self, stage):
        """Resets the connection if it is this one's turn to end here."""
        if stage == self.reset_at:
            self.server.note_reset(stage)
            self.stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                   struct.pack("ii", 1, 0))
            raise Ended

    # -- the dialogue ----------------------------------------------------------------------

    def serve(self):
        self.reach("greeting")
        self.say(dialogue.greeting())
        while True:
            verb, _, rest = self.line().decode("latin-1").strip().partition(" ")
            self.VERBS[verb.upper()](self, rest)

    def ehlo(self, _):
        self.say(*dialogue.ehlo(OWN, self.tls))
        self.reach("ehlo")

    def starttls(self, _):
        self.say(dialogue.READY_FOR_TLS)
        self.lines.close()
        self.stream = self.server.context.wrap_socket(self.stream, server_side=True)
        self.lines = self.stream.makefile("rb")
        self.tls = True

    def auth(self, rest):
        """LOGIN, with the name in the command or behind its own question. Any password is
        right."""
        prompts = [dialogue.USERNAME_CHALLENGE, dialogue.PASSWORD_CHALLENGE]
        for prompt in prompts[len(rest.split()) - 1:]:
            self.say("334 " + b64encode(prompt.encode()).decode())
            self.line()
        self.reach("auth")
        self.say(dialogue.AUTH_ACCEPTED)

    def mail(self, _):
        self.reach("mail")
        if self.above and self.number % 2:
            self.server.note_throttled()
            self.say(THROTTLED)
        else:
            self.recipients = []
            self.say(dialogue.SENDER_OK)

    def rcpt(self, rest):
        self.reach("rcpt")
        self.recipients.append(rest.partition(":")[2].split()[0].strip("<>"))
        self.say(dialogue.RECIPIENT_OK)

    def data(self, _):
        self.reach("data")
        self.say(dialogue.START_INPUT)
        self.message()

    def message(self):
        head = b"".join(iter(self.line, b"\r\n"))
        automatic = "Auto-Submitted" in BytesHeaderParser().parsebytes(head)
        if not automatic:
            self.reach("body")
        body = b"".join(line[1:] if line.startswith(b".") else line
                        for line in iter(self.line, b".\r\n"))
        arrival = self._judge(head + b"\r\n" + body, automatic)
        if self.server.delay:
            self.server.stopping.wait(self.server.delay)
        arrival.time = time.monotonic()
        self.server.note(arrival)
        if arrival.fate == UNHEARD:
            self.reach("unheard")
        self.say({TAKEN: dialogue.queued(), THROWN_OUT: REFUSED,
                  PUT_OFF: THROTTLED}[arrival.fate])

    def _judge(self, content, automatic):
        arrival = Arrival(0, TAKEN, BytesHeaderParser().parsebytes(content)["Message-ID"],
                          self.recipients, hashlib.sha256(content).hexdigest(), automatic,
                          content)
        if self.above:
            self.server.note_throttled()
            arrival.fate = PUT_OFF
        elif self.server.refuses(arrival):
            arrival.fate = THROWN_OUT
        elif self.reset_at == "unheard" and not automatic:
            arrival.fate = UNHEARD
        return arrival

    def reset_dialogue(self, _):
        self.say(dialogue.RESET)

    def quit(self, _):
        self.say(dialogue.BYE)
        raise Ended

    VERBS = {"EHLO": ehlo, "STARTTLS": starttls, "AUTH": auth, "MAIL": mail, "RCPT": rcpt,
             "DATA": data, "RSET": reset_dialogue, "QUIT": quit}


class Server(program.Served):
    """The server in threads of its own, with its books:

    opened     when each connection of the mailbox's own came, in seconds
    most       how many of them were open at one time
    arrivals   the messages, in order
    resets     how often a connection was reset, by stage
    throttled  how often 432 was said
    """

    def __init__(self, kit, *, connections=1000, reset_every=0, refuse_every=0, delay=0):
        self.kit, self.ca_file = kit, kit.ca_file
        self.allowed, self.delay = connections, delay
        self.reset_every, self.refuse_every = reset_every, refuse_every
        self.opened, self.most, self.arrivals, self.throttled = [], 0, [], 0
        self.resets = defaultdict(int)
        self.met, self.refused_ids = {}, set()
        self.connections = {}
        self.stopping = threading.Event()
        self.changed = threading.Condition()
        self.listener = socket.create_server((OWN, 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._listen, daemon=True)

    # -- decisions, made once and kept -----------------------------------------------------

    def reset_stage(self, number):
        if not self.reset_every or number % self.reset_every:
            return None
        return STAGES[number // self.reset_every % len(STAGES)]

    def refuses(self, arrival):
        """For good: the same message is refused however often it comes, and one that was
        taken before is not refused later."""
        if not self.refuse_every or arrival.automatic:
            return False
        with self.changed:
            number = self.met.setdefault(arrival.id, len(self.met) + 1)
        return number % self.refuse_every == 0

    # -- the books -------------------------------------------------------------------------

    def note(self, arrival):
        with self.changed:
            self.arrivals.append(arrival)
            self.changed.notify_all()

    def note_reset(self, stage):
        with self.changed:
            self.resets[stage] += 1

    def note_throttled(self):
        with self.changed:
            self.throttled += 1
            self.changed.notify_all()

    def wait_for(self, condition, limit=30):
        """Waits for condition(), which is asked again whenever the books change."""
        with self.changed:
            return self.changed.wait_for(condition, limit)

    def wait_idle(self, limit=30):
        """Waits until no connection is open, so that all that was sent has been seen."""
        return self.wait_for(lambda: not self.connections, limit)

    def of(self, recipient):
        """The messages for a recipient that were seen whole."""
        with self.changed:
            return [each for each in self.arrivals if recipient in each.recipients]

    # -- running ---------------------------------------------------------------------------

    def _enter(self, stream, number, peer):
        connection = Connection(self, stream, number, peer)
        with self.changed:
            others = [each for each in self.connections.values() if each.open]
            connection.above = len(others) >= self.allowed
            self.connections[connection] = connection
            if connection.own:
                self.opened.append(time.monotonic())
                self.most = max(self.most, 1 + sum(each.own for each in others))
        return connection

    def _serve(self, connection):
        try:
            connection.serve()
        except (Ended, OSError, ssl.SSLError, KeyError, IndexError):
            pass  # a client that dies or talks nonsense
        finally:
            with self.changed:
                connection.close()
                self.connections.pop(connection, None)
                self.changed.notify_all()

    def _listen(self):
        for number in itertools.count(1):
            try:
                stream, address = self.listener.accept()
            except OSError:
                return
            connection = self._enter(stream, number, address[0])
            threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def start(self):
        self.context = self.kit.context()
        self.thread.start()

    def stop(self):
        self.stopping.set()
        with self.changed:
            streams = [each.stream for each in self.connections.values()]
        for stream in [self.listener, *streams]:
            try:
                stream.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.wait_idle(limit=5)
        self.listener.close()
