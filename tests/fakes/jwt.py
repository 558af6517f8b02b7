"""JSON Web Tokens (RFC 7519) as an authorization server makes and checks them.

Signatures are checked with the library cryptography (Debian: python3-cryptography).
"""
import hashlib
import json
import re
import secrets
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

ALPHABET = re.compile(r"[A-Za-z0-9_-]+")
KEY_MIN = 2048           # bits of an RSA key
LIFETIME_MAX = 10 * 60   # seconds from nbf to exp, as Microsoft recommends
CLOCK_MAX = 5            # seconds that a client's clock may be ahead
PADDINGS = {
    # The salt is as long as the digest (RFC 7518 3.5).
    "PS256": padding.PSS(mgf=padding.MGF1(SHA256()), salt_length=SHA256.digest_size),
    "RS256": padding.PKCS1v15(),
}


class Refused(Exception):
    """What is wrong with a token: Microsoft's number, and words."""

    def __init__(self, number, text):
        super().__init__(text)
        self.number, self.text = number, text


def encode(data):
    """base64url without padding (RFC 7515 2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    """The bytes; Refused for padding, for other alphabets and for bits that stand for
    nothing."""
    if not ALPHABET.fullmatch(text) or len(text) % 4 == 1:
        raise Refused(50027, "a part is no base64url without padding")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise Refused(50027, "a part ends with bits that stand for nothing")
    return data


def make(claims, size):
    """A token of about `size` bytes that looks signed. Nobody but its maker checks it."""
    header = {"typ": "JWT", "alg": "RS256", "x5t": encode(secrets.token_bytes(20)),
              "kid": encode(secrets.token_bytes(20))}
    signature = encode(secrets.token_bytes(256))
    filler = max(1, size - len(signature) - 2
                 - 4 * (len(json.dumps(header)) + len(json.dumps(claims)) + 12) // 3)
    claims = {**claims, "xms_ftd": secrets.token_urlsafe(filler)[:3 * filler // 4]}
    parts = [encode(json.dumps(each, separators=(",", ":")).encode())
             for each in (header, claims)]
    return ".".join([*parts, signature])


def claims(token):
    """The claims of a token, unchecked."""
    return json.loads(decode(token.split(".")[1]))


def validity(certificate):
    """The first and the last moment at which it is valid."""
    if hasattr(certificate, "not_valid_before_utc"):  # from cryptography 42 on
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return (certificate.not_valid_before.replace(tzinfo=timezone.utc),
            certificate.not_valid_after.replace(tzinfo=timezone.utc))


def thumbprint(certificate):
    """x5t#S256 of a certificate (RFC 7515 4.1.8)."""
    return encode(hashlib.sha256(certificate.public_bytes(Encoding.DER)).digest())


def _object(part, name):
    try:
        value = json.loads(decode(part))
    except ValueError as error:
        raise Refused(50027, f"the {name} is no JSON") from error
    if not isinstance(value, dict):
        raise Refused(50027, f"the {name} is no JSON object")
    return value


class Verifier:
    """Checks the assertions of one application (RFC 7523) against the certificate that was
    registered for it, strictly; each is taken once."""

    def __init__(self, pem, client_id, algorithms=tuple(PADDINGS)):
        self.certificate = x509.load_pem_x509_certificate(pem)
        self.client_id, self.algorithms = client_id, algorithms
        self.seen = set()

    def check(self, assertion, audience):
        """Returns header and claims, or raises Refused."""
        parts = assertion.split(".")
        if len(parts) != 3:
            raise Refused(50027, "it has not three parts")
        header, claimed = _object(parts[0], "header"), _object(parts[1], "claims")
        self._check_header(header)
        self._check_signature(header["alg"], ".".join(parts[:2]).encode(), decode(parts[2]))
        self._check_certificate()
        self._check_claims(claimed, audience)
        self._check_times(claimed, time.time())
        if claimed["jti"] in self.seen:
            raise Refused(50027, "its jti has come before")
        self.seen.add(claimed["jti"])
        return header, claimed

    def _check_header(self, header):
        if header.get("alg") not in self.algorithms:
            raise Refused(50027, f"alg is none of {', '.join(self.algorithms)}")
        if header.get("typ") != "JWT":
            raise Refused(50027, "typ is not JWT")
        if header.get("x5t#S256") != thumbprint(self.certificate):
            raise Refused(700027, "the certificate with identifier used to sign the client "
                          "assertion is not registered on application")

    def _check_signature(self, algorithm, signed, signature):
        key = self.certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < KEY_MIN:
            raise Refused(700027, f"the key is no RSA key of {KEY_MIN} bits")
        try:
            key.verify(signature, signed, PADDINGS[algorithm], SHA256())
        except InvalidSignature as error:
            raise Refused(700027, "client assertion contains an invalid signature") from error

    def _check_certificate(self):
        first, last = validity(self.certificate)
        if not first <= datetime.now(timezone.utc) <= last:
            raise Refused(700027, "the key was expired")

    def _check_claims(self, claimed, audience):
        if claimed.get("aud") != audience:
            raise Refused(700023, "client assertion audience claim does not match Realm "
                          "issuer")
        if claimed.get("iss") != self.client_id or claimed.get("sub") != self.client_id:
            raise Refused(700021, "client assertion application identifier doesn't match "
                          "'client_id' parameter")
        if not isinstance(claimed.get("jti"), str) or len(claimed["jti"]) < 16:
            raise Refused(50027, "jti is missing or short")

    @staticmethod
    def _check_times(claimed, now):
        times = [claimed.get(name) for name in ("nbf", "iat", "exp")]
        if not all(type(each) is int for each in times):
            raise Refused(50027, "nbf, iat and exp have to be whole numbers")
        before, issued, end = times
        if not (before <= now + CLOCK_MAX and issued <= now + CLOCK_MAX and now < end
                and before <= issued and end - before <= LIFETIME_MAX):
            raise Refused(700024, "client assertion is not within its valid time range")
