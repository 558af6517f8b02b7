#!/usr/bin/python3 -B
"""The settings in docs/servers.md: each block, as it stands there, against a server that behaves
as that service does. Only where it points to is changed: hosts, ports, authorities, and the
paths of files. Blocks and commands in the other documents are read by the programs."""
import re
import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from rig import ROOT, documents, oauth, settings, tap  # noqa: E402
from rig.backend import CANCEL, HOLD, RETRY, STOP  # noqa: E402
from rig.servers import (GOOGLE, GUIDES, HEAD, MAILBOX, OWN, PAGE, SECRET,  # noqa: E402
                         STRANGER, Google, House, MxServer, blocks_of, browser, check, finish,
                         graph_of, keys_of, named, person, shows_certificate, start)

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MEGABYTE = 1024 * 1024
NO_DIRECT_SEND = ("550 5.7.68 TenantInboundAttribution; Direct Send not allowed for this "
                  "organization from unauthorized sources")


def password_login(server, user):
    """It signed in once with this name, inside TLS."""
    tap.same(server.credentials[:1],
             [(True, "LOGIN", [user.encode(), settings.PASSWORD.encode()])], "the login")
    tap.same(server.accepted[0].recipients, [OWN], "the recipients")


def no_login(server):
    tap.same(server.credentials, [], "the logins")


def said(house, *words):
    for word in words:
        tap.among(word, house.last.log, "what was said")


# -- Microsoft 365 -----------------------------------------------------------------------------

def test_office365(house):
    """office365: the app password, inside TLS; 5.7.139 stops the queue and names the way over"""
    with house.smtp("office365", house.scripted()) as server:
        house.mail(server)
        password_login(server, MAILBOX)
    off = "535 5.7.139 Authentication unsuccessful, basic authentication is disabled."
    with house.smtp("office365", house.scripted({"faults": {"auth": off}})) as server:
        house.mail(server, code=STOP)
        said(house, "postroom login office365", "basic authentication")


def test_office365_device(house):
    """office365-device: signed in with a code, a test message, then a job; not as another"""
    name = "office365-device"
    with house.authority(name) as authority, house.smtp(
            name, house.scripted(tokens=authority.valid), authority=authority.url) as server:
        house.mail(server, code=STOP)  # nobody has signed in
        said(house, f"postroom login {name}")
        house.login(server, person(authority, "admin@example.com"), code=1)
        said(house, "admin@example.com signed in, and not the mailbox")
        house.login(server, person(authority))
        tap.same([each.recipients for each in server.accepted], [[MAILBOX]], "the test message")
        house.mail(server)
        tap.same({each for each, _ in oauth.shown(server)}, {"XOAUTH2"}, "the mechanism")
        for request in authority.asked("token"):
            tap.same(request.form["client_id"], house.values(name)["client_id"], "the client")


def test_office365_app(house):
    """office365-app: its certificate; without the mailbox's permission the queue stops"""
    name = "office365-app"
    files = house.files(name)
    with house.authority(name, certificate=files["certificate_file"]) as authority, house.smtp(
            name, house.scripted(tokens=authority.valid), authority=authority.url,
            files=files) as server:
        house.login(server)
        house.mail(server)
        tap.same({each.form["scope"] for each in authority.asked("token")}, {oauth.APP_SCOPE},
                 "the scope")
        authority.mailboxes = {}
        house.mail(server, code=STOP)
        said(house, "535 5.7.3", "that the application may send from it")


# -- Microsoft Graph ---------------------------------------------------------------------------

def test_graph(house):
    """graph: signed in with a code; large ones want Mail.ReadWrite"""
    with house.authority("graph") as authority:
        with graph_of(house, "graph", authority) as server:
            house.login(server, person(authority))
            house.mail(server, STRANGER)
            tap.same(server.steps, ["sendmail"] * 2, "the steps")
            tap.same(server.accepted[-1].recipients["to"], [STRANGER], "the recipients")
            house.mail(server, data=documents.pdf("Large", padding=4 * MEGABYTE))
            tap.among("session", server.steps, "the steps")
        with graph_of(house, "graph", authority, may=["send"]) as server:
            house.login(server, person(authority))
            house.mail(server, data=documents.pdf("Small", padding=2 * MEGABYTE))
            house.mail(server, data=documents.pdf("Large", padding=4 * MEGABYTE), code=STOP)
            said(house, "Mail.ReadWrite")


