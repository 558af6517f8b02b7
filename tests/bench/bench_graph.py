#!/usr/bin/python3
"""Sending through Microsoft Graph: the memory of the backend's processes together, whom the service
stalls now and then and looks at; and their processor time beside that of curl, which only puts the
same ranges of the same document to the same service.
usage: bench_graph.py BUILD"""
import base64
import http.client
import json
import pathlib
import re
import ssl
import sys
from urllib.parse import quote

import measure
import material
import sink

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "integration"))
from rig import oauth  # noqa: E402
from fakes import graph  # noqa: E402 (rig has put it on the path)

SIZES = (1, 4, 25, 100)  # MiB; all but the first go in ranges
STALL_EVERY = 5 * material.MIB
MOST = 32  # MB together
GROWTH = 1  # MB between a small and the largest document
RUNS = 5
COMPARED = 25  # MiB
BLOCK = 64 * 1024  # bytes between two chances to stall

TOKEN = "graph-" + "t" * 2000
NOBODY = "https://localhost:9"  # an authorization server that cannot be asked
NAME = "bench.pdf"

WHOLE = ["sendmail"]
IN_RANGES = ["search", "create", "session", "put", "send"]  # of a draft of its own; puts folded

CURL_RANGE = """url = "{url}"
upload-file = "{file}"
header = "Content-Type: application/octet-stream"
header = "Content-Range: {range}"
header = "Expect:"
cacert = "{ca}"
output = /dev/null
fail
silent
show-error
"""


class Handler(graph.Handler):
    """Takes a body in pieces and lets the service stall its client between them."""

    def take(self, most):
        service, pieces = self.server.service.house, []
        while most > 0:
            pieces.append(super().take(min(BLOCK, most)))
            most -= len(pieces[-1])
            service.on_bytes(len(pieces[-1]))
        return b"".join(pieces)


class Service(graph.Server):
    """The service. on_bytes is called with the bytes of a body that have just come, on_question
    when a question is there and its answer is not; while they run, the client stalls."""

    def __init__(self, folder):
        super().__init__({}, folder)
        self.certificate = self.ca_file
        self.on_bytes, self.on_question = lambda count: None, lambda: None
        for port in self.ports:
            port.listener.RequestHandlerClass = Handler

    def begin(self, script):
        super().begin({"user": material.USER, "tokens": [TOKEN], "keep": False, **script})

    def keep(self, handler, step, body):
        super().keep(handler, step, body)
        self.on_question()

    def ranges(self):
        """What the ranges were that came."""
        return [each["range"] for each in self.requests if each["step"] == "put"]


def write_settings(folder, service):
    """Settings of an account that has signed in: a token that is known, and nobody to ask for
    another one."""
    settings = material.write_settings(
        folder, service, server="graph", graph_url=f"https://localhost:{service.port}/v1.0",
        auth="oauth-device", password_file=None, client_id="bench", authority=NOBODY)
    oauth.Store(settings, material.ACCOUNT).plant("refresh", TOKEN)
    return settings


class Sender:
    """The backend, sending one size of document, and what the service must then have."""

    def __init__(self, build, folder, service):
        self.service, self.folder = service, folder
        self.backend = measure.program(build, "mailto")
        self.settings = write_settings(folder, service)
        self.wanted = None

    def job(self, size):
        pdf = self.folder / f"{size}.pdf"
        if not pdf.exists():
            material.make_pdf(pdf, size * material.MIB)
        self.wanted = sink.file_digest(pdf)
        return material.Job(self.backend, self.folder, self.settings, pdf)

    def start(self, job, filtered=False):
        self.service.begin({})
        arguments, environment, stdin = job.call(filtered)
        return measure.Run(arguments, environment, stdin, self.folder)

    def check(self, steps):
        """The service must have been asked this, and have the document."""
        taken = re.sub(r"\bput( put)+\b", "put", " ".join(self.service.steps))
        if taken != " ".join(steps):
            raise measure.Unmeasured(f"the way was: {taken}")
        message, = self.service.accepted
        found = [(each["sha256"], each["size"]) for each in message.has_all()]
        if found != [self.wanted]:
            raise measure.Unmeasured("the backend sent another document")


