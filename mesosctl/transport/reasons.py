"""From the exceptions of Paramiko and the sockets to the causes that an operator understands."""

from __future__ import annotations

from paramiko import AuthenticationException, ChannelException
from paramiko.ssh_exception import IncompatiblePeer

from mesosctl.transport.endpoint import Endpoint
from mesosctl.transport.errors import TransportError


def explain(error: Exception, endpoint: Endpoint, *, silent: bool) -> TransportError:
    """Why a connection could not be made. `silent`: the peer said nothing for as long as a login may take."""
    where = f"{endpoint.address} port {endpoint.port}"

    def cause(name: str, what: str, fix: str) -> TransportError:
        return TransportError(name, f"{where} {what}", host=endpoint.host, fix=fix)

    text = str(error) or type(error).__name__
    if isinstance(error, ChannelException):
        return _forwarding(error, endpoint)
    if silent or "imeout" in text:
        return cause(
            "timeout",
            f"took the connection, but said nothing for {endpoint.timeout:g} s",
            "is it an SSH server, and is the host overloaded? ssh.connect_timeout sets the limit",
        )
    if isinstance(error, IncompatiblePeer):
        if "host key" in text:
            return cause(
                "host-key-unsupported",
                "offers only host keys that are no longer accepted (SHA-1 signatures: ssh-rsa, ssh-dss)",
                "give it an ed25519 host key (ssh-keygen -A on the host), or upgrade its sshd",
            )
        return cause("host-key-unsupported", f"has no algorithm in common with us ({text})", "upgrade its sshd")
    if isinstance(error, AuthenticationException):
        return cause(
            "authentication",
            f"ended the connection during login of {endpoint.user} ({text})",
            "look at sshd's log on the host",
        )
    if "banner" in text or "protocol version" in text:
        return cause(
            "connection-lost",
            f"closed the connection before the SSH greeting ({text})",
            "is it an SSH server? sshd also does so while too many logins are pending (MaxStartups)",
        )
    return cause("connection-lost", f"ended the connection during login ({text})", "look at sshd's log on the host")


def _forwarding(error: ChannelException, endpoint: Endpoint) -> TransportError:
    """A bastion could not, or would not, forward."""
    assert endpoint.jump is not None
    reason = str(error.text)
    bastion = endpoint.jump.name
    cause, fix = "unreachable", "is sshd running there, and does the bastion reach that address?"
    if "refused" in reason.lower():
        cause, fix = "refused", "start sshd on the host, or correct ssh.port in the inventory"
    elif "name" in reason.lower():
        cause = "unresolvable"
    elif error.code == 1:  # SSH_OPEN_ADMINISTRATIVELY_PROHIBITED, RFC 4254 5.1
        fix = f"allow forwarding (AllowTcpForwarding) on {bastion}"
    return TransportError(
        cause,
        f"the bastion {bastion} cannot connect to {endpoint.address} port {endpoint.port} ({reason})",
        host=endpoint.host,
        fix=fix,
    )
