"""What the cgroup isolators find, write and read, on files that stand for the kernel's."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from mesosctl.runtime.agent.containerizer.base import MB, Holding
from mesosctl.runtime.agent.containerizer.cgroups import Groups, Hierarchy, hierarchies
from mesosctl.runtime.agent.containerizer.controllers import CpuIsolator, MemoryIsolator
from mesosctl.runtime.protocol.tasks import TaskStatus

HELD = Holding(cpus=0.5, memory=64 * MB, disk=0)


def groups(tmp_path: Path, version: int) -> Groups:
    made = Groups(Hierarchy(tmp_path, version), "mesos", "/work", "memory")
    made.path("c").mkdir()
    return made


def test_hierarchies_of_both_versions(tmp_path: Path) -> None:
    unified = tmp_path / "unified"
    unified.mkdir()
    unified.joinpath("cgroup.controllers").write_text("cpuset memory\n")
    mounts = f"""\
30 24 0:26 / {tmp_path}/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct
31 24 0:27 / {unified} rw - cgroup2 cgroup2 rw
32 24 0:28 / /elsewhere/pids rw - cgroup cgroup rw,pids
"""
    found = hierarchies(mounts, str(tmp_path))
    assert found["cpu"] == found["cpuacct"] == Hierarchy(tmp_path / "cpu,cpuacct", 1)
    assert found["memory"] == Hierarchy(unified, 2)
    assert "pids" not in found


def test_controllers_are_handed_down_in_version_2(tmp_path: Path) -> None:
    path = groups(tmp_path, 2).path("c").parent
    for folder in (tmp_path, tmp_path / "mesos", path):
        assert folder.joinpath("cgroup.subtree_control").read_text() == "+memory"


def test_two_agents_share_no_group(tmp_path: Path) -> None:
    first = Groups(Hierarchy(tmp_path, 1), "mesos", "/a", "cpu")
    second = Groups(Hierarchy(tmp_path, 1), "mesos", "/b", "cpu")
    first.path("c").mkdir()
    assert first.names() == {"c"}
    assert second.names() == set()


@pytest.mark.parametrize(
    ("held", "enable_cfs", "version", "expected"),
    [
        (HELD, False, 1, {"cpu.shares": "512"}),
        (HELD, True, 1, {"cpu.shares": "512", "cpu.cfs_period_us": "100000", "cpu.cfs_quota_us": "50000"}),
        (HELD, False, 2, {"cpu.weight": "50", "cpu.max": "max 100000"}),
        (HELD, True, 2, {"cpu.weight": "50", "cpu.max": "50000 100000"}),
        (Holding(0.001, 0, 0, cpus_limit=2.0), False, 2, {"cpu.weight": "1", "cpu.max": "200000 100000"}),
        (Holding(0.001, 0, 0, cpus_limit=math.inf), True, 1, {"cpu.shares": "2"}),
    ],
)
def test_cpu(tmp_path: Path, held: Holding, enable_cfs: bool, version: int, expected: dict[str, str]) -> None:
    made = groups(tmp_path, version)
    CpuIsolator(made, enable_cfs=enable_cfs).update("c", held)
    assert {path.name: path.read_text() for path in made.path("c").iterdir()} == expected


@pytest.mark.parametrize(
    ("held", "version", "expected"),
    [
        (HELD, 1, {"memory.limit_in_bytes": 64 * MB, "memory.soft_limit_in_bytes": 64 * MB}),
        (HELD, 2, {"memory.max": 64 * MB, "memory.low": 64 * MB}),
        (Holding(1, 1, 0), 2, {"memory.max": 32 * MB, "memory.low": 32 * MB}),
        (Holding(1, 64 * MB, 0, memory_limit=128 * MB), 2, {"memory.max": 128 * MB, "memory.low": 64 * MB}),
        (Holding(1, 64 * MB, 0, memory_limit=math.inf), 2, {"memory.max": "max", "memory.low": 64 * MB}),
    ],
)
def test_memory(tmp_path: Path, held: Holding, version: int, expected: dict[str, object]) -> None:
    made = groups(tmp_path, version)
    MemoryIsolator(made).update("c", held)
    written = {path.name: path.read_text() for path in made.path("c").iterdir()}
    assert written == {name: str(value) for name, value in expected.items()}


def test_a_memory_limit_grows_but_never_shrinks(tmp_path: Path) -> None:
    made = groups(tmp_path, 2)
    isolator = MemoryIsolator(made)
    for megabytes, expected in ((64, 64), (128, 128), (64, 128)):
        isolator.update("c", Holding(1, megabytes * MB, 0))
        assert int(made.read("c", "memory.max")) == expected * MB
    assert int(made.read("c", "memory.low")) == 64 * MB


def test_what_the_kernel_killed_for_memory_is_told(tmp_path: Path) -> None:
    made = groups(tmp_path, 2)
    isolator = MemoryIsolator(made)
    isolator.update("c", HELD)
    made.write("c", "memory.events", "low 0\nmax 3\noom 0\noom_kill 0\n")
    assert isolator.limitation("c") is None
    made.write("c", "memory.events", "oom_kill 1\n")
    made.write("c", "memory.peak", 63 * MB)
    ending = isolator.limitation("c")
    assert ending is not None
    assert ending.reason is TaskStatus.Reason.REASON_CONTAINER_LIMITATION_MEMORY
    assert ending.message == "Memory limit exceeded: Requested: 64MB Maximum Used: 63MB"
