"""The chapter "Proxy": what is rendered is read back by the tool it is for, with a password that hurts everywhere."""

from __future__ import annotations

import configparser
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import pytest

from mesosctl.engine.facts import Facts, assumed
from mesosctl.engine.mask import Mask
from mesosctl.inventory.model import Cluster, Host, NoProxy, Proxy, ProxyTools, ProxyUrl, Role, Secret
from mesosctl.resources.types import Block, File, Resource, Restored, Service
from mesosctl.tasks import maven_settings, no_proxy, proxy

PASSWORD = "p@:/%&<'\"$ \\é#;`!=,|{x}"
URL = ProxyUrl("http", "web-proxy.corp", 8080)


def cluster(**changes: object) -> Cluster:
    settings = Proxy(
        http=URL,
        https=URL,
        ftp=URL,
        username="ann o'hara",
        password=Secret("env:PROXY", PASSWORD),
        no_proxy=NoProxy(
            hosts=("localhost", "127.0.0.1"), domains=("corp.example",), cidrs=("10.0.0.0/8", "172.16.0.0/12")
        ),
    )
    return Cluster(
        name="c",
        path=Path("inventory.yaml"),
        state_dir=Path("state"),
        hosts=(
            Host(name="m1", address="10.0.0.1", roles=frozenset({Role.MASTER})),
            Host(name="a1", address="192.168.7.9", roles=frozenset({Role.AGENT})),
        ),
        proxy=replace(settings, **changes),  # type: ignore[arg-type]
    )


def resources(cluster: Cluster, facts: Facts | None = None, host: str = "a1") -> dict[str, Resource]:
    found = proxy.resources(cluster, cluster.host(host), facts or assumed("debian"))
    assert len({resource.id for resource in found}) == len(found)
    return {resource.id: resource for resource in found}


def content(found: dict[str, Resource], identity: str) -> str:
    resource = found[identity]
    assert isinstance(resource, File | Block)
    return resource.content


