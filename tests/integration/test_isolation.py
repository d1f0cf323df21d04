"""Limits and separation of containers on this host's kernel, with a real agent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.agent.containerizer.cgroups import host_hierarchies
from mesosctl.runtime.agent.containerizer.disk import used_bytes
from mesosctl.runtime.protocol.basics import ExecutorID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, RLimitInfo
from mesosctl.runtime.protocol.resources import Resource, Value, Volume
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskInfo, TaskStatus
from tests.integration.agent import TERMINAL, eventually, running_agent
from tests.integration.fake_master import AGENT_ID, FRAMEWORK, FRAMEWORK_ID, FakeMaster

CGROUPS = "/sys/fs/cgroup"
ROOT = f"mesosctl-test-{os.getpid()}"
HAS_CGROUPS = os.geteuid() == 0 and {"cpu", "memory", "pids"} <= host_hierarchies(CGROUPS).keys()
pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="isolation needs root")
needs_cgroups = pytest.mark.skipif(not HAS_CGROUPS, reason="no cgroups here")
RLimit = RLimitInfo.RLimit
Reason = TaskStatus.Reason


def resources(**scalars: float) -> tuple[Resource, ...]:
    return tuple(
        Resource(name=name, type=Value.Type.SCALAR, scalar=Value.Scalar(amount)) for name, amount in scalars.items()
    )


def mesos(**fields: object) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.MESOS, **fields)  # type: ignore[arg-type]


def ended(master: FakeMaster) -> TaskStatus:
    return master.statuses_until(lambda status: status.state in TERMINAL)[-1]


def groups() -> list[Path]:
    found = {hierarchy.path for hierarchy in host_hierarchies(CGROUPS).values()}
    return [group for path in found for group in path.glob(f"{ROOT}/*/*") if group.is_dir()]


GREEDY = "x = bytearray(300 << 20); print('survived')"


@needs_cgroups
def test_cgroups(master: FakeMaster, tmp_path: Path) -> None:
    flags = ("--isolation=cgroups/cpu,cgroups/mem,cgroups/pids", f"--cgroups_root={ROOT}", "--cgroups_enable_cfs")
    try:
        with running_agent(master, tmp_path, *flags) as process:
            master.run("idle", "sleep 1000", resources=resources(cpus=0.5, mem=64))
            master.states_until("RUNNING")
            assert len(groups()) >= 3
            container_id = process.get("/containers")[0]["container_id"]
            assert {group.name for group in groups()} == {container_id}
            values = {
                name: path.read_text().strip()
                for group in groups()
                for path in group.iterdir()
                if path.is_file()
                for name in [path.name]
                if name in LIMITS
            }
            assert values.items() <= LIMITS.items() or values.items() <= LIMITS_2.items(), values
            (statistics,) = (entry["statistics"] for entry in process.get("/containers"))
            assert statistics["mem_limit_bytes"] == 96 << 20
            assert statistics["mem_total_bytes"] > 0
            assert statistics["threads"] >= 2
            assert statistics["cpus_user_time_secs"] >= 0

            command = CommandInfo(shell=False, value=sys.executable, arguments=("python", "-c", GREEDY))
            master.run("greedy", command, resources=resources(cpus=0.5, mem=64))
            status = ended(master)
            assert (status.task_id.value, status.state) == ("greedy", "TASK_FAILED")
            assert status.reason is TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY
            assert (status.message or "").startswith("Memory limit exceeded: Requested: 96MB Maximum Used: 9")
            assert "survived" not in process.sandbox("greedy").joinpath("stdout").read_text()

            master.run("daemon", "setsid --fork sh -c 'exec setsid sleep 98771' & wait; sleep 0.2")
            assert ended(master).state == "TASK_FINISHED"
            eventually(lambda: {group.name for group in groups()} == {container_id})
            master.send(internal.KillTask(FRAMEWORK_ID, TaskID("idle")))
            assert ended(master).state == "TASK_KILLED"
            eventually(lambda: not groups())
    finally:
        for path in {hierarchy.path / ROOT for hierarchy in host_hierarchies(CGROUPS).values()}:
            subprocess.run(["find", str(path), "-depth", "-type", "d", "-delete"], check=False, capture_output=True)


LIMITS = {"cpu.shares": "614", "cpu.cfs_quota_us": "60000", "memory.limit_in_bytes": str(96 << 20)}
LIMITS_2 = {"cpu.weight": "60", "cpu.max": "60000 100000", "memory.max": str(96 << 20)}


def test_volumes_limits_and_process_ids(master: FakeMaster, tmp_path: Path) -> None:
    host = tmp_path / "host"
    host.mkdir()
    host.joinpath("given").write_text("given\n")
    point = tmp_path / "point"
    point.mkdir()
    volumes = (
        Volume(Volume.Mode.RO, "inside", str(host)),
        Volume(Volume.Mode.RW, str(point), str(host)),
        Volume(Volume.Mode.RW, "to", "from"),
    )
    rlimits = RLimitInfo((RLimit(RLimit.Type.RLMT_NOFILE, 123, 77), RLimit(RLimit.Type.RLMT_CORE)))
    command = (
        f"cat inside/given {point}/given; touch inside/new || echo read-only; echo made > {point}/made; "
        "echo x > to/x; ulimit -n; ulimit -Hn; ulimit -c; ls /proc | grep -c '^[0-9]'; echo $$; exit 7"
    )
    with running_agent(master, tmp_path, "--isolation=namespaces/pid,posix/cpu,network/cni") as process:
        master.run("a", command, container=mesos(volumes=volumes, rlimit_info=rlimits))
        status = ended(master)
        assert (status.state, status.message) == ("TASK_FAILED", "Command exited with status 7")
        sandbox = process.sandbox("a")
        lines = sandbox.joinpath("stdout").read_text().splitlines()
        assert lines[:6] == ["given", "given", "read-only", "77", "123", "unlimited"]
        assert int(lines[6]) < 10  # processes seen
        assert int(lines[7]) < 20  # the shell's id
        assert host.joinpath("made").read_text() == "made\n"
        assert sandbox.joinpath("from/x").read_text() == "x\n"
        assert list(point.iterdir()) == []  # nothing is mounted outside

        master.run("b", "sleep 98772 & sleep 98773")
        master.states_until("RUNNING")
        master.send(internal.KillTask(FRAMEWORK_ID, TaskID("b")))
        assert ended(master).state == "TASK_KILLED"

        for name, wrong, problem in (
            ("c", Volume(Volume.Mode.RO, "x", "/no/such"), "/no/such"),
            ("d", Volume(Volume.Mode.RW, "../../x", str(host)), "out of the sandbox"),
            ("e", Volume(Volume.Mode.RW, "x"), "no source"),
        ):
            master.run(name, "true", container=mesos(volumes=(wrong,)))
            status = ended(master)
            assert status.reason is TaskStatus.Reason.REASON_CONTAINER_LAUNCH_FAILED
            assert problem in (status.message or "")


def test_a_task_over_its_disk(master: FakeMaster, tmp_path: Path) -> None:
    flags = ("--isolation=disk/du", "--enforce_container_disk_quota", "--container_disk_watch_interval=100ms")
    with running_agent(master, tmp_path, *flags):
        master.run("a", "head -c 9000000 /dev/zero > big; sleep 1000", resources=resources(disk=8))
        status = ended(master)
        assert status.reason is TaskStatus.Reason.REASON_CONTAINER_LIMITATION_DISK
        assert status.message == "Disk usage (8MB) exceeds quota (8MB)"
        tasks = [
            TaskInfo(
                name=name,
                task_id=TaskID(name),
                agent_id=AGENT_ID,
                resources=resources(disk=4),
                command=CommandInfo(value=command),
            )
            for name, command in (("greedy", "head -c 9000000 /dev/zero > big; sleep 1000"), ("modest", "sleep 1000"))
        ]
        pod = ExecutorInfo(executor_id=ExecutorID("pod"), type=ExecutorInfo.Type.DEFAULT, framework_id=FRAMEWORK_ID)
        master.send(internal.RunTasks(FRAMEWORK, tuple(tasks), pod, group=True))
        for status in (ended(master), ended(master)):
            assert (status.state, status.reason) == ("TASK_FAILED", Reason.REASON_CONTAINER_LIMITATION_DISK)
            assert status.limitation
            (used,) = status.limitation.resources
            assert (used.name, used.scalar) == ("disk", Value.Scalar(8))


def test_unknown_isolators_are_refused(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mesosctl.runtime.agent", "--master=127.0.0.1:1", f"--work_dir={tmp_path}"]
    run = subprocess.run(
        [*command, "--isolation=posix/cpu,magic"], capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 1
    assert "Unknown or unsupported isolator 'magic'" in run.stderr


def test_disk_counts_a_linked_file_once(tmp_path: Path) -> None:
    tmp_path.joinpath("a").write_bytes(b"x" * 100_000)
    os.link(tmp_path / "a", tmp_path / "b")
    os.symlink("/usr", tmp_path / "c")
    assert 100_000 <= used_bytes(str(tmp_path)) < 200_000
