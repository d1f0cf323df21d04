"""`proxy test` and `proxy show`: what tools print, and what follows from it.

The lines are what curl 7.88, wget 1.21, git 2.39, apt 2.6, dnf 4.14 and Maven 3.8 printed where there is no network.
"""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mesosctl.engine import go_proxy, proxy_settings
from mesosctl.engine.answer import Answer
from mesosctl.engine.proxy_routes import Way, addresses, declared_way, read, way_of
from mesosctl.inventory.model import Cluster, Host, NoProxy, Proxy, ProxyTools, ProxyUrl, Role, Secret

URL = ProxyUrl("http", "proxy.corp", 3128)
PROXY = Proxy(
    http=URL,
    https=URL,
    username="joe",
    password=Secret("env:P", "hush"),
    no_proxy=NoProxy(hosts=("localhost", "*.glob"), domains=("corp.example",), cidrs=("10.0.0.0/8", "fd00::/8")),
)
HOSTS = (
    Host(name="m1", address="10.0.0.1", roles=frozenset({Role.MASTER})),
    Host(name="a1", address="10.0.0.2", roles=frozenset({Role.AGENT})),
)


def cluster(**changes: Any) -> Cluster:
    proxy = replace(PROXY, **changes)
    return Cluster(name="c", hosts=HOSTS, path=Path("inventory.yaml"), state_dir=Path("state"), proxy=proxy)


def answer(*lines: str) -> Answer:
    made = Answer("N")
    for line in lines:
        made.line(f"N {line}")
    return made


TARGET = "http://m1:8080/"


@pytest.mark.parametrize(
    ("line", "way", "via"),
    [
        ("* Could not resolve proxy: proxy.corp", Way.PROXY, "proxy.corp"),
        ("* Could not resolve host: m1", Way.DIRECT, ""),
        ("* Failed to connect to m1 port 8080 after 0 ms: Couldn't connect to server", Way.DIRECT, ""),
        ("* Failed to connect to 10.9.9.9 port 3128 after 0 ms: Couldn't", Way.PROXY, "10.9.9.9:3128"),
        ("* Failed to connect to m1 port 3128 after 0 ms: Couldn't connect to server", Way.PROXY, "m1:3128"),
        ("fatal: unable to access 'http://m1:8080/': Could not resolve proxy: proxy.corp", Way.PROXY, "proxy.corp"),
        ("Resolving m1 (m1)... failed: Temporary failure in name resolution.", Way.UNKNOWN, ""),
        ("wget: unable to resolve host address 'm1'", Way.DIRECT, ""),
        ("wget: unable to resolve host address 'proxy.corp'", Way.PROXY, "proxy.corp"),
        ("Connecting to m1 (m1)|10.0.0.1|:8080... failed: Network is unreachable.", Way.DIRECT, ""),
        ("Connecting to 10.9.9.9:3128... failed: Network is unreachable.", Way.PROXY, "10.9.9.9:3128"),
        ("Temporary failure resolving 'proxy.corp'", Way.PROXY, "proxy.corp"),
        ("Could not resolve 'm1'", Way.UNKNOWN, ""),
        ("Cannot initiate the connection to 10.9.9.9:3128 (10.9.9.9). - connect (101)", Way.PROXY, "10.9.9.9:3128"),
        ("Cannot initiate the connection to m1:8080 (10.0.0.1). - connect (101)", Way.DIRECT, ""),
        ("direct", Way.DIRECT, ""),
        ("via proxy.corp:3128", Way.PROXY, "proxy.corp:3128"),
        ("connector via proxy.corp:3128 with ****", Way.PROXY, "proxy.corp:3128"),
        ("connector with basic", Way.DIRECT, ""),
        ("something else", Way.UNKNOWN, ""),
    ],
)
def test_what_a_tool_says(line: str, way: Way, via: str) -> None:
    assert way_of(TARGET, [line]) == (way, via)


