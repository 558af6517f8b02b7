#!/usr/bin/python3 -B
"""Where a job can say where it goes, and the nonsense that can stand there.

Nearly all of it is sent as IPP, as a print dialog would; what cupsd itself would take out is
given to the backend by hand. Each refusal is judged by the bytes that the server received.
"""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import backend, documents, ipp, mail, settings, tap  # noqa: E402
from rig.house import ALICE, House as PrintServer  # noqa: E402

BOB, CAROL, DAN = "bob@example.com", "carol@example.com", "dan@partner.example"
EVE = "eve@evil.example"  # to whom nothing may ever go
SECOND = """
[account second]
server = localhost:{port}
ca_file = {ca_file}
username = {user}
password_file = {secret}
from = Second Floor <{user}>
"""


class House(PrintServer):
    """With a second account, a queue for each device URI, and a backend to run by hand."""

    def __enter__(self):
        super().__enter__()
        self.pdf = documents.pdf("One")
        self.direct = backend.House()
        self.queues = 0
        self.settle()
        return self

    def __exit__(self, *arguments):
        if hasattr(self, "direct"):
            self.direct.__exit__(*arguments)
        super().__exit__(*arguments)

    def settle(self, **sections):
        """Writes the settings anew; the backend reads them at each job."""
        second = SECOND.format(port=self.server.port, ca_file=self.server.ca_file,
                               user=settings.USER,
                               secret=self.folder / "etc" / "secrets" / "office365")
        settings.write(self.folder / "etc", self.server,
                       **{**self.sections, "more": second, **sections})

    def print(self, *, queue="mail", title="Report", user="alice", **options):
        """Prints with options as IPP text; a name's underscores stand for hyphens."""
        self.cupsd.client.user = user
        attributes = [(name if name[0].isupper() else name.replace("_", "-"), ipp.TEXT, value)
                      for name, value in options.items()]
        return self.cupsd.client.print(queue, self.pdf, title=title, options=attributes)

    def queue(self, uri):
        """A queue with this device URI."""
        self.queues += 1
        name = f"queue{self.queues}"
        self.cupsd.add_queue(name, uri, ppd=PrintServer.ppd)
        return name


def goes_to(house, job, *recipients, **headers):
    """Asserts envelope and headers of the one mail of a job, and returns it."""
    message = house.sent(job)
    tap.same(message.envelope["rcpt_tos"], list(recipients), "RCPT TO")
    for name, wanted in headers.items():
        tap.same(message[name.replace("_", "-")], wanted, name)
    return message


# -- job options ----------------------------------------------------------------------------


def test_mail_to(house):
    """mail-to: one address, several, with names"""
    goes_to(house, house.print(mail_to=BOB), BOB, To=BOB)
    message = goes_to(house, house.print(mail_to=f"{BOB}, {CAROL}"), BOB, CAROL)
    tap.same(message.addresses("To"), [BOB, CAROL], "To")
    text = f'"Weiß, Jörg" <{BOB}>, Carol <{CAROL}>'
    message = goes_to(house, house.print(mail_to=text), BOB, CAROL)
    tap.same([each.display_name for each in message.message["To"].addresses],
             ["Weiß, Jörg", "Carol"], "the names in To")


def test_cc_and_bcc(house):
    """mail-cc stands in the header, mail-bcc in the envelope alone"""
    message = goes_to(house, house.print(mail_to=BOB, mail_cc=CAROL, mail_bcc=DAN),
                      BOB, CAROL, DAN, To=BOB, Cc=CAROL, Bcc=None)
    tap.absent(b"dan@", message.content, "the message")


def test_bcc_alone(house):
    """mail-bcc without mail-to: nobody is named"""
    message = goes_to(house, house.print(mail_bcc=f"{BOB},{CAROL}"), BOB, CAROL)
    tap.same(message.addresses("To"), [], "To")
    tap.absent(b"bob@", message.content, "the message")


def test_twice_named(house):
    """An address in To, Cc and Bcc gets one copy"""
    job = house.print(mail_to=BOB, mail_cc=BOB, mail_bcc=f"{BOB},{CAROL}")
    goes_to(house, job, BOB, CAROL)


