"""All chapters, as text: inventories in, rendered hosts out, laid out as on the host so that a diff reads like one.

A case is a folder of `golden` with an inventory; `FAMILY/HOST/` beside it holds every file, and `FAMILY/HOST.resources`
what is no file, with modes, owners and what is restarted. Of hosts with the same roles the first is kept. After a
wanted change: GOLDEN=update pytest tests/unit/test_tasks_golden.py, then read the diff.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from mesosctl.cli import root
from mesosctl.engine.facts import Facts, assumed
from mesosctl.inventory.distribution import Bundle
from mesosctl.inventory.load import load_inventory
from mesosctl.inventory.model import Cluster, Host, Keys, Secret
from mesosctl.resources.program import APPLY, compile_program
from mesosctl.resources.types import Block, Resource, Restored, Retired
from mesosctl.tasks import STAGES, rendered, resources_of
from mesosctl.tasks.mesos_python import platform_of

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(path.parent.name for path in GOLDEN.glob("*/inventory.yaml"))
FAMILIES = ["debian", "redhat"]
UPDATE = os.environ.get("GOLDEN") == "update"

KEYS = Keys(
    operator_public="ssh-ed25519 AAAAoperator operator",
    node_public="ssh-ed25519 AAAAnodes nodes",
    node_private=Secret("file:node", "the private half\n"),
)


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOLDEN_PASSWORD", "p@:/%&<'\"$ \\é")
    monkeypatch.setenv("GOLDEN_ZK", "zk$ecret'")


def load(case: str) -> Cluster:
    cluster = load_inventory(GOLDEN / case / "inventory.yaml")
    bundles = {
        platform: Bundle(Path("state/bundles/bundle.tar.gz"), "b" * 64)
        for host in cluster.hosts
        for family in FAMILIES
        if (platform := platform_of(host, facts_of(family)))
    }
    return dataclasses.replace(cluster, keys=KEYS, state_dir=Path("state"), bundles=bundles)


def facts_of(family: str) -> Facts:
    return dataclasses.replace(assumed(family), homes={"root": "/root", "deploy": "/home/deploy"})


def different_hosts(cluster: Cluster) -> list[Host]:
    return list({host.roles: host for host in reversed(cluster.hosts)}.values())


def described(resource: Resource) -> str:
    """A resource on one line: its name and whatever differs from the defaults, without the content of files."""
    if isinstance(resource, Restored | Retired) or (isinstance(resource, Block) and not resource.content):
        return f"{resource.id} (taken back)"
    told = {"path", "content", "name", "names", "key"}
    changed = [
        f"{field.name}={sorted(dict(value)) if field.name == 'proxy' else value}"
        for field in dataclasses.fields(resource)
        if field.name not in told and (value := getattr(resource, field.name)) != field.default
    ]
    return " ".join([resource.id, *changed])


def tree(case: str, family: str) -> dict[str, str]:
    """Every golden file of a case and family, by its path below the case's folder."""
    cluster, facts = load(case), facts_of(family)
    found: dict[str, str] = {}
    for host in different_hosts(cluster):
        for file in rendered.files(cluster, host, facts):
            found[f"{family}/{host.name}{file.path}"] = file.content
        lines = []
        for stage in STAGES:
            lines.append(f"[{stage.name}]")
            lines += [described(resource) for resource in resources_of(stage, cluster, host, facts)]
        text = "\n".join(lines).replace(str(GOLDEN), "GOLDEN") + "\n"
        found[f"{family}/{host.name}.resources"] = text
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_golden(case: str, family: str) -> None:
    folder = GOLDEN / case
    wanted = tree(case, family)
    if UPDATE:
        shutil.rmtree(folder / family, ignore_errors=True)
        for path, content in wanted.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content.encode())
    kept = {
        str(path.relative_to(folder)): path.read_bytes().decode()
        for path in (folder / family).rglob("*")
        if path.is_file()
    }
    assert sorted(kept) == sorted(wanted)
    for path, content in wanted.items():
        assert content == kept[path], path


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("case", CASES)
def test_resources_have_one_name_each_and_become_a_program(case: str, family: str) -> None:
    cluster, facts = load(case), facts_of(family)
    for host in cluster.hosts:
        for stage in STAGES:
            names = [resource.id for resource in resources_of(stage, cluster, host, facts)]
            assert len(names) == len(set(names))
        resources = [resource for stage in STAGES for resource in resources_of(stage, cluster, host, facts)]
        program = compile_program(resources, APPLY, nonce="n", step_timeout=60)
        subprocess.run(["dash", "-n"], input=program.encode(), check=True)


def test_shell_files_pass_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("no shellcheck here")
    files = [path for path in GOLDEN.rglob("*") if path.is_file() and path.suffix != ".resources"]
    heads = {path: path.read_bytes()[:30] for path in files}
    shell = [path for path, head in heads.items() if head.startswith((b"#!/bin/sh", b"# shellcheck shell=sh"))]
    assert {path.name for path in shell} >= {"proxy.sh", "gitproxy", "zookeeper-server", "mesos-master-env.sh"}
    # SC2016: a value with a dollar sign is meant as it stands.
    run = subprocess.run(
        [shellcheck, "--exclude=SC2016", *map(str, shell)], capture_output=True, text=True, check=False
    )
    assert run.stdout == ""
    assert run.returncode == 0


