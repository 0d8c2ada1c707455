"""A server with TLS on this machine that answers as the services of a channel do, or misbehaves."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from contextlib import suppress

from tests.support.stores import left_out

HOST = "hooks.example"
OK = (200, {}, b"ok")


def certificate(folder, name=HOST):
    """Makes a certificate for ``name`` that only those trust who are told to; returns its file and its key's."""
    if shutil.which("openssl") is None:
        left_out("openssl is missing, which makes the certificate of a server")
    pem, key = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={name}",
                    "-addext", f"subjectAltName=DNS:{name}", "-keyout", str(key), "-out", str(pem)], check=True, capture_output=True)  # fmt: skip
    return pem, key


class TlsServer:
    """Gives one answer after the other, and the last one to all that follow.

    An answer is a status, headers and a body; or bytes, sent as they are; or a word: `closed` (hangs up without one), `silent` (says nothing), `drip` (a byte now and then).

    Attributes:
        requests: the first line, the headers by lower-case name and the body of each.
        names: the server names that clients asked for (SNI).
    """

    def __init__(self, pem, key, *answers):
        self.answers, self.requests, self.names = list(answers), [], []
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(pem, key)
        self._tls.sni_callback = lambda _, name, __: self.names.append(name)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"https://{HOST}:{self.port}/services/T0/B0/SECRETPATH"
        self._over = threading.Event()

    def __enter__(self):
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._listener.close()

    def _serve(self):
        while not self._over.is_set():
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._handle, args=(plain,), daemon=True).start()

    def _handle(self, plain):
        with suppress(OSError), self._tls.wrap_socket(plain, server_side=True) as connection:
            self.requests.append(_read(connection))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer == "silent":
                self._over.wait(20)
            elif answer == "drip":
                for letter in b"HTTP/1.1 200 OK\r\nX-Long: " + b"x" * 1000:
                    connection.sendall(bytes([letter]))
                    time.sleep(0.1)
            elif answer != "closed":
                connection.sendall(answer if isinstance(answer, bytes) else _message(*answer))


def _read(connection):
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += connection.recv(65536)
    return first, headers, body


def _message(status, headers, body):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
