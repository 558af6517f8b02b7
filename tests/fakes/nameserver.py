"""A name server on 127.0.0.1 that knows nothing: it says so in the ways of RFC 1035 and 2308.

The first label of a name tells how it goes wrong: `nxdomain`, `servfail`, `refused`; every
other name is never answered.
"""
import socket
import struct
import threading

PORT = 53
RCODES = {b"servfail": 2, b"nxdomain": 3, b"refused": 5}
RESPONSE = 0x8180  # QR, RD, RA


class NameServer:
    def __init__(self):
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", PORT))
        self.asked = []  # first labels
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(512)
            except OSError:
                return
            label = query[13:13 + query[12]].lower()
            self.asked.append(label.decode("latin-1"))
            if label in RCODES:
                flags = RESPONSE | RCODES[label]
                question = query[12:query.index(b"\0", 12) + 5]
                self.socket.sendto(query[:2] + struct.pack(">5H", flags, 1, 0, 0, 0)
                                   + question, client)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
