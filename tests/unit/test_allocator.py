"""The allocator by tables and worked examples: fairness, filters, capabilities, reservations, quota."""

from __future__ import annotations

import msgspec
import pytest

from mesosctl.runtime.master.allocator import Options
from mesosctl.runtime.protocol.cluster import AgentInfo, FrameworkInfo
from mesosctl.runtime.protocol.offers import Filters
from mesosctl.runtime.protocol.quota import QuotaConfig
from mesosctl.runtime.protocol.resources import Resource
from mesosctl.runtime.resources import Conversion, Resources, ResourcesError
from tests.unit.allocation import Small, domain, framework_info, scalars

ALL = "cpus:4;mem:4096"
HOST = AgentInfo(hostname="a.example")


# Fairness.


def test_the_example_of_the_paper() -> None:
    """Ghodsi et al., section 4.1: 9 CPUs and 18 GB; tasks of <1, 4> and of <3, 1>: three and two of them run."""
    small = Small()
    small.agent("a", "cpus:9;mem:18432")
    small.framework("A", "A")
    small.framework("B", "B")
    needs = {"A": Resources.parse("cpus:1;mem:4096"), "B": Resources.parse("cpus:3;mem:1024")}
    started = []
    stuck: set[str] = set()
    while len(stuck) < 2:
        ((framework_id, role, agent_id, resources),) = small.allocator.allocate()
        task = needs[role].allocated_to(role)
        if resources.contains(task):
            started.append(role)
            small.allocator.recover_resources(framework_id, agent_id, resources - task)
        else:
            stuck.add(role)
            small.allocator.recover_resources(framework_id, agent_id, resources, Filters(refuse_seconds=1e6))
    # A: memory 4/18 each, B: CPUs 3/9 each. The order is that of the paper's table, with A first where equal.
    assert started == ["A", "B", "A", "B", "A"]


@pytest.mark.parametrize(
    ("weights", "tasks"), [({}, {"a": 6, "b": 6}), ({"a": 2.0}, {"a": 8, "b": 4}), ({"b": 5.0}, {"a": 2, "b": 10})]
)
def test_roles_share_by_weight(weights: dict[str, float], tasks: dict[str, int]) -> None:
    small = Small()
    small.allocator.update_weights(weights)
    small.agent("x", "cpus:12;mem:12288")
    small.framework("f", "a")
    small.framework("g", "b")
    counted = {"a": 0, "b": 0}
    for _ in range(12):
        ((_, role, _, _),) = small.cycle()
        counted[role] += 1
        small.use("cpus:1;mem:1024")
    assert counted == tasks


def test_a_new_weight_counts_at_once() -> None:
    small = Small()
    small.framework("f", "a")
    small.framework("g", "b")
    for agent in "123":
        small.agent(agent, ALL)
    small.cycle()
    small.allocator.update_weights({"a": 10.0})
    small.agent("4", ALL)
    assert small.who() == {"4": "f"}


def test_roles_compete_level_by_level() -> None:
    """`a/b` and `a/c` have together what `d` has."""
    small = Small()
    for framework_id, role in (("ab", "a/b"), ("ac", "a/c"), ("d", "d")):
        small.framework(framework_id, role)
    for agent in range(8):
        small.agent(str(agent), ALL)
    got = list(small.who().values())
    assert {name: got.count(name) for name in ("ab", "ac", "d")} == {"ab": 2, "ac": 2, "d": 4}
    assert small.allocator.allocated("a").scalar("cpus") == 16
    assert small.allocator.allocated("a/b").scalar("cpus") == 8


def test_a_role_competes_with_the_roles_below_it() -> None:
    small = Small()
    for framework_id, role in (("a", "a"), ("ab", "a/b"), ("ac", "a/c")):
        small.framework(framework_id, role)
    for agent in range(9):
        small.agent(str(agent), ALL)
    got = list(small.who().values())
    assert {name: got.count(name) for name in ("a", "ab", "ac")} == {"a": 3, "ab": 3, "ac": 3}


def test_equal_frameworks_get_equally_much() -> None:
    small = Small()
    for number in range(5):
        small.framework(f"f{number}", "r")
    for agent in range(20):
        small.agent(str(agent), ALL)
    got = list(small.who().values())
    assert {got.count(f"f{number}") for number in range(5)} == {4}


