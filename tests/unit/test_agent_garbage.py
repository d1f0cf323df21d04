"""Sandboxes of containers that ended long ago."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import deque, namedtuple
from pathlib import Path

import pytest

from mesosctl.runtime.agent.checkpoint import META
from mesosctl.runtime.agent.garbage import Collector, allowed_age, mark_ended
from mesosctl.runtime.agent.sandbox import create_sandbox
from mesosctl.runtime.protocol.tasks import TaskState
from tests.unit.agent_bench import AGENT_ID, CUSTOM, FRAMEWORK_ID, task
from tests.unit.test_agent_recovery import Disk, first_agent, next_agent

WEEK = 7 * 24 * 3600.0
Usage = namedtuple("Usage", "total used free")


@pytest.mark.parametrize(("used", "days"), [(0.0, 6.3), (0.4, 3.5), (0.9, 0.0), (0.95, 0.0)])
def test_the_fuller_the_disk_the_shorter(used: float, days: float) -> None:
    assert allowed_age(WEEK, 0.1, used) == pytest.approx(days * 24 * 3600)


def test_what_ended_long_ago_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 40, 60))
    bench = first_agent(tmp_path)
    clock = bench.clock
    collector = Collector(str(tmp_path), WEEK, 0.1, clock, bench.agent.ledger, Disk(tmp_path))
    executors = tmp_path / "slaves" / AGENT_ID.value / "frameworks" / FRAMEWORK_ID.value / "executors"
    checkpoints = tmp_path / META / "slaves" / AGENT_ID.value / "frameworks" / FRAMEWORK_ID.value / "executors"

    def sandbox(name: str, container_id: str) -> Path:
        path = executors / name / "runs" / container_id
        create_sandbox(str(path), None)
        path.joinpath("stdout").write_text("x")
        os.utime(path, (clock.now(), clock.now()))
        return path

    bench.run(task("a"))
    bench.run(task("b"), executor=CUSTOM)
    ended, live = (sandbox(each.id, each.container_id) for each in bench.launched)
    volume = tmp_path / "volume"
    volume.mkdir()
    volume.joinpath("kept").touch()
    ended.joinpath("data").symlink_to(volume)
    os.utime(ended, (clock.now(), clock.now()))
    old = tmp_path / "slaves" / "old" / "frameworks" / "f" / "executors" / "e" / "runs" / "c"
    create_sandbox(str(old), None)
    os.utime(old, (clock.now(), clock.now()))
    tmp_path.joinpath(META, "slaves", "old").mkdir()
    bench.subscribe(0)
    bench.update("a", TaskState.TASK_FINISHED, 0)
    bench.acknowledge_all()
    bench.exit(0)

    clock.advance(WEEK / 2 - 60)
    asyncio.run(collector.collect())
    assert ended.exists()
    assert checkpoints.joinpath("a").exists()
    clock.advance(120)
    asyncio.run(collector.collect())
    assert not executors.joinpath("a").exists()
    assert not checkpoints.joinpath("a").exists()
    assert volume.joinpath("kept").exists()
    assert live.joinpath("stdout").exists()
    assert checkpoints.joinpath("custom").exists()
    assert not tmp_path.joinpath("slaves", "old").exists()
    assert not tmp_path.joinpath(META, "slaves", "old").exists()


def test_the_sandboxes_of_the_agent_before_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100, 0, 100))
    first = first_agent(tmp_path)
    for name in ("ended", "lives"):
        first.run(task(name))
        first.subscribe()
    first.update("ended", TaskState.TASK_FINISHED, 0)
    first.acknowledge_all()
    first.exit(0)
    executors = tmp_path / "slaves" / AGENT_ID.value / "frameworks" / FRAMEWORK_ID.value / "executors"
    for executor in first.launched:
        path = executors / executor.id / "runs" / executor.container_id
        create_sandbox(str(path), None)
        os.utime(path, (first.clock.now(), first.clock.now()))
    second = next_agent(tmp_path)
    collector = Collector(str(tmp_path), WEEK, 0.1, second.clock, second.agent.ledger, Disk(tmp_path))
    second.clock.advance(WEEK)
    asyncio.run(collector.collect())
    assert [path.name for path in executors.iterdir()] == ["lives"]
    assert collector.metrics() == {
        "gc/path_removals_succeeded": 1,
        "gc/path_removals_failed": 0,
        "gc/path_removals_pending": 0,
        "slave/executor_directory_max_allowed_age_secs": WEEK * 0.9,
    }
    third = next_agent(tmp_path)
    assert [each.id for each in third.adopted] == ["lives"]
    assert third.agent.ledger.frameworks[FRAMEWORK_ID.value].completed == deque()


def test_the_end_of_a_container_is_marked(tmp_path: Path) -> None:
    os.utime(tmp_path, (1, 1))
    mark_ended(str(tmp_path))
    assert tmp_path.stat().st_mtime > 1e9
    mark_ended(str(tmp_path / "gone"))
