"""What the benchmarks work on: a PDF of a given size, the message around it, the settings and the
call of the backend, as cupsd would make it."""
import base64
import os
import random
import uuid

MIB = 1 << 20
IMAGE_WIDTH = 1024
WRAP = 76  # characters of a base64 line

USER, PASSWORD = "scanner@example.com", "abcd efgh ijkl mnop"
SENDER, RECIPIENT = "scanner@example.com", "bob@example.com"
ACCOUNT = "bench"

PDF_HEAD = b"""%%PDF-1.4
%%\xe2\xe3\xcf\xd3
1 0 obj
<< /Type /Catalog /Pages 2 0 R >>
endobj
2 0 obj
<< /Type /Pages /Kids [3 0 R] /Count 1 >>
endobj
3 0 obj
<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R
/Resources << /XObject << /I 5 0 R >> >> >>
endobj
4 0 obj
<< /Length 25 >>
stream
595 0 0 842 0 0 cm
/I Do

endstream
endobj
5 0 obj
<< /Type /XObject /Subtype /Image /Width %d /Height %d /ColorSpace /DeviceGray
/BitsPerComponent 8 /Length %d >>
stream
"""


def make_pdf(path, size):
    """Writes a valid PDF of about this size: one page, one image of noise, the same every time."""
    height = size // IMAGE_WIDTH
    length = height * IMAGE_WIDTH
    head = PDF_HEAD % (IMAGE_WIDTH, height, length)
    tail = b"\nendstream\nendobj\n"
    table = b"xref\n0 6\n0000000000 65535 f \n"
    for number in range(1, 6):
        table += b"%010d 00000 n \n" % (head.index(b"\n%d 0 obj" % number) + 1)
    table += b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(head) + length + len(tail))
    noise = random.Random(1)
    with open(path, "wb") as file:
        file.write(head)
        for _ in range(height):
            file.write(noise.randbytes(IMAGE_WIDTH))
        file.write(tail + table)


def make_message(path, pdf):
    """Writes the message that the peers send: the PDF already encoded."""
    boundary = "=_bench"
    head = "\r\n".join((
        f"From: <{SENDER}>", f"To: <{RECIPIENT}>", "Subject: bench", "MIME-Version: 1.0",
        f'Content-Type: multipart/mixed; boundary="{boundary}"', "", f"--{boundary}",
        "Content-Type: text/plain; charset=utf-8", "", "A document.", f"--{boundary}",
        "Content-Type: application/pdf", "Content-Transfer-Encoding: base64",
        'Content-Disposition: attachment; filename="bench.pdf"', "", ""))
    with open(pdf, "rb") as document, open(path, "wb") as file:
        file.write(head.encode())
        while block := document.read(WRAP * 3 // 4 * 1024):
            text = base64.b64encode(block)
            lines = (text[i:i + WRAP] for i in range(0, len(text), WRAP))
            file.write(b"\r\n".join(lines) + b"\r\n")
        file.write(f"--{boundary}--\r\n".encode())


def write_private(path, text):
    """Writes a file that nobody else may read."""
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    return path


def write_settings(folder, server, /, **keys):
    """Writes postroom.conf with one account on a server, of which port and certificate count.
    The account's keys may be set otherwise; None takes one out."""
    (folder / "state").mkdir(exist_ok=True)
    secret = write_private(folder / "secret", PASSWORD + "\n")
    account = {
        "server": f"localhost:{server.port}", "ca_file": server.certificate, "auth": "password",
        "username": USER, "password_file": secret, "from": SENDER, "max_message_size": "150M",
        "max_per_minute": 10000, **keys}
    lines = "\n".join(f"{key} = {value}" for key, value in account.items() if value is not None)
    return write_private(folder / "postroom.conf", f"""[postroom]
state_dir = {folder}/state
user = nobody
[account {ACCOUNT}]
{lines}
""")


class Job:
    """A printed document as cupsd hands it to the backend: by name from a raw queue, or as a
    stream behind the filters."""

    def __init__(self, program, folder, settings, pdf):
        self.program, self.folder, self.settings, self.pdf = program, folder, settings, pdf
        self.count = 0

    def call(self, filtered=False):
        """Arguments, environment and standard input of a new job."""
        self.count += 1
        spooled = self.folder / f"d{self.count:05}-001"
        spooled.unlink(missing_ok=True)
        os.link(self.pdf, spooled)
        options = f"job-uuid=urn:uuid:{uuid.uuid4()} time-at-creation=1790000000"
        arguments = [self.program, str(self.count), "bench", "bench", "1", options]
        environment = {
            "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "CHARSET": "utf-8", "PRINTER": "mail",
            "DEVICE_URI": "mailto:?to=" + RECIPIENT.replace("@", "%40"), "SOFTWARE": "CUPS/2.4.2",
            "CONTENT_TYPE": "application/pdf", "POSTROOM_CONFIG": str(self.settings),
            "FINAL_CONTENT_TYPE": "application/pdf" if filtered else "printer/mail",
            "CUPS_SERVER": str(self.folder / "no.sock"), "CUPS_REQUESTROOT": str(self.folder),
            "TMPDIR": str(self.folder), "HOME": str(self.folder), "USER": "root",
        }
        if filtered:
            return arguments, environment, self.pdf
        return arguments + [str(spooled)], environment, "/dev/null"
