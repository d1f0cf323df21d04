"""Marathon itself: enabled, started by `start-cluster`, and how its own HTTP says how it is.

Endpoints: `/v2/leader` and `/metrics` of Marathon's documentation (docs/docs/rest-api, docs/docs/metrics.md).
"""

from __future__ import annotations

import re

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.types import Resource, Service
from mesosctl.tasks.ask import basic, get
from mesosctl.tasks.common import endpoint
from mesosctl.tasks.marathon import NAME, credentials_file, log_file, marathon_flags
from mesosctl.tasks.mesos_releases import outdated
from mesosctl.templates.filters import sh

TITLE = "Marathon's service"

READY_TIMEOUT = 120
"""Seconds until one Marathon leads and this one knows which."""
_HTTPS_PORT = "8443"
"""Marathon's default."""
_CREDENTIAL = basic('"$MARATHON_HTTP_CREDENTIALS"')


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    if not host.has(Role.MARATHON):
        return []
    member = standing(cluster, host)
    service = Service(
        name=NAME,
        manager=facts.init,
        start=False,
        ready=f'[ -n "$({member})" ]',
        ready_timeout=READY_TIMEOUT,
        member=member,
        log=log_file(cluster),
    )
    return [service, outdated()]


def standing(cluster: Cluster, host: Host) -> str:
    """A sh command that prints what the host's Marathon is, `leader` or `follower`, or nothing while it knows of no
    leading one: those that do not lead pass the question on."""
    own = re.escape(_advertised(cluster, host))
    leader, follower = rf's|.*"leader" *: *"{own}".*|leader|p;t', 's|.*"leader" *: *"[^"].*|follower|p'
    return f"{_get(cluster, host, '/v2/leader')} | sed -n -e {sh(leader)} -e {sh(follower)}"


def metrics(cluster: Cluster, host: Host) -> str:
    """A sh command that prints what the host's Marathon answers to `/metrics`."""
    return _get(cluster, host, "/metrics")


def address(cluster: Cluster, host: Host) -> str:
    """Where a host's Marathon is reached by clients and browsers."""
    return f"{'https' if _only_tls(cluster) else 'http'}://{_advertised(cluster, host)}"


def _advertised(cluster: Cluster, host: Host) -> str:
    return endpoint(marathon_flags(cluster, host)["hostname"], int(_port(cluster)))


def _port(cluster: Cluster) -> str:
    flags = cluster.marathon.flags
    return flags.get("https_port", _HTTPS_PORT) if _only_tls(cluster) else str(cluster.marathon.port)


def _only_tls(cluster: Cluster) -> bool:
    return "disable_http" in cluster.marathon.flags


def _get(cluster: Cluster, host: Host, path: str) -> str:
    flags, tls = cluster.marathon.flags, _only_tls(cluster)
    file = sh(credentials_file(cluster))
    return get(
        flags.get("https_address" if tls else "http_address", host.address),
        _port(cluster),
        path,
        tls=tls,
        credential=f". {file}; {_CREDENTIAL}" if "http_credentials" in flags else "",
    )
