"""A network that stops carrying anything, without a word."""

import socket
import threading
from contextlib import suppress


class Network:
    """Between browser and page; it can fall silent without closing anything."""

    def __init__(self, port: int, scheme: str = "http") -> None:
        self._far, self._open, self.silent = port, list[socket.socket](), threading.Event()
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"{scheme}://localhost:{self._server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._server.accept()
                far = socket.create_connection(("127.0.0.1", self._far))
                self._open += [near, far]
                for pair in ((near, far), (far, near)):
                    threading.Thread(target=self._pump, args=pair, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while (data := source.recv(65536)) and not self.silent.is_set():
                sink.sendall(data)
        if not self.silent.is_set():
            sink.close()

    def close(self) -> None:
        for one in (self._server, *self._open):
            one.close()
