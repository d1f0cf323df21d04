"""The flags of a master about allocation: how they are read, rate limits, the whitelist."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.clock import SimulatedClock
from mesosctl.runtime.flags.load import FlagError, load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.master import whitelist
from mesosctl.runtime.master.allocation_flags import allocation_options, rate_limits, roles, weights
from mesosctl.runtime.master.allocator import Options
from mesosctl.runtime.master.rate_limits import Throttle
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.scheduler import Call
from tests.unit.allocation import domain
from tests.unit.master_cluster import FRAMEWORK, Cluster


def flags(*given: str) -> MasterFlags:
    return load(MasterFlags, [*given], {})[0]


def test_the_defaults_are_those_of_the_allocator() -> None:
    assert allocation_options(flags()) == Options()


def test_flags_for_the_allocator() -> None:
    options = allocation_options(
        flags(
            '--domain={"fault_domain":{"region":{"name":"eu"},"zone":{"name":"z"}}}',
            "--min_allocatable_resources=cpus:1;mem:10|disk:5",
            "--fair_sharing_excluded_resource_names=gpus,disk",
            "--filter_gpu_resources=false",
            "--allocator_recovery_timeout=1mins",
            "--allocator_agent_recovery_factor=0.5",
        )
    )
    assert options.domain == domain("eu")
    assert options.min_allocatable == ({"cpus": 1.0, "mem": 10.0}, {"disk": 5.0})
    assert options.fairness_excluded == {"gpus", "disk"}
    assert not options.filter_gpu_resources
    assert (options.recovery_timeout, options.agent_recovery_factor) == (60, 0.5)


def test_a_domain_is_shown_as_it_is_given() -> None:
    given = '{"fault_domain":{"region":{"name":"eu"},"zone":{"name":"z"}}}'
    assert flags(f"--domain={given}").shown()["domain"] == given
    with pytest.raises(FlagError, match=r"Missing required fields: fault_domain\.zone"):
        flags('--domain={"fault_domain":{"region":{"name":"eu"}}}')


@pytest.mark.parametrize(
    ("read", "text", "expected"),
    [
        (roles, None, None),
        (roles, "a, b/c", {"a", "b/c"}),
        (weights, None, {}),
        (weights, "a=2,b/c=0.5", {"a": 2.0, "b/c": 0.5}),
    ],
)
def test_roles_and_weights(read: Any, text: str | None, expected: Any) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    ("read", "text", "problem"),
    [
        (roles, "-a", "begins with a dash"),
        (weights, "a", "Invalid weight: 'a'"),
        (weights, "a=0", "Weights must be positive"),
        (weights, "a=x", "could not convert"),
    ],
)
def test_roles_and_weights_that_are_refused(read: Any, text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        read(text)


def test_frameworks_have_the_roles_that_the_flag_allows() -> None:
    cluster = Cluster(roles=frozenset({"a"}))
    cluster.subscribe("s1", roles=["a", "b"])
    (event,) = cluster.take("s1")
    assert event.error
    assert event.error.message == "Roles { b } are not present in the master's --roles"
    cluster.subscribe("s2", roles=["a", "*"])
    assert cluster.take("s2", "SUBSCRIBED")


def test_agents_without_a_domain_can_be_refused() -> None:
    cluster = Cluster(require_agent_domain=True)
    cluster.register()
    assert cluster.messages(internal.Refused)
    assert "a1" in cluster.closed


# Rate limits.


def throttle(text: str) -> tuple[Throttle, SimulatedClock]:
    limits, clock = rate_limits(text), SimulatedClock()
    assert limits
    return Throttle(limits, clock), clock


def test_calls_wait_for_their_turn() -> None:
    limits = '{"limits":[{"principal":"a","qps":2},{"principal":"free"}],"aggregate_default_qps":10}'
    throttled, clock = throttle(limits)
    assert [throttled.delay("a") for _ in range(3)] == [0, 0.5, 1]
    assert [throttled.delay(principal) for principal in ("b", None)] == [0, pytest.approx(0.1)]
    assert [throttled.delay("free") for _ in range(3)] == [0, 0, 0]
    clock.advance(10)
    assert throttled.delay("a") == 0


def test_beyond_the_capacity_calls_are_refused() -> None:
    throttled, clock = throttle('{"limits":[{"principal":"a","qps":1,"capacity":2}]}')
    assert [throttled.delay("a") for _ in range(3)] == [0, 1, 2]
    with pytest.raises(Refusal) as refusal:
        throttled.delay("a")
    assert (refusal.value.status, refusal.value.text) == (503, "Call dropped: capacity(2) exceeded")
    clock.advance(1)
    assert throttled.delay("a") == 2


def test_frameworks_are_limited_by_their_principal() -> None:
    cluster = Cluster(rate_limits=rate_limits('{"limits":[{"principal":"p","qps":1}]}'))
    cluster.subscribe(principal="p")
    call = msgspec.convert({"type": "REVIVE", "framework_id": {"value": FRAMEWORK}}, Call)
    assert [cluster.master.delay(call) for _ in range(2)] == [0, 1]
    unknown = msgspec.convert({"type": "REVIVE", "framework_id": {"value": "nope"}}, Call)
    assert cluster.master.delay(unknown) == 0


def test_a_scheduler_that_takes_over_has_what_is_left_of_the_limit() -> None:
    cluster = Cluster(rate_limits=rate_limits('{"limits":[{"principal":"p","qps":1}]}'))
    cluster.subscribe(principal="p")
    call = msgspec.convert({"type": "REVIVE", "framework_id": {"value": FRAMEWORK}}, Call)
    assert [cluster.master.delay(call) for _ in range(2)] == [0, 1]
    cluster.subscribe("s2", principal="p")
    assert "s1" in cluster.closed
    assert cluster.master.delay(call) == 2
    cluster.clock.advance(10)
    assert cluster.master.delay(call) == 0


# The whitelist.


def test_the_whitelist_is_read_again(tmp_path: Path) -> None:
    async def scenario() -> None:
        path, seen, news = tmp_path / "agents", list[Any](), asyncio.Event()

        def changed(hostnames: Any) -> None:
            seen.append(hostnames)
            news.set()

        path.write_text("a\n b \n\n")
        watching = asyncio.create_task(whitelist.watch(str(path), changed, seconds=0.01))
        await asyncio.wait_for(news.wait(), 30)
        news.clear()
        path.unlink()
        path.write_text("b\n")
        while seen[-1] != {"b"}:
            await asyncio.wait_for(news.wait(), 30)
            news.clear()
        watching.cancel()
        assert seen[0] == {"a", "b"}

    asyncio.run(scenario())
    assert whitelist.read("*") is None


def test_agents_that_are_not_whitelisted_are_not_offered() -> None:
    cluster = Cluster()
    cluster.register()
    cluster.subscribe()
    cluster.master.set_whitelist(["elsewhere"])
    cluster.clock.advance(2)
    assert not cluster.take("s1", "OFFERS")
    cluster.master.set_whitelist(None)
    cluster.clock.advance(0)
    assert cluster.take("s1", "OFFERS")