def test_subject_body_filename(house):
    """mail-subject, mail-body, mail-filename: every character arrives"""
    subject = """He said "it's" \\ 100% {x} = <y> & Größe, a=b mail-to=no"""
    message = goes_to(house, house.print(
        mail_to=BOB, mail_subject=subject, mail_body="Guten Tag,\n\n.\nFrom here: ß\n",
        mail_filename="Angebot März"), BOB, Subject=subject)
    tap.same(message.text.splitlines(), ["Guten Tag,", "", ".", "From here: ß"], "the text")
    tap.same(message.attachments[0].filename, "Angebot März.pdf", "the attachment's name")


def test_account(house):
    """mail-account chooses an account; one that does not exist holds the job"""
    goes_to(house, house.print(mail_to=BOB, mail_account="second"), BOB,
            From=f"Second Floor <{settings.USER}>")
    reason = house.not_sent(house.print(mail_to=BOB, mail_account="third"), "held")
    tap.among("third", reason, "the reason")


def test_mail_uri(house):
    """mail-uri takes all of it as one RFC 6068 URI"""
    uri = (f"mailto:{BOB}?cc=carol%40example.com&subject=Gr%C3%B6%C3%9Fe%20%2B%201"
           f"&body=One%0D%0ATwo")
    message = goes_to(house, house.print(mail_uri=uri), BOB, CAROL, Subject="Größe + 1",
                      Cc=CAROL)
    tap.same(message.text.splitlines(), ["One", "Two"], "the text")


def test_lp_quoting(house):
    """A subject with blanks through lp's own quoting"""
    path = house.file("x.pdf")
    goes_to(house, house.lp(path, options=[f"mail-to={BOB}", "mail-subject='Two words'"]), BOB,
            Subject="Two words")


# -- the driver's options -------------------------------------------------------------------


def test_ppd_custom(house):
    """MailTo, MailSubject, MailFilename with Custom.TEXT, as print dialogs send them"""
    message = goes_to(house, house.print(
        MailTo=f"Custom.{BOB}", MailSubject="Custom.Hello wide world",
        MailFilename="Custom.My file"), BOB, Subject="Hello wide world")
    tap.same(message.attachments[0].filename, "My file.pdf", "the attachment's name")


def test_ppd_lp(house):
    """lp -o MailTo=Custom.ADDRESS"""
    goes_to(house, house.lp(house.file("x.pdf"), options=[f"MailTo=Custom.{BOB}"]), BOB)


def test_ppd_defaults(house):
    """All of the driver's defaults, as GTK sends them, say nothing"""
    goes_to(house, house.print(title=f"Minutes [to: {BOB}]", MailTo="Auto", MailSubject="Auto",
                               MailFilename="Auto"), BOB, Subject="Minutes")


def test_ppd_self(house):
    """Self is the user's own address; without one the job is held"""
    goes_to(house, house.print(title=f"x [to: {BOB}]", MailTo="Self"), ALICE)
    reason = house.not_sent(house.print(MailTo="Self", user="mallory"), "held")
    tap.among("mallory", reason, "the reason")


def test_ppd_bare_custom(house):
    """A bare Custom means that nothing was typed: held, not guessed"""
    reason = house.not_sent(house.print(MailTo="Custom"), "held")
    tap.among("MailTo", reason, "the reason")


# -- device URI, title, billing, users ------------------------------------------------------


def test_device_uri(house):
    """The queue's device URI gives recipient, subject and account"""
    queue = house.queue("mailto:?to=bob%40example.com&cc=carol%40example.com"
                        "&subject=From%20the%20lobby&account=second")
    goes_to(house, house.print(queue=queue), BOB, CAROL, Subject="From the lobby",
            From=f"Second Floor <{settings.USER}>")


def test_title(house):
    """[to: …] in the title is the recipient, and leaves the subject"""
    goes_to(house, house.print(title=f"Plan B [to: {BOB}, Accounting] 🖨"),
            BOB, "invoices@example.com", Subject="Plan B 🖨")
    goes_to(house, house.print(title=f"[TO:{BOB}]"), BOB)


def test_billing(house):
    """job-billing is a recipient where it is one, and else nothing"""
    goes_to(house, house.print(job_billing=BOB), BOB)
    goes_to(house, house.print(job_billing="Accounting"), "invoices@example.com")
    goes_to(house, house.print(job_billing="cost centre 4711"), ALICE)
    goes_to(house, house.print(job_billing=""), ALICE)


