"""A mailbox as Microsoft Graph shows it: messages, their attachments, and uploads under way."""
import hashlib
import time
from email import message_from_bytes, policy
from email.utils import getaddresses

SESSION_LIFE = 600  # seconds
LISTS = ("to", "cc", "bcc")


class Attachment:
    """One of a message: content is empty where nothing is kept."""

    def __init__(self, number, name, size, digest="", content=b""):
        self.id, self.name, self.size = f"AAMkATT+{number}/=", name, size
        self.digest, self.content = digest, content


class Message:
    """One in the mailbox, whose MIME form lacks what was attached afterwards."""

    def __init__(self, number, content=b"", draft=True):
        self.id = f"AAMk/{number}+x="  # as a path it works only when it is escaped
        self.content, self.draft = content, draft
        self.attachments = []
        parsed = message_from_bytes(content, policy=policy.compat32)
        self.message_id = parsed.get("Message-ID", "").strip()
        self.recipients = {
            each: [address for _, address in getaddresses(parsed.get_all(each, []))
                   if address] for each in LISTS}

    def has_all(self):
        """The attachments that stand in the MIME form, and those that came later."""
        parsed = message_from_bytes(self.content, policy=policy.default)
        inside = [(part.get_filename(), part.get_payload(decode=True))
                  for part in parsed.walk() if part.get_filename()]
        listed = [{"name": name, "size": len(content),
                   "sha256": hashlib.sha256(content).hexdigest()} for name, content in inside]
        return listed + [{"name": each.name, "size": each.size, "sha256": each.digest}
                         for each in self.attachments]

    def as_json(self):
        return {"id": self.id, "isDraft": self.draft, "internetMessageId": self.message_id,
                **{f"{each}Recipients": [{"emailAddress": {"name": "", "address": address}}
                                         for address in self.recipients[each]]
                   for each in LISTS}}


class Session:
    """An upload session."""

    def __init__(self, number, message, name, size):
        self.key = f"key{number}-{time.monotonic_ns():x}"
        self.message, self.name, self.size = message, name, size
        self.at, self.digest, self.blocks = 0, hashlib.sha256(), []
        self.ends = time.monotonic() + SESSION_LIFE
