"""Reads what a server received, and is hard to please: a defect is an error."""
import email
import email.policy
import json
import re
import subprocess
import tempfile
from dataclasses import dataclass
from email.header import decode_header, make_header
from pathlib import Path
from urllib.parse import unquote

STRICT = email.policy.SMTP.clone(raise_on_defect=True)
TOOL_LIMIT = 30  # seconds for a look at a PDF


@dataclass
class Attachment:
    filename: str
    type: str
    content: bytes

    @property
    def pages(self):
        return pdf_pages(self.content)


def _raw(part, name):
    """A header as it was received, unfolded."""
    values = [value for key, value in part.raw_items() if key.lower() == name]
    assert len(values) == 1, f"{name} stands {len(values)} times"
    return re.sub(r"\r\n(?=[ \t])", "", values[0])


def _filename(part):
    """An attachment's name, which stands in the header in up to three ways: filename*= (RFC
    2231), an ASCII filename= for old readers, and name= (RFC 2047). They must agree."""
    disposition = _raw(part, "content-disposition")
    assert disposition.startswith("attachment;"), disposition
    plain = re.search(r';\s*filename="((?:[^"\\]|\\.)*)"', disposition).group(1)
    assert plain.isascii(), f"filename={plain!r} is not ASCII"
    extended = re.search(r";\s*filename\*=utf-8''([^\s;]+)", disposition, re.IGNORECASE)
    plain = re.sub(r"\\(.)", r"\1", plain)
    name = unquote(extended.group(1), errors="strict") if extended else plain
    shown = re.search(r';\s*name="((?:[^"\\]|\\.)*)"', _raw(part, "content-type")).group(1)
    shown = str(make_header(decode_header(re.sub(r"\\(.)", r"\1", shown))))
    assert shown == name, f"name={shown!r} is not {name!r}"
    return name


class Mail:
    """A message, checked as it is read: line ends, line lengths, headers that stand once."""

    def __init__(self, content):
        self.content = content
        bare = re.search(rb"(?<!\r)\n|\r(?!\n)|\0", content)
        assert not bare, f"a bare CR, LF or NUL at byte {bare.start()}"
        longest = max(map(len, content.split(b"\r\n")))
        assert longest <= 998, f"a line of {longest} bytes"
        self.message = email.message_from_bytes(content, policy=STRICT)
        for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
            count = len(self.message.get_all(name, []))
            assert count == 1, f"{name} stands {count} times"
        assert "Bcc" not in self.message, "Bcc is in the header"

    def __getitem__(self, name):
        value = self.message[name]
        return None if value is None else str(value)

    def addresses(self, name):
        """The addresses of a header, in order."""
        header = self.message[name]
        return [each.addr_spec for each in header.addresses] if header else []

    @property
    def is_notice(self):
        """Whether Postroom wrote it by itself: to the owner of what was not sent."""
        return self["Auto-Submitted"] == "auto-generated"

    @property
    def text(self):
        """The text before the attachments."""
        return self.message.get_body(("plain",)).get_content()

    @property
    def attachments(self):
        return [Attachment(_filename(part), part.get_content_type(),
                           part.get_payload(decode=True))
                for part in self.message.iter_attachments()]


def read(path):
    """The mail in a file that the submission server wrote, with its envelope."""
    mail = Mail(Path(path).read_bytes())
    mail.envelope = json.loads(Path(path).with_suffix(".json").read_text())
    return mail


def _tool(content, *command):
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(content)
        file.flush()
        done = subprocess.run([*command, file.name], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=TOOL_LIMIT)
    assert done.returncode == 0, f"{command[0]}: {done.stdout}{done.stderr}"
    return done.stdout


def pdf_check(content):
    """Fails unless qpdf finds the PDF whole."""
    _tool(content, "qpdf", "--check")


def pdf_pages(content):
    return int(_tool(content, "qpdf", "--show-npages"))


def pdf_text(content):
    """The text of each page, blanks joined."""
    with tempfile.NamedTemporaryFile(suffix=".pdf") as file:
        file.write(content)
        file.flush()
        done = subprocess.run(["pdftotext", file.name, "-"], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=TOOL_LIMIT, check=True)
    return [" ".join(page.split()) for page in done.stdout.split("\f")[:-1]]