def test_users(house):
    """[users]: the user's own line, then the one for all"""
    goes_to(house, house.print(), ALICE)
    house.settle(users={"alice": ALICE, "*": "%u@staff.example.com"})
    try:
        goes_to(house, house.print(), ALICE)
        goes_to(house, house.print(user="dan.k"), "dan.k@staff.example.com")
        for user in ("O'Neil; rm -rf /", "x@evil.example", "a,b", "jürgen"):
            reason = house.not_sent(house.print(user=user), "held")
            tap.among("[users]", reason, f"the reason for {user!r}")
    finally:
        house.settle()


def test_address_book(house):
    """Names of the address book stand for their addresses, alone and in lists"""
    message = goes_to(house, house.print(mail_to="Board"), "chair@example.com",
                      "sued@example.com")
    tap.same(message.message["To"].addresses[1].display_name, "Büro Süd", "the second name")
    goes_to(house, house.print(mail_to=f"accounting,{BOB}"), "invoices@example.com", BOB)
    goes_to(house, house.print(MailTo="Accounting"), "invoices@example.com")
    reason = house.not_sent(house.print(mail_to="Acounting"), "held")
    tap.among("Acounting", reason, "the reason")


def test_order(house):
    """Job option, then driver, then device URI, then title, then billing: first found wins"""
    queue = house.queue("mailto:?to=uri%40example.com")
    title, billing = "x [to: title@example.com]", "billing@example.com"
    goes_to(house, house.print(queue=queue, title=title, job_billing=billing, mail_to=BOB,
                               MailTo="Custom.ppd@example.com"), BOB)
    goes_to(house, house.print(queue=queue, title=title, job_billing=billing,
                               MailTo="Custom.ppd@example.com"), "ppd@example.com")
    goes_to(house, house.print(queue=queue, title=title, job_billing=billing),
            "uri@example.com")
    goes_to(house, house.print(title=title, job_billing=billing), "title@example.com")
    goes_to(house, house.print(job_billing=billing), billing)


# -- policy ---------------------------------------------------------------------------------


def test_policy_allow(house):
    """allow holds a job for anybody else, wherever the address came from"""
    house.settle(policy={"allow": f"*@example.com, {DAN}"})
    try:
        goes_to(house, house.print(mail_to=f"{BOB},{DAN}"), BOB, DAN)
        for how in ({"mail_to": EVE}, {"mail_to": BOB, "mail_bcc": EVE},
                    {"mail_to": f"{BOB},eve@partner.example"}, {"title": f"x [to: {EVE}]"},
                    {"MailTo": f"Custom.{EVE}"}, {"job_billing": EVE},
                    {"mail_to": "eve@notexample.com"},
                    {"mail_to": '"bob@example.com" <eve@evil.example>'}):
            house.not_sent(house.print(**how), "held")
    finally:
        house.settle()


def test_policy_recipients(house):
    """max_recipients counts To, Cc and Bcc"""
    house.settle(policy={"max_recipients": "2"})
    try:
        goes_to(house, house.print(mail_to=BOB, mail_bcc=CAROL), BOB, CAROL)
        reason = house.not_sent(house.print(mail_to=BOB, mail_cc=CAROL, mail_bcc=EVE), "held")
        tap.among("max_recipients", reason, "the reason")
    finally:
        house.settle()


def test_reply_to(house):
    """reply_to: the user, nobody, or an address"""
    desk = "desk@example.com"
    for value, wanted in ((None, ALICE), ("none", None), (desk, desk)):
        house.settle(policy={"reply_to": value})
        try:
            goes_to(house, house.print(mail_to=BOB), BOB, Reply_To=wanted)
        finally:
            house.settle()


# -- nonsense -------------------------------------------------------------------------------


ADDRESSES = [
    "bob", "@example.com", "bob@", "bob@@example.com", "bob@example..com", "bob@-example.com",
    "bob@example.com.", "bob @example.com", "<bob@example.com", "bob@example.com>",
    "bob@example.com\r\nRCPT TO:<eve@evil.example>", "bob@example.com\nBcc: eve@evil.example",
    "bob@example.com> ORCPT=x", "bob@example.com>\r\nDATA", "bob\0@example.com",
    "bob(eve@evil.example)@example.com", "friends:bob@example.com;", "bob@[127.0.0.1]",
    "@a,@b:bob@example.com", "jörg@example.com", "b" * 65 + "@example.com",
    "bob@" + "x" * 64 + ".com", ",", f"{BOB},", f"{BOB},,{CAROL}", f",{BOB}",
    '"bob@example.com', "Bob <bob@example.com> x", b"b\xff@example.com", "bob@exa_mple.com",
]


