"""`proxy show`: the proxy settings in force on the hosts, read from the tools, beside what the inventory declares.

Credentials never appear: `***` stands where an address has some.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree

from mesosctl.engine.answer import Answer, ask, script
from mesosctl.engine.run import Run
from mesosctl.inventory.model import Cluster, Host, ProxyUrl, Role
from mesosctl.tasks import no_proxy, proxy

HIDDEN = "***"
TOOLS = ("profile", "wget", "git", "apt", "dnf", "maven", "docker", "sudo")


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting of one tool on a host."""

    tool: str
    key: str
    value: str
    """As it is in force, "" where nothing is set."""
    declared: str
    """As the inventory asks for, "" where nothing shall be set."""

    @property
    def as_declared(self) -> bool:
        return self.value == self.declared


def gather(run: Run) -> dict[str, list[Setting]]:
    """The settings of each host of a run, by host; those of tools that are not installed are left out."""
    text = script("proxy_env.sh", {"home": "/root"}) + script("proxy_settings.sh", {})
    answers = ask(run, "proxy show", lambda host: text)
    return {host.name: read(run.cluster, host, answers[host.name]) for host in run.hosts if host.name in answers}


def read(cluster: Cluster, host: Host, answer: Answer) -> list[Setting]:
    """The settings that a host's answer tells of."""
    found: dict[tuple[str, str], str] = {}
    for line in answer.all("setting"):
        tool, key, value = [*line.split(" ", 2), ""][:3]
        found[tool, key] = value.strip()
    if settings := answer.first("maven"):
        found |= {("maven", key): value for key, value in _maven(base64.b64decode(settings)).items()}
    wanted = declared(cluster, host)
    installed = {"profile", *(tool for tool, _ in answer.pairs("tool"))}
    keys = [key for key in dict.fromkeys([*wanted, *found]) if wanted.get(key) or found.get(key)]
    return [
        Setting(
            tool=tool,
            key=key,
            value=_comparable(key, found.get((tool, key), "")),
            declared=_comparable(key, wanted.get((tool, key), "")),
        )
        for tool, key in sorted(keys, key=lambda pair: TOOLS.index(pair[0]))
        if tool in installed
    ]


def declared(cluster: Cluster, host: Host) -> Mapping[tuple[str, str], str]:
    """What the inventory asks for on a host, by tool and key."""
    if not cluster.proxy.configured:
        return {}
    return {(tool, key): value for tool, key, value in _declared(cluster, host) if value}


def _declared(cluster: Cluster, host: Host) -> Iterator[tuple[str, str, str]]:
    settings, tools = cluster.proxy, cluster.proxy.tools

    def url(address: ProxyUrl | None) -> str:
        if address is None:
            return ""
        return str(address).replace("//", f"//{HIDDEN}@", 1) if settings.username else str(address)

    addresses = {"http": url(settings.http), "https": url(settings.https), "ftp": url(settings.ftp)}
    for tool, on in (("profile", tools.profile), ("wget", tools.wget)):
        if on:
            yield from ((tool, f"{scheme}_proxy", address) for scheme, address in addresses.items())
            yield tool, "no_proxy", no_proxy.for_environment(cluster)
    if tools.wget:
        yield "wget", "use_proxy", "on"
    if tools.git and (settings.https or settings.http):
        yield "git", "http.proxy", addresses["https"] or addresses["http"]
        yield "git", "core.gitproxy", proxy.GITPROXY
    if tools.packages:
        yield from (("apt", f"Acquire::{scheme}::Proxy", address) for scheme, address in addresses.items())
        yield "apt", "DIRECT", " ".join(no_proxy.exact(cluster)) if settings.http else ""
        yield "dnf", "proxy", str(settings.https or settings.http or "")
    if tools.maven:
        for scheme, address in (("http", settings.http), ("https", settings.https)):
            if address:
                yield "maven", scheme, f"{address.host}:{address.port}"
                yield "maven", f"{scheme}.nonProxyHosts", no_proxy.for_java(cluster)
    if tools.docker and host.has(Role.AGENT):
        yield "docker", "HTTPProxy", addresses["http"]
        yield "docker", "HTTPSProxy", addresses["https"]
        yield "docker", "NoProxy", no_proxy.for_docker(cluster)
    if tools.sudo:
        yield "sudo", "env_keep", "http_proxy https_proxy ftp_proxy no_proxy HTTP_PROXY HTTPS_PROXY FTP_PROXY NO_PROXY"


def _maven(text: bytes) -> dict[str, str]:
    """The active proxies of a settings.xml, the first of each protocol as in Maven."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError:
        return {"http": "settings.xml cannot be read"}
    found: dict[str, str] = {}
    for element in (item for item in root.iter() if _tag(item) == "proxy"):
        fields = {_tag(child): (child.text or "").strip() for child in element}
        scheme = fields.get("protocol", "http")
        if fields.get("active", "true") == "true" and scheme not in found:
            found[scheme] = f"{fields.get('host', '')}:{fields.get('port', '8080')}"
            found[f"{scheme}.nonProxyHosts"] = fields.get("nonProxyHosts", "")
    return found


def _tag(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]


def _comparable(key: str, value: str) -> str:
    """A value without what makes no difference: how Docker hides credentials, the order of lists."""
    value = re.sub(r"//[^/@\s]*@", f"//{HIDDEN}@", value)
    return " ".join(sorted(value.split())) if key in ("DIRECT", "env_keep") else value
