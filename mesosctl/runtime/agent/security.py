"""What the flags of an agent say about who may speak to it, and how it names itself to masters."""

from __future__ import annotations

from aiohttp import hdrs

from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.http.authentication import Access, Authentication, Authenticator, basic, basic_header
from mesosctl.runtime.http.credentials import read_credential, read_credentials


def authentication(flags: AgentFlags) -> Authentication:
    """Raises ValueError, as Mesos does not start."""
    credentials = read_credentials(flags.http_credentials) if flags.http_credentials else None
    required: dict[Access, tuple[Authenticator, ...]] = {}
    if flags.authenticate_http_readonly:
        required[Access.READ] = basic(flags.http_authenticators, credentials, "mesos-agent-readonly")
    if flags.authenticate_http_readwrite:
        required[Access.WRITE] = basic(flags.http_authenticators, credentials, "mesos-agent-readwrite")
    return Authentication("agent", "/slave(1)", required, flags.acls)


def headers_to_master(flags: AgentFlags) -> dict[str, str]:
    """What every request to a master carries. Raises ValueError."""
    return {hdrs.AUTHORIZATION: basic_header(read_credential(flags.credential))} if flags.credential else {}
