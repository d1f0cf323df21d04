"""How the suite of `verify` is spread over hosts and processes; what it finds on real hosts is in tests/cluster."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mesosctl.errors import MesosctlError, UsageError
from mesosctl.inventory.model import Cluster, Host, Role, SelinuxMode
from mesosctl.transport import Completed
from mesosctl.transport.errors import TransportError
from mesosctl.transport.ssh import SshTransport
from mesosctl.verify.forks import side_by_side
from mesosctl.verify.outcome import BROKEN, Finding
from mesosctl.verify.run import Selection, run

MASTERS = tuple(
    Host(name=name, address="192.0.2.1", roles=frozenset({Role.ZOOKEEPER, Role.MASTER}), zookeeper_id=number)
    for number, name in enumerate(("m1", "m2", "m3"), 1)
)
HOSTS = (*MASTERS, Host(name="a1", address="192.0.2.2", roles=frozenset({Role.AGENT})))
UNREACHABLE = "m2"


class Mute:
    """A host on which every command fails."""

    def run(self, program: str, on_line: Callable[[str], None], *, timeout: float) -> Completed:
        nonce = program.partition("'%s\\n' '")[2].partition(" ")[0]
        for line in (f"{nonce} begin", "", f"{nonce} end 1"):
            on_line(line)
        return Completed(0, "no")


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    def connect(self: SshTransport, host: Host) -> Mute:
        if host.name == UNREACHABLE:
            raise TransportError("refused", "nobody listens", host=host.name)
        return Mute()

    monkeypatch.setattr(SshTransport, "connect", connect)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    return Cluster(name="c", hosts=HOSTS, path=tmp_path / "i.yaml", state_dir=tmp_path, selinux=SelinuxMode.UNMANAGED)


def look(cluster: Cluster, selection: Selection, parallel: int = 4) -> dict[str, Finding]:
    found: list[Finding] = []
    run(cluster, selection, parallel=parallel, tell=found.append)
    assert len({finding.host for finding in found}) == len(found)
    return {finding.host: finding for finding in found}


def looked_at(finding: Finding) -> set[str]:
    return {outcome.test for outcome in finding.outcomes}


def test_each_host_has_its_promises_and_the_cluster_is_last(cluster: Cluster) -> None:
    found = look(cluster, Selection(HOSTS))
    assert set(found) == {"m1", "m2", "m3", "a1", "cluster"}
    assert list(found)[-1] == "cluster"
    assert looked_at(found["m1"]) == looked_at(found["m3"]) > {"test_names", "test_master_runs", "test_zookeeper_id"}
    assert looked_at(found["a1"]) > {"test_names", "test_agent_runs"}
    assert not {"test_master_runs", "test_one_leading_master"} & looked_at(found["a1"])
    assert "test_one_leading_master" in looked_at(found["cluster"])
    assert {each.host for each in found["m1"].outcomes} == {"m1"}
    assert BROKEN in {each.status for each in found["m1"].outcomes}


def test_a_host_that_cannot_be_asked(cluster: Cluster) -> None:
    found = look(cluster, Selection(HOSTS), parallel=1)
    assert [host for host, finding in found.items() if finding.failure] == [UNREACHABLE]
    assert found[UNREACHABLE].failure
    assert found[UNREACHABLE].failure.cause == "refused"


def test_a_part_of_the_hosts_is_no_cluster(cluster: Cluster) -> None:
    assert set(look(cluster, Selection(HOSTS[:2]))) == {"m1", "m2"}


def test_a_host_of_which_nothing_is_asked_is_left_alone(cluster: Cluster) -> None:
    assert set(look(cluster, Selection(HOSTS, Role.AGENT))) == {"a1"}
    assert {host: looked_at(each) for host, each in look(cluster, Selection(HOSTS, words="names and a1")).items()} == {
        "a1": {"test_names"}
    }
    assert look(cluster, Selection(HOSTS, words="nothing_of_the_kind")) == {}


def test_a_bad_expression(cluster: Cluster) -> None:
    with pytest.raises(UsageError, match="not OR"):
        look(cluster, Selection(HOSTS, words="and ("))


def test_work_is_done_in_copies_of_this_process_so_many_at_a_time(tmp_path: Path) -> None:
    def work(item: int) -> tuple[int, int, int]:
        mine = tmp_path / str(item)
        mine.touch()
        time.sleep(0.05)
        at_work = len(list(tmp_path.iterdir()))
        mine.unlink()
        return item, os.getpid(), at_work

    found = list(side_by_side(range(7), work, 3))
    assert sorted(item for item, _, _ in found) == list(range(7))
    assert len({process for _, process, _ in found} | {os.getpid()}) == 8
    assert max(at_work for _, _, at_work in found) <= 3


def test_a_process_that_is_killed_is_missed() -> None:
    def work(item: str) -> str:
        if item == "b":
            os.kill(os.getpid(), signal.SIGKILL)
        return item

    with pytest.raises(MesosctlError, match="the process for b ended with -9"):
        list(side_by_side(["a", "b", "c"], work, 1))


def test_what_still_runs_ends_with_who_waits_for_it(tmp_path: Path) -> None:
    def work(item: str) -> int:
        if item == "slow":
            (tmp_path / "pid").write_text(str(os.getpid()))
            time.sleep(600)
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        return 0

    found = side_by_side(["slow", "quick"], work, 2)
    next(found)
    found.close()  # type: ignore[attr-defined]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
