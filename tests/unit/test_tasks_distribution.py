"""What each distribution puts on a host, and that the links into a release can be laid, moved and taken away."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from mesosctl.engine.facts import assumed
from mesosctl.inventory.distribution import Bundle, MesosPackages, MesosTarball
from mesosctl.inventory.model import Cluster, Host, Role
from mesosctl.resources.program import APPLY, PLAN, Mode, compile_program
from mesosctl.resources.types import Archive, Command, File, Link, Packages, Resource, Restored
from mesosctl.tasks import guards, mesos_package
from mesosctl.tasks.mesos_python import platform_of

AGENT = Host(name="a", address="10.0.0.1", roles=frozenset({Role.AGENT}))
CLUSTER = Cluster(name="c", hosts=(AGENT,), path=Path("inventory.yaml"), state_dir=Path("state"))
DEBIAN, REDHAT = assumed("debian"), assumed("redhat")


def kinds(cluster: Cluster, family: str = "debian") -> dict[type[Resource], Resource]:
    return {type(item): item for item in mesos_package.resources(cluster, AGENT, assumed(family))}


def test_the_bundle_of_the_hosts_platform() -> None:
    platform = platform_of(AGENT, DEBIAN)
    assert platform
    found = kinds(replace(CLUSTER, bundles={platform: Bundle(Path("b.tar.gz"), "a" * 64)}))
    assert found[Archive] == Archive(source=Path("b.tar.gz"), sha256="a" * 64, path=f"/opt/mesos/{'a' * 12}")
    assert found[Link] == Link(path="/opt/mesos/current", target="a" * 12, notify=("mesos-agent",)), (
        "and what runs is restarted"
    )


def test_a_tarball_is_installed_the_same_way() -> None:
    found = kinds(replace(CLUSTER, distribution=MesosTarball("/srv/mesos.tar.gz", "b" * 64)))
    assert found[Archive] == Archive(source=Path("/srv/mesos.tar.gz"), sha256="b" * 64, path=f"/opt/mesos/{'b' * 12}")
    assert Packages not in found


def test_packages_of_a_repository() -> None:
    source = MesosPackages(("mesos=1.11.0-2",), "https://mirror.example/mesos bookworm main")
    apt = kinds(replace(CLUSTER, distribution=source))
    assert isinstance(apt[File], File)
    assert apt[File].content.endswith("\ndeb https://mirror.example/mesos bookworm main\n")
    assert isinstance(apt[Packages], Packages)
    assert apt[Packages].names == ("mesos=1.11.0-2",)
    assert isinstance(apt[Restored], Restored)
    assert apt[Restored].path == "/opt/mesos/current"
    dnf = kinds(replace(CLUSTER, distribution=replace(source, repository="https://mirror.example/el9")), "redhat")
    assert isinstance(dnf[File], File)
    assert "baseurl=https://mirror.example/el9\n" in dnf[File].content


def test_nothing_is_put_over_what_is_preinstalled() -> None:
    found = kinds(replace(CLUSTER, distribution="preinstalled"))
    assert not {Archive, Link, Packages, File} & found.keys()


def test_a_host_without_python_is_refused() -> None:
    old = replace(DEBIAN, os_version="11", pythons=(("/usr/bin/python3.9", "3.9.2"),))
    [refusal] = guards.refusals(CLUSTER, {"a": old})
    assert (refusal.id, refusal.where) == ("mesos-python", "a")
    assert guards.refusals(replace(CLUSTER, distribution="preinstalled"), {"a": old}) == []
    assert guards.refusals(CLUSTER, {"a": REDHAT}) == []


class Prefix:
    """A prefix and releases in a folder of the test's, and the chapter's own command on them."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.home, self.prefix = folder, folder / "opt", folder / "local"
        monkeypatch.setattr(mesos_package, "CURRENT", str(self.home / "current"))
        (self.prefix / "sbin").mkdir(parents=True)

    def release(self, name: str, *programs: str) -> None:
        for program in programs:
            path = self.home / name / program
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
        (self.home / "current").unlink(missing_ok=True)
        (self.home / "current").symlink_to(name)

    def run(self, mode: Mode) -> str:
        mesos = replace(CLUSTER.mesos, prefix=str(self.prefix))
        [command] = [
            item
            for item in mesos_package.resources(replace(CLUSTER, mesos=mesos), AGENT, DEBIAN)
            if isinstance(item, Command)
        ]
        program = compile_program([command], mode, nonce="n", step_timeout=9)
        program = program.replace("/var/lib/mesosctl", str(self.folder / "state"))
        done = subprocess.run(["dash"], input=program, capture_output=True, text=True, check=False)
        return [line.split()[2] for line in done.stdout.splitlines() if line.startswith("n 0 ")][-1]

    def links(self) -> set[str]:
        return {str(path.relative_to(self.prefix)) for path in self.prefix.rglob("*") if path.is_symlink()}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Prefix:
    return Prefix(tmp_path, monkeypatch)


def test_links_follow_the_release(place: Prefix) -> None:
    (place.prefix / "sbin" / "other").symlink_to("/bin/true")
    place.release(
        "one", "sbin/mesos-master", "sbin/unrelated", "libexec/mesos/x", "etc/mesos/a.template", "lib/libmesos.so"
    )
    assert place.run(PLAN) == "pending"
    assert place.run(APPLY) == "changed"
    assert place.run(APPLY) == "ok"
    own = {"sbin/mesos-master", "libexec/mesos", "etc/mesos/a.template", "lib/libmesos.so"}
    assert place.links() == {"sbin/other", *own}
    place.release("two", "sbin/mesos-master", "bin/mesos")
    assert place.run(APPLY) == "changed"
    assert place.links() == {"sbin/other", "sbin/mesos-master", "bin/mesos"}
    assert (place.prefix / "sbin" / "mesos-master").read_text() == "two"
    assert place.run(Mode(write=True, unset=True)) == "changed"
    assert place.links() == {"sbin/other"}
    assert place.run(Mode(write=True, unset=True)) == "ok"
    assert {path.name for path in place.prefix.iterdir()} == {"sbin"}, "folders that were made are gone too"


def test_a_program_that_is_there_already_stops_it(place: Prefix) -> None:
    (place.prefix / "sbin" / "mesos-master").write_text("the operator's own")
    place.release("one", "sbin/mesos-master")
    assert place.run(APPLY) == "failed"
    assert (place.prefix / "sbin" / "mesos-master").read_text() == "the operator's own"
