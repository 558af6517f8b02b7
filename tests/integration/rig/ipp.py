"""As much of IPP (RFC 8010, RFC 8011) as the tests need to say what `lp` cannot: any bytes as
an option's value, and the state of a job."""
import http.client
import itertools
import socket
import struct

PRINT_JOB, CREATE_JOB, SEND_DOCUMENT, CANCEL_JOB = 0x02, 0x05, 0x06, 0x08
GET_JOB_ATTRIBUTES, GET_JOBS, GET_PRINTER_ATTRIBUTES, RESTART_JOB = 0x09, 0x0A, 0x0B, 0x0E
OPERATION_GROUP, JOB_GROUP, END = 0x01, 0x02, 0x03
INTEGER, BOOLEAN, ENUM = 0x21, 0x22, 0x23
TEXT, NAME, KEYWORD, URI = 0x41, 0x42, 0x44, 0x45
CHARSET, LANGUAGE, MIME_TYPE = 0x47, 0x48, 0x49
REQUEST_LIMIT = 30  # seconds

JOB_STATES = {3: "pending", 4: "held", 5: "processing", 6: "stopped", 7: "canceled",
              8: "aborted", 9: "completed"}
PRINTER_STATES = {3: "idle", 4: "processing", 5: "stopped"}

_numbers = itertools.count(1)


class Error(Exception):
    """The server answered with an IPP error status."""


class _Connection(http.client.HTTPConnection):
    """HTTP over cupsd's own socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=REQUEST_LIMIT)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def _value(tag, value):
    if tag in (INTEGER, ENUM):
        return struct.pack(">i", value)
    if tag == BOOLEAN:
        return bytes([value])
    return value if isinstance(value, bytes) else value.encode()


def _attribute(name, tag, values):
    """One attribute; values after the first have no name."""
    out = b""
    for value in values if isinstance(values, list) else [values]:
        data, label = _value(tag, value), b"" if out else name.encode()
        out += struct.pack(">BH", tag, len(label)) + label
        out += struct.pack(">H", len(data)) + data
    return out


def _parse(data):
    """The attributes of all groups as one dictionary of lists."""
    attributes, position, name = {}, 8, ""
    while data[position] != END:
        tag = data[position]
        position += 1
        if tag < 0x10:  # the head of a group
            continue
        length = struct.unpack_from(">H", data, position)[0]
        name = data[position + 2:position + 2 + length].decode() or name
        position += 2 + length
        length = struct.unpack_from(">H", data, position)[0]
        value = data[position + 2:position + 2 + length]
        position += 2 + length
        if tag in (INTEGER, ENUM):
            value = struct.unpack(">i", value)[0]
        elif 0x41 <= tag <= 0x49:
            value = value.decode(errors="replace")
        attributes.setdefault(name, []).append(value)
    return attributes


class Client:
    """Speaks to one cupsd as one user."""

    def __init__(self, path, user="alice"):
        self.path, self.user = path, user

    def request(self, operation, resource, attributes, job=(), document=b""):
        """Sends a request; attributes and job are lists of (name, tag, value or values)."""
        groups = [("attributes-charset", CHARSET, "utf-8"),
                  ("attributes-natural-language", LANGUAGE, "en"), *attributes]
        body = struct.pack(">BBHI", 1, 1, operation, next(_numbers))
        body += bytes([OPERATION_GROUP]) + b"".join(_attribute(*each) for each in groups)
        if job:
            body += bytes([JOB_GROUP]) + b"".join(_attribute(*each) for each in job)
        connection = _Connection(self.path)
        try:
            connection.request("POST", resource, body + bytes([END]) + document,
                               {"Content-Type": "application/ipp"})
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise Error(f"HTTP {answer.status} for operation {operation:#x}")
        status = struct.unpack_from(">H", data, 2)[0]
        result = _parse(data)
        if status >= 0x0400:
            raise Error(f"{status:#06x} {result.get('status-message', [''])[0]}")
        return result

    def _target(self, queue, title=None):
        target = [("printer-uri", URI, f"ipp://localhost/printers/{queue}"),
                  ("requesting-user-name", NAME, self.user)]
        return target + ([("job-name", NAME, title)] if title is not None else [])

    def print(self, queue, document, *, title="Untitled", options=(),
              type="application/pdf"):
        """Print-Job; returns the job's number."""
        attributes = [*self._target(queue, title), ("document-format", MIME_TYPE, type)]
        return self.request(PRINT_JOB, f"/printers/{queue}", attributes, options,
                            document)["job-id"][0]

    def print_all(self, queue, documents, *, title="Untitled", options=(),
                  type="application/pdf"):
        """Create-Job and Send-Document for each (name, bytes); returns the job's number."""
        resource = f"/printers/{queue}"
        job = self.request(CREATE_JOB, resource, self._target(queue, title),
                           options)["job-id"][0]
        for number, (name, document) in enumerate(documents, 1):
            self.request(SEND_DOCUMENT, resource, [
                *self._target(queue)[:1], ("job-id", INTEGER, job),
                ("requesting-user-name", NAME, self.user),
                ("document-name", NAME, name), ("document-format", MIME_TYPE, type),
                ("last-document", BOOLEAN, number == len(documents))], (), document)
        return job

    def job(self, number):
        """A job's attributes, with `state` as a word."""
        attributes = self.request(GET_JOB_ATTRIBUTES, "/", [
            ("job-uri", URI, f"ipp://localhost/jobs/{number}"),
            ("requesting-user-name", NAME, self.user)])
        attributes["state"] = JOB_STATES[attributes["job-state"][0]]
        return attributes

    def jobs(self, which="all"):
        """The states of the jobs of all queues by their numbers; which may be "completed" or
        "not-completed", as RFC 8011 4.2.6 means it."""
        attributes = self.request(GET_JOBS, "/", [
            ("printer-uri", URI, "ipp://localhost/"),
            ("requesting-user-name", NAME, self.user), ("which-jobs", KEYWORD, which),
            ("requested-attributes", KEYWORD, ["job-id", "job-state"])])
        return {number: JOB_STATES[state] for number, state in
                zip(attributes.get("job-id", ()), attributes.get("job-state", ()))}

    def printer(self, queue):
        """A queue's attributes, with `state` as a word."""
        attributes = self.request(GET_PRINTER_ATTRIBUTES, f"/printers/{queue}",
                                  self._target(queue))
        attributes["state"] = PRINTER_STATES[attributes["printer-state"][0]]
        return attributes

    def cancel(self, number):
        self.request(CANCEL_JOB, "/", [
            ("job-uri", URI, f"ipp://localhost/jobs/{number}"),
            ("requesting-user-name", NAME, self.user)])
