"""What is reached directly, written for each tool in what that tool can express.

Measured with curl 7.88, wget 1.21, Python 3.11 and Java 17. A name matches itself and what is below it in curl,
wget and Go; a leading dot is needed by older tools. Networks are understood by curl, requests and Go only, so that
the hosts' own addresses are listed for all others. Java knows `*` at either end and no networks.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from mesosctl.inventory.model import Cluster
from mesosctl.tasks.common import bracketed, is_address

_MOST_WILDCARDS = 16
"""A network that needs more wildcards than this is not written for Java."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def exact(cluster: Cluster) -> list[str]:
    """Names and addresses that are matched as they are: the inventory's, and those of the cluster's hosts.

    With `no_proxy.nodes` off the addresses of hosts in the networks remain: wget and urllib know no networks.
    """
    names = list(cluster.proxy.no_proxy.hosts)
    for host in cluster.hosts:
        if cluster.proxy.no_proxy.nodes:
            names += [host.name, host.address]
        elif _covered(cluster, host.address):
            names.append(host.address)
    return _once(names)


def for_environment(cluster: Cluster) -> str:
    """The value of no_proxy in the environment and in wgetrc: no spaces, which break wget."""
    no_proxy = cluster.proxy.no_proxy
    domains = [form for domain in no_proxy.domains for form in (domain, f".{domain}")]
    return ",".join(_once([*exact(cluster), *domains, *no_proxy.cidrs]))


def for_docker(cluster: Cluster) -> str:
    """NO_PROXY of the Docker daemon (Go).

    Hosts in the networks are not listed, nor are hosts' names: the daemon must not restart because a host was added.
    """
    no_proxy = cluster.proxy.no_proxy
    return ",".join(_once([*no_proxy.hosts, *no_proxy.domains, *no_proxy.cidrs, *_outside(cluster)]))


def for_java(cluster: Cluster) -> str:
    """nonProxyHosts of Java and Maven."""
    no_proxy = cluster.proxy.no_proxy
    domains = [form for domain in no_proxy.domains for form in (domain, f"*.{domain}")]
    networks = [
        wildcard for cidr in no_proxy.cidrs for wildcard in _wildcards(ipaddress.ip_network(cidr, strict=False))
    ]
    return "|".join(_once([*(bracketed(name) for name in exact(cluster)), *domains, *networks]))


def covers(cluster: Cluster, target: str) -> bool:
    """Whether a host name or address is one that is to be reached directly."""
    no_proxy = cluster.proxy.no_proxy
    below = any(target == domain or target.endswith(f".{domain}") for domain in no_proxy.domains)
    return target in exact(cluster) or below or _covered(cluster, target)


def warnings(cluster: Cluster) -> list[str]:
    """What some tool cannot express, one sentence each."""
    proxy, found = cluster.proxy, []
    no_proxy, tools = proxy.no_proxy, proxy.tools
    globs = [name for name in no_proxy.hosts if "*" in name]
    if globs:
        found.append(
            f"no_proxy.hosts has {', '.join(globs)}: only Java knows wildcards; name a domain or a network instead"
        )
    if no_proxy.cidrs:
        networks = ", ".join(no_proxy.cidrs)
        found.append(
            f"wget, Python's urllib, apt and git:// know no networks: in {networks} they reach the hosts of this "
            "cluster directly, all other addresses through the proxy"
        )
    coarse = [cidr for cidr in no_proxy.cidrs if not _wildcards(ipaddress.ip_network(cidr, strict=False))]
    if tools.maven and coarse:
        found.append(f"Maven cannot express {', '.join(coarse)}: it reaches only the hosts of this cluster directly")
    if tools.packages and no_proxy.domains:
        found.append(
            f"apt knows no domains: hosts in {', '.join(no_proxy.domains)} have to be listed in no_proxy.hosts for it"
        )
    outside = _outside(cluster)
    if tools.docker and outside:
        found.append(
            f"no network of no_proxy.cidrs covers {', '.join(outside)}: adding a host will restart Docker; add one"
        )
    return found


def _outside(cluster: Cluster) -> list[str]:
    """Addresses of the cluster's hosts that no network covers, where hosts are to be reached directly."""
    if not cluster.proxy.no_proxy.nodes:
        return []
    return [host.address for host in cluster.hosts if not _covered(cluster, host.address)]


def _covered(cluster: Cluster, target: str) -> bool:
    if not is_address(target):
        return False
    address = ipaddress.ip_address(target)
    return any(address in ipaddress.ip_network(cidr, strict=False) for cidr in cluster.proxy.no_proxy.cidrs)


def _wildcards(network: Network) -> list[str]:
    """An IPv4 network as `10.1.*`, split where its prefix is within a byte; empty where that takes too many."""
    if network.version == 6:
        return []
    whole = max(8, -(-network.prefixlen // 8) * 8)
    if 2 ** (whole - network.prefixlen) > _MOST_WILDCARDS:
        return []
    addresses = (str(part.network_address).split(".") for part in network.subnets(new_prefix=whole))
    return [".".join(parts[: whole // 8]) + (".*" if whole < 32 else "") for parts in addresses]


def _once(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
