"""Proxy addresses as tools take them: with percent-encoded credentials (RFC 3986), and as environment variables."""

from __future__ import annotations

from mesosctl.inventory.model import Cluster, Proxy, ProxyUrl
from mesosctl.tasks import no_proxy
from mesosctl.tasks.common import endpoint
from mesosctl.templates.filters import percent


def with_login(proxy: Proxy, url: ProxyUrl | None) -> str:
    """The proxy's URL with user and password, "" where there is none."""
    if url is None or not proxy.username:
        return str(url or "")
    secret = f":{percent(proxy.password.reveal())}" if proxy.password else ""
    return f"{url.scheme}://{percent(proxy.username)}{secret}@{endpoint(url.host, url.port)}/"


def login(proxy: Proxy) -> str:
    """`user:password` as it is, "" where the proxy asks for none."""
    if not proxy.username:
        return ""
    return f"{proxy.username}:{password(proxy)}"


def password(proxy: Proxy) -> str:
    return proxy.password.reveal() if proxy.password else ""


def environment(cluster: Cluster) -> tuple[tuple[str, str], ...]:
    """The variables for a package manager that mesosctl starts itself: ssh and sudo do not read profile.d."""
    proxy = cluster.proxy
    if not proxy.configured or not proxy.tools.packages:
        return ()
    addresses = {"http_proxy": proxy.http, "https_proxy": proxy.https, "ftp_proxy": proxy.ftp}
    variables = [(name, with_login(proxy, url)) for name, url in addresses.items() if url]
    return (*variables, ("no_proxy", no_proxy.for_environment(cluster)))
