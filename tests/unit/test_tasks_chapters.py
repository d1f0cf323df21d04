"""Chapters whose resources depend on what the host says of itself, as tables; and the quoting of templates."""

from __future__ import annotations

import shlex
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesosctl import tasks, templates
from mesosctl.engine.facts import assumed
from mesosctl.inventory.model import Cluster, Docker, Host, Java, Proxy, ProxyTools, ProxyUrl, Role, SelinuxMode, Ssh
from mesosctl.resources.types import Block, Command, File, Packages, Restored, Service, Setting
from mesosctl.tasks import docker, docker_repository, hosts_file, java, selinux, socat, ssh_keys, zookeeper_service
from mesosctl.templates import filters

AGENT = Host(name="a1", address="10.0.0.1", roles=frozenset({Role.AGENT}))
SERVER = Host(name="z1", address="10.0.0.2", roles=frozenset({Role.ZOOKEEPER}), zookeeper_id=1)
CLUSTER = Cluster(name="c", path=Path("i"), state_dir=Path("s"), hosts=(AGENT, SERVER))
DEBIAN, REDHAT = assumed("debian"), assumed("redhat")


@pytest.mark.parametrize(
    ("mode", "now", "expected"),
    [
        ("unmanaged", "enforcing", []),
        ("permissive", "absent", []),
        ("permissive", "enforcing", ["SELinux permissive now", "SELINUX=permissive"]),
        ("enforcing", "permissive", ["SELinux enforcing now", "SELINUX=enforcing"]),
        ("permissive", "disabled", ["no kernel argument", "SELINUX=permissive", "reboot required"]),
        ("enforcing", "disabled", ["no kernel argument", "SELINUX=permissive", "touch /.autorelabel"]),
        ("disabled", "disabled", ["kernel argument selinux=0", "SELINUX=disabled"]),
        (
            "disabled",
            "enforcing",
            ["SELinux permissive now", "kernel argument selinux=0", "SELINUX=disabled", "reboot required"],
        ),
    ],
)
def test_selinux(mode: str, now: str, expected: list[str]) -> None:
    cluster = replace(CLUSTER, selinux=SelinuxMode(mode))
    found = selinux.resources(cluster, AGENT, replace(REDHAT, selinux=now))
    texts = []
    for resource in found:
        if isinstance(resource, Setting):
            texts.append(f"{resource.key}={resource.value}")
        if isinstance(resource, Command):
            texts.append(f"{resource.name} {resource.check}")
    assert len(texts) == len(expected)
    assert all(part in text for part, text in zip(expected, texts, strict=True))


def test_selinux_has_no_kernel_argument_before_release_9() -> None:
    cluster = replace(CLUSTER, selinux=SelinuxMode.DISABLED)
    names = [item.id for item in selinux.resources(cluster, AGENT, replace(REDHAT, os_version="8.9"))]
    assert "kernel argument selinux=0" not in names


def test_selinux_note_is_shown_and_changes_nothing() -> None:
    cluster = replace(CLUSTER, selinux=SelinuxMode.DISABLED)
    note = selinux.resources(cluster, AGENT, REDHAT)[-1]
    assert isinstance(note, Command)
    run = subprocess.run(["dash", "-c", note.check], capture_output=True, text=True, check=True)
    assert run.stdout.startswith("note: reboot required: SELinux is permissive until then")


@pytest.mark.parametrize(
    ("source", "facts", "packages"),
    [
        ("auto", DEBIAN, ("docker.io",)),
        ("auto", REDHAT, ("docker-ce", "docker-ce-cli", "containerd.io")),
        ("docker", DEBIAN, ("docker-ce", "docker-ce-cli", "containerd.io")),
        ("none", DEBIAN, None),
    ],
)
def test_docker(source: str, facts: object, packages: tuple[str, ...] | None) -> None:
    cluster = replace(CLUSTER, docker=Docker(source=source))
    found = docker.resources(cluster, AGENT, facts)  # type: ignore[arg-type]
    assert [item.names for item in found if isinstance(item, Packages)] == ([packages] if packages else [])
    assert [item.name for item in found if isinstance(item, Service)] == (["docker"] if packages else [])
    assert docker.resources(cluster, SERVER, facts) == []  # type: ignore[arg-type]


