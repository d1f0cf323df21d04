"""Why a host could not be worked with: one class, with the cause as a stable id."""

from __future__ import annotations

from mesosctl.errors import MesosctlError


class TransportError(MesosctlError):
    """A connection that could not be made, was lost, or did not become root.

    `cause` is one of: unresolvable, unreachable, refused, timeout, host-key-unknown, host-key-changed,
    host-key-unsupported, certificate, authentication, passphrase, sudo-password, sudo-refused, shell, no-space,
    connection-lost, interrupted.
    """

    def __init__(self, cause: str, what: str, *, host: str, fix: str | None = None) -> None:
        self.cause = cause
        self.host = host
        super().__init__(what, where=host, fix=fix)
