"""A client of the authorization server that can do everything wrong: for the fakes' own tests."""
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from urllib.parse import urlencode

from fakes import certificates, entra
from rig import oauth


class House:
    """Certificates, and what a client asks an authorization server. A tap fixture."""

    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory(prefix="postroom-")
        self.folder = Path(self.holder.name)
        self.kit = certificates.Kit(self.folder / "tls")
        self.pem, self.key = oauth.certificate(self.folder)
        return self

    def __exit__(self, *_):
        self.holder.cleanup()

    def entra(self, **how):
        return entra.Server(self.kit, **how)

    def context(self):
        return ssl.create_default_context(cafile=str(self.kit.ca_file))

    def request(self, server, method, path, form=None, limit=10):
        """Status, fields and body of an exchange."""
        link = http.client.HTTPSConnection("localhost", server.port, timeout=limit,
                                           context=self.context())
        try:
            fields = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
            body = urlencode(form) if isinstance(form, dict) else form
            link.request(method, path, body, fields)
            reply = link.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()
        finally:
            link.close()

    def ask(self, server, stage, **form):
        status, _, body = self.request(server, "POST",
                                       f"/{server.tenant}/oauth2/v2.0/{stage}", form)
        return status, json.loads(body)

    def token(self, server, application, grant_type, **form):
        return self.ask(server, "token", client_id=application.id, grant_type=grant_type,
                        **form)

    def refresh(self, server, application, token, scope=oauth.SCOPE):
        return self.token(server, application, "refresh_token", refresh_token=token,
                          scope=scope)