def test_graph_app(house):
    """graph-app: its secret; without the right to send the queue stops"""
    name = "graph-app"
    with house.authority(name, secret=SECRET) as authority:
        with graph_of(house, name, authority) as server:
            house.login(server)
            house.mail(server, STRANGER)
            tap.among(f"/users/{MAILBOX.replace('@', '%40')}/sendMail",
                      server.requests[-1]["path"], "the address")
            authority.mailboxes = {}
            house.mail(server, code=STOP)
        with graph_of(house, name, authority, may=[]) as server:
            authority.mailboxes = {house.values(name)["client_id"]: [MAILBOX]}
            house.mail(server, code=STOP)
            said(house, "Mail.Send")


# -- the tenant's MX ---------------------------------------------------------------------------

def test_direct_send(house):
    """direct-send: to the own organisation; [policy] holds what is for others before it leaves"""
    with house.smtp("direct-send", MxServer(house)) as server:
        house.mail(server)
        no_login(server)
        tap.same({each.tls for each in server.commands if each.line.startswith(b"MAIL")},
                 {True}, "inside TLS")
        count = len(server.commands)
        house.mail(server, STRANGER, code=HOLD)
        tap.same(len(server.commands), count, "the commands")


def test_direct_send_refused(house):
    """direct-send: without [policy] the MX refuses others; RejectDirectSend stops the queue"""
    with house.smtp("direct-send", MxServer(house), allow=None) as server:
        house.mail(server, STRANGER, code=CANCEL)
        said(house, "5.7.64 TenantAttribution")
    for stage, code in (("mail", STOP), ("eod", STOP), ("rcpt", CANCEL)):
        with house.smtp("direct-send", MxServer(house, {stage: NO_DIRECT_SEND})) as server:
            house.mail(server, code=code)
            said(house, "5.7.68")


def test_direct_send_checked(house):
    """direct-send: postroom check asks for allow where it is missing"""
    host = {"server": house.values("direct-send")["server"]}
    for changes, warned in (({}, False), ({"allow": None}, True)):
        path = house.write("direct-send", 0, **host, **changes)
        found = [line for line in check(path).splitlines()
                 if line.startswith("warning: ") and "Direct Send" in line]
        tap.same(bool(found), warned, f"the warning with {changes}")


def test_connector(house):
    """connector: to anybody from an address that the connector knows, to nobody from others"""
    with house.smtp("connector", MxServer(house, knows=lambda _: True)) as server:
        house.mail(server, STRANGER)
        no_login(server)
    with house.smtp("connector", MxServer(house)) as server:
        house.mail(server, STRANGER, code=CANCEL)
        said(house, "5.7.64 TenantAttribution")


def test_connector_certificate(house):
    """connector-certificate: to anybody with the certificate, which is asked for in TLS"""
    name = "connector-certificate"
    with house.smtp(name, MxServer(house, knows=shows_certificate)) as server:
        house.mail(server, STRANGER)
        no_login(server)
    with house.smtp(name, MxServer(house, knows=shows_certificate), certificate_file=None,
                    key_file=None) as server:
        house.mail(server, STRANGER, code=CANCEL)
        said(house, "5.7.64 TenantAttribution")
    _, other = oauth.certificate(house.folder / "other")
    with house.smtp(name, MxServer(house, knows=shows_certificate), key_file=other) as server:
        house.mail(server, STRANGER, code=STOP)
        said(house, "certificate_file and key_file cannot be used")
        tap.among("not the key of the certificate", check(server.settings),
                  "what postroom check says")


# -- other services of Microsoft's -------------------------------------------------------------

def test_hve(house):
    """hve: a password; nobody outside, and nothing above 10 MB, gets as far as the server"""
    with house.smtp("hve", house.scripted()) as server:
        house.mail(server)
        password_login(server, "hve-scanner@example.com")
        count = len(server.commands)
        house.mail(server, STRANGER, code=HOLD)
        house.mail(server, data=documents.pdf("Large", padding=8 * MEGABYTE), code=CANCEL)
        tap.same(len(server.commands), count, "the commands")
        many = ",".join(f"bob{n}@example.com" for n in range(51))
        house.mail(server, many, code=HOLD)
        house.mail(server, data=documents.pdf("Fits", padding=7 * MEGABYTE))


def test_hve_app(house):
    """hve-app: an application's secret, with the scope that mailboxes have"""
    with house.authority("hve-app", secret=SECRET) as authority, house.smtp(
            "hve-app", house.scripted(tokens=authority.valid), authority=authority.url) as server:
        house.login(server)
        house.mail(server)
        tap.same({each.form["scope"] for each in authority.asked("token")}, {oauth.APP_SCOPE},
                 "the scope")
    bad = "501 5.5.124 Invalid XOAUTH2 auth data - User address provided is not valid."
    with house.authority("hve-app", secret=SECRET) as authority, house.smtp(
            "hve-app", house.scripted({"faults": {"auth": bad}}, authority.valid),
            authority=authority.url) as server:
        house.mail(server, code=STOP)
        said(house, "set username to the mailbox's address")


