"""What the flags of an agent say about who may speak to it, and how it names itself to masters."""

from __future__ import annotations

import logging

from aiohttp import hdrs

from mesosctl.runtime.agent.tokens import Tokens
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.http.authentication import Access, Authentication, Authenticator, basic, basic_header
from mesosctl.runtime.http.credentials import read_credential, read_credentials, read_secret_key

log = logging.getLogger(__name__)


def executor_tokens(flags: AgentFlags) -> Tokens | None:
    """What the tokens of executors are made and checked with. Raises ValueError."""
    return Tokens(read_secret_key(flags.jwt_secret_key)) if flags.jwt_secret_key else None


def authentication(flags: AgentFlags, tokens: Tokens | None) -> Authentication:
    """Raises ValueError, as Mesos does not start.

    Where operators are asked, executors come with their tokens: the default executor starts its tasks that way.
    """
    credentials = read_credentials(flags.http_credentials) if flags.http_credentials else None
    required: dict[Access, tuple[Authenticator, ...]] = {}
    if flags.authenticate_http_readonly:
        required[Access.READ] = basic(flags.http_authenticators, credentials, "mesos-agent-readonly")
    if flags.authenticate_http_readwrite:
        operators = basic(flags.http_authenticators, credentials, "mesos-agent-readwrite")
        required[Access.WRITE] = (*operators, tokens) if tokens else operators
        if tokens is None:
            log.warning("Executors of task groups cannot start their tasks: give them tokens with --jwt_secret_key")
    if flags.authenticate_http_executors:
        if tokens is None:
            raise ValueError("Missing `--jwt_secret_key` flag: `--authenticate_http_executors` asks for tokens")
        required[Access.EXECUTOR] = (tokens,)
    return Authentication("agent", "/slave(1)", required, flags.acls)


def headers_to_master(flags: AgentFlags) -> dict[str, str]:
    """What every request to a master carries. Raises ValueError."""
    return {hdrs.AUTHORIZATION: basic_header(read_credential(flags.credential))} if flags.credential else {}