def test_with_equal_shares_it_is_the_turn_of_who_was_offered_less_often() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    small.framework("g", "r")
    turns = []
    for _ in range(4):
        turns += small.who().values()
        small.decline(None)
    assert turns == ["f", "g", "f", "g"]


def test_what_is_excluded_is_not_dominant() -> None:
    small = Small(Options(fairness_excluded=frozenset({"gpus"})))
    small.framework("f", "a", capabilities=("GPU_RESOURCES",))
    small.framework("g", "b")
    small.agent("1", "cpus:1;mem:1024;gpus:8")
    assert small.who() == {"1": "f"}
    small.agent("2", "cpus:10;mem:10240")
    assert small.who() == {"2": "g"}
    small.agent("3", "cpus:1;mem:1024")
    assert small.who() == {"3": "f"}


# Filters.


@pytest.mark.parametrize(
    ("refuse", "held_until"),
    [
        (5.0, 5.0),
        (0.5, 1.0),  # never shorter than the interval
        (-1.0, 5.0),
        (100.25, 100.25),
        (1e12, 365 * 86400.0),
    ],
)
def test_a_filter_holds(refuse: float, held_until: float) -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    small.cycle()
    small.decline(refuse)
    small.clock.advance(held_until - 0.01)
    assert small.cycle() == []
    small.clock.advance(0.02)
    assert small.who() == {"a": "f"}


def test_zero_seconds_are_no_filter() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    small.cycle()
    small.decline(0.0)
    assert small.who() == {"a": "f"}


def test_a_filter_is_for_one_framework_role_and_agent() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r", "s")
    assert small.cycle()[0][:2] == ("f", "r")
    small.decline(100)
    assert small.cycle()[0][:2] == ("f", "s")
    small.decline(100)
    assert small.cycle() == []
    small.agent("b", ALL)
    assert small.who() == {"b": "f"}
    small.framework("g", "r")
    assert small.who() == {"a": "g"}


def test_more_than_was_refused_is_offered() -> None:
    small = Small()
    small.agent("a", "cpus:4;mem:4096")
    small.framework("f", "r")
    small.cycle()
    small.use("cpus:2;mem:1024")
    assert small.cycle()[0][3] == "cpus:2; mem:3072"
    small.decline(1000)
    assert small.cycle() == []
    task = Resources.parse("cpus:2;mem:1024").allocated_to("r")
    small.allocator.recover_resources("f", "a", task)
    assert small.cycle()[0][3] == "cpus:4; mem:4096"


@pytest.mark.parametrize("change", ["revive", "deactivate", "agent", "unsuppress"])
def test_what_drops_filters(change: str) -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r", "s")
    small.allocator.suppress("f", ["s"])
    small.cycle()
    small.decline(1000)
    match change:
        case "revive":
            small.allocator.revive("f", ["r"])
        case "deactivate":
            small.allocator.deactivate_framework("f")
            assert small.cycle() == []
            small.allocator.activate_framework("f")
        case "agent":
            small.allocator.remove_agent("a")
            small.agent("a", ALL)
        case "unsuppress":
            small.allocator.suppress("f", ["r"])
            small.allocator.update_framework("f", framework_info("r", "s"), suppressed=["s"])
    assert small.cycle()[0][:2] == ("f", "r")


def test_reviving_a_role_leaves_the_filters_of_others() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r", "s")
    for _ in "rs":
        small.cycle()
        small.decline(1000)
    small.allocator.revive("f", ["s"])
    assert small.cycle()[0][:2] == ("f", "s")
    small.decline(1000)
    assert small.cycle() == []
    small.allocator.revive("f")
    assert len(small.cycle()) == 1


def test_suppressed_roles_get_nothing() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r", "s")
    small.allocator.suppress("f", ["r"])
    assert small.cycle()[0][:2] == ("f", "s")
    small.decline(None)
    small.allocator.suppress("f", ["not mine"])
    assert small.cycle()[0][:2] == ("f", "s")
    small.decline(None)
    small.allocator.suppress("f")
    assert small.cycle() == []
    small.allocator.revive("f", ["r"])
    assert small.cycle()[0][:2] == ("f", "r")