def test_bad_addresses(house):
    """Each address that is none holds the job, and nothing of it reaches the server"""
    wrong = []
    for address in ADDRESSES:
        job = house.cupsd.wait(house.print(mail_to=address))
        mails = house.new_mails()
        if job["state"] != "held" or mails:
            wrong.append((address, job["state"], len(mails)))
    tap.same(wrong, [], "the addresses that were not held")


def test_many_recipients(house):
    """More recipients than a list may have: held, nothing sent"""
    crowd = ",".join(f"a{number}@example.com" for number in range(1100))
    house.not_sent(house.print(mail_to=crowd), "held")


def test_empty_values(house):
    """Empty options say nothing"""
    goes_to(house, house.print(mail_to="", mail_subject="", mail_filename=""), ALICE,
            Subject="Report")


def test_line_breaks(house):
    """Line breaks in texts make no header"""
    attack = "Hello\r\nBcc: eve@evil.example\r\n\r\nBody"
    body = f"one\r\n.\r\nMAIL FROM:<{EVE}>\r\n"
    message = goes_to(house, house.print(mail_to=BOB, mail_subject=attack,
                                         mail_filename=attack, mail_body=body), BOB)
    tap.same(message.message.get_all("Subject"), ["Hello  Bcc: eve@evil.example    Body"],
             "Subject")
    tap.same(len(message.message.get_all("Bcc", [])), 0, "the number of Bcc headers")
    assert not set(message.attachments[0].filename) & set("\r\n:/"), "the attachment's name"
    tap.absent(b"\r\n.\r\n", message.content, "the message")


def test_bad_utf8(house):
    """Bytes that are no UTF-8 are replaced, and the message is sound"""
    message = goes_to(house, house.print(mail_to=BOB, mail_subject=b"Gr\xf6\xdfe \xc3",
                                         mail_filename=b"\xff\xfe", mail_body=b"\xe4\n"), BOB)
    tap.same(message["Subject"], "Gr\ufffd\ufffde \ufffd", "Subject")
    assert message.attachments[0].filename.endswith(".pdf"), "the attachment's name"


def test_look_alikes(house):
    """A subject that looks encoded, or turns the writing around, arrives as harmless text"""
    subject = "=?utf-8?q?=42cc:_x?= \u202egnp.fdp\u202c"
    message = goes_to(house, house.print(mail_to=BOB, mail_subject=subject), BOB)
    tap.same(message["Subject"], "=?utf-8?q?=42cc:_x?= gnp.fdp", "Subject")


def test_long_options(house):
    """Options of 20 KB through cupsd, and of 64 KB by hand: held, nothing sent"""
    house.not_sent(house.print(mail_to=BOB, mail_subject="x" * 20_000), "held")
    for name in ("mail-subject", "mail-to", "mail-body", "x" * 300, "job-billing"):
        by_hand(house, backend.HOLD, options=f"mail-to={BOB} {name}=" + "y" * 65536)


def test_long_title(house):
    """A title of 64 KB by hand: held or cut, but never a broken message"""
    result, server = by_hand(house, None, title="Ä" * 32768)
    tap.among(result.code, (backend.OK, backend.HOLD), "the exit code")
    for each in server.accepted:
        mail.Mail(each.content)


def by_hand(house, code, **how):
    """Runs the backend without cupsd; where a code is expected, nothing may be sent."""
    with house.direct.server() as server:
        result = house.direct.print(server, **how)
        if code is not None:
            tap.same(result.code, code, "the exit code")
            tap.same(server.messages, [], "the messages")
        return result, server


def test_title_with_line_breaks(house):
    """A title with line breaks, which only another print server would pass on"""
    for title in ("Hi\r\nBcc: eve@evil.example\r\n\r\nx", "Hi\nBcc: eve@evil.example",
                  "Hi\rSTATE: +com.example.x\r", "Hi\x0b\x0c\x85\u2028x"):
        result, server = by_hand(house, None, title=title,
                                 options=backend.OPTIONS + " mail-body=x")
        tap.same(result.code, backend.OK, "the exit code")
        message = mail.Mail(server.accepted[0].content)
        tap.absent("Bcc", message.message.keys(), "the headers")
        tap.same(server.accepted[0].recipients, [BOB], "the recipients")
        for line in result.log.splitlines():
            assert not line.startswith("STATE: +com."), f"injected: {line!r}"


