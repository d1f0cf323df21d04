"""HTTP to the cluster's own programs: a request, its answer, one connection that is kept.

The standard library's client over a socket that the caller may bring (`mesosctl.transport.forward` brings channels of
an SSH connection). Proxies of the environment do not count: hosts of the cluster are reached directly. Certificates and
their names are verified always.
"""

from __future__ import annotations

import base64
import http.client
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from mesosctl.errors import MesosctlError, UsageError
from mesosctl.transport.errors import TransportError

CONNECT_SECONDS = 5.0
ANSWER_SECONDS = 60.0
"""Without a byte of the answer. Marathon answers a change when it is stored."""
PORTS = {"http": 80, "https": 443}

Dial = Callable[[str, int], socket.socket]
"""Connects to a host and port. Raises OSError, or TransportError."""


@dataclass(frozen=True, slots=True)
class Login:
    """A user and password of HTTP's basic scheme."""

    user: str
    password: str

    @property
    def header(self) -> str:
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def __repr__(self) -> str:
        return f"Login({self.user!r})"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """By their names in small letters."""
    body: bytes

    @property
    def json(self) -> Any:
        """Raises ValueError where the body is no JSON."""
        return json.loads(self.body)


class Server:
    """One server at `http[s]://host[:port]`; used by one thread at a time."""

    def __init__(
        self,
        url: str,
        *,
        login: Login | None = None,
        ca_file: Path | None = None,
        dial: Dial | None = None,
    ) -> None:
        """`ca_file`: the only authorities that count, in PEM; None: the system's. Raises UsageError, MesosctlError."""
        self.url = url.rstrip("/")
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError as error:
            raise UsageError(
                f"{url} is no address: {error}", fix="give http://HOST:PORT or https://HOST:PORT"
            ) from None
        if parts.scheme not in PORTS or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{url} is no address of a server", fix="give http://HOST:PORT or https://HOST:PORT")
        if "@" in parts.netloc:
            raise UsageError("an address with a login in it would be seen by others", fix="give the login with --user")
        self._host, self._port, self._prefix = parts.hostname, port or PORTS[parts.scheme], parts.path
        self._login = login
        self._tls = _context(ca_file) if parts.scheme == "https" else None
        self._dial = dial or _direct
        self._connection: http.client.HTTPConnection | None = None

    @property
    def name(self) -> str:
        """Host and port."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{host}:{self._port}"

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> Answer:
        return self.request("GET", path, query=query)

    def request(self, method: str, path: str, body: object = None, *, query: Mapping[str, Any] | None = None) -> Answer:
        """Ask once; `body` is sent as JSON. Values of `query` may be lists.

        Where a kept connection has ended meanwhile, a GET is sent again over a new one; changes always have their own.
        Raises TransportError: unresolvable, unreachable, refused, timeout, certificate, connection-lost; and what
        `dial` raises.
        """
        headers = {"Accept": "application/json, text/plain;q=0.5"}
        if self._login:
            headers["Authorization"] = self._login.header
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        target = self._prefix + path + (f"?{urlencode(query, doseq=True)}" if query else "")
        if method != "GET":
            self.close()
        kept = self._connection is not None
        try:
            try:
                return self._ask(method, target, data, headers)
            except (http.client.HTTPException, ConnectionError):
                self.close()
                if not kept:
                    raise
                return self._ask(method, target, data, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._failure(error) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, target: str, data: bytes | None, headers: Mapping[str, str]) -> Answer:
        if self._connection is None:
            connection = http.client.HTTPConnection(self._host, self._port)
            connection.sock = self._connect()
            self._connection = connection
        self._connection.request(method, target, data, dict(headers))
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.will_close:
            self.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)

    def _connect(self) -> socket.socket:
        connection = self._dial(self._host, self._port)
        connection.settimeout(ANSWER_SECONDS)
        if self._tls is None:
            return connection
        try:
            return self._tls.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            with suppress(OSError):
                connection.close()
            raise

    def _failure(self, error: Exception) -> TransportError:
        """What a failure of sockets, TLS or HTTP means."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return TransportError(
                "certificate",
                f"its certificate is not trusted: {error.verify_message}",
                host=self.name,
                fix="name its authority's certificate (--ca-file), and the server as its own certificate does",
            )
        if isinstance(error, TimeoutError):
            fix = "is a firewall in between? Hosts of the inventory can be reached over SSH: --via-ssh"
            return TransportError("timeout", "does not answer in time", host=self.name, fix=fix)
        if isinstance(error, socket.gaierror):
            return TransportError("unresolvable", f"the name does not resolve ({error.strerror})", host=self.name)
        if isinstance(error, ConnectionRefusedError):
            return TransportError("refused", "nothing listens there", host=self.name, fix="is it running there?")
        if isinstance(error, ssl.SSLError | http.client.BadStatusLine) and not isinstance(
            error, http.client.RemoteDisconnected
        ):
            fix = "does the address begin with the right one of http:// and https://?"
            return TransportError(
                "connection-lost", f"speaks another protocol ({_text(error)})", host=self.name, fix=fix
            )
        if isinstance(error, ConnectionError | http.client.HTTPException):
            return TransportError("connection-lost", f"ended the connection ({_text(error)})", host=self.name)
        return TransportError("unreachable", f"cannot be reached ({_text(error)})", host=self.name)


def _direct(host: str, port: int) -> socket.socket:
    return socket.create_connection((host, port), CONNECT_SECONDS)


def _context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise MesosctlError(
            f"cannot be read as certificates in PEM: {reason}", where=str(ca_file), fix="correct --ca-file"
        ) from None


def _text(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