# What is offered to whom.


@pytest.mark.parametrize(
    ("resources", "minimum", "offered"),
    [
        ("cpus:0.01", None, True),
        ("cpus:0.005;mem:31.9", None, False),
        ("mem:32", None, True),
        ("disk:1000", None, False),
        ("disk:1000", [], True),
        ("cpus:1;mem:64", [{"cpus": 2}], False),
        ("cpus:1;mem:64", [{"cpus": 2}, {"cpus": 1, "mem": 64}], True),
    ],
)
def test_small_change_is_not_offered(resources: str, minimum: list[dict[str, float]] | None, offered: bool) -> None:
    small = Small()
    small.agent("a", resources)
    small.framework("f", "r", minimum=minimum)
    assert bool(small.cycle()) == offered


@pytest.mark.parametrize(
    ("resources", "role", "capabilities", "offered"),
    [
        ("cpus:2;mem:64", "r", (), "cpus:2; mem:64"),
        ("cpus:2;gpus:1", "r", (), None),
        ("cpus:2;gpus:1", "r", ("GPU_RESOURCES",), "cpus:2; gpus:1"),
        ("cpus(x):2;mem:64", "r", (), "mem:64"),
        ("cpus(x):2;mem:64", "x", (), "cpus(reservations: [(STATIC,x)]):2; mem:64"),
        ("cpus(x):2;mem:64", "x/y", (), "cpus(reservations: [(STATIC,x)]):2; mem:64"),
        ("cpus(x/y):2;mem:64", "x", (), "mem:64"),
        ("cpus(x):2;mem:64", "xy", (), "mem:64"),
        ("cpus:2;ports:[1-9]", "r", (), "ports:[1-9]; cpus:2"),
    ],
)
def test_resources_and_who_may_have_them(
    resources: str, role: str, capabilities: tuple[str, ...], offered: str | None
) -> None:
    small = Small()
    small.agent("a", resources)
    small.framework("f", role, capabilities=capabilities)
    assert [offer[3] for offer in small.cycle()] == ([offered] if offered else [])


def test_agents_of_other_regions_are_for_region_aware_frameworks() -> None:
    small = Small(Options(domain=domain("here")))
    small.agent("near", ALL, "here")
    small.agent("far", ALL, "there")
    small.agent("nowhere", ALL)
    small.framework("f", "r")
    assert set(small.who()) == {"near", "nowhere"}
    small.framework("g", "r", capabilities=("REGION_AWARE",))
    assert small.who() == {"far": "g"}


def test_a_framework_without_multi_role_has_one_role() -> None:
    small = Small()
    small.agent("a", ALL)
    small.allocator.add_framework("f", FrameworkInfo(user="u", name="n"))
    ((_, role, _, resources),) = small.allocator.allocate()
    assert role == "*"
    assert set(resources.allocations()) == {"*"}


def test_agents_can_be_left_out() -> None:
    small = Small()
    small.agent("a", ALL)
    small.agent("b", ALL)
    small.framework("f", "r")
    small.allocator.deactivate_agent("a")
    small.allocator.set_whitelist(["a.example"])
    assert small.cycle() == []
    small.allocator.activate_agent("a")
    assert set(small.who()) == {"a"}
    small.allocator.set_whitelist(None)
    assert set(small.who()) == {"b"}


def test_a_cycle_over_some_agents() -> None:
    small = Small()
    small.agent("a", ALL)
    small.agent("b", ALL)
    small.framework("f", "r")
    assert [a.agent_id for a in small.allocator.allocate(["b", "gone"])] == ["b"]
    assert [a.agent_id for a in small.allocator.allocate()] == ["a"]


def test_volumes_can_be_shared() -> None:
    disk = Resource.DiskInfo(persistence=Resource.DiskInfo.Persistence("v"))
    (space,) = Resources.parse("disk(r):10").messages()
    volume = Resources.of([msgspec.structs.replace(space, disk=disk, shared=Resource.SharedInfo())])
    small = Small(Options(min_allocatable=()))
    small.allocator.add_agent("a", HOST, volume)
    small.framework("f", "r")
    assert small.cycle() == []
    small.framework("g", "r", capabilities=("SHARED_RESOURCES",))
    small.framework("h", "r", capabilities=("SHARED_RESOURCES",))
    assert small.who() == {"a": "g"}  # once a cycle
    assert small.who() == {"a": "h"}  # and again, though in use
    small.decline(None)
    assert small.allocator.available("a") == volume