def test_docker_repository_of_ubuntu_is_set_up_in_order() -> None:
    cluster = replace(CLUSTER, docker=Docker(source="docker"))
    ubuntu = replace(DEBIAN, os_id="ubuntu", os_codename="jammy")
    certificates, key, sources = docker_repository.resources(cluster, AGENT, ubuntu)
    assert isinstance(certificates, Packages)
    assert isinstance(key, Command)
    assert isinstance(sources, File)
    assert "/linux/ubuntu/gpg" in key.apply
    assert "https://download.docker.com/linux/ubuntu jammy stable" in sources.content
    assert sources.notify == ("apt-lists",)
    assert isinstance(docker_repository.resources(CLUSTER, AGENT, ubuntu)[0], Restored)


@pytest.mark.parametrize(
    ("system", "version", "folder"),
    [
        ("rocky", "9.4", "centos/9"),
        ("rhel", "9.2", "rhel/9"),
        ("rhel", "10.0", "rhel/10"),
        ("ol", "8.10", "centos/8"),
        ("fedora", "41", "fedora/41"),
    ],
)
def test_docker_repository_of_a_major_release(system: str, version: str, folder: str) -> None:
    (repository,) = docker_repository.resources(CLUSTER, AGENT, replace(REDHAT, os_id=system, os_version=version))
    assert isinstance(repository, File)
    assert f"baseurl=https://download.docker.com/linux/{folder}/$basearch/stable\n" in repository.content
    assert f"gpgkey=https://download.docker.com/linux/{folder.partition('/')[0]}/gpg\n" in repository.content


def test_docker_repository_leaves_the_proxy_to_dnf_unless_it_is_reached_directly() -> None:
    behind = Proxy(http=ProxyUrl("http", "p", 1))
    inside = replace(behind, no_proxy=replace(behind.no_proxy, domains=("docker.com",)))
    for proxy, line in ((Proxy(), ""), (behind, ""), (inside, "proxy=_none_\n")):
        (repository,) = docker_repository.resources(replace(CLUSTER, proxy=proxy), AGENT, REDHAT)
        assert isinstance(repository, File)
        assert repository.content.partition("gpg\n")[2] == line


@pytest.mark.parametrize(
    ("facts", "package"),
    [
        (DEBIAN, "default-jre-headless"),
        (REDHAT, "java-17-openjdk-headless"),
        (replace(REDHAT, os_version="7.9", package_manager="yum"), "java-1.8.0-openjdk-headless"),
        (replace(REDHAT, os_version="10.0"), "java-21-openjdk-headless"),
        (replace(REDHAT, os_id="fedora", os_version="41"), "java-21-openjdk-headless"),
    ],
)
def test_java(facts: object, package: str) -> None:
    (found,) = java.resources(CLUSTER, SERVER, facts)  # type: ignore[arg-type]
    assert isinstance(found, Packages)
    assert found.names == (package,)
    assert java.resources(CLUSTER, AGENT, DEBIAN) == []
    assert java.resources(replace(CLUSTER, java=Java(package="none")), SERVER, DEBIAN) == []


def test_socat_only_for_git_behind_a_proxy() -> None:
    behind = Proxy(http=ProxyUrl("http", "p", 1))
    assert socat.resources(CLUSTER, AGENT, DEBIAN) == []
    (found,) = socat.resources(replace(CLUSTER, proxy=behind), AGENT, DEBIAN)
    assert isinstance(found, Packages)
    assert ("http_proxy", "http://p:1/") in found.proxy
    without = replace(behind, tools=ProxyTools(git=False))
    assert socat.resources(replace(CLUSTER, proxy=without), AGENT, DEBIAN) == []