@pytest.mark.parametrize(
    ("address", "line", "way"),
    [
        ("https://h/", "Failed to connect to h port 443 after 0 ms", Way.DIRECT),
        ("https://h/", "Failed to connect to h port 80 after 0 ms", Way.PROXY),
        ("http://[::1]/", "Failed to connect to ::1 port 80 after 0 ms", Way.DIRECT),
        ("http://[::1]/", "Connecting to [::1]:80... failed: Network is unreachable.", Way.DIRECT),
        ("git://m1/", "trace: run_command: /usr/bin/gitproxy m1 9418", Way.PROXY),
        ("git://m1/", "fatal: unable to look up m1 (port 9418) (Temporary failure in name resolution)", Way.DIRECT),
        ("git://m1/", "fatal: unable to connect to m1:", Way.DIRECT),
        ("git://m1/", "trace: run_command: git something", Way.UNKNOWN),
    ],
)
def test_ports_and_schemes(address: str, line: str, way: Way) -> None:
    assert way_of(address, [line])[0] is way


@pytest.mark.parametrize(
    ("address", "no_proxy", "direct"),
    [
        # https://pkg.go.dev/golang.org/x/net/http/httpproxy
        ("http://h.corp/", "", False),
        ("http://h.corp/", "corp", True),
        ("http://h.corp/", ".corp", True),
        ("http://corp/", ".corp", False),
        ("http://h.corp/", "*.corp", True),
        ("http://hcorp/", "corp", False),
        ("http://h.corp/", " H.CORP , x", True),
        ("http://h.corp/", "h.corp:80", True),
        ("http://h.corp:81/", "h.corp:80", False),
        ("http://10.1.2.3/", "10.0.0.0/8", True),
        ("http://11.1.2.3/", "10.0.0.0/8", False),
        ("http://10.1.2.3/", "10.1.2.3", True),
        ("http://10.1.2.3:5000/", "10.1.2.3:80", False),
        ("http://[fd00::1]/", "fd00::/8", True),
        ("http://[fd00::1]/", "fd00::1", True),
        ("http://h/", "*", True),
        ("http://localhost/", "", True),
        ("http://127.9.9.9/", "", True),
        ("http://h/", "10.0.0.0/99", False),
    ],
)
def test_the_rules_of_go(address: str, no_proxy: str, direct: bool) -> None:
    assert go_proxy.proxy_for(address, http="http://p:1/", https="", no_proxy=no_proxy) == (
        "" if direct else "http://p:1/"
    )


def test_go_takes_the_proxy_of_the_scheme() -> None:
    assert go_proxy.proxy_for("https://h/", http="http://p:1/", https="", no_proxy="") == ""
    assert go_proxy.proxy_for("https://h/", http="http://p:1/", https="http://s:2/", no_proxy="") == "http://s:2/"


def test_default_addresses() -> None:
    assert addresses(cluster()) == [
        "http://example.com/",
        "https://example.com/",
        "http://localhost/",
        "http://www.corp.example/",
        "http://10.0.0.1/",
        "http://[fd00::1]/",
        "http://m1/",
        "http://a1/",
        "http://10.0.0.2/",
    ]


@pytest.mark.parametrize(
    ("changes", "host", "tool", "address", "way"),
    [
        ({}, "m1", "curl", "http://example.com/", Way.PROXY),
        ({}, "m1", "curl", "http://x.corp.example/", Way.DIRECT),
        ({}, "m1", "wget", "http://10.7.7.7/", Way.DIRECT),
        ({}, "m1", "docker", "http://example.com/", Way.DIRECT),
        ({}, "a1", "docker", "http://example.com/", Way.PROXY),
        ({"https": None}, "m1", "curl", "https://example.com/", None),
        ({"http": None, "https": None}, "m1", "curl", "http://example.com/", Way.DIRECT),
        ({"tools": ProxyTools(profile=False)}, "m1", "curl", "http://example.com/", Way.DIRECT),
        ({"tools": ProxyTools(git=False)}, "m1", "git", "http://example.com/", Way.PROXY),
        ({"tools": ProxyTools(git=False)}, "m1", "git://", "git://example.com/", Way.DIRECT),
        ({"tools": ProxyTools(maven=False)}, "m1", "maven", "http://example.com/", Way.DIRECT),
    ],
)
def test_the_declared_way(changes: dict[str, Any], host: str, tool: str, address: str, way: Way | None) -> None:
    made = cluster(**changes)
    assert declared_way(made, made.host(host), tool, address) is way


