#!/usr/bin/python3 -B
"""A scanner with a feeder that holds as many sheets as it is told.

usage: feeder.py FOLDER SHEETS [empty|jammed|open]

The pages are those of SANE's `test` device, served by saned on a loopback address of its own.
That device always has ten sheets and cannot jam; so a relay stands before saned and answers
for the sheet that is not there. FOLDER/client is the SANE_CONFIG_DIR to scan with. As a
program it says `ready DEVICE`.

The relay knows of SANE's network protocol (sane-backends, doc/net.tex) that each request
starts with the number of a procedure, comes in one piece, and waits for its answer.
"""
import contextlib
import secrets
import select
import socket
import struct
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from fakes import program  # noqa: E402

SANE_PORT = 6566  # where the `net` backend looks; it can name no other
NET_OPEN, NET_START = 2, 7
LITTLE_ENDIAN = 0x1234
ENDINGS = {"empty": 7, "jammed": 6, "open": 8}  # SANE_STATUS_NO_DOCS, _JAMMED, _COVER_OPEN
READY_TRIES = 200
PAUSE = 0.05  # seconds between two tries

TEST_CONF = """number_of_devices 1
geometry_max 300
br_x 210
br_y 297
test-picture Grid
"""


class Feeder(program.Served):
    """saned and the relay before it."""

    def __init__(self, folder, sheets, ending="empty"):
        self.folder = Path(folder)
        self.sheets, self.status = sheets, ENDINGS[ending]
        self.listener = self._claim()
        self.address = self.listener.getsockname()[0]
        self.device = f"net:{self.address}:test:0"
        self.client = self.folder / "client"
        self.saned = None
        self.started = 0  # sheets that a client wanted
        self.stopping = threading.Event()

    @staticmethod
    def _claim():
        """A socket on the port of SANE at some address of 127.0.0.0/8 that nobody uses."""
        for _ in range(20):
            address = "127." + ".".join(str(secrets.randbelow(253) + 1) for _ in range(3))
            try:
                return socket.create_server((address, SANE_PORT))
            except OSError:
                continue
        raise OSError(f"port {SANE_PORT} is taken on every loopback address tried")

    def _configure(self):
        files = {
            "server/dll.conf": "test\n",
            "server/test.conf": TEST_CONF,
            "server/saned.conf": "127.0.0.0/8\n",
            "client/dll.conf": "net\n",
            "client/net.conf": f"{self.address}\n",
        }
        for name, text in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            (path.parent / "dll.d").mkdir(exist_ok=True)
            path.write_text(text)

    def _free_port(self):
        with socket.create_server((self.address, 0)) as probe:
            return probe.getsockname()[1]

    def start(self):
        self._configure()
        self.port = self._free_port()
        self.saned = subprocess.Popen(
            ["setpriv", "--pdeathsig", "TERM", "saned", "-l", "-e", "-b", self.address,
             "-p", str(self.port)],
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                 "SANE_CONFIG_DIR": str(self.folder / "server")},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        for _ in range(READY_TRIES):
            try:
                socket.create_connection((self.address, self.port)).close()
                break
            except OSError:
                if self.saned.poll() is not None or self.stopping.wait(PAUSE):
                    raise
        else:
            raise TimeoutError("saned does not listen")
        threading.Thread(target=self._listen, daemon=True).start()

    def stop(self):
        self.stopping.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.saned:
            program.end_session(self.saned)

    def _listen(self):
        while not self.stopping.is_set():
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._relay, args=[client], daemon=True).start()

    def _relay(self, client):
        left = self.sheets
        with (contextlib.suppress(ConnectionError), client,
              socket.create_connection((self.address, self.port)) as server):
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for source in ready:
                    data = source.recv(65536)
                    if not data:
                        return
                    procedure = struct.unpack(">I", data[:4])[0] if len(data) >= 4 else None
                    if source is client and procedure == NET_OPEN:
                        left = self.sheets
                    if source is client and procedure == NET_START and len(data) == 8:
                        self.started += 1
                        if left == 0:  # status, port, byte order, no name to authorize
                            client.sendall(struct.pack(">4I", self.status, 0,
                                                       LITTLE_ENDIAN, 0))
                            continue
                        left -= 1
                    (server if source is client else client).sendall(data)


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: feeder.py FOLDER SHEETS [empty|jammed|open]")
    program.serve_until_told(Feeder(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]),
                             lambda feeder: feeder.device)


if __name__ == "__main__":
    main()