def test_every_byte_in_a_title(house):
    """A title of every byte: one Subject, and the rest of the header untouched"""
    title = bytes(range(1, 256)).decode("utf-8", "surrogateescape")
    result, server = by_hand(house, None, title=title)
    tap.same(result.code, backend.OK, "the exit code")
    message = mail.Mail(server.accepted[0].content)
    tap.among("ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abc", message["Subject"], "Subject")


DEVICE_URIS = [
    "mailto:?to=bob%40example.com&subject=x%0d%0aBcc:%20eve%40evil.example",
    "mailto:?to=bob%40example.com%0d%0aRCPT%20TO:%3Ceve%40evil.example%3E",
    "mailto:?to=bob%40example.com%00",
    "mailto:?to=bob%40example.com&colour=red",
    "mailto:?to=bob%40example.com&subject=a&subject=b",
    "mailto:?to=bob%4",
    "mailto:?to=%ff%40example.com",
    "mailto:?to=nobody-of-this-name",
    "mailto:?to=bob%40example.com&account=third",
]


def test_bad_device_uris(house):
    """A device URI that is wrong stops its queue or holds the job, and nothing is sent"""
    wrong = []
    for uri in DEVICE_URIS:
        result, server = by_hand(house, None, uri=uri, options="job-billing=")
        if result.code not in (backend.STOP, backend.HOLD) or server.commands:
            wrong.append((uri, result.code))
    tap.same(wrong, [], "the device URIs that neither stopped nor held")


def test_injection_in_a_device_uri(house):
    """The same through cupsd: the queue stops, the job waits, the state message says why"""
    queue = house.queue(DEVICE_URIS[0])
    job = house.print(queue=queue)
    printer = house.cupsd.wait_printer(queue, ("stopped",))
    tap.among("device URI", printer["printer-state-message"][0], "the queue's message")
    tap.same(house.cupsd.client.job(job)["state"], "pending", "the state of the job")
    tap.same(house.new_mails(), [], "the mails")
    house.cupsd.client.cancel(job)


def test_mail_uri_injection(house):
    """%0d%0a in mail-uri: held, nothing sent"""
    for uri in (f"mailto:{BOB}?subject=x%0d%0aBcc:%20{EVE}", f"mailto:{BOB}%0d%0aDATA",
                f"mailto:{BOB}?to=%0a{EVE}", f"http://{BOB}", "mailto:%00"):
        house.not_sent(house.print(mail_uri=uri), "held")


def test_unescaped_options(house):
    """The fifth argument as cupsd 2.4.17 to 2.4.19 writes it: blanks in values not escaped"""
    options = (f"mail-subject=Hello wide world, 50% off mail-to={BOB} sides=one-sided "
               f"MailFilename=Custom.My file job-uuid=urn:uuid:{backend.UUID}")
    for software in ("CUPS/2.4.17", "CUPS/2.4.19"):
        result, server = by_hand(house, None, options=options, SOFTWARE=software)
        tap.same(result.code, backend.OK, f"the exit code with {software}")
        message = mail.Mail(server.accepted[0].content)
        tap.same(message["Subject"], "Hello wide world, 50% off", "Subject")
        tap.same(server.accepted[0].recipients, [BOB], "the recipients")
        tap.same(message.attachments[0].filename, "My file.pdf", "the attachment's name")


def test_escaped_options(house):
    """The same as other versions write it"""
    options = f"mail-subject=Hello\\ wide\\ world\\,\\ it\\'s mail-to={BOB}"
    for software in ("CUPS/2.4.2", "CUPS/2.4.16", "CUPS/2.4.20", "CUPS/2.5b1", ""):
        result, server = by_hand(house, None, options=options, SOFTWARE=software)
        tap.same(result.code, backend.OK, f"the exit code with {software}")
        tap.same(mail.Mail(server.accepted[0].content)["Subject"], "Hello wide world, it's",
                 "Subject")


if __name__ == "__main__":
    tap.run(globals(), House)