@pytest.mark.parametrize("init", ["systemd", "script"])
def test_hosts_without_systemd_get_a_plain_script(init: str) -> None:
    cluster = load("guide")
    facts = dataclasses.replace(assumed("debian"), init=init)
    paths = {file.path: file for file in rendered.files(cluster, cluster.hosts[0], facts)}
    assert ("/etc/init.d/zookeeper" in paths) == (init == "script")
    assert ("/etc/systemd/system/zookeeper.service" in paths) == (init == "systemd")
    script = paths.get("/etc/init.d/zookeeper")
    if script:
        assert script.mode == "0755"
        subprocess.run(["shellcheck", "-"], input=script.content.encode(), check=True)


def test_environment_files_are_read_by_a_shell(tmp_path: Path) -> None:
    cluster = load("odd")
    files = {file.path: file for file in rendered.files(cluster, cluster.host("w1"), assumed("debian"))}
    for path in files:
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(files[path].content.replace("/opt/mesos", f"{tmp_path}/opt/mesos"))
    script = f". {tmp_path}/opt/mesos/etc/mesos/mesos-slave-env.sh; env -0"
    output = subprocess.run(["dash", "-euc", script], capture_output=True, check=True).stdout.decode()
    values = dict(item.split("=", 1) for item in output.split("\0") if item.startswith("MESOS_"))
    assert values["MESOS_attributes"] == "rack:r1;zone:a"
    assert values["MESOS_resources"] == "cpus:4;ports:[31000-32000]"
    assert values["MESOS_master"] == f"file://{tmp_path}/opt/mesos/etc/mesos/zk"
    zk = files["/opt/mesos/etc/mesos/zk"]
    assert (zk.content, zk.mode) == ("zk://mesos:zk$ecret'@10.1.0.1:2181/mesos", "0600")


def test_marathon_gets_its_flags_and_shows_no_password(tmp_path: Path) -> None:
    cluster = load("odd")
    files = {file.path: file for file in rendered.files(cluster, cluster.host("w1"), assumed("debian"))}
    for path in ("/opt/marathon/bin/start-marathon", "/opt/marathon/conf/credentials.env"):
        target = tmp_path / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(files[path].content.replace("/opt/marathon", f"{tmp_path}/opt/marathon"))
    start = tmp_path / "opt/marathon/bin/start"
    start.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$MARATHON_ZK" "$MESOS_NATIVE_JAVA_LIBRARY" "${MARATHON_HOME-unset}" "$@"\n'
    )
    start.chmod(0o755)
    run = subprocess.run(
        ["dash", str(tmp_path / "opt/marathon/bin/start-marathon"), "--extra"],
        env={**os.environ, "MARATHON_HOME": "/x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.splitlines() == [
        "zk://mesos:zk$ecret'@10.1.0.1:2181/marathon",
        "/usr/local/lib/libmesos.so",
        "unset",
        *[
            "--hostname",
            "10.1.0.2",
            "--http_port",
            "8088",
            "--task_launch_timeout",
            "300000",
            "--disable_ha",
            "--extra",
        ],
    ]
    assert "ecret" not in files["/opt/marathon/bin/start-marathon"].content


def test_render_writes_all_files_with_their_modes(tmp_path: Path) -> None:
    directory = tmp_path / "out"
    arguments = ["render", str(directory), str(GOLDEN / "guide" / "inventory.yaml"), "--family", "redhat"]
    assert root.main(arguments, standalone_mode=False) is None
    secret = directory / "a1/root/.m2/settings.xml"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert (directory / "m1/usr/local/sbin/zookeeper-server").stat().st_mode & 0o777 == 0o755
    assert directory.stat().st_mode & 0o777 == 0o700
    assert {path.name for path in directory.iterdir()} == {"m1", "m2", "m3", "a1", "a2"}
    with pytest.raises(Exception, match="not empty"):
        root.main(arguments, standalone_mode=False)
    root.main([*arguments, "--force", "--output", "json"], standalone_mode=False)
    assert not list(directory.rglob(".*.new"))


def test_tasks_are_quick() -> None:
    """A hundred hosts must not cost seconds before the first is contacted."""
    cluster = load("guide")
    many = tuple(dataclasses.replace(cluster.hosts[4], name=f"n{i}", address=f"10.0.1.{i}") for i in range(95))
    cluster = dataclasses.replace(cluster, hosts=(*cluster.hosts, *many))
    facts = assumed("debian")
    started = time.process_time()
    for host in cluster.hosts:
        for stage in STAGES:
            resources_of(stage, cluster, host, facts)
    assert time.process_time() - started < 3.0