# Comings and goings.


def test_a_framework_that_goes_leaves_all_behind() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    small.cycle()
    small.allocator.remove_framework("f")
    assert small.allocator.available("a") == Resources.parse(ALL)
    assert not small.allocator.allocated("r")
    small.allocator.recover_resources("f", "a", Resources.parse(ALL).allocated_to("r"))
    small.framework("g", "r")
    assert small.who() == {"a": "g"}


def test_an_agent_that_goes_and_comes_with_its_tasks() -> None:
    small = Small()
    task = Resources.parse("cpus:1;mem:1024").allocated_to("r")
    small.agent("a", ALL)
    small.framework("f", "r")
    small.cycle()
    small.allocator.remove_agent("a")
    assert small.cycle() == []
    small.allocator.add_agent("a", HOST, Resources.parse(ALL), {"f": task, "unknown": task})
    assert small.allocator.allocated("r").scalar("cpus") == 2
    assert small.cycle()[0][3] == "cpus:2; mem:2048"
    small.allocator.recover_resources("unknown", "a", task)
    small.allocator.remove_framework("f")
    assert small.allocator.available("a") == Resources.parse(ALL)


def test_what_ran_before_counts_when_its_framework_comes() -> None:
    small = Small()
    task = Resources.parse("cpus:1;mem:1024").allocated_to("r")
    small.allocator.add_agent("a", HOST, Resources.parse(ALL), {"late": task})
    small.framework("late", "r")
    small.framework("other", "r")
    assert small.who() == {"a": "other"}


def test_an_agent_with_less_than_before() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    small.cycle()
    ((framework, _, _, used),) = small.given
    small.allocator.remove_agent("a")
    small.allocator.add_agent("a", HOST, Resources.parse("cpus:2;mem:1024"), {framework: used})
    assert not small.allocator.available("a")
    small.decline(None)
    assert str(small.allocator.available("a")) == "cpus:2; mem:1024"


def test_no_one_gives_back_what_they_have_not() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    small.cycle()
    with pytest.raises(ResourcesError):
        small.allocator.recover_resources("f", "a", Resources.parse("cpus:5").allocated_to("r"))
    assert not small.allocator.available("a")


# Operations.


def reserve(resources: str, role: str) -> Conversion:
    free = Resources.parse(resources)
    dynamic = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role=role)
    return Conversion(free, free.push_reservation(dynamic))


def test_a_reservation_out_of_an_offer_stays_with_the_agent() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    ((_, _, _, resources),) = small.allocator.allocate()
    conversion = reserve("cpus:1;mem:1024", "r").allocated_to("r")
    small.allocator.update_allocation("f", "a", [conversion])
    small.allocator.recover_resources("f", "a", conversion.apply(resources))
    small.framework("g", "s")
    small.allocator.suppress("f")
    assert small.cycle()[0][3] == "cpus:3; mem:3072"
    small.allocator.revive("f")
    assert small.allocator.available("a").reserved("r").scalar("cpus") == 1
    with pytest.raises(ResourcesError):
        small.allocator.update_allocation("f", "a", [conversion])


def test_an_operator_reserves_what_is_free() -> None:
    small = Small()
    small.agent("a", ALL)
    small.framework("f", "r")
    small.allocator.update_available("a", [reserve("cpus:4;mem:4000", "x")])
    assert small.cycle()[0][3] == "mem:96"
    with pytest.raises(ResourcesError):
        small.allocator.update_available("a", [reserve("mem:96", "x")])
    assert small.allocator.consumed_quota("x").floats() == {"cpus": 4, "mem": 4000}


# Quota.


def test_a_guarantee_is_kept_for_who_is_not_there_yet() -> None:
    small = Small()
    small.quota("promised", {"cpus": 8, "mem": 8192})
    for agent in range(3):
        small.agent(str(agent), ALL)
    small.framework("f", "r")
    assert len(small.cycle()) == 1
    small.framework("g", "promised")
    assert sorted(small.who().values()) == ["g", "g"]


