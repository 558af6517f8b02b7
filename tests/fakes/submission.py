#!/usr/bin/python3 -B
"""A submission server on loopback that speaks like smtp.office365.com.

usage: submission.py FOLDER CREDENTIALS

CREDENTIALS is a file of two lines, user name and password. Each message that was accepted
lands in FOLDER/mail as NNNN.eml, the bytes as they were received without the transparent
dots, beside NNNN.json, its envelope; the .json is there before the .eml appears. What a
client has to trust is FOLDER/tls/authority/ca.pem.

The dialogue is aiosmtpd's; this file gives it Office 365's words, mechanisms and rules: AUTH
only inside TLS, one mailbox, which may send as itself alone. BINARYMIME and CHUNKING are
announced as the service does, but BDAT is not understood. A token (XOAUTH2) opens the mailbox
where Server is given a judge of tokens, and is refused where not.
"""
import asyncio
import itertools
import json
import logging
import os
import socket
import sys
import threading
import warnings
from base64 import b64decode
from pathlib import Path

with warnings.catch_warnings():  # of the libraries' age, nothing to a reader of a demo
    warnings.simplefilter("ignore")
    from aiosmtpd.smtp import MISSING, SMTP, AuthResult, LoginPassword

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes import bearer, certificates, dialogue, program  # noqa: E402

# A refused login or an unknown command is what tests send: no news for standard error.
logging.getLogger("mail.log").setLevel(logging.CRITICAL)

START_LIMIT = 10  # seconds until the server listens
AUTH_LINE_MAX = 16 * 1024  # bytes of a line that carries a token
EVERY_MECHANISM = {"LOGIN", "PLAIN", "XOAUTH2", "OAUTHBEARER"}
# Parameters of DSN and AUTH (RFC 3461, RFC 4954) that the service takes and aiosmtpd refuses.
TOLERATED = {"RET", "ENVID", "NOTIFY", "ORCPT", "AUTH"}
# aiosmtpd's fixed replies, in the service's words.
WORDING = {
    "220 Ready to start TLS": dialogue.READY_FOR_TLS,
    "354 End data with <CR><LF>.<CR><LF>": dialogue.START_INPUT,
    "221 Bye": dialogue.BYE,
    "250 OK": dialogue.RESET,
    "530 5.7.0 Authentication required":
        dialogue.NOT_SIGNED_IN,
    "552 Error: message size exceeds fixed maximum message size": dialogue.TOO_LARGE,
    "552 Error: Too much mail data": dialogue.TOO_LARGE,
}


class Dialogue(SMTP):
    """One connection."""

    AuthLoginUsernameChallenge = dialogue.USERNAME_CHALLENGE
    AuthLoginPasswordChallenge = dialogue.PASSWORD_CHALLENGE

    async def push(self, status):
        if status == "535 5.7.8 Authentication credentials invalid":
            status = dialogue.auth_refused()
        await super().push(WORDING.get(status, status))

    def _getparams(self, params):
        return super()._getparams(
            [each for each in params if each.partition("=")[0] not in TOLERATED])

    async def _bearer(self, mechanism, initial):
        """The dialogue of a mechanism that shows a token. Its line is longer than those
        that aiosmtpd reads (RFC 4954 4)."""
        mailbox = self.event_handler
        self._reader._limit = AUTH_LINE_MAX
        try:
            answer = b64decode(initial[0]) if initial else await self.challenge_auth("")
            if answer is MISSING:  # it has been told what is wrong
                return AuthResult(success=False, handled=True)
            found = bearer.parse(mechanism, answer)
            good = found and mailbox.tokens(found[1], found[0])
            if not good and mailbox.challenge:
                await self.challenge_auth(bearer.CHALLENGE, encode_to_b64=False)
        finally:
            self._reader._limit = self.line_length_limit
        if good:
            self.session.mechanism = mechanism
            return AuthResult(success=True, auth_data=LoginPassword(found[0].encode(), b""))
        for line in bearer.refused(mailbox.challenge):
            await self.push(line)
        return AuthResult(success=False, handled=True)

    async def auth_XOAUTH2(self, _, args):
        return await self._bearer("XOAUTH2", args[1:])

    async def auth_OAUTHBEARER(self, _, args):
        return await self._bearer("OAUTHBEARER", args[1:])


