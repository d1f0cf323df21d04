"""TLS by the environment of Apache Mesos' programs, `LIBPROCESS_SSL_*` (docs/ssl.md).

As there, the certificates of servers are verified only where `VERIFY_SERVER_CERT` (or `VERIFY_CERT`) says so, and
clients need one only with `REQUIRE_CLIENT_CERT` (or `REQUIRE_CERT`). Ciphers are OpenSSL's own unless they are given;
TLS 1.2 and 1.3 are on, older ones cannot be.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field

PREFIX = "LIBPROCESS_SSL_"
_FOR_EXECUTORS = ("ENABLED", "CA_FILE", "CA_DIR", "VERIFY_CERT", "VERIFY_SERVER_CERT", "VERIFY_IPADD", "CIPHERS")
"""What executors need to speak to their agent: neither the agent's key nor its certificate."""
_IDENTITY = ("CERT_FILE", "KEY_FILE")
_REQUIRE = ("REQUIRE_CERT", "REQUIRE_CLIENT_CERT")
_OLD = ("ENABLE_SSL_V3", "ENABLE_TLS_V1_0", "ENABLE_TLS_V1_1")


@dataclass(frozen=True)
class Client:
    """How others are spoken to."""

    context: ssl.SSLContext
    by_address: bool
    """Certificates are to hold the address that is connected to, not the name of the host."""

    def name(self, hostname: str | None) -> str | None:
        """The name that a certificate must be for; None: the address."""
        return None if self.by_address else hostname


@dataclass(frozen=True)
class Tls:
    server: ssl.SSLContext
    client: Client
    warnings: tuple[str, ...] = field(default=())


def tls(environment: Mapping[str, str]) -> Tls | None:
    """What a server is told; None where TLS is not on. Raises ValueError, which names the variable."""
    settings = _Settings(environment)
    if not settings.enabled:
        return None
    for name in _IDENTITY:
        if not settings.text(name):
            raise ValueError(f"{PREFIX}ENABLED needs {PREFIX}{name}")
    if settings.switch("SUPPORT_DOWNGRADE"):
        raise ValueError(
            f"{PREFIX}SUPPORT_DOWNGRADE is not supported: a port speaks either TLS or plain HTTP."
            f" Start all programs anew with {PREFIX}ENABLED"
        )
    server = settings.limited(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    settings.identify(server)
    if settings.requires_clients:
        server.verify_mode = ssl.CERT_REQUIRED
        settings.trust(server)
    made = settings.client()
    settings.identify(made.context)
    warnings = () if made.context.verify_mode is ssl.CERT_REQUIRED else (_UNVERIFIED,)
    return Tls(server, made, warnings)


_UNVERIFIED = f"The certificates of servers are not verified: set {PREFIX}VERIFY_SERVER_CERT=true and {PREFIX}CA_FILE"


def client(environment: Mapping[str, str]) -> Client | None:
    """What one who only connects is told: it needs no certificate of its own. Raises ValueError."""
    settings = _Settings(environment)
    if not settings.enabled:
        return None
    made = settings.client()
    if settings.text("CERT_FILE") and settings.text("KEY_FILE"):
        settings.identify(made.context)
    return made


def executor_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Of an agent's environment what its executors get. Their certificate is the agent's where they need one."""
    settings = _Settings(environment)
    names = (*_FOR_EXECUTORS, *(_IDENTITY if settings.requires_clients else ()))
    found = {PREFIX + name: settings.text(name) for name in names}
    return {name: value for name, value in found.items() if value} if settings.enabled else {}


class _Settings:
    def __init__(self, environment: Mapping[str, str]) -> None:
        self._given = {
            name.removeprefix(PREFIX): value for name, value in environment.items() if name.startswith(PREFIX)
        }
        self.enabled = self.switch("ENABLED")
        self.requires_clients = any(self.switch(name) for name in _REQUIRE)

    def text(self, name: str) -> str:
        return self._given.get(name, "")

    def switch(self, name: str, default: bool = False) -> bool:
        value = self._given.get(name, "").lower()
        if value not in ("", "0", "1", "false", "true"):
            raise ValueError(f"{PREFIX}{name} is neither true nor false: {value}")
        return value in ("1", "true") if value else default

    def client(self) -> Client:
        context = self.limited(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        if self.switch("VERIFY_CERT") or self.switch("VERIFY_SERVER_CERT") or self.switch("REQUIRE_CERT"):
            self.trust(context)
        else:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return Client(context, self.switch("VERIFY_IPADD"))

    def limited(self, context: ssl.SSLContext) -> ssl.SSLContext:
        """With the versions and ciphers that are wanted."""
        for name in _OLD:
            if self.switch(name):
                raise ValueError(f"{PREFIX}{name} is not supported: TLS 1.2 is the oldest")
        wanted = [
            version
            for name, version in (
                ("ENABLE_TLS_V1_2", ssl.TLSVersion.TLSv1_2),
                ("ENABLE_TLS_V1_3", ssl.TLSVersion.TLSv1_3),
            )
            if self.switch(name, default=True)
        ]
        if not wanted:
            raise ValueError(f"{PREFIX}ENABLE_TLS_V1_2 and {PREFIX}ENABLE_TLS_V1_3 are both off")
        context.minimum_version, context.maximum_version = wanted[0], wanted[-1]
        if ciphers := self.text("CIPHERS"):
            try:
                context.set_ciphers(ciphers)
            except ssl.SSLError:
                raise ValueError(f"{PREFIX}CIPHERS names none that OpenSSL knows: {ciphers}") from None
        return context

    def identify(self, context: ssl.SSLContext) -> None:
        cert, key = self.text("CERT_FILE"), self.text("KEY_FILE")
        try:
            context.load_cert_chain(cert, key)
        except OSError as error:  # what OpenSSL says among them
            reason = error.strerror or error
            raise ValueError(f"Cannot load {PREFIX}CERT_FILE {cert} with {PREFIX}KEY_FILE {key}: {reason}") from None

    def trust(self, context: ssl.SSLContext) -> None:
        """The authorities that are named, or else those of the host."""
        file, folder = self.text("CA_FILE"), self.text("CA_DIR")
        try:
            if file or folder:
                context.load_verify_locations(file or None, folder or None)
            else:
                context.load_default_certs()
        except OSError as error:
            reason = error.strerror or error
            raise ValueError(f"Cannot load {PREFIX}CA_FILE or CA_DIR {file or folder}: {reason}") from None
