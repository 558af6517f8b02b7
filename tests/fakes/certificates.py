"""Certificates made on the spot by openssl, good ones and bad ones.

An authority of its own signs a certificate for `localhost` and 127.0.0.1. The bad ones
are wrong in one way each, so that a client that takes one has skipped that check.
"""
import ssl
import subprocess
import threading
from pathlib import Path

LOOPBACK = "DNS:localhost,IP:127.0.0.1"


def openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)


class Authority:
    """An authority in a folder of its own; `ca_file` is what a client has to trust."""

    def __init__(self, folder, name="Postroom test authority"):
        self.folder = Path(folder)
        self.folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        self.ca_file = self.folder / "ca.pem"
        self.key = self.folder / "ca.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.key, "-out", self.ca_file, "-days", 30,
                "-subj", f"/CN={name}",
                "-addext", "basicConstraints=critical,CA:TRUE",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self.ca_file.chmod(0o644)

    def issue(self, name, hosts=LOOPBACK, lifetime=("-days", 30)):
        """Signs a certificate and returns the paths of certificate and key."""
        certificate = self.folder / f"{name}.pem"
        key = self.folder / f"{name}.key"
        request = self.folder / f"{name}.csr"
        openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", key, "-out", request, "-subj", f"/CN={name}",
                "-addext", f"subjectAltName={hosts}")
        openssl("x509", "-req", "-in", request, "-out", certificate, *lifetime,
                "-CA", self.ca_file, "-CAkey", self.key, "-CAcreateserial",
                "-copy_extensions", "copy")
        return certificate, key


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
        if kind == "expired":
            return self._expired()
        if kind == "unknown-ca":  # the right names, signed by an authority nobody trusts
            stranger = Authority(self.folder / "stranger", "Somebody else's authority")
            return stranger.issue("unknown-ca")
        raise ValueError(f"no certificate of the kind {kind!r}")

    def _expired(self):
        """OpenSSL 3.0 makes one with a negative lifetime, 3.5 with dates."""
        try:
            return self.authority.issue("expired", lifetime=("-days", -1))
        except subprocess.CalledProcessError:
            dates = ("-not_before", "20200101000000Z", "-not_after", "20200201000000Z")
            return self.authority.issue("expired", lifetime=dates)

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
