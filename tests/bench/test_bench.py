"""The bench itself, small: two targets, mesosctl beside the ssh loop, a crowd of five. Nothing is asserted on time."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.bench import allocator, crowd, listening, marathon, master, payload, report, state, tasks
from tests.bench.__main__ import one_round
from tests.bench.contenders import CONTENDERS
from tests.bench.measure import measure
from tests.bench.targets import Targets, is_possible

needs_root = pytest.mark.skipif(not is_possible(), reason="needs root and mount namespaces")


@needs_root
def test_all_hold_the_payload_and_the_second_run_changes_nothing(tmp_path: Path) -> None:
    results = report.Results(machine="", date="")
    with Targets(tmp_path, 2) as targets:
        for name in ("mesosctl", "ssh", "paramiko"):
            folder = tmp_path / name
            folder.mkdir()
            contender = CONTENDERS[name](targets, targets.list, folder, Path("bin"))
            assert payload.wrong(targets.list[0]) or name != "mesosctl"
            first, second = one_round(contender, targets.list, folder / "log")  # raises where a target is not right
            results.add(2, name, first, second)
        changed = (tmp_path / "mesosctl" / "log").read_text().splitlines()
        assert changed == [f"changed {2 * payload.RESOURCES} failed 0", "changed 0 failed 0"]
        loop = (tmp_path / "ssh" / "log").read_text().splitlines()
        assert len(loop) == 2 * payload.RESOURCES
    table = report.comparison(results, 2)
    assert [line.split()[0] for line in table.splitlines()[2:]] == ["mesosctl", "ssh", "paramiko"]


@needs_root
def test_a_target_that_is_not_right_is_found(tmp_path: Path) -> None:
    with Targets(tmp_path, 1) as targets:
        assert len(payload.wrong(targets.list[0])) == len(payload.FILES) + 1


def test_a_crowd(tmp_path: Path) -> None:
    found = crowd.sample(tmp_path / "crowd", 5, latency=0.02, timeout=60)
    assert found.status == 0
    assert (tmp_path / "crowd" / "log").read_text() == "changed 0 failed 0\n"


def test_what_is_left_in_the_background_is_counted_and_ended(tmp_path: Path) -> None:
    busy = "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; exec sleep 1000"
    found = measure(["sh", "-c", f"setsid sh -c '{busy}' & sleep 1"], tmp_path / "log", timeout=30)
    assert found.cpu > 0.02
    assert found.wall < 20


def test_ratios_are_of_the_same_round() -> None:
    results = report.Results(machine="", date="")
    for factor in (1.0, 10.0):  # the machine was busy during the second round
        results.add(50, "mesosctl", report.Measured(factor, factor), report.Measured(factor, factor))
        results.add(50, "ssh", report.Measured(2 * factor, factor), report.Measured(factor, factor / 2))
    assert results.ratio(50, "ssh", "mesosctl", "wall first") == 2
    assert results.ratio(50, "mesosctl", "ssh", "cpu second") == 2
    assert results.ratio(50, "pyinfra", "mesosctl", "wall first") is None
    assert "50 hosts: mesosctl / ssh, cpu second" in report.goals(results)
    assert "pyinfra" not in report.goals(results)


def test_tasks_on_one_agent(tmp_path: Path) -> None:
    found = tasks.measure(tmp_path, rounds=1, tasks=3)
    assert found["TASK_RUNNING, ms"] <= found["TASK_FINISHED, ms"]
    assert found.keys() >= tasks.MESOS.keys()


def test_a_master_with_simulated_agents(tmp_path: Path) -> None:
    found = master.measure(tmp_path, agents=6, tasks_each=2, launched=4, idle=0.1)
    assert found["/state, MB"] > 0
    assert found["tasks a second through the master"] > 0
    assert found["half of the agents back, after the kill"] <= found["all agents back, after the kill"]


def test_a_marathon_with_simulated_agents(tmp_path: Path) -> None:
    found = marathon.simulated(tmp_path, f"file://{tmp_path / 'state'}", ("--disable_ha",), (3, 2, 2))
    assert found["/v2/apps?embed=apps.tasks, MB"] > found["/v2/apps, MB"] > 0
    assert found["all apps again after a kill"] > 0


def test_what_a_master_shows() -> None:
    found = asyncio.run(state.measure(3, 2))
    assert found["/state"]["identity MB"] >= 0


def test_cycles_of_the_allocator() -> None:
    assert allocator.measure(5, 2).keys() == {"add_agents", "give_all", "all_refused"}


def test_programs_until_they_listen(tmp_path: Path) -> None:
    assert listening.measure(tmp_path, rounds=1).keys() == {"mesos-master", "mesos-agent", "python -c pass"}
