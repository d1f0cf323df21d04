"""What operators change on a master: quota, weights, teardown; against a simulated clock."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.quota import QuotaConfig, QuotaRequest
from mesosctl.runtime.protocol.resources import WeightInfo
from tests.unit.master_cluster import FRAMEWORK, Cluster


@pytest.fixture
def cluster() -> Cluster:
    """One agent with 2 CPUs and one subscribed framework with an offer of all of it."""
    cluster = Cluster()
    cluster.register()
    cluster.subscribe()
    cluster.clock.advance(0)
    cluster.take("s1")
    return cluster


def config(role: str, guarantees: dict[str, float] | None = None, limits: dict[str, float] | None = None) -> Any:
    body = {
        "role": role,
        "guarantees": {name: {"value": value} for name, value in (guarantees or {}).items()},
        "limits": {name: {"value": value} for name, value in (limits or {}).items()},
    }
    return msgspec.convert(body, QuotaConfig)


def request(role: str | None, *guarantee: dict[str, Any], force: bool = False) -> QuotaRequest:
    return msgspec.convert({"role": role, "guarantee": guarantee, "force": force}, QuotaRequest)


def cpus(value: float, **more: Any) -> dict[str, Any]:
    return {"name": "cpus", "type": "SCALAR", "scalar": {"value": value}, **more}


def refusal(make: Any) -> tuple[int, str]:
    with pytest.raises(Refusal) as caught:
        make()
    return caught.value.status, caught.value.text


def as_json(message: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(message))


def kinds(cluster: Cluster, stream: str = "s1") -> list[str]:
    return [event.type.value for event in cluster.take(stream) if event.type]


# Quota.


def test_limits_are_shown_and_taken_away(cluster: Cluster) -> None:
    quotas = cluster.master.quotas
    cluster.master.commit(quotas.update((config("qrole", limits={"cpus": 1, "mem": 128}),), force=False))
    limits = {"cpus": {"value": 1.0}, "mem": {"value": 128.0}}
    assert as_json(quotas.status()) == {"infos": [{"role": "qrole"}], "configs": [{"role": "qrole", "limits": limits}]}
    cluster.master.commit(quotas.update((config("qrole"),), force=False))
    assert as_json(quotas.status()) == {}


def test_new_quota_rescinds_offers(cluster: Cluster) -> None:
    cluster.master.commit(cluster.master.quotas.update((config("*", limits={"cpus": 1}),), force=False))
    cluster.clock.advance(0)
    assert kinds(cluster) == ["RESCIND", "OFFERS"]
    (offer,) = cluster.master.state.offers.values()
    assert offer.resources.scalar("cpus") == 1


def test_a_guarantee_is_kept_free_for_its_role(cluster: Cluster) -> None:
    cluster.master.commit(cluster.master.quotas.set(request("eng", cpus(1.5))))
    cluster.clock.advance(0)
    (offer,) = cluster.master.state.offers.values()
    assert offer.resources.scalar("cpus") == 0.5
    cluster.master.commit(cluster.master.quotas.remove("eng"))
    cluster.clock.advance(1)
    assert sum(offer.resources.scalar("cpus") for offer in cluster.master.state.offers.values()) == 2


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (config("a/b"), "Updating quota on nested role 'a/b' is not supported yet"),
        (
            config("-a"),
            "Invalid QuotaConfig: Invalid 'QuotaConfig.role':"
            " Role component '-a' is invalid because it begins with a dash",
        ),
        (
            config("a", {"cpus": 2}, {"cpus": 1}),
            "Invalid QuotaConfig: 'QuotaConfig.guarantees' { cpus: 2 } is not contained within"
            " the 'QuotaConfig.limits' { cpus: 1 }",
        ),
        (
            config("a", {"cpus": -1}),
            "Invalid QuotaConfig: Invalid guarantee configuration {'cpus': -1}: Negative values not supported",
        ),
        (
            config("a", {"cpus": 2e12}),
            "Invalid QuotaConfig: Invalid 'QuotaConfig.guarantees': {'cpus': 2000000000000} is invalid:"
            " values greater than 1 trillion (1000000000000) are not supported",
        ),
        (
            config("a", {"cpus": 3}),
            "Invalid QuotaConfig: total quota guarantees 'cpus:3' exceed cluster capacity"
            " 'cpus:2; disk:252899; mem:23081' (use 'force' flag to bypass this check)",
        ),
    ],
)
def test_quota_that_cannot_be_set(cluster: Cluster, bad: QuotaConfig, problem: str) -> None:
    assert refusal(lambda: cluster.master.quotas.update((bad,), force=False)) == (400, problem)


def test_the_capacity_is_that_of_all_agents_connected_or_not_reserved_or_not(cluster: Cluster) -> None:
    cluster.register("a2", port=5052, resources="cpus(eng):2;mem:10")
    cluster.master.agent_disconnected("a1")
    cluster.master.commit(cluster.master.quotas.update((config("a", {"cpus": 4}),), force=False))
    assert (
        "exceed cluster capacity 'cpus:4;"
        in refusal(lambda: cluster.master.quotas.update((config("a", {"cpus": 4.1}),), force=False))[1]
    )


def test_a_new_guarantee_rescinds_what_it_needs(cluster: Cluster) -> None:
    cluster.master.commit(cluster.master.quotas.update((config("eng", {"cpus": 2}),), force=False))
    assert kinds(cluster) == ["RESCIND"]
    cluster.clock.advance(0)
    (offer,) = cluster.master.state.offers.values()
    assert offer.resources.scalar("cpus") == 0


def test_more_than_there_is_can_be_forced(cluster: Cluster) -> None:
    cluster.master.commit(cluster.master.quotas.update((config("a", {"cpus": 3}),), force=True))
    cluster.master.commit(cluster.master.quotas.set(request("b", cpus(3), force=True)))
    assert list(cluster.master.state.quotas) == ["a", "b"]


def test_a_limit_below_what_a_role_uses_must_be_forced(cluster: Cluster) -> None:
    cluster.launch("t", cpus=1.0)
    limit = (config("*", limits={"cpus": 0.5}),)
    assert refusal(lambda: cluster.master.quotas.update(limit, force=False)) == (
        400,
        "Invalid QuotaConfig: Role '*' is already consuming 'cpus:1; mem:32'; this is more than"
        " the requested limits '{ cpus: 0.5 }' (use 'force' flag to bypass this check)",
    )
    cluster.master.commit(cluster.master.quotas.update(limit, force=True))


@pytest.mark.parametrize(
    ("bad", "status", "problem"),
    [
        (request(None, cpus(1)), 400, "Failed to validate set quota request: QuotaInfo must specify a role"),
        (request("a"), 400, "Failed to validate set quota request: QuotaInfo with empty 'guarantee'"),
        (
            request("a", cpus(1), cpus(1)),
            400,
            "Failed to validate set quota request: QuotaInfo contains duplicate resource name 'cpus'",
        ),
        (
            request("a", cpus(1, role="b")),
            400,
            "Failed to validate set quota request: QuotaInfo must not contain any ReservationInfo",
        ),
        (
            request("there", cpus(1)),
            400,
            "Failed to validate set quota request: Cannot set quota for role 'there' which already has quota",
        ),
        (request("a/b", cpus(1)), 400, "Setting quota on nested role 'a/b' is not supported yet"),
        (
            request("a", cpus(2)),
            409,
            "Quota guarantees overcommit the cluster (use 'force' to bypass this check): Total quota guarantees"
            " 'cpus:2.5' exceed cluster capacity 'cpus:2; disk:252899; mem:23081'",
        ),
    ],
)
def test_older_requests_that_are_refused(cluster: Cluster, bad: QuotaRequest, status: int, problem: str) -> None:
    cluster.master.commit(cluster.master.quotas.set(request("there", cpus(0.5))))
    assert refusal(lambda: cluster.master.quotas.set(bad)) == (status, problem)


def test_what_is_not_there_cannot_be_removed(cluster: Cluster) -> None:
    assert refusal(lambda: cluster.master.quotas.remove("q3", "/master/quota/q3")) == (
        400,
        "Failed to remove quota for path '/master/quota/q3': Role 'q3' has no quota set",
    )


def test_only_admitted_roles_have_quota_and_weights() -> None:
    master = Cluster(roles=frozenset({"a"})).master
    assert refusal(lambda: master.quotas.update((config("b"),), force=False)) == (
        400,
        "Invalid QuotaConfig: 'b' is not on the roles whitelist",
    )
    assert refusal(lambda: master.weights.update([WeightInfo(role="b", weight=2.0)])) == (
        400,
        "Failed to validate update weights request JSON: Unknown role 'b'",
    )


# Weights.


def test_a_weight_of_a_role_with_frameworks_rescinds_offers(cluster: Cluster) -> None:
    cluster.master.commit(cluster.master.weights.update([WeightInfo(role=" eng ", weight=2.0)]))
    assert kinds(cluster) == []
    cluster.master.commit(cluster.master.weights.update([WeightInfo(role="*", weight=0.5)]))
    cluster.clock.advance(0)
    assert kinds(cluster) == ["RESCIND", "OFFERS"]
    assert [(info.role, info.weight) for info in cluster.master.weights.infos()] == [("eng", 2.0), ("*", 0.5)]


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        (WeightInfo(role="a b", weight=1.0), ": Invalid role 'a b': "),
        (WeightInfo(role="a", weight=0.0), " for role 'a': Invalid weight '0': Weights must be positive"),
        (WeightInfo(weight=1.0), ": Invalid role '': Empty role name is invalid"),
    ],
)
def test_weights_that_are_refused(cluster: Cluster, info: WeightInfo, problem: str) -> None:
    status, text = refusal(lambda: cluster.master.weights.update([info]))
    assert (status, text[: len("Failed to validate update weights request JSON" + problem)]) == (
        400,
        "Failed to validate update weights request JSON" + problem,
    )


def test_the_next_master_has_quota_and_weights(cluster: Cluster) -> None:
    master = cluster.master
    master.commit(master.quotas.update((config("a", limits={"cpus": 1}), config("b", limits={"cpus": 2})), force=False))
    master.commit(master.quotas.remove("a"))
    master.commit(master.weights.update([WeightInfo(role="a/b", weight=2.5)]))
    after = Cluster(cluster.registry, weights={"c": 3.0}).master
    assert after.quotas.status() == master.quotas.status()
    assert after.weights.infos() == master.weights.infos()


def test_the_flag_for_weights_counts_until_operators_set_any() -> None:
    cluster = Cluster(weights={"c": 3.0})
    assert cluster.master.weights.infos() == (WeightInfo(role="c", weight=3.0),)


def test_nothing_is_done_before_it_is_durable() -> None:
    cluster, seen = Cluster(), list[int]()
    cluster.holds_writes = True
    cluster.master.commit(cluster.master.weights.update([WeightInfo(role="a", weight=2.5)]), lambda: seen.append(1))
    assert not cluster.master.weights.infos()
    cluster.write()
    assert cluster.master.weights.infos()
    assert seen


# Frameworks.


def test_an_operator_ends_a_framework(cluster: Cluster) -> None:
    assert refusal(lambda: cluster.master.teardown("nope")) == (400, "No framework found with specified ID")
    cluster.master.teardown(FRAMEWORK)
    assert "s1" in cluster.closed
    assert FRAMEWORK in cluster.master.state.completed
