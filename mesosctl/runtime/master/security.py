"""What the flags of a master say about who may speak to it."""

from __future__ import annotations

from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.http.authentication import Access, Authentication, Authenticator, basic
from mesosctl.runtime.http.credentials import read_credentials


def authentication(flags: MasterFlags) -> Authentication:
    """Raises ValueError, as Mesos does not start."""
    credentials = read_credentials(flags.credentials) if flags.credentials else None
    required: dict[Access, tuple[Authenticator, ...]] = {}
    if flags.authenticate_http_readonly:
        required[Access.READ] = basic(flags.http_authenticators, credentials, "mesos-master-readonly")
    if flags.authenticate_http_readwrite:
        required[Access.WRITE] = basic(flags.http_authenticators, credentials, "mesos-master-readwrite")
    if flags.authenticate_http_frameworks and flags.http_framework_authenticators is None:
        raise ValueError(
            "Missing `--http_framework_authenticators` flag. This must be used in conjunction with"
            " `--authenticate_http_frameworks`"
        )
    if flags.authenticate_frameworks or flags.authenticate_http_frameworks:
        required[Access.SCHEDULER] = basic(flags.http_framework_authenticators, credentials, "mesos-master-scheduler")
    if flags.authenticate_agents:
        required[Access.AGENT] = basic(None, credentials, "mesos-master-agent")
    return Authentication("master", "/master", required, flags.acls)
