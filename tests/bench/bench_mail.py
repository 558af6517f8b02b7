#!/usr/bin/python3
"""The price of one mail: processor time of the backend beside that of curl, msmtp and Python, which
send the same document already encoded, to one server, in turns.
usage: bench_mail.py BUILD"""
import measure
import material
import sink

RUNS = 5
SIZE = 25 * material.MIB

SMTPLIB = """
import smtplib, ssl, sys
port, ca, message, user, secret, sender, recipient = sys.argv[1:]
with smtplib.SMTP("localhost", int(port)) as client:
    client.starttls(context=ssl.create_default_context(cafile=ca))
    client.login(user, open(secret).read().rstrip())
    client.sendmail(sender, [recipient], open(message, "rb").read())
"""

CURL_SETTINGS = """user = "{user}:{password}"
url = "smtp://localhost:{port}"
ssl-reqd
silent
show-error
cacert = "{ca}"
mail-from = "{sender}"
mail-rcpt = "{recipient}"
upload-file = "{message}"
"""

MSMTP_SETTINGS = """account default
host localhost
port {port}
tls on
tls_trust_file {ca}
auth login
user {user}
password "{password}"
from {sender}
"""


def peers(folder, server, message):
    """The clients beside ours: name, arguments, standard input."""
    facts = {"user": material.USER, "password": material.PASSWORD, "port": server.port,
             "ca": server.certificate, "sender": material.SENDER, "message": message,
             "recipient": material.RECIPIENT}
    curl = material.write_private(folder / "curlrc", CURL_SETTINGS.format(**facts))
    msmtp = material.write_private(folder / "msmtprc", MSMTP_SETTINGS.format(**facts))
    python = ["python3", "-c", SMTPLIB, str(server.port), server.certificate, message,
              material.USER, folder / "secret", material.SENDER, material.RECIPIENT]
    return (
        ("curl", ["curl", "-K", curl], "/dev/null"),
        ("msmtp", ["msmtp", "-C", msmtp, material.RECIPIENT], message),
        ("smtplib", python, "/dev/null"),
    )


def bench(build, folder):
    server = sink.Sink(folder)
    pdf, message = folder / "bench.pdf", folder / "bench.eml"
    material.make_pdf(pdf, SIZE)
    material.make_message(message, pdf)
    settings = material.write_settings(folder, server)
    job = material.Job(measure.program(build, "mailto"), folder, settings, pdf)
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8"}
    others = peers(folder, server, message)
    wanted = sink.attachment_digest(message)
    least = {}

    def send(name, arguments, environment, stdin):
        sent = len(server.messages)
        run = measure.Run(arguments, environment, stdin, folder).wait()
        if len(server.messages) != sent + 1:
            raise measure.Unmeasured(f"{name} sent {len(server.messages) - sent} messages")
        if sink.attachment_digest(server.messages[-1]) != wanted:
            raise measure.Unmeasured(f"{name} sent another document")
        server.messages[-1].write_bytes(b"")
        least[name] = min(run.cpu, least.get(name, run.cpu))

    for _ in range(RUNS):
        send("mailto", *job.call())
        send("mailto behind filters", *job.call(filtered=True))
        for name, arguments, stdin in others:
            send(name, arguments, environment, stdin)

    report = measure.Report("mail: one 25 MiB PDF over STARTTLS, processor time of the client,"
                            f" least of {RUNS} runs in turns")
    for name, seconds in least.items():
        report.figure(name, seconds, "s")
    report.figure("mailto / curl", least["mailto"] / least["curl"], "", 1.5)
    report.figure("mailto / msmtp", least["mailto"] / least["msmtp"], "", round(1 / 6, 3))
    report.figure("mailto behind filters / curl", least["mailto behind filters"] / least["curl"])


if __name__ == "__main__":
    measure.main(bench)