class Mailbox:
    """What happens at each stage, and where the messages go: aiosmtpd's handler."""

    def __init__(self, folder, user, tokens, mechanisms, challenge):
        self.folder = folder
        self.user = user
        self.tokens, self.mechanisms, self.challenge = tokens, mechanisms, challenge
        self.numbers = itertools.count(1)
        self.arrived = threading.Condition()
        self.paths = []

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        return dialogue.ehlo(session.peer[0], session.ssl is not None,
                             mechanisms=self.mechanisms)

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return dialogue.SENDER_OK

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return dialogue.RECIPIENT_OK

    async def handle_DATA(self, server, session, envelope):
        if envelope.mail_from.lower() != self.user.lower():
            return dialogue.send_as_denied(self.user, envelope.mail_from)
        self._keep(session, envelope)
        return dialogue.queued()

    def _keep(self, session, envelope):
        path = self.folder / f"{next(self.numbers):04d}.eml"
        path.with_suffix(".json").write_text(json.dumps({
            "mail_from": envelope.mail_from,
            "rcpt_tos": envelope.rcpt_tos,
            "mail_options": envelope.mail_options,
            "auth": session.auth_data.login.decode(),
            "mechanism": getattr(session, "mechanism", "LOGIN"),
            "tls": session.ssl["ssl_object"].version(),
            "helo": session.host_name,
        }, indent=1) + "\n")
        draft = path.with_suffix(".tmp")
        draft.write_bytes(envelope.original_content)
        os.rename(draft, path)
        with self.arrived:
            self.paths.append(path)
            self.arrived.notify_all()


class Server(program.Served):
    """The server in a thread of its own. `paths` lists the messages as they arrived.

    tokens(token, mailbox) tells whether a token is good. With `challenge` one that is not is
    challenged before it is refused, as Gmail does it."""

    def __init__(self, folder, user, password, kit=None, *, tokens=lambda *_: False,
                 mechanisms=dialogue.MECHANISMS, challenge=False):
        folder = Path(folder)
        mail = folder / "mail"
        mail.mkdir(parents=True, exist_ok=True)
        self.kit = kit or certificates.Kit(folder / "tls")
        self.ca_file = self.kit.ca_file
        self.mailbox = Mailbox(mail, user, tokens, mechanisms, challenge)
        self.user, self.password = user, password
        self.loop = asyncio.new_event_loop()
        self.listening = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    @property
    def paths(self):
        with self.mailbox.arrived:
            return list(self.mailbox.paths)

    def wait(self, count, limit=30):
        """The paths of at least `count` messages, or of those that came within the limit."""
        with self.mailbox.arrived:
            self.mailbox.arrived.wait_for(lambda: len(self.mailbox.paths) >= count, limit)
            return list(self.mailbox.paths)

    def _authenticate(self, server, session, envelope, mechanism, data):
        right = (self.user.encode(), self.password.encode())
        return AuthResult(success=(data.login, data.password) == right, handled=False,
                          auth_data=data)

    def _connection(self):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return Dialogue(
                self.mailbox, hostname=dialogue.HOST,
                ident=dialogue.greeting().partition(f"{dialogue.HOST} ")[2],
                loop=self.loop,
                tls_context=self.kit.context(), require_starttls=True,
                auth_required=True, authenticator=self._authenticate,
                auth_exclude_mechanism=EVERY_MECHANISM - set(self.mailbox.mechanisms),
                enable_SMTPUTF8=True, data_size_limit=dialogue.SIZE_LIMIT)

    def _run(self):
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(
            self.loop.create_server(self._connection, sock=self.listener))
        self.listening.set()
        self.loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self.loop)
        for task in tasks:
            task.cancel()
        self.loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self.loop.close()

    def start(self):
        self.kit.context()  # makes the certificate before the first client has to wait
        self.thread.start()
        if not self.listening.wait(START_LIMIT):
            raise TimeoutError("the submission server does not listen")

    def stop(self):
        if self.thread.is_alive():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self.thread.join()


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: submission.py FOLDER CREDENTIALS")
    user, password = Path(sys.argv[2]).read_text().splitlines()[:2]
    program.serve_until_told(Server(sys.argv[1], user, password))


if __name__ == "__main__":
    main()
