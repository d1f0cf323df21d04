"""socat, with which the guide's gitproxy reaches git:// servers through the proxy."""

from __future__ import annotations

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host
from mesosctl.resources.types import Packages, Resource
from mesosctl.tasks.proxy_url import environment

TITLE = "socat"


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    proxy = cluster.proxy
    if not (proxy.http or proxy.https) or not proxy.tools.git or not facts.package_manager:
        return []
    return [Packages(names=("socat",), manager=facts.package_manager, proxy=environment(cluster))]
