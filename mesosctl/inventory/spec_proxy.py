"""The keys of `proxy`; see `mesosctl.inventory.spec`."""

from __future__ import annotations

from typing import Any

from mesosctl.inventory import formats as form
from mesosctl.inventory import model
from mesosctl.inventory.kinds import BOOLEAN, ListOf, Text
from mesosctl.inventory.reader import KeyPath, Reader
from mesosctl.inventory.secrets import SECRET, literal
from mesosctl.inventory.section import Key, Section

NO_PROXY = Section(
    model.NoProxy,
    "What is reached directly, translated into what each tool can express.",
    Key("hosts", ListOf(form.ADDRESS, example="localhost, 127.0.0.1"), "Exact names and addresses."),
    Key(
        "domains",
        ListOf(form.DOMAIN, example="corp.example.com"),
        "Domains with all names below them.",
        example="[corp.example.com]",
        common=True,
    ),
    Key("cidrs", ListOf(form.NETWORK, example="10.0.0.0/8"), "Networks.", example="[10.0.0.0/8]", common=True),
    Key("nodes", BOOLEAN, "Add the name and address of every host of the cluster."),
)

PROXY_TOOLS = Section(
    model.ProxyTools,
    "Which tools are told of the proxy; one switched off is taken back where it was set before.",
    Key("profile", BOOLEAN, "The environment of login shells, /etc/profile.d/proxy.sh."),
    Key("wget", BOOLEAN, "wgetrc, of the system and of `users`."),
    Key("docker", BOOLEAN, "The Docker engine."),
    Key("maven", BOOLEAN, "Maven's settings.xml."),
    Key("git", BOOLEAN, "git's http.proxy and core.gitProxy."),
    Key("packages", BOOLEAN, "apt, dnf or yum."),
    Key("sudo", BOOLEAN, "Keep the proxy's variables through sudo."),
)


def _proxy(values: dict[str, Any], path: KeyPath, reader: Reader) -> model.Proxy:
    """Credentials written within the addresses move to where they belong."""
    addresses = {name: values[name] for name in ("http", "https", "ftp") if name in values}
    values |= {name: address.url for name, address in addresses.items()}
    for name, address in addresses.items():
        if address.username is None:
            continue
        inline = {"username": address.username, "password": address.password}
        for key, value in inline.items():
            known = values.get(key)
            known = known.value if isinstance(known, model.Secret) else known
            if value is not None and known is not None and known != value:
                reader.complain((*path, name), f"a second, different proxy {key}", expected="one for all proxies")
            elif value is not None and key == "password" and known is None:
                values[key] = literal(value, address.mark, (*path, name), reader)
            elif value is not None and known is None:
                values[key] = value
    if "password" in values and "username" not in values:
        reader.complain((*path, "password"), "a proxy password without a username", involved=((*path, "username"),))
    return model.Proxy(**values)


PROXY = Section(
    model.Proxy,
    "The way out to the internet.",
    Key("http", form.PROXY_ADDRESS, "Proxy for http.", example="http://proxy.example.com:8080/", common=True),
    Key("https", form.PROXY_ADDRESS, "Proxy for https.", example="http://proxy.example.com:8080/", common=True),
    Key("ftp", form.PROXY_ADDRESS, "Proxy for ftp.", example="http://proxy.example.com:8080/"),
    Key("username", Text("a user name"), "User name at the proxy.", example="alice", common=True),
    Key("password", SECRET, "Password at the proxy.", example="env:PROXY_PASSWORD", common=True),
    Key("no_proxy", NO_PROXY, NO_PROXY.doc, common=True),
    Key("tools", PROXY_TOOLS, PROXY_TOOLS.doc),
    Key(
        "users", ListOf(form.USER, example="root"), "Users whose own files (~/.wgetrc, ~/.m2/settings.xml) are written."
    ),
    finish=_proxy,
)
