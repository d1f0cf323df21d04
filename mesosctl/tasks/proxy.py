"""The guide's chapters "Proxy" to "Git Proxy": every tool is told of the proxy, in its own file and format.

A tool that is switched off, or a proxy that is gone from the inventory, is taken back: what the file held before
returns. Formats: wget(1) manual "Wgetrc Commands"; Docker's systemd drop-in; EnvironmentFile= of systemd.exec(5);
apt.conf(5) and apt-transport-http(1); dnf.conf(5); git-config(1) core.gitProxy; socat(1) PROXY; sudoers(5) env_keep.
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.engine.facts import Facts
from mesosctl.inventory.model import Cluster, Host, ProxyUrl, Role
from mesosctl.resources.types import Block, Command, Directory, File, Resource, Restored, Service
from mesosctl.tasks import maven_settings, no_proxy
from mesosctl.tasks.common import Nothing, User, bracketed, user_of
from mesosctl.tasks.proxy_url import login, password, with_login
from mesosctl.templates import render
from mesosctl.templates.filters import sh

TITLE = "Proxy"

PROFILE = "/etc/profile.d/proxy.sh"
SUDOERS = "/etc/sudoers.d/mesosctl-proxy"
GITPROXY = "/usr/bin/gitproxy"
GITPROXY_LOGIN = "/etc/gitproxy.auth"
DOCKER_DROP_IN = "/etc/systemd/system/docker.service.d/http-proxy.conf"
DOCKER_SYSCONFIG = "/etc/sysconfig/docker"
APT_CONF = "/etc/apt/apt.conf.d/90mesosctl-proxy"
DNF_CONF = {"dnf": "/etc/dnf/dnf.conf", "yum": "/etc/yum.conf"}


class Variables(NamedTuple):
    """proxy.sh, wgetrc and Docker's files: addresses with credentials ("" for none) and the list of exceptions."""

    http: str
    https: str
    ftp: str
    no_proxy: str


class EnvironmentFile(NamedTuple):
    """A file of variables for Docker; `export` where a shell reads it."""

    variables: Variables
    export: bool


class Apt(NamedTuple):
    http: str
    https: str
    ftp: str
    direct: tuple[str, ...]
    """Names and addresses."""


class Dnf(NamedTuple):
    address: str
    username: str
    password: str


class MavenProxy(NamedTuple):
    protocol: str
    host: str
    port: int
    username: str
    password: str
    non_proxy_hosts: str


class Maven(NamedTuple):
    proxies: tuple[MavenProxy, ...]


class GitConfig(NamedTuple):
    address: str
    gitproxy: str
    direct: tuple[str, ...]
    """Names, addresses and domains."""


class GitProxy(NamedTuple):
    host: str
    port: int
    login_file: str
    """"" where the proxy asks for no credentials."""
    hosts: tuple[str, ...]
    """Names and addresses that are reached directly."""
    domains: tuple[str, ...]


