"""The decisions of the engine that need no host: order of restarts, limits, locks, masking, the audit log, causes."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mesosctl.engine import audit, lock
from mesosctl.engine.causes import SIGNS, why_failed
from mesosctl.engine.facts import Facts, Listener, assumed
from mesosctl.engine.gather import FactsReader
from mesosctl.engine.host_program import HostProgram
from mesosctl.engine.limit import parse
from mesosctl.engine.mask import HIDDEN, Mask
from mesosctl.engine.report import Failure, HostReport, Report, Result, Status
from mesosctl.engine.rolling import Member, canary, member, order, unsafe
from mesosctl.engine.workflow import refuse
from mesosctl.errors import RefusedError, UsageError
from mesosctl.inventory.model import Cluster, Host, Mesos, Proxy, ProxyUrl, Role, Secret
from mesosctl.resources.program import PLAN
from mesosctl.resources.reader import Reader
from mesosctl.resources.types import Service
from mesosctl.transport.errors import TransportError


def cluster(tmp_path: Path, **changes: object) -> Cluster:
    everything = frozenset({Role.ZOOKEEPER, Role.MASTER})
    hosts = [Host(name=f"m{i}", address=f"10.0.0.{i}", roles=everything, zookeeper_id=i) for i in (1, 2, 3)]
    hosts.append(Host(name="a1", address="10.0.0.4", roles=frozenset({Role.AGENT})))
    made = Cluster(name="demo", hosts=tuple(hosts), path=tmp_path / "inventory.yaml", state_dir=tmp_path / "state")
    return dataclasses.replace(made, **changes)  # type: ignore[arg-type]


def members(**modes: str) -> dict[str, Member]:
    return {name: Member(mode=mode, restarts=True) for name, mode in modes.items()}


class TestRolling:
    def test_a_new_ensemble_starts_together(self) -> None:
        assert order(members(a="", b="", c=""), 2) == (["a", "b", "c"], [])

    def test_without_a_quorum_there_is_nothing_to_lose(self) -> None:
        assert order(members(a="follower", b="", c=""), 2) == (["a", "b", "c"], [])

    def test_idle_members_first_and_the_leader_last(self) -> None:
        assert order(members(a="leader", b="", c="follower"), 2) == (["b"], ["c", "a"])

    def test_a_restart_that_would_cost_the_quorum_is_refused(self) -> None:
        failure = unsafe("a", members(a="leader", b="follower"), 3)
        assert failure is not None
        assert failure.cause == "quorum"

    def test_members_with_nothing_to_do_need_no_turn(self) -> None:
        found = {"a": Member("leader", restarts=False), "b": Member("follower", restarts=True)}
        assert order(found, 2) == (["a"], ["b"])

    def test_without_a_quorum_to_lose_the_last_one_has_its_turn_too(self) -> None:
        assert order(members(a="", b="leader"), 0) == (["a"], ["b"])

    def test_with_all_members_there_each_may_go(self) -> None:
        assert unsafe("a", members(a="leader", b="follower", c="follower"), 3) is None

    def test_a_single_server_may_restart(self) -> None:
        assert unsafe("a", members(a="standalone"), 1) is None

    def test_of_those_that_restart_one_goes_first(self) -> None:
        found = {name: Member("", restarts=name != "b") for name in "abcd"}
        assert canary(found) == (["a", "b"], ["c", "d"])
        assert canary({"a": Member("", restarts=False)}) == (["a"], [])

    @pytest.mark.parametrize(
        ("said", "restarts"),
        [("pending restart", True), ("pending restart and enable", True), ("pending start", False), ("ok", False)],
    )
    def test_the_look_tells_a_restart_from_a_start(self, said: str, restarts: bool) -> None:
        look = Reader([Service(name="x")], "n", mask=str)
        look.line("n 0 member follower")
        look.line(f"n 0 {said}")
        assert member(look) == Member("follower", restarts)


class TestLimit:
    @pytest.mark.parametrize(
        ("words", "hosts", "stages"),
        [
            ([], ["m1", "m2", "m3", "a1"], None),
            (["m1,a1"], ["m1", "a1"], None),
            (["m*"], ["m1", "m2", "m3"], None),
            (["slave"], ["a1"], None),
            (["master", "m2"], ["m2"], None),
            (["agent", "prepare"], ["a1"], {"prepare"}),
        ],
    )
    def test_parse(self, tmp_path: Path, words: list[str], hosts: list[str], stages: set[str] | None) -> None:
        limit = parse(words, cluster(tmp_path), ["access", "prepare"])
        assert [host.name for host in limit.hosts] == hosts
        assert limit.stages == (frozenset(stages) if stages else None)

    def test_unknown_names_the_nearest(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="did you mean prepare") as caught:
            parse(["prepar"], cluster(tmp_path), ["prepare"])
        assert "prepar is no host, role or stage" in str(caught.value)

    def test_nothing_left(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="no host is left"):
            parse(["a1", "master"], cluster(tmp_path))


class TestMask:
    SECRET = "p@s:s/w%o&r<d'\"$ ü"

    def test_every_spelling_of_a_secret_is_hidden(self, tmp_path: Path) -> None:
        proxy = Proxy(http=ProxyUrl("http", "proxy", 8080), username="anna", password=Secret("env:P", self.SECRET))
        mask = Mask(cluster(tmp_path, proxy=proxy))
        for text in (self.SECRET, json.dumps(self.SECRET), self.SECRET.replace("%", "%%")):
            assert HIDDEN in mask(f"before {text} after")
            assert "s:s" not in mask(text)

    def test_without_secrets_text_stays(self, tmp_path: Path) -> None:
        assert Mask(cluster(tmp_path))("text") == "text"


class TestLock:
    def test_a_second_run_is_told_of_the_first(self, tmp_path: Path) -> None:
        made = cluster(tmp_path)
        first = lock.ControllerLock(made, "run1", "bootstrap")
        with pytest.raises(RefusedError, match=rf"bootstrap by .*, process {os.getpid()}, run run1"):
            lock.ControllerLock(made, "run2", "plan")
        first.release()
        lock.ControllerLock(made, "run3", "plan").release()

    def test_a_killed_process_holds_nothing(self, tmp_path: Path) -> None:
        program = (
            "import os, signal; from pathlib import Path; from mesosctl.engine import lock;"
            "from mesosctl.inventory.model import Cluster;"
            f"path = Path({str(tmp_path)!r});"
            "held = lock.ControllerLock(Cluster(name='demo', hosts=(), path=path, state_dir=path / 'state'), 'r', 'b');"
            "os.kill(os.getpid(), signal.SIGKILL)"
        )
        assert subprocess.run([sys.executable, "-c", program]).returncode == -9
        lock.ControllerLock(cluster(tmp_path), "run2", "plan").release()


class TestAudit:
    def test_a_run_and_a_killed_run(self, tmp_path: Path) -> None:
        made = cluster(tmp_path)
        report = Report(run_id="r1", cluster="demo", action="bootstrap", hosts={"m1": HostReport(host="m1")})
        audit.begin(made, report, str)
        report.hosts["m1"].failure = Failure(cause="refused", message="no")
        audit.end(made, report, str, None)
        audit.begin(made, Report(run_id="r2", cluster="demo", action="plan"), str)
        first, second = audit.records(made)
        assert (first["action"], first["result"], first["failed_hosts"]) == ("bootstrap", "failed", {"m1": "refused"})
        assert second["result"] == "no end"
        assert (tmp_path / "state" / "audit.jsonl").stat().st_mode & 0o777 == 0o600

    def test_a_torn_line_does_not_hide_the_others(self, tmp_path: Path) -> None:
        made = cluster(tmp_path)
        audit.begin(made, Report(run_id="r1", cluster="demo", action="plan"), str)
        with (tmp_path / "state" / "audit.jsonl").open("a") as log:
            log.write('{"event": "be')
        assert [record["run"] for record in audit.records(made)] == ["r1"]


@pytest.mark.parametrize(("cause", "sign"), [(cause, sign) for cause, signs, _ in SIGNS for sign in signs])
def test_causes_are_recognised_in_what_tools_print(cause: str, sign: str) -> None:
    error = why_failed("m1", Result(resource="packages x", status=Status.FAILED, message=f"E: {sign}: x"))
    assert error.cause == cause
    assert error.fix


class TestHostProgram:
    """A program on one host, whoever brings it there."""

    def run(self, *lines: str) -> Reader:
        def execute(program: str, on_line: Callable[[str], None]) -> None:
            found = re.search(r"^n=(\w+) ", program, re.MULTILINE)
            assert found
            for line in ("a banner", *(f"{found[1]} {line}" for line in lines)):
                on_line(line)

        resources = [Service(name="x"), Service(name="y")]
        return HostProgram("m1", resources, PLAN, mask=lambda text: text.replace("hush", "***"), step_timeout=1).run(
            execute
        )

    def test_what_it_said(self) -> None:
        reader = self.run("0 pending restart", "1 ok hush", "end")
        assert [(each.status, each.message) for each in reader.results.values()] == [
            (Status.PENDING, "restart"),
            (Status.OK, "***"),
        ]

    @pytest.mark.parametrize(
        ("lines", "cause", "what"),
        [
            (["0 ok", "1 ok"], "connection-lost", "ended early"),
            (["0 failed No space left on device"], "no-space", "service x: No space left"),
            (["lock failed it is locked by hush"], "locked", "it is locked by ***"),
        ],
    )
    def test_why_it_did_not_come_to_its_end(self, lines: list[str], cause: str, what: str) -> None:
        with pytest.raises(TransportError, match=re.escape(what)) as caught:
            self.run(*lines)
        assert (caught.value.cause, caught.value.host) == (cause, "m1")


def test_facts_are_read_from_lines_amid_noise() -> None:
    reader = FactsReader("abc")
    for line in (
        "Welcome to the machine",
        "abc os ubuntu|22.04|jammy|debian",
        "abc manager apt",
        "abc init systemd",
        "abc kernel m1 6.1.0 x86_64",
        'abc listener 0.0.0.0:8080 users:(("java",pid=7,fd=3))',
        "abc listener [::]:22",
        "abc socket 00000000:1F90",
        "abc disk 2048 /",
        "abc home root /root",
        "abc file /root/.m2/settings.xml PGEvPg==",
        "abc python /usr/bin/python3.10 Python 3.10.12",
        "abc python /usr/bin/python3.11 Python 3.11.9",
        "abc python /usr/bin/python3.11 Python 3.11.9",
        "abc libc glibc 2.35",
        f"abc release /opt/mesos/1 {'a' * 64}",
        "abc end",
    ):
        reader.line(line)
    facts = reader.facts()
    assert reader.complete
    assert (facts.family, facts.package_manager, facts.init, facts.hostname) == ("debian", "apt", "systemd", "m1")
    assert facts.listeners == (
        Listener(8080, "0.0.0.0", "java", 7),
        Listener(22, "::", "", 0),
        Listener(8080, "00000000", "", 0),
    )
    assert facts.disk_free_mb == {"/": 2}
    assert facts.files == {"/root/.m2/settings.xml": "<a/>"}
    assert facts.pythons == (("/usr/bin/python3.10", "3.10.12"), ("/usr/bin/python3.11", "3.11.9"))
    assert (facts.python, facts.libc) == ("3.10.12", "glibc 2.35")
    assert facts.releases == {("/opt/mesos/1", "a" * 64)}


class TestRefusals:
    def refusing(self, tmp_path: Path) -> tuple[Cluster, dict[str, Facts]]:
        grown = cluster(tmp_path, mesos=Mesos(quorum=2))
        return grown, {"m1": dataclasses.replace(assumed("debian"), quorum=1)}

    def test_a_refusal_names_the_safe_way_and_the_override(self, tmp_path: Path) -> None:
        with pytest.raises(RefusedError, match="nothing was changed") as caught:
            refuse(*self.refusing(tmp_path))
        assert "reset --data" in str(caught.value)
        assert "--accept mesos-quorum-from-one" in str(caught.value)

    def test_what_is_accepted_is_not_refused(self, tmp_path: Path) -> None:
        refuse(*self.refusing(tmp_path), accepted=["mesos-quorum-from-one"])

    def test_only_what_may_be_accepted_can_be(self, tmp_path: Path) -> None:
        facts = {"m1": dataclasses.replace(assumed("debian"), zookeeper_myid="9")}
        with pytest.raises(RefusedError, match="m1: its ZooKeeper has the id 9") as caught:
            refuse(cluster(tmp_path), facts, accepted=["zookeeper-id"])
        assert "--accept" not in str(caught.value)
