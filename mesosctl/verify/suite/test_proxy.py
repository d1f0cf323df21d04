"""The guide's chapters on proxies: every tool takes the way out, and none takes it to the cluster's own hosts."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree
from urllib.parse import quote

import pytest
from testinfra.host import Host

from mesosctl.inventory.model import Cluster, ProxyTools, ProxyUrl, Role
from mesosctl.verify.promises import When, promise

TITLE = "Proxy"

OF_ROOT = (
    "/etc/apt/apt.conf.d/90mesosctl-proxy",
    "/etc/systemd/system/docker.service.d/http-proxy.conf",
    "/etc/sysconfig/docker",
    "/etc/default/docker",
)
"""Files that only root's programs read."""


LOGIN = re.compile(r"//[^/@]*@")


def tool(name: str) -> When:
    """Clusters whose proxy a tool is told of."""

    def told(cluster: Cluster) -> bool:
        tools: ProxyTools = cluster.proxy.tools
        return cluster.proxy.configured and bool(getattr(tools, name))

    return told


def address(cluster: Cluster, proxy: ProxyUrl) -> str:
    """The proxy with its credentials, as the variables of the environment have it (RFC 3986, 3.2.1)."""
    login = ""
    if cluster.proxy.username:
        password = f":{quote(cluster.proxy.password.reveal(), safe='')}" if cluster.proxy.password else ""
        login = f"{quote(cluster.proxy.username, safe='')}{password}@"
    host = f"[{proxy.host}]" if ":" in proxy.host else proxy.host
    return f"{proxy.scheme}://{login}{host}:{proxy.port}"


def expected(cluster: Cluster) -> dict[str, str]:
    """The addresses by scheme."""
    declared = {"http": cluster.proxy.http, "https": cluster.proxy.https, "ftp": cluster.proxy.ftp}
    return {scheme: address(cluster, proxy) for scheme, proxy in declared.items() if proxy}


def direct(cluster: Cluster) -> set[str]:
    """The names and addresses that are reached without the proxy."""
    nodes = {name for node in cluster.hosts for name in (node.name, node.address)}
    return set(cluster.proxy.no_proxy.hosts) | (nodes if cluster.proxy.no_proxy.nodes else set())


def compare(found: dict[str, str], cluster: Cluster, schemes: tuple[str, ...] = ("http", "https", "ftp")) -> None:
    """Fails where a scheme's proxy is another than the declared one; passwords are not shown."""
    for scheme, wanted in expected(cluster).items():
        if scheme in schemes:
            has = found.get(scheme, "").rstrip("/")
            shown = LOGIN.sub("//", has) or "no proxy"
            assert shown == LOGIN.sub("//", wanted), f"{scheme} goes to {shown}"
            assert has == wanted, f"{scheme} goes to the proxy with another login, or none"


def no_proxy(found: str, cluster: Cluster) -> None:
    missing = direct(cluster) - set(re.split(r"[,\s]+", found))
    assert not missing, f"not reached directly: {', '.join(sorted(missing))}"


def credentials(cluster: Cluster) -> tuple[str, str]:
    """Name and password for the proxy; "" for what it does not ask for."""
    proxy = cluster.proxy
    return proxy.username or "", proxy.password.reveal() if proxy.password else ""


def homes(host: Host, cluster: Cluster) -> list[str]:
    """Those of the users who have settings of their own, as far as the host knows them."""
    found = (host.run("getent passwd %s | cut -d: -f6", user).stdout.strip() for user in cluster.proxy.users)
    return [home for home in found if home]


def variables(text: str) -> dict[str, str]:
    return {name: value for name, _, value in (line.partition("=") for line in text.splitlines())}


@promise(when=tool("profile"))
def test_login_shell(host: Host, cluster: Cluster) -> None:
    """A login shell has the proxy, in small and in capital letters"""
    found = variables(host.check_output("env -i HOME=/root PATH=/usr/bin:/bin sh -l -c env"))
    compare({scheme: found.get(f"{scheme}_proxy", "") for scheme in expected(cluster)}, cluster)
    compare({scheme: found.get(f"{scheme.upper()}_PROXY", "") for scheme in expected(cluster)}, cluster)


@promise(when=tool("profile"))
def test_login_shell_direct(host: Host, cluster: Cluster) -> None:
    """A login shell reaches the cluster's hosts directly"""
    found = variables(host.check_output("env -i HOME=/root PATH=/usr/bin:/bin sh -l -c env"))
    no_proxy(found.get("no_proxy", ""), cluster)
    no_proxy(found.get("NO_PROXY", ""), cluster)


@promise(when=tool("wget"))
def test_wget_proxy(host: Host, cluster: Cluster) -> None:
    """wget takes the proxy, for everybody and for who has settings of their own, and not to the cluster's hosts"""
    for path in ("/etc/wgetrc", *(f"{home}/.wgetrc" for home in homes(host, cluster))):
        text = host.check_output("cat %s", path)
        found = {
            name.strip().replace("-", "_"): value.strip()
            for name, sign, value in (line.partition("=") for line in text.splitlines())
            if sign and not name.lstrip().startswith("#")
        }
        compare({scheme: found.get(f"{scheme}_proxy", "") for scheme in expected(cluster)}, cluster)
        assert found.get("use_proxy", "on") == "on", f"{path} switches the proxy off"
        no_proxy(found.get("no_proxy", ""), cluster)