def resources(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    return [
        *_profile(cluster),
        *_wget(cluster, facts),
        *_docker(cluster, host, facts),
        *_maven(cluster, facts),
        *_git(cluster),
        *_packages(cluster, facts),
        *_sudo(cluster),
        *_strangers(cluster, facts),
    ]


def warnings(cluster: Cluster) -> list[str]:
    """What the operator should know of this proxy's settings, one sentence each."""
    proxy, tools = cluster.proxy, cluster.proxy.tools
    if not proxy.configured:
        return []
    found = no_proxy.warnings(cluster)
    tls = [str(url) for url in (proxy.http, proxy.https, proxy.ftp) if url and url.scheme == "https"]
    if tls and (tools.wget or tools.git):
        found.append(f"wget and git:// cannot speak TLS to a proxy ({tls[0]}): most proxies are reached with http://")
    if proxy.username:
        readable = {
            "profile.d": tools.profile,
            "/etc/wgetrc": tools.wget,
            "/etc/gitconfig": tools.git,
            "dnf.conf (RHEL family)": tools.packages,
        }
        names = [name for name, on in readable.items() if on]
        if names:
            found.append(f"every user of the hosts can read the proxy's credentials in {', '.join(names)}")
    if tools.git and not login(proxy).isascii():
        found.append("socat 1.7 sends credentials with other than ASCII letters wrongly: git:// will be refused")
    return found


def unmergeable(cluster: Cluster, facts: Facts) -> dict[str, str]:
    """Paths of settings.xml files that cannot be merged into, each with the reason."""
    if not (cluster.proxy.configured and cluster.proxy.tools.maven):
        return {}
    reasons = {}
    for user in _users(cluster, facts):
        path = _settings_path(user)
        try:
            maven_settings.merge(facts.files.get(path, ""), "")
        except maven_settings.InvalidSettings as error:
            reasons[path] = error.what
    return reasons


def _users(cluster: Cluster, facts: Facts) -> list[User]:
    """The users of `proxy.users` that this host has."""
    return [user_of(facts, name) for name in cluster.proxy.users if name == "root" or name in facts.homes]


def _strangers(cluster: Cluster, facts: Facts) -> list[Resource]:
    """A note for each user of the inventory that this host does not have."""
    have = {user.name for user in _users(cluster, facts)}
    missing = [name for name in cluster.proxy.users if name not in have]
    if not missing or not cluster.proxy.configured:
        return []
    text = f"note: proxy.users: there is no user {', '.join(missing)} here"
    return [Command(name="users with proxy settings", check=f"echo {sh(text)}", apply=":")]


def _variables(cluster: Cluster, exceptions: str) -> Variables:
    proxy = cluster.proxy
    return Variables(
        with_login(proxy, proxy.http), with_login(proxy, proxy.https), with_login(proxy, proxy.ftp), exceptions
    )


def _on(cluster: Cluster, tool: bool) -> bool:
    return cluster.proxy.configured and tool


def _profile(cluster: Cluster) -> list[Resource]:
    if not _on(cluster, cluster.proxy.tools.profile):
        return [Restored(path=PROFILE)]
    values = _variables(cluster, no_proxy.for_environment(cluster))
    return [File(path=PROFILE, content=render(PROFILE[1:], values))]


def _wget(cluster: Cluster, facts: Facts) -> list[Resource]:
    content = ""
    if _on(cluster, cluster.proxy.tools.wget):
        content = render("etc/wgetrc", _variables(cluster, no_proxy.for_environment(cluster)))
    blocks: list[Resource] = [Block(path="/etc/wgetrc", name="proxy", content=content)]
    for user in _users(cluster, facts):
        path = f"{user.home}/.wgetrc"
        blocks.append(Block(path=path, name="proxy", content=content, mode="0600", owner=user.name, group=user.group))
    return blocks


def _docker(cluster: Cluster, host: Host, facts: Facts) -> list[Resource]:
    """Docker runs on agents. Its unit reads the drop-in, and on the RHEL family perhaps a file of variables, which then
    wins; a plain daemon script reads only such a file."""
    on = _on(cluster, cluster.proxy.tools.docker) and host.has(Role.AGENT)
    values = _variables(cluster, no_proxy.for_docker(cluster))
    drop_in: Resource = Restored(path=DOCKER_DROP_IN, notify=("docker",))
    if on and facts.init == "systemd":
        content = render(DOCKER_DROP_IN[1:], values)
        drop_in = File(path=DOCKER_DROP_IN, content=content, mode="0600", notify=("docker",))
    if facts.init == "systemd":
        files = [DOCKER_SYSCONFIG] if DOCKER_SYSCONFIG in facts.docker_unit_files else []
    else:
        files = [DOCKER_SYSCONFIG if facts.family == "redhat" else "/etc/default/docker"]
    content = render("etc/sysconfig/docker", EnvironmentFile(values, facts.init != "systemd")) if on else ""
    blocks = [Block(path=path, name="proxy", content=content, mode="0600", notify=("docker",)) for path in files]
    # A Docker that runs already is restarted here: a change of the proxy alone has to reach it, also on the way back.
    running = [Service(name="docker", manager=facts.init, only_if_installed=True)] if host.has(Role.AGENT) else []
    return [drop_in, *blocks, *running]


def _settings_path(user: User) -> str:
    return f"{user.home}/.m2/settings.xml"


def _maven(cluster: Cluster, facts: Facts) -> list[Resource]:
    found: list[Resource] = []
    broken = unmergeable(cluster, facts)
    for user in _users(cluster, facts):
        path = _settings_path(user)
        if not _on(cluster, cluster.proxy.tools.maven):
            found.append(Restored(path=path))
        elif path not in broken:
            content = maven_settings.merge(facts.files.get(path, ""), _maven_proxies(cluster))
            found.append(Directory(path=f"{user.home}/.m2", owner=user.name, group=user.group))
            found.append(File(path=path, content=content, mode="0600", owner=user.name, group=user.group))
    return found


def _maven_proxies(cluster: Cluster) -> str:
    """Our `<proxy>` elements. An https request uses the https proxy, or the http proxy where there is no other."""
    proxy = cluster.proxy
    addresses = {"http": proxy.http, "https": proxy.https}
    proxies = tuple(
        MavenProxy(protocol, url.host, url.port, proxy.username or "", password(proxy), no_proxy.for_java(cluster))
        for protocol, url in addresses.items()
        if url
    )
    return render("root/dot-m2/settings.xml", Maven(proxies)).rstrip("\n")


def _git(cluster: Cluster) -> list[Resource]:
    proxy = cluster.proxy
    url = proxy.https or proxy.http
    on = _on(cluster, proxy.tools.git) and url is not None
    config = ""
    if on:
        direct = tuple(dict.fromkeys([*no_proxy.exact(cluster), *proxy.no_proxy.domains]))
        config = render("etc/gitconfig", GitConfig(with_login(proxy, url), GITPROXY, direct))
    return [
        Block(path="/etc/gitconfig", name="proxy", content=config),
        *_gitproxy(cluster, proxy.http or proxy.https if on else None),
    ]


def _gitproxy(cluster: Cluster, url: ProxyUrl | None) -> list[Resource]:
    if url is None:
        return [Restored(path=GITPROXY), Restored(path=GITPROXY_LOGIN)]
    proxy = cluster.proxy
    login_file = GITPROXY_LOGIN if proxy.username else ""
    direct = tuple(no_proxy.exact(cluster)), proxy.no_proxy.domains
    script = render(GITPROXY[1:], GitProxy(bracketed(url.host), url.port, login_file, *direct))
    # socat sends the file as it is: a newline at its end would be part of the password. As /etc/gitconfig, it has to
    # be readable by whoever calls git.
    credentials: Resource = Restored(path=GITPROXY_LOGIN)
    if login_file:
        credentials = File(path=login_file, content=login(proxy))
    return [File(path=GITPROXY, content=script, mode="0755"), credentials]


def _packages(cluster: Cluster, facts: Facts) -> list[Resource]:
    proxy = cluster.proxy
    on = _on(cluster, proxy.tools.packages)
    if facts.package_manager == "apt" and not on:
        return [Restored(path=APT_CONF, notify=("apt-lists",))]
    if facts.package_manager == "apt":
        values = _variables(cluster, "")
        conf = Apt(values.http, values.https, values.ftp, tuple(no_proxy.exact(cluster)))
        mode = "0600" if proxy.username else "0644"
        return [File(path=APT_CONF, content=render(APT_CONF[1:], conf), mode=mode, notify=("apt-lists",))]
    if facts.package_manager not in DNF_CONF:
        return []
    url = proxy.https or proxy.http
    content = ""
    if on and url:
        content = render("etc/dnf/dnf.conf", Dnf(str(url), proxy.username or "", password(proxy)))
    return [Block(path=DNF_CONF[facts.package_manager], name="proxy", content=content)]


def _sudo(cluster: Cluster) -> list[Resource]:
    if not _on(cluster, cluster.proxy.tools.sudo):
        return [Restored(path=SUDOERS)]
    return [File(path=SUDOERS, content=render(SUDOERS[1:], Nothing()), mode="0440")]
