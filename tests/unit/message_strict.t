#!/usr/bin/python3
"""Reads the messages of test_message with Python's strict parser: no title breaks one.

test_message writes NNN.eml, and what must come back of it: NNN.title (the cleaned title),
NNN.body, NNN.name (the attachment's file name) and NNN.bytes. POSTROOM_SAN_BUILD names the
folder of the build, build/san when unset. Runs from the root of the tree, whose golden
file of a message without attachments is read as well.
"""

import email
import email.policy
import functools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import urllib.parse

HEADERS = ["Date", "From", "To", "Subject", "Message-ID", "MIME-Version", "User-Agent",
           "X-Auto-Response-Suppress", "Content-Type"]
PARTS = [["Content-Type", "Content-Transfer-Encoding"],
         ["Content-Type", "Content-Disposition", "Content-Transfer-Encoding"]]
AUTOMATIC = pathlib.Path("tests/golden/message/automatic.eml")
LEAST_MESSAGES = 255  # a title for each byte but NUL
STRICT = email.policy.SMTP.clone(raise_on_defect=True)

# What Python reports of a file name that is not ASCII, and mail programs want: an encoded
# word in name=, and filename= beside filename*=.
WANTED_DEFECTS = {"encoded word inside quoted string",
                  "missing trailing whitespace after encoded-word",
                  "duplicate parameter name; duplicate(s) ignored"}


class Message:
    """One composed message, and what must come back of it."""

    def __init__(self, path):
        self.raw = path.read_bytes()
        self.title = path.with_suffix(".title").read_bytes().decode()
        self.body = path.with_suffix(".body").read_bytes().decode()
        self.name = path.with_suffix(".name").read_bytes().decode()
        self.bytes = path.with_suffix(".bytes").read_bytes()

    @functools.cached_property
    def parsed(self):
        return email.message_from_bytes(self.raw, policy=STRICT)

    def parts(self):
        return list(self.parsed.iter_parts())


def no_defects(m):
    for part in m.parsed.walk():
        assert not part.defects, part.defects
        for name, value in part.items():
            found = {str(defect) for defect in value.defects}
            if not m.name.isascii() and name in ("Content-Type", "Content-Disposition"):
                found -= WANTED_DEFECTS
            assert not found, (name, found)


def exact_headers(m):
    assert m.parsed.keys() == HEADERS, m.parsed.keys()
    assert [part.keys() for part in m.parts()] == PARTS, [p.keys() for p in m.parts()]


def clean_lines(m):
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)|[^\x20-\x7e\r\n\t]", m.raw)
    assert max(len(line) for line in m.raw.split(b"\r\n")) <= 998
    body = m.raw.split(b"\r\n\r\n", 1)[1]
    assert not re.search(rb"^(\.|From )", body, re.MULTILINE)


def subject_comes_back(m):
    assert m.parsed.get_all("Subject") == [m.title], (m.parsed["Subject"], m.title)


def body_comes_back(m):
    text = m.parts()[0].get_content().replace("\r\n", "\n")
    assert m.parts()[0].get_content_type() == "text/plain"
    assert text.rstrip("\n") == m.body, (text, m.body)


def attachment_comes_back(m):
    part = m.parts()[1]
    assert part.get_content_type() == "application/pdf"
    assert part.get_content_disposition() == "attachment"
    assert part.get_content() == m.bytes


def file_name_comes_back(m):
    part = m.parts()[1]
    disposition = re.search(rb"Content-Disposition: .*?\r\n(?! )", m.raw, re.DOTALL).group()
    extended = re.search(rb"filename\*=UTF-8''(\S+)\r\n", disposition)
    if m.name.isascii():
        assert extended is None
        assert part.get_filename() == m.name, part.get_filename()
        assert part["Content-Type"].params["name"] == m.name
        return
    assert urllib.parse.unquote(extended.group(1).decode("ascii"), errors="strict") == m.name
    assert part.get_filename().isascii()
    if len(m.name.encode()) <= 45:
        assert part["Content-Type"].params["name"] == m.name


LAWS = [no_defects, exact_headers, clean_lines, subject_comes_back, body_comes_back,
        attachment_comes_back, file_name_comes_back]


def automatic_message_is_one_text(path):
    parsed = email.message_from_bytes(path.read_bytes(), policy=STRICT)
    text, = parsed.iter_parts()
    assert not parsed.defects and not text.defects
    assert parsed["Auto-Submitted"] == "auto-generated"
    assert parsed["Subject"] == "Not sent: Größe 42"
    assert text.keys() == PARTS[0], text.keys()
    lines = text.get_content().splitlines()
    assert lines == ["This document was not sent.", "", "Reason: none."], lines


def compose(folder):
    build = os.environ.get("POSTROOM_SAN_BUILD", "build/san")
    program = os.path.join(build, "tests", "unit", "test_message.t")
    settings = {"POSTROOM_TEST_TMP": folder, "CMOCKA_MESSAGE_OUTPUT": "TAP"}
    subprocess.run([program], env={**os.environ, **settings}, check=True,
                   stdout=subprocess.DEVNULL)
    return [Message(path) for path in sorted(pathlib.Path(folder).glob("*.eml"))]


def check(law, messages):
    """Prints why messages break the law; returns whether none does."""
    good = True
    for number, message in enumerate(messages):
        try:
            law(message)
        except Exception as reason:  # the parser's own too: strict means that it raises
            print(f"# {number:03}: {type(reason).__name__}: {reason}"[:300])
            good = False
    return good


def main():
    with tempfile.TemporaryDirectory() as folder:
        messages = compose(folder)
    tests = [(law, messages) for law in LAWS]
    tests.append((automatic_message_is_one_text, [AUTOMATIC]))
    print(f"1..{len(tests) + 1}")
    failed = len(messages) < LEAST_MESSAGES
    print("not ok 1 - too few messages" if failed else f"ok 1 - {len(messages)} messages")
    for number, (law, subjects) in enumerate(tests, 2):
        good = check(law, subjects)
        failed |= not good
        print(f"{'ok' if good else 'not ok'} {number} - {law.__name__}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