def look_at(sender, run):
    """Watches a run while it sends; gives the largest sums in MB: together, and of the largest
    process alone."""
    service, watch = sender.service, measure.Watch(run.process.pid)
    since = 0

    def stall(count):
        nonlocal since
        since += count
        if since >= STALL_EVERY:
            since = 0
            watch.look()

    service.on_bytes, service.on_question = stall, watch.look
    try:
        run.wait()
    finally:
        watch.stop()
        service.on_bytes, service.on_question = lambda count: None, lambda: None
    return watch.together / measure.MB, max(watch.alone.values()) / measure.MB


def bench_memory(sender):
    report = measure.Report("Graph: peak memory of the backend's processes while they send one PDF")
    for filtered, way in ((False, "raw queue"), (True, "behind filters")):
        together = {}
        for size in SIZES:
            job = sender.job(size)
            together[size], largest = look_at(sender, sender.start(job, filtered))
            sender.check(WHOLE if size == SIZES[0] else IN_RANGES)
            report.figure(f"{way}, {size} MiB: all together", together[size], "MB", MOST)
            report.figure(f"{way}, {size} MiB: largest process", largest, "MB")
        for size in SIZES[:2]:
            report.figure(f"{way}: {SIZES[-1]} MiB over {size} MiB",
                          together[SIZES[-1]] - together[size], "MB", GROWTH)


class Curl:
    """curl, which puts the ranges of a document into upload sessions that were opened for it: one
    process, one connection."""

    def __init__(self, folder, service, pdf, ranges):
        self.folder, self.service, self.ranges = folder, service, ranges
        self.size, self.files = pdf.stat().st_size, []
        content = pdf.read_bytes()
        for number, each in enumerate(ranges):
            first, last = map(int, re.fullmatch(r"bytes (\d+)-(\d+)/\d+", each).groups())
            self.files.append(folder / f"range-{number:03}")
            self.files[-1].write_bytes(content[first:last + 1])

    def ask(self, path, body, kind):
        """One question to the service; gives its answer."""
        context = ssl.create_default_context(cafile=self.service.ca_file)
        client = http.client.HTTPSConnection("localhost", self.service.port, context=context)
        client.request("POST", "/v1.0/me/messages" + path, body,
                       {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind})
        answer = json.load(client.getresponse())
        client.close()
        return answer

    def session(self):
        """The address of a new upload session."""
        head = f"To: {material.RECIPIENT}\r\n\r\n".encode()
        draft = quote(self.ask("", base64.b64encode(head), "text/plain")["id"], safe="")
        item = {"attachmentType": "file", "name": NAME, "size": self.size}
        return self.ask(f"/{draft}/attachments/createUploadSession",
                        json.dumps({"AttachmentItem": item}), "application/json")["uploadUrl"]

    def run(self, wanted):
        self.service.begin({})
        url = self.session()
        settings = material.write_private(self.folder / "curlrc", "next\n".join(
            CURL_RANGE.format(url=url, file=file, range=each, ca=self.service.ca_file)
            for file, each in zip(self.files, self.ranges)))
        run = measure.Run(["curl", "-K", settings], {"PATH": "/usr/bin:/bin"},
                          folder=self.folder).wait()
        found = [(each.digest, each.size) for message in self.service.mailbox
                 for each in message.attachments]
        if found != [wanted] or self.service.ranges() != self.ranges:
            raise measure.Unmeasured("curl put another document")
        return run.cpu


def bench_time(sender):
    job = sender.job(COMPARED)
    curl, least = None, {"mailto": [], "curl": []}
    for _ in range(RUNS):
        least["mailto"].append(sender.start(job).wait().cpu)
        sender.check(IN_RANGES)
        curl = curl or Curl(sender.folder, sender.service, job.pdf, sender.service.ranges())
        least["curl"].append(curl.run(sender.wanted))
    least = {name: min(seconds) for name, seconds in least.items()}
    report = measure.Report(f"Graph: one {COMPARED} MiB PDF in {len(curl.ranges)} ranges, processor"
                            f" time of the client, least of {RUNS} runs in turns")
    report.figure("mailto, from the job to the sent message", least["mailto"], "s")
    report.figure("curl, putting the ranges alone", least["curl"], "s")
    report.figure("mailto / curl", least["mailto"] / least["curl"])


def bench(build, folder):
    with Service(folder) as service:
        sender = Sender(build, folder, service)
        bench_memory(sender)
        bench_time(sender)


if __name__ == "__main__":
    measure.main(bench)