def credentials(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    assert (parts.hostname, parts.port) == ("web-proxy.corp", 8080)
    return unquote(parts.username or ""), unquote(parts.password or "")


@pytest.mark.parametrize("shell", ["dash", "bash"])
def test_profile_is_read_by_shells(tmp_path: Path, shell: str) -> None:
    file = tmp_path / "proxy.sh"
    file.write_text(content(resources(cluster()), "file /etc/profile.d/proxy.sh"))
    names = ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ftp_proxy", "FTP_PROXY", "no_proxy", "NO_PROXY"]
    script = f". {file} && env -0"
    environment = subprocess.run(
        [shell, "-euc", script], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    values = dict(item.split("=", 1) for item in environment.stdout.decode().split("\0") if "=" in item)
    assert all(credentials(values[name]) == ("ann o'hara", PASSWORD) for name in names[:6])
    assert (
        values["no_proxy"]
        == values["NO_PROXY"]
        == ("localhost,127.0.0.1,m1,10.0.0.1,a1,192.168.7.9,corp.example,.corp.example,10.0.0.0/8,172.16.0.0/12")
    )


def test_urllib_goes_direct_where_it_should() -> None:
    proxies = {"no": no_proxy.for_environment(cluster())}
    direct = ["10.0.0.1", "m1", "corp.example", "x.corp.example", "localhost"]
    assert [bool(proxy_bypass_environment(name, proxies)) for name in direct] == [True] * 5
    assert not proxy_bypass_environment("notcorp.example", proxies)


def test_wget_accepts_its_file(tmp_path: Path) -> None:
    file = tmp_path / "wgetrc"
    file.write_text(content(resources(cluster()), "block proxy in /etc/wgetrc"))
    wget = subprocess.run(["wget", "--version"], env={"WGETRC": str(file)}, capture_output=True, text=True, check=False)
    assert (wget.returncode, wget.stderr) == (0, "")
    settings = dict(line.split(" = ") for line in file.read_text().splitlines())
    assert credentials(settings["https_proxy"]) == ("ann o'hara", PASSWORD)
    assert " " not in settings["no_proxy"]


def test_docker_drop_in_is_read_by_systemd(tmp_path: Path) -> None:
    drop_in = resources(cluster())["file /etc/systemd/system/docker.service.d/http-proxy.conf"]
    assert isinstance(drop_in, File)
    assert (drop_in.mode, drop_in.notify) == ("0600", ("docker",))
    lines = [line for line in drop_in.content.splitlines() if line.startswith("Environment=")]
    # systemd's own rules: a double-quoted word, backslash escapes, %% for %.
    words = [line.removeprefix("Environment=") for line in lines]
    values = dict(word[1:-1].replace("%%", "%").split("=", 1) for word in words)
    assert all("%" not in word.replace("%%", "") for word in words)
    assert credentials(values["HTTPS_PROXY"]) == ("ann o'hara", PASSWORD)
    assert values["NO_PROXY"] == "localhost,127.0.0.1,corp.example,10.0.0.0/8,172.16.0.0/12,192.168.7.9"
    unit = tmp_path / "docker.service"
    unit.write_text("[Service]\nExecStart=/bin/true\n" + drop_in.content)
    verify = subprocess.run(
        ["systemd-analyze", "verify", "--recursive-errors=no", str(unit)], capture_output=True, text=True, check=False
    )
    assert "docker.service" not in verify.stderr


def test_docker_is_not_told_of_a_new_host_within_a_network() -> None:
    before = cluster()
    newcomer = Host(name="a2", address="10.9.9.9", roles=frozenset({Role.AGENT}))
    after = replace(before, hosts=(*before.hosts, newcomer))
    assert no_proxy.for_docker(before) == no_proxy.for_docker(after)
    assert "10.9.9.9" in no_proxy.for_environment(after)


def test_docker_variables_where_the_unit_or_script_reads_them() -> None:
    facts = replace(assumed("redhat"), docker_unit_files=("/etc/sysconfig/docker",))
    block = content(resources(cluster(), facts), "block proxy in /etc/sysconfig/docker")
    assert block.startswith('HTTP_PROXY="http://')
    assert "block proxy in /etc/sysconfig/docker" not in resources(cluster(), assumed("redhat"))
    script = resources(cluster(), replace(assumed("debian"), init="script"))
    assert content(script, "block proxy in /etc/default/docker").startswith("export HTTP_PROXY=")


def test_settings_xml_of_maven() -> None:
    file = resources(cluster())["file /root/.m2/settings.xml"]
    assert isinstance(file, File)
    assert file.mode == "0600"
    proxies = ElementTree.fromstring(file.content).findall("proxies/proxy")
    assert [element.findtext("protocol") for element in proxies] == ["http", "https"]
    for element in proxies:
        assert (element.findtext("username"), element.findtext("password")) == ("ann o'hara", PASSWORD)
        hosts = (element.findtext("nonProxyHosts") or "").split("|")
        assert {"10.*", "172.16.*", "172.31.*", "*.corp.example", "corp.example", "192.168.7.9"} <= set(hosts)


FOREIGN = """<?xml version="1.0"?>
<!-- ours -->
<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"
          attribute="a > b">
  <mirrors><mirror><id>x</id></mirror></mirrors><!-- <proxies> -->
  <proxies>
    <!-- of the team -->
    <proxy><id>team</id><host>h</host></proxy>
  </proxies >
</settings>
"""


@pytest.mark.parametrize(
    "existing",
    [
        "",
        FOREIGN,
        "<settings/>",
        "<settings><proxies/></settings>",
        "<settings>\r\n<proxies a='>'>\r\n</proxies>\r\n</settings>",
        '\ufeff<?xml version="1.0" encoding="ISO-8859-1"?><settings><a>é</a></settings>',
    ],
)
def test_maven_merge_keeps_what_is_foreign(existing: str) -> None:
    facts = replace(assumed("debian"), files={"/root/.m2/settings.xml": existing})
    once = content(resources(cluster(), facts), "file /root/.m2/settings.xml")
    again = replace(facts, files={"/root/.m2/settings.xml": once})
    assert content(resources(cluster(), again), "file /root/.m2/settings.xml") == once
    assert once.count("<id>mesosctl-http</id>") == once.count("<id>mesosctl-https</id>") == 1
    changed = content(resources(cluster(password=Secret("x", "other")), again), "file /root/.m2/settings.xml")
    assert "<password>other</password>" in changed
    assert "p@" not in changed
    if existing == FOREIGN:
        without = maven_settings.merge(once, "")
        assert without.replace("<proxies>\n\n", "<proxies>\n") == FOREIGN


@pytest.mark.parametrize("existing", ["<settings>", "not xml", "<project></project>", "<settings>\udce9</settings>"])
def test_maven_settings_that_cannot_be_read_are_left_alone(existing: str) -> None:
    facts = replace(assumed("debian"), files={"/root/.m2/settings.xml": existing})
    assert "file /root/.m2/settings.xml" not in resources(cluster(), facts)
    assert list(proxy.unmergeable(cluster(), facts)) == ["/root/.m2/settings.xml"]


def test_git_reads_its_configuration(tmp_path: Path) -> None:
    file = tmp_path / "gitconfig"
    file.write_text(content(resources(cluster()), "block proxy in /etc/gitconfig"))

    def git(*arguments: str) -> str:
        run = subprocess.run(
            ["git", "config", "--file", str(file), *arguments], capture_output=True, text=True, check=True
        )
        return run.stdout.rstrip("\n")

    assert credentials(git("--get", "http.proxy")) == ("ann o'hara", PASSWORD)
    assert git("--get-urlmatch", "http.proxy", "https://m1/repository.git") == ""
    assert git("--get-urlmatch", "http.proxy", "https://elsewhere.example/") != ""
    proxies = git("--get-all", "core.gitProxy").splitlines()
    assert proxies[-1] == "/usr/bin/gitproxy"
    assert {"none for corp.example", "none for m1", "none for 10.0.0.1"} <= set(proxies[:-1])


def test_gitproxy_hides_the_password_and_takes_no_options_from_git(tmp_path: Path) -> None:
    found = resources(cluster())
    assert content(found, "file /etc/gitproxy.auth") == f"ann o'hara:{PASSWORD}"
    script = content(found, "file /usr/bin/gitproxy")
    assert PASSWORD not in script
    (tmp_path / "socat").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    (tmp_path / "socat").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def gitproxy(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = ["dash", "-c", script, "gitproxy", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert gitproxy("github.com", "9418").stdout.splitlines() == [
        "STDIO",
        "PROXY:web-proxy.corp:github.com:9418,proxyport=8080,proxy-authorization-file=/etc/gitproxy.auth",
    ]
    assert gitproxy("h,exec=x", "9418").returncode == 2


def test_apt_reads_its_configuration(tmp_path: Path) -> None:
    if not shutil.which("apt-config"):
        pytest.skip("no apt here")
    file = resources(cluster())["file /etc/apt/apt.conf.d/90mesosctl-proxy"]
    assert isinstance(file, File)
    assert file.mode == "0600"
    (tmp_path / "conf").write_text(file.content)
    dump = subprocess.run(
        ["apt-config", "dump"],
        env={**os.environ, "APT_CONFIG": str(tmp_path / "conf")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    values = dict(line.rstrip(";").split(" ", 1) for line in dump.splitlines() if "::Proxy" in line)
    assert credentials(values["Acquire::https::Proxy"].strip('"')) == ("ann o'hara", PASSWORD)
    assert values["Acquire::http::Proxy::m1"] == '"DIRECT"'


def test_dnf_gets_the_password_as_it_is() -> None:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(
        "[main]\ngpgcheck=1\n[other]\nx=1\n"
        + content(resources(cluster(), assumed("redhat")), "block proxy in /etc/dnf/dnf.conf")
    )
    assert parser["main"]["proxy_password"] == PASSWORD
    assert parser["main"]["proxy"] == "http://web-proxy.corp:8080/"
    assert parser["main"]["gpgcheck"] == "1"


def test_sudoers_are_valid(tmp_path: Path) -> None:
    file = resources(cluster())["file /etc/sudoers.d/mesosctl-proxy"]
    assert isinstance(file, File)
    assert file.mode == "0440"
    visudo = shutil.which("visudo", path="/usr/sbin:/sbin:/usr/bin")
    if not visudo:
        pytest.skip("no visudo here")
    (tmp_path / "sudoers").write_text(file.content)
    subprocess.run([visudo, "-cf", str(tmp_path / "sudoers")], check=True, capture_output=True)


OFF = ProxyTools(profile=False, wget=False, docker=False, maven=False, git=False, packages=False, sudo=False)


@pytest.mark.parametrize("family", ["debian", "redhat"])
@pytest.mark.parametrize("change", [{"tools": OFF}, {"http": None, "https": None, "ftp": None}])
def test_what_is_switched_off_is_taken_back(family: str, change: dict[str, object]) -> None:
    facts = assumed(family)
    on, off = resources(cluster(), facts), resources(cluster(**change), facts)
    managed = {identity for identity, resource in on.items() if isinstance(resource, File | Block)}
    assert managed <= set(off)
    for resource in off.values():
        if isinstance(resource, Service):
            assert resource.only_if_installed  # a running Docker is restarted without the proxy
            continue
        assert isinstance(resource, Restored) or (isinstance(resource, Block) and not resource.content)


def test_every_spelling_of_the_password_is_masked() -> None:
    found = resources(cluster(), replace(assumed("redhat"), docker_unit_files=("/etc/sysconfig/docker",)))
    found |= resources(cluster())
    mask = Mask(cluster())
    for resource in found.values():
        if isinstance(resource, File | Block):
            assert "p@" not in mask(resource.content)
            assert "p%40" not in mask(resource.content)
            assert "p%%40" not in mask(resource.content)


def test_warnings_name_what_tools_cannot_express() -> None:
    text = "\n".join(proxy.warnings(cluster()))
    for part in (
        "urllib",
        "apt knows no domains",
        "192.168.7.9",
        "every user of the hosts can read",
        "dnf.conf",
        "socat",
    ):
        assert part in text
    assert proxy.warnings(cluster(http=None, https=None, ftp=None)) == []
