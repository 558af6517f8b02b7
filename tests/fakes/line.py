"""Lines between a client and a server on loopback that are slow, noisy, or dead."""
import contextlib
import select
import socket
import threading

BLOCK = 4096  # bytes that a line carries at a time


class Line:
    """A port, on 127.0.0.1 or another address of loopback, that leads to a server's port on
    127.0.0.1. `at` is (address, port) where it is not any.

    delay   seconds that each block stays on its way
    rate    bytes in a second from the client to the server; 0: as fast as it goes
    flip    which byte from the client (or, negative, from the server) arrives changed
    lost    where the server says this, the connection ends instead

    After die() nothing is carried any more, either way, and nobody is told: a NAT that forgot
    the connection.
    """

    def __init__(self, port, *, at=("127.0.0.1", 0), delay=0, rate=0, flip=0,
                 lost=b""):
        self.port_behind = port
        self.delay, self.rate, self.flip, self.lost = delay, rate, flip, lost
        self.dead = False
        self.listener = socket.create_server(at)
        self.port = self.listener.getsockname()[1]
        self.stopping = threading.Event()
        self.carried = 0  # bytes from clients
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._connect, args=[client], daemon=True).start()

    def _connect(self, client):
        """One connection. Both ends are closed when it is over: what a client still sends is
        then answered with a reset."""
        with client, socket.create_connection(("127.0.0.1", self.port_behind)) as server:
            ways = [threading.Thread(target=self._carry, args=ends, daemon=True)
                    for ends in ((client, server, 1), (server, client, -1))]
            for way in ways:
                way.start()
            for way in ways:
                way.join()

    def _carry(self, source, target, way):
        """Carries until one end closes or breaks; then the other one does."""
        done = 0
        try:
            while block := source.recv(min(BLOCK, self.rate or BLOCK)):
                self._on_the_way(block)
                done += len(block)
                if way > 0:
                    self.carried += len(block)
                if self.dead:
                    self.stopping.wait()
                if self.dead or (way < 0 and self.lost and self.lost in block):
                    break
                target.sendall(self._spoil(block, done, way))
        except OSError:
            pass
        finally:
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def _on_the_way(self, block):
        seconds = self.delay + (len(block) / self.rate if self.rate else 0)
        if seconds:
            self.stopping.wait(seconds)

    def _spoil(self, block, done, way):
        place = self.flip * way - (done - len(block)) if self.flip * way > 0 else -1
        if not 0 <= place < len(block):
            return block
        return block[:place] + bytes([block[place] ^ 1]) + block[place + 1:]

    def die(self):
        self.dead = True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopping.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


class Deaf:
    """A port where connections are neither taken nor refused: its queue is full, so that the
    kernel drops every SYN, as a firewall or a dead host would."""

    def __init__(self, address="127.0.0.2", port=0):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, port))
        self.listener.listen(0)
        self.port = self.listener.getsockname()[1]
        self.fillers = []
        while self._connects(address):
            pass

    def _connects(self, address):
        """Takes a place in the queue; False once there is none."""
        filler = socket.socket(self.listener.family)
        self.fillers.append(filler)
        filler.setblocking(False)
        filler.connect_ex((address, self.port))
        return bool(select.select([], [filler], [], 0.2)[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for each in (*self.fillers, self.listener):
            each.close()
