"""A submission server on loopback that costs little: STARTTLS, AUTH LOGIN and XOAUTH2, and a body
taken in large blocks. It believes every password and token and keeps each message as a file."""
import base64
import hashlib
import pathlib
import re
import socket
import ssl
import subprocess
import threading

BLOCK = 1 << 20
LINE_MAX = 4096
SILENCE_MAX = 120  # seconds; a client that says nothing for longer is dropped
END = b"\r\n.\r\n"

PROMPTS = {b"LOGIN": (b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"), b"XOAUTH2": (b"",)}

REPLIES = {
    b"STARTTLS": b"220 2.0.0 SMTP server ready",
    b"MAIL": b"250 2.1.0 Sender OK",
    b"RCPT": b"250 2.1.5 Recipient OK",
    b"DATA": b"354 Start mail input; end with <CRLF>.<CRLF>",
    b"RSET": b"250 2.0.0 Resetting",
    b"NOOP": b"250 2.0.0 OK",
    b"QUIT": b"221 2.0.0 Service closing transmission channel",
}


def make_certificate(folder):
    """Makes a certificate for localhost that is its own authority; gives its path and its key's."""
    certificate, key = folder / "sink.crt", folder / "sink.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    return certificate, key


class Session:
    """One connection: lines before the body, blocks in it."""

    def __init__(self, sink, connection):
        self.sink = sink
        self.socket = connection
        self.ahead = b""  # received, not yet read as lines
        self.secure = False

    def send(self, *lines):
        self.socket.sendall(b"".join(line + b"\r\n" for line in lines))

    def line(self):
        while b"\r\n" not in self.ahead:
            more = self.socket.recv(LINE_MAX)
            if not more or len(self.ahead) > LINE_MAX:
                raise ConnectionError("no whole line came")
            self.ahead += more
        line, self.ahead = self.ahead.split(b"\r\n", 1)
        return line

    def greet(self):
        extra = b"AUTH " + self.sink.mechanisms if self.secure else b"STARTTLS"
        self.send(b"250-localhost Hello", b"250-SIZE 157286400", b"250-8BITMIME",
                  b"250-ENHANCEDSTATUSCODES", b"250 " + extra)

    def log_in(self, line):
        mechanism, *answers = line.split()[1:]
        for prompt in PROMPTS[mechanism.upper()][len(answers):]:
            self.send(b"334 " + prompt)
            answers.append(self.line())
        self.sink.logins.append((mechanism, base64.b64decode(answers[-1])))
        self.send(b"235 2.7.0 Authentication successful")

    def start_tls(self):
        self.socket = self.sink.tls.wrap_socket(self.socket, server_side=True)
        self.secure = True

    def receive(self):
        """Takes a message into a file; the end of data may lie across two blocks."""
        path = self.sink.folder / f"{len(self.sink.messages) + 1:04}.eml"
        view = memoryview(bytearray(BLOCK))
        tail, total = b"\r\n" + self.ahead, len(self.ahead)
        with open(path, "wb") as file:
            file.write(self.ahead)
            self.ahead = b""
            while not tail.endswith(END):
                count = self.socket.recv_into(view)
                if not count:
                    raise ConnectionError("the body broke off")
                file.write(view[:count])
                total += count
                tail = (tail + bytes(view[max(0, count - len(END)):count]))[-len(END):]
                self.sink.on_bytes(total)
            file.truncate(total - len(b".\r\n"))
        self.sink.on_end(total)
        self.sink.messages.append(path)
        self.send(b"250 2.0.0 OK <1@localhost> [Hostname=localhost]")

    def run(self):
        self.send(b"220 localhost ESMTP")
        verb = b""
        while verb != b"QUIT":
            line = self.line()
            verb = line.split(b" ")[0].upper()
            if verb in (b"EHLO", b"HELO"):
                self.greet()
            elif verb == b"AUTH":
                self.log_in(line)
            else:
                self.send(REPLIES.get(verb, b"500 5.5.1 Unknown command"))
            if verb == b"STARTTLS":
                self.start_tls()
            elif verb == b"DATA":
                self.receive()


class Sink:
    """Serves one connection after the other in a thread of its own. on_bytes and on_end are called
    with the bytes received so far; while they run, the client stalls. `logins` has the mechanism
    and the last answer of each."""

    mechanisms = b"LOGIN"  # what is offered

    def __init__(self, folder):
        self.folder = folder
        self.certificate, key = make_certificate(folder)
        self.tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self.tls.load_cert_chain(self.certificate, key)
        self.messages, self.logins = [], []
        self.on_bytes = self.on_end = lambda total: None
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection, _ = self.listener.accept()
            connection.settimeout(SILENCE_MAX)
            session = Session(self, connection)
            try:
                session.run()
            except (OSError, LookupError, ValueError):
                pass  # a client that broke off, or spoke wrongly, left no message: its caller sees
            session.socket.close()


def attachment_digest(path):
    """The SHA-256 of the PDF in a message, and its size."""
    message = pathlib.Path(path).read_bytes()
    body = re.search(rb"\r\n\r\n(JVBERi.*?)\r\n--", message, re.S)  # base64 of "%PDF-"
    document = base64.b64decode(body[1]) if body else b""
    return hashlib.sha256(document).hexdigest(), len(document)


def file_digest(path):
    """The same of a file."""
    content = pathlib.Path(path).read_bytes()
    return hashlib.sha256(content).hexdigest(), len(content)