class TestRead:
    WEB = ("http://example.com/", "http://10.7.7.7/", "http://m1/")

    def routes(self, host: str, *lines: str) -> dict[tuple[str, str], Any]:
        made = cluster()
        git = ("git://example.com/",)
        return {(one.tool, one.address): one for one in read(made, made.host(host), answer(*lines), self.WEB, git)}

    def test_only_installed_tools_have_routes(self) -> None:
        found = self.routes("m1", "tool git", "saw git http://m1/ Could not resolve host: m1")
        assert {tool for tool, _ in found} == {"git", "git://"}
        assert found["git", "http://m1/"].way is Way.DIRECT
        assert found["git", "http://example.com/"].way is Way.UNKNOWN

    def test_a_wrong_way_counts_unless_the_tool_has_an_excuse(self) -> None:
        via = "Connecting to 10.9.9.9:3128... failed"
        found = self.routes("m1", "tool wget", *(f"saw wget {address} {via}" for address in self.WEB))
        assert not found["wget", "http://example.com/"].wrong
        assert found["wget", "http://m1/"].wrong
        assert not found["wget", "http://10.7.7.7/"].wrong
        assert "no network can be named" in found["wget", "http://10.7.7.7/"].excuse

    def test_docker_is_judged_by_its_own_account(self) -> None:
        settings = (
            "docker HTTPProxy http://xxxxx:xxxxx@proxy.corp:3128/",
            "docker HTTPSProxy ",
            "docker NoProxy 10.0.0.0/8",
        )
        found = self.routes("a1", "tool docker", *settings)
        assert found["docker", "http://example.com/"].via == "proxy.corp:3128"
        assert found["docker", "http://10.7.7.7/"].way is Way.DIRECT
        assert not found["docker", "http://m1/"].wrong
        assert "not their names" in found["docker", "http://m1/"].excuse

    def test_a_docker_that_does_not_run_says_nothing(self) -> None:
        assert self.routes("a1", "tool docker")["docker", "http://m1/"].way is Way.UNKNOWN


class TestSettings:
    def settings(self, *lines: str, host: str = "a1", **changes: Any) -> dict[tuple[str, str], proxy_settings.Setting]:
        made = cluster(**changes)
        found = proxy_settings.read(made, made.host(host), answer(*lines))
        return {(one.tool, one.key): one for one in found}

    def test_what_is_in_force_is_compared_without_credentials(self) -> None:
        found = self.settings(
            "setting profile http_proxy http://***@proxy.corp:3128/",
            "setting profile https_proxy http://proxy.corp:3128/",
        )
        assert found["profile", "http_proxy"].as_declared
        assert not found["profile", "https_proxy"].as_declared  # the login is missing
        assert not any("hush" in one.declared for one in found.values())

    def test_tools_that_are_not_installed_are_left_out(self) -> None:
        assert {tool for tool, _ in self.settings()} == {"profile"}

    def test_what_is_set_though_nothing_is_declared(self) -> None:
        found = self.settings("tool git", "setting git http.proxy http://old:1/", http=None, https=None)
        assert not found["git", "http.proxy"].as_declared

    def test_dockers_own_way_of_hiding_credentials(self) -> None:
        line = "setting docker HTTPProxy http://xxxxx:xxxxx@proxy.corp:3128/"
        assert self.settings("tool docker", line)["docker", "HTTPProxy"].as_declared
        assert not self.settings("tool docker", line, host="m1")["docker", "HTTPProxy"].as_declared

    def test_mavens_first_active_proxy_counts(self) -> None:
        text = """<settings xmlns="http://maven.apache.org/SETTINGS/1.0.0"><proxies>
          <proxy><active>false</active><protocol>http</protocol><host>off</host><port>1</port></proxy>
          <proxy><protocol>http</protocol><host>proxy.corp</host><port>3128</port><password>hush</password></proxy>
          <proxy><protocol>http</protocol><host>late</host><port>2</port></proxy></proxies></settings>"""
        found = self.settings("tool maven", f"maven {base64.b64encode(text.encode()).decode()}")
        assert found["maven", "http"].value == "proxy.corp:3128"
        assert found["maven", "http"].as_declared
        assert not any("hush" in one.value for one in found.values())

    def test_the_order_of_exceptions_makes_no_difference(self) -> None:
        hosts = " ".join(reversed(self.settings("tool apt")["apt", "DIRECT"].declared.split()))
        assert self.settings("tool apt", f"setting apt DIRECT {hosts}")["apt", "DIRECT"].as_declared
