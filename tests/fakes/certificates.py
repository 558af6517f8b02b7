"""Certificates made on the spot by openssl, good ones and bad ones.

An authority of its own signs a certificate for `localhost` and 127.0.0.1. The bad ones
are wrong in one way each, so that a client that takes one has skipped that check.
"""
import ssl
import subprocess
import threading
from pathlib import Path

LOOPBACK = "DNS:localhost,DNS:*.host.test,IP:127.0.0.1"
EXPIRED = ("20200101000000Z", "20200201000000Z")  # not before, not after
NOT_YET_VALID = ("20900101000000Z", "20910101000000Z")
ALWAYS = ("19500101000000Z", "22000101000000Z")  # for tests that set the clock

# What `openssl ca` wants before it signs with dates of one's own choice.
CA_SETTINGS = """\
[ca]
default_ca = authority
[authority]
database = {folder}/{name}.database
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
copy_extensions = copy
policy = anything
[anything]
commonName = supplied
"""


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """An authority in a folder of its own; `ca_file` is what a client has to trust."""

    def __init__(self, folder, name="Postroom test authority", hosts="DNS:ca.example"):
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.ca_file = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        request = self._request(self.key, "ca", name, hosts,
                                "basicConstraints=critical,CA:TRUE",
                                "keyUsage=critical,keyCertSign,cRLSign")
        self._sign("ca", request, self.ca_file, ALWAYS, "-selfsign")
        self.ca_file.chmod(0o644)

    def issue(self, name, hosts=LOOPBACK, dates=None):
        """Signs a certificate, for a month or for the time between two dates, and returns
        the paths of certificate and key."""
        certificate = self.folder / f"{name}.pem"
        key = self.folder / f"{name}.key"
        request = self.folder / f"{name}.csr"
        request = self._request(key, name, name, hosts)
        if dates:
            self._sign(name, request, certificate, dates, "-cert", self.ca_file)
        else:
            openssl("x509", "-req", "-in", request, "-out", certificate, "-days", 30,
                    "-CA", self.ca_file, "-CAkey", self.key, "-CAcreateserial",
                    "-copy_extensions", "copy")
        return certificate, key

    def _request(self, key, name, subject, hosts, *extensions):
        """A new key, and what asks for a certificate of it."""
        path = self.folder / f"{name}.csr"
        more = [part for each in extensions for part in ("-addext", each)]
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", key, "-out", path, "-subj", f"/CN={subject}",
                "-addext", f"subjectAltName={hosts}", *more)
        return path

    def _sign(self, name, request, certificate, dates, *how):
        settings = self.folder / f"{name}.settings"
        settings.write_text(CA_SETTINGS.format(folder=self.folder, name=name))
        (self.folder / f"{name}.database").touch()
        openssl("ca", "-batch", "-notext", "-config", settings, "-keyfile", self.key,
                *how, "-in", request, "-out", certificate,
                "-startdate", dates[0], "-enddate", dates[1])


class Kit:
    """The certificates of a test run; each is made when it is first asked for."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.authority = Authority(self.folder / "authority")
        self.ca_file = self.authority.ca_file
        self.pairs = {}
        self.lock = threading.Lock()

    def _make(self, kind):
        if kind == "good":
            return self.authority.issue("good")
        if kind == "wrong-host":  # a valid certificate of somebody else
            return self.authority.issue("wrong-host", hosts="DNS:mail.elsewhere.example")
        if kind == "self-signed":
            alone = Authority(self.folder / "alone", "localhost", LOOPBACK)
            return alone.ca_file, alone.key
        if kind == "expired":
            return self.authority.issue(kind, dates=EXPIRED)
        if kind == "always":
            return self.authority.issue(kind, dates=ALWAYS)
        if kind == "not-yet-valid":
            return self.authority.issue(kind, dates=NOT_YET_VALID)
        if kind == "unknown-ca":  # the right names, signed by an authority nobody trusts
            stranger = Authority(self.folder / "stranger", "Somebody else's authority")
            return stranger.issue("unknown-ca")
        raise ValueError(f"no certificate of the kind {kind!r}")

    def context(self, kind="good", newest=None):
        """A server's TLS context; newest = "1.1" offers nothing above TLS 1.1."""
        with self.lock:
            if kind not in self.pairs:
                self.pairs[kind] = self._make(kind)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.pairs[kind])
        if newest == "1.1":
            # OpenSSL refuses the signatures of TLS 1.1 above security level 0.
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = ssl.TLSVersion.TLSv1
            context.maximum_version = ssl.TLSVersion.TLSv1_1
        return context