def test_hosts_that_have_only_a_name_are_left_to_the_name_server() -> None:
    named = Host(name="db", address="db.example", roles=frozenset({Role.AGENT}))
    (block,) = hosts_file.resources(replace(CLUSTER, hosts=(AGENT, named)), AGENT, DEBIAN)
    assert isinstance(block, Block)
    assert block.content == "10.0.0.1 a1\n"


def test_login_user_gets_the_operators_key_and_root_the_nodes_key() -> None:
    host = replace(AGENT, ssh=Ssh(user="deploy", sudo=True))
    facts = replace(DEBIAN, homes={"root": "/root", "deploy": "/srv/deploy"})
    found = {item.id: item for item in ssh_keys.resources(CLUSTER, host, facts)}
    operator = found["block operator in /srv/deploy/.ssh/authorized_keys"]
    assert isinstance(operator, Block)
    assert (operator.owner, operator.mode) == ("deploy", "0600")
    assert "block nodes in /root/.ssh/authorized_keys" in found
    assert isinstance(found["file /root/.ssh/id_ed25519_mesosctl"], Restored)


def test_ready_is_a_command_of_both_shells() -> None:
    (service,) = zookeeper_service.resources(CLUSTER, SERVER, DEBIAN)
    assert isinstance(service, Service)
    for shell in ("dash", "bash"):
        # Nothing listens there in a test: not ready, and no member.
        assert subprocess.run([shell, "-c", service.ready.replace("2181", "1")], check=False).returncode != 0
        run = subprocess.run([shell, "-c", service.member.replace("2181", "1")], capture_output=True, check=False)
        assert run.stdout == b""


def test_stages() -> None:
    names = [name for stage in tasks.STAGES for name in stage.tasks]
    assert len(names) == len(set(names))
    assert names.index("proxy") < names.index("docker_repository") < names.index("docker")
    for name in names:
        chapter = tasks.chapter(name)
        assert chapter.TITLE
        assert chapter.__doc__
    assert tasks.stage("packages").name == "packages"
    with pytest.raises(KeyError):
        tasks.stage("none")


class Values(NamedTuple):
    value: str


def test_a_template_cannot_print_what_is_not_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain.j2").write_text("{{ value }}")
    (tmp_path / "quoted.j2").write_text("{{ value | sh }}")
    (tmp_path / "unknown.j2").write_text("{% if valeu %}x{% endif %}")
    monkeypatch.setattr(templates, "FOLDER", tmp_path)
    templates._environment.cache_clear()
    try:
        assert templates.render("quoted", Values("a b")) == "'a b'"
        with pytest.raises(TypeError, match="without a filter"):
            templates.render("plain", Values("a b"))
        with pytest.raises(Exception, match="valeu"):
            templates.render("unknown", Values("a b"))
    finally:
        templates._environment.cache_clear()


@pytest.mark.parametrize("name", sorted(filters.FILTERS))
@pytest.mark.parametrize("text", ["a\nb", "a\rb", "a\0b", "\x1b[0m"])
def test_no_format_takes_control_characters(name: str, text: str) -> None:
    with pytest.raises(filters.Unquotable) as caught:
        filters.FILTERS[name](text)
    assert text not in str(caught.value)


@given(st.text(st.characters(min_codepoint=32, exclude_categories=["Cc", "Cs"])))
def test_quoting_is_undone_by_reading(text: str) -> None:
    assert shlex.split(filters.sh(text)) == [text]
    assert shlex.split(filters.environment_file(text).replace("\\`", "`").replace("\\$", "$")) == [text]
    assert filters.properties(text).isascii()


def test_packaging_sees_every_template() -> None:
    """setuptools leaves out hidden files and folders."""
    found = [path.relative_to(templates.FOLDER) for path in templates.FOLDER.rglob("*.j2")]
    assert found
    assert not [path for path in found if any(part.startswith(".") for part in path.parts)]
