"""Which way a program in Go, such as the Docker daemon, goes to an address: net/http's ProxyFromEnvironment.

The rules are those of golang.org/x/net/http/httpproxy: `*`, networks, addresses, names with all below them, names with
a leading dot for those below only, each with an optional port; localhost and loopback addresses are always direct.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

PORTS = {"http": 80, "https": 443}


def proxy_for(address: str, *, http: str, https: str, no_proxy: str) -> str:
    """The proxy for an http or https address, "" where it is reached directly."""
    parts = urlsplit(address)
    host = (parts.hostname or "").rstrip(".").lower()
    port = parts.port or PORTS.get(parts.scheme, 0)
    proxy = {"http": http, "https": https}.get(parts.scheme, "")
    if not proxy or host == "localhost" or _is_loopback(host):
        return ""
    rules = [rule.strip().lower() for rule in no_proxy.split(",")]
    return "" if any(rule and _matches(rule, host, port) for rule in rules) else proxy


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_loopback


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return None


def _matches(rule: str, host: str, port: int) -> bool:
    if rule == "*":
        return True
    address = _address(host)
    if "/" in rule:
        try:
            return address is not None and address in ipaddress.ip_network(rule, strict=False)
        except ValueError:
            return False
    name, colon, wanted = rule.rpartition(":")
    if colon and wanted.isdigit() and (":" not in name or name.endswith("]")):
        if int(wanted) != port:
            return False
        rule = name
    if _address(rule) is not None:
        return _address(rule) == address
    rule = rule.removeprefix("*") if rule.startswith("*.") else rule
    return host.endswith(rule) if rule.startswith(".") else host == rule or host.endswith(f".{rule}")