def test_azure(house):
    """azure: a user name with bars, the client secret as password, a sender of its own"""
    with house.smtp("azure", house.scripted({"mechanisms": ["LOGIN"]})) as server:
        house.mail(server, STRANGER)
        user = house.values("azure")["username"]
        tap.same(user.count("|"), 2, "the bars")
        tap.same(server.credentials, [(True, "LOGIN", [
            user.encode(), settings.PASSWORD.encode()])], "the login")
        tap.same(server.accepted[0].sender, MAILBOX, "the sender")
    path = house.write("azure", 1, **{"from": None})
    tap.among("username is no address that could stand for it", check(path),
              "what postroom check says without from")


# -- Google ------------------------------------------------------------------------------------

GMAIL = {"mechanisms": ["LOGIN", "PLAIN", "XOAUTH2", "PLAIN-CLIENTTOKEN", "OAUTHBEARER",
                        "XOAUTH"], "size": 35882577, "challenge": True}


def gmail(house, tokens=None, **faults):
    return house.scripted({**GMAIL, "faults": faults}, tokens)


def test_gmail(house):
    """gmail: an app password, also with the blanks that Google shows it with"""
    grouped = " ".join(settings.PASSWORD[n:n + 4] for n in range(0, 16, 4))
    for text in (settings.PASSWORD, grouped):
        secret = oauth.secret_file(house.folder / "gmail", text)
        with house.smtp("gmail", gmail(house), password_file=secret) as server:
            house.mail(server)
            plain = f"\0{MAILBOX}\0{settings.PASSWORD}".encode()
            tap.same(server.credentials, [(True, "PLAIN", [plain])], "the login")


def test_gmail_refusals(house):
    """gmail: what it answers does what the page says"""
    rows = (
        ("auth", "534-5.7.9 Application-specific password required. For more\n"
                 "534 5.7.9  information, go to https://support.google.com/", STOP),
        ("auth", "535-5.7.8 Username and Password not accepted.\n535 5.7.8  gsmtp", RETRY),
        ("greeting", "421 4.7.0 Try again later, closing connection.", RETRY),
        ("eod", "450 4.2.1 The user is receiving mail too quickly", RETRY),
        ("auth", "454 4.7.0 Cannot authenticate due to temporary system problem", RETRY),
        ("eod", "550 5.4.5 Daily user sending limit exceeded", RETRY),
        ("mail", "552 5.2.3 Your message exceeded Google's message size limits", CANCEL))
    for stage, reply, code in rows:
        with house.smtp("gmail", gmail(house, **{stage: reply})) as server:
            with house.start(server, number=1) as run:
                if code == RETRY:  # the wait that follows is not the page's matter
                    assert run.wait_said("next try at"), run.said()
                    run.terminate()
                tap.same(run.finish().code, code, f"the exit code of {reply!r}")


def test_gmail_oauth(house):
    """gmail-oauth: a browser that comes back, the client's secret, then OAUTHBEARER"""
    name = "gmail-oauth"
    values = house.values(name)

    def valid(token, mailbox):
        return authority.valid(token, mailbox, (GOOGLE,))

    with house.authority(name, Google, secret=SECRET) as authority:
        urls = {key: re.sub(r"https://[^/]+", authority.url, values[key])
                for key in ("authorize_url", "token_url")}
        with house.smtp(name, gmail(house, valid), **urls) as server:
            house.login(server, browser(house))
            house.mail(server, STRANGER)
            tap.same({each for each, _ in oauth.shown(server)}, {"OAUTHBEARER"}, "the mechanism")
            query = authority.asked("authorize")[0].query
            tap.same((query["scope"], query["access_type"], query["client_id"]),
                     (GOOGLE + "/", "offline", values["client_id"]), "what is asked for")
            form = authority.asked("token")[0].form
            tap.same((form["client_secret"], form["grant_type"]),
                     (SECRET, "authorization_code"), "the question")
            authority.revoke_access()
            house.mail(server)  # renewed by the refresh token
            authority.revoke_grants()
            house.mail(server, code=STOP)
            said(house, "postroom login")


# -- in the house ------------------------------------------------------------------------------