def test_a_guarantee_goes_before_fairness() -> None:
    small = Small()
    small.quota("promised", {"cpus": 12, "mem": 12288})
    small.framework("f", "r")
    small.framework("g", "promised")
    for agent in "123":
        small.agent(agent, ALL)
    assert set(small.who().values()) == {"g"}
    small.agent("4", ALL)
    assert small.who() == {"4": "f"}


def test_a_guarantee_covers_the_roles_below() -> None:
    small = Small()
    small.quota("promised", {"cpus": 4, "mem": 4096})
    small.framework("g", "promised/deep")
    small.framework("f", "a")
    small.agent("1", ALL)
    assert small.who() == {"1": "g"}
    small.agent("2", ALL)
    assert small.who() == {"2": "f"}


def test_reservations_count_as_met_guarantee() -> None:
    small = Small()
    small.quota("promised", {"cpus": 4, "mem": 4096})
    small.agent("1", "cpus(promised):4;mem(promised):4096")
    small.agent("2", ALL)
    small.framework("f", "r")
    assert small.who() == {"2": "f"}


def test_a_guarantee_takes_the_rest_of_the_agent_along() -> None:
    small = Small()
    small.quota("promised", {"cpus": 1})
    small.agent("1", "cpus:1;mem:4096;disk:100;ports:[1-9]")
    small.framework("g", "promised")
    assert small.cycle()[0][3] == "ports:[1-9]; cpus:1; mem:4096; disk:100"


@pytest.mark.parametrize(
    ("limits", "offered"),
    [
        ({"cpus": 3, "mem": 1000}, [("1", "cpus:3; mem:1000; disk:50")]),
        ({"cpus": 0, "mem": 0}, []),
        ({"cpus": 1}, [("1", "cpus:1; mem:4096; disk:50")]),
        ({"cpus": 100}, [("1", "cpus:4; mem:4096; disk:50")]),
    ],
)
@pytest.mark.parametrize("role", ["r", "r/deep"])
def test_limits(role: str, limits: dict[str, float], offered: list[tuple[str, str]]) -> None:
    small = Small()
    small.quota("r", {}, limits)
    small.agent("1", "cpus:4;mem:4096;disk:50")
    small.framework("f", role)
    assert [(agent, resources) for _, _, agent, resources in small.cycle()] == offered


def test_a_limit_holds_over_agents_and_reservations() -> None:
    small = Small()
    small.quota("r", {"cpus": 2}, {"cpus": 6, "mem": 6144})
    small.agent("1", "cpus(r):2;mem(r):2048;cpus:2;mem:2048")
    small.agent("2", ALL)
    small.framework("f", "r")
    small.cycle()
    assert small.allocator.allocated("r").quantities().floats() == {"cpus": 6, "mem": 6144}
    assert small.allocator.consumed_quota("r").floats() == {"cpus": 6, "mem": 6144}


def test_quota_can_be_taken_away() -> None:
    small = Small()
    small.quota("r", {"cpus": 1}, {"cpus": 1})
    small.quota("r", {})
    small.agent("1", "cpus:4")
    small.framework("f", "r")
    assert small.cycle()[0][3] == "cpus:4"


# After an election.


def quota_config() -> QuotaConfig:
    return QuotaConfig(role="r", guarantees=scalars(cpus=1))


def test_after_an_election_quota_waits_for_most_agents() -> None:
    small = Small()
    small.allocator.recover(5, [quota_config()], {})
    small.framework("f", "f")
    for agent in range(3):
        small.agent(str(agent), ALL)
    assert small.cycle() == []
    small.agent("3", ALL)
    assert len(small.cycle()) > 0


def test_after_an_election_the_wait_ends() -> None:
    small = Small()
    small.allocator.recover(5, [quota_config()], {"f": 2.0})
    small.framework("f", "r")
    small.agent("0", ALL)
    small.clock.advance(599)
    assert small.cycle() == []
    small.clock.advance(2)
    assert len(small.cycle()) == 1


def test_without_quota_nothing_waits() -> None:
    small = Small()
    small.allocator.recover(5, [], {})
    small.framework("f", "r")
    small.agent("0", ALL)
    assert len(small.cycle()) == 1