@promise(Role.AGENT, when=lambda cluster: tool("docker")(cluster) and cluster.docker.source != "none")
def test_docker_proxy(host: Host, cluster: Cluster) -> None:
    """The Docker engine pulls images through the proxy"""
    told = host.check_output("docker info --format '{{.HTTPProxy}}|{{.HTTPSProxy}}|{{.NoProxy}}'")
    http, https, without = told.split("|")
    # The engine hides what stands before the @ when it is asked.
    hidden = {scheme: LOGIN.sub("//xxxxx:xxxxx@", url) for scheme, url in expected(cluster).items()}
    for scheme, found in (("http", http), ("https", https)):
        assert found.rstrip("/") == hidden.get(scheme, ""), f"{scheme} goes to {found or 'no proxy'}"
    missing = set(cluster.proxy.no_proxy.hosts) - set(without.split(","))
    assert not missing, f"not reached directly: {', '.join(sorted(missing))}"
    started = variables(host.check_output("tr '\\0' '\\n' </proc/$(pgrep -o -x dockerd)/environ"))
    compare(
        {scheme: started.get(f"{scheme.upper()}_PROXY", "") for scheme in ("http", "https")}, cluster, ("http", "https")
    )


@promise(when=lambda cluster: cluster.proxy.configured and bool(cluster.proxy.password))
def test_password_is_kept(host: Host, cluster: Cluster) -> None:
    """Where only one user needs the proxy's password, nobody else reads it"""
    own = [f"{home}/{name}" for home in homes(host, cluster) for name in (".wgetrc", ".m2/settings.xml")]
    proxies = "|".join(re.escape(proxy.host) for proxy in (cluster.proxy.http, cluster.proxy.https) if proxy)
    paths = " ".join(map(shlex.quote, [*own, *OF_ROOT]))
    telling = host.run(f"grep -lE '{proxies}' {paths} 2>/dev/null").stdout.splitlines()
    modes = {path: host.check_output("stat -c %%a %s", path) for path in telling}
    readable = [path for path, mode in modes.items() if int(mode, 8) & 0o077]
    assert not readable, f"others read {', '.join(readable)}"


@promise(when=tool("maven"))
def test_maven_proxy(host: Host, cluster: Cluster) -> None:
    """Maven's settings have the proxy, active"""
    for home in homes(host, cluster):
        root = xml.etree.ElementTree.fromstring(host.check_output("cat %s", f"{home}/.m2/settings.xml"))
        found = {}
        for proxy in root.iterfind(".//{*}proxies/{*}proxy"):
            values = {each.tag.rpartition("}")[2]: each.text or "" for each in proxy}
            if values.get("active", "true") == "true":
                found[values.get("protocol", "http")] = values
        for scheme, declared in (("http", cluster.proxy.http), ("https", cluster.proxy.https)):
            if declared:
                values = found.get(scheme, {})
                place = f"{values.get('host')}:{values.get('port', '8080')}" if values else "no proxy"
                assert place == f"{declared.host}:{declared.port}", f"{scheme} goes to {place}"
                login = values.get("username", ""), values.get("password", "")
                assert login == credentials(cluster), f"{scheme} goes to the proxy with another login, or none"


@promise(when=tool("git"))
def test_git_proxy(host: Host, cluster: Cluster) -> None:
    """git takes the proxy for http and https"""
    if not host.exists("git"):
        pytest.skip("git is not installed")
    wanted = expected(cluster)
    found = {
        scheme: host.run(
            "HOME=/root git config --get-urlmatch http.proxy %s", f"{scheme}://outside.invalid/"
        ).stdout.strip()
        for scheme in wanted
        if scheme != "ftp"
    }
    compare({**found, "https": found.get("https", "")}, cluster, ("http",))


@promise(when=tool("git"))
def test_git_protocol(host: Host, cluster: Cluster) -> None:
    """git:// goes through gitproxy, which socat carries"""
    program = host.file("/usr/bin/gitproxy")
    assert program.exists, "/usr/bin/gitproxy is missing"
    assert program.mode & 0o111 == 0o111, f"/usr/bin/gitproxy has the mode {program.mode:o}"
    assert host.exists("socat"), "socat is missing"
    configured = host.run("sed -n 's/^[[:space:]]*gitProxy *= *//p' /etc/gitconfig").stdout.replace('"', "").split("\n")
    assert "/usr/bin/gitproxy" in configured, "git is not told of it"
    if cluster.proxy.username:
        login = host.check_output("cat /etc/gitproxy.auth")
        assert login == ":".join(credentials(cluster)), "gitproxy has another login"


@promise(when=tool("packages"))
def test_package_manager_proxy(host: Host, cluster: Cluster) -> None:
    """The package manager takes the proxy"""
    if host.exists("apt-config"):
        dump = host.check_output("apt-config dump")
        found = dict(re.findall(r'^Acquire::(https?|ftp)::Proxy "(.*)";$', dump, re.MULTILINE))
        compare(found, cluster)
    else:
        conf = host.check_output("cat /etc/dnf/dnf.conf 2>/dev/null || cat /etc/yum.conf")
        found = dict(re.findall(r"^proxy(?:_(\w+))?[ \t]*=[ \t]*(.*?)[ \t]*$", conf, re.MULTILINE))
        declared = cluster.proxy.https or cluster.proxy.http
        assert declared
        if found.get("", "").rstrip("/") == address(cluster, declared):
            return
        assert found.get("", "").rstrip("/") == str(declared).rstrip("/"), "dnf takes another proxy, or none"
        login = (found.get("username", ""), found.get("password", ""))
        assert login == credentials(cluster), "dnf says another name or password to the proxy"


@promise(when=tool("sudo"))
def test_sudo_keeps_proxy(host: Host) -> None:
    """What sudo runs keeps the proxy of its caller"""
    if not host.exists("sudo"):
        pytest.skip("sudo is not installed")
    kept = host.check_output("http_proxy=http://kept.invalid/ sudo -n -u root env | grep ^http_proxy= || true")
    assert kept == "http_proxy=http://kept.invalid/", "sudo drops http_proxy"