def in_clear(server):
    """Whether the message came outside TLS."""
    return not next(each for each in server.commands if each.line.startswith(b"DATA")).tls


def test_relay(house):
    """relay: STARTTLS where it is offered, none where not, and none that cannot be trusted"""
    with house.smtp("relay", house.scripted({"starttls": False, "mechanisms": []})) as server:
        house.mail(server, STRANGER)
        no_login(server)
        tap.same(in_clear(server), True, "in clear text")
    with house.smtp("relay", house.scripted({"mechanisms": []})) as server:
        house.mail(server, STRANGER)
        tap.same(in_clear(server), False, "in clear text")
    script = {"mechanisms": [], "certificate": "snake-oil"}
    own = house.snake_oil()
    with house.smtp("relay", house.scripted(script)) as server:
        house.mail(server, code=STOP)
        said(house, "certificate cannot be trusted")
        tap.absent("MAIL", server.verbs, "the commands")
    with house.smtp("relay", house.scripted(script), ca_file=own) as server:
        house.mail(server)
        tap.same(in_clear(server), False, "in clear text")


def test_relay_plain(house):
    """relay-plain: no TLS, also where it is offered"""
    for script in ({"starttls": False, "mechanisms": []},
                   {"mechanisms": [], "certificate": "snake-oil"}):
        house.snake_oil()
        with house.smtp("relay-plain", house.scripted(script)) as server:
            house.mail(server, STRANGER)
            tap.same(in_clear(server), True, "in clear text")


def test_relay_refusals(house):
    """relay: one that does not know this machine, and one that wants TLS or a login"""
    rows = (("relay", "rcpt", "554 5.7.1 <bob@elsewhere.example>: Relay access denied", CANCEL),
            ("relay-plain", "mail", "530 5.7.0 Must issue a STARTTLS command first", STOP),
            ("relay", "mail", "530 5.7.0 Authentication required", STOP))
    for name, stage, reply, code in rows:
        with house.smtp(name, house.scripted(
                {"mechanisms": [], "faults": {stage: reply}})) as server:
            house.mail(server, STRANGER, code=code)


# -- all blocks --------------------------------------------------------------------------------

def faults_of(house, text):
    """What `postroom check` says of the lines of a block."""
    if not HEAD.search(text):  # other sections alone
        text += "\n[account x]\nserver = x\nauth = none\nfrom = x@example.com\n"
    path = house.folder / "block.conf"
    path.write_text(text)
    path.chmod(0o644)
    return [line for line in check(path).splitlines() if line.startswith(f"{path}:")]


def test_every_block_is_read(house):
    """Every block of every document is free of faults, byte for byte as it stands there"""
    for path in DOCUMENTS:
        for text in blocks_of(path):
            tap.same(faults_of(house, text), [], f"{path.name}: faults of\n{text}")


def test_block_with_fault_is_seen(house):
    """(A block with a key that does not exist is not)"""
    tap.same(len(faults_of(house, house.blocks["office365"] + "what = 3\n")), 1, "the faults")


def test_twins_agree(house):
    """The German guide has the English one's settings; only the sender's name is another"""
    english, german = ([{key: value for key, value in keys_of(text).items() if key != "from"}
                        for text in blocks_of(path)] for path in GUIDES)
    tap.same(german, english, "the settings")


def test_commands(house):
    """Every postroom login of the documents is a command line (and then wants root)"""
    count = 0
    for path in DOCUMENTS:
        for line in re.findall(r"^ *(postroom login .*)$", path.read_text(), re.M):
            process = start(house.folder / "none", *shlex.split(line)[1:], user=settings.WORKER)
            tap.among("only root may sign in", finish(process), f"{path.name}: {line}")
            count += 1
    assert count >= 12, f"only {count} lines were found"


def test_numbers(house):
    """Every AADSTS number that is known stands in both guides, once"""
    source = (ROOT / "lib" / "login" / "aadsts.c").read_text()
    known = sorted(re.findall(r"\{ (\d+), OAUTH_", source))
    assert len(known) > 70, f"only {len(known)} numbers were found"
    for path in GUIDES:
        rows = re.findall(r"^\| (\d[\d, ]*) \|", path.read_text(), re.M)
        tap.same(sorted(", ".join(rows).split(", ")), known, path.name)


def test_every_block_has_sent(house):
    """Every block of the page has sent mail in a test above"""
    tap.same(sorted(house.blocks), sorted(map(named, blocks_of(PAGE))), "names that come twice")
    tap.same(sorted(house.sent), sorted(house.blocks), "the blocks that have sent mail")


if __name__ == "__main__":
    tap.run(globals(), House)
