"""Access control lists: how they are read and decide, and what they keep frameworks and operators from."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.authorization import OBJECTS, Acls, Permit, parse_acls
from mesosctl.runtime.flags.load import FlagError, load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.master.actions import Change
from mesosctl.runtime.master.operator.context import Context
from mesosctl.runtime.master.operator.quota import visible_quotas, visible_weights
from mesosctl.runtime.master.views.roles import roles_view
from mesosctl.runtime.master.views.visible import sees, visible
from mesosctl.runtime.protocol.cluster import AgentInfo
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.quota import QuotaConfig
from mesosctl.runtime.protocol.recordio import frame
from mesosctl.runtime.protocol.resources import Value
from mesosctl.runtime.resources import Resources
from tests.unit.agent_bench import CUSTOM, Bench
from tests.unit.agent_bench import task as agent_task
from tests.unit.master_cluster import AGENT, FRAMEWORK, INFO, Cluster, task
from tests.unit.test_authentication import APP, OPS, asked

ANY, NONE = {"type": "ANY"}, {"type": "NONE"}


def some(*values: str) -> dict[str, Any]:
    return {"values": list(values)}


def acls(permissive: bool = True, /, **rules: Any) -> Acls:
    """By action, pairs of whom and what a rule is about."""
    given: dict[str, Any] = {"permissive": permissive}
    for action, pairs in rules.items():
        given[action] = [{"principals": who, OBJECTS[action]: what} for who, what in pairs]
    return parse_acls(json.dumps(given))


ONLY_FOO_ANALYTICS = [(some("foo"), some("analytics")), (NONE, some("analytics"))]


@pytest.mark.parametrize(
    ("permissive", "rules", "principal", "role", "allowed"),
    [
        # Only foo may have analytics; everything else is for everybody.
        (True, ONLY_FOO_ANALYTICS, "foo", "analytics", True),
        (True, ONLY_FOO_ANALYTICS, "bar", "analytics", False),
        (True, ONLY_FOO_ANALYTICS, None, "analytics", False),
        (True, ONLY_FOO_ANALYTICS, "bar", "ads", True),
        (True, ONLY_FOO_ANALYTICS, "foo", "ads", True),
        # foo may have nothing but these; others may have anything.
        (True, [(some("foo"), some("analytics", "ads")), (some("foo"), NONE)], "foo", "ads", True),
        (True, [(some("foo"), some("analytics", "ads")), (some("foo"), NONE)], "foo", "*", False),
        (True, [(some("foo"), some("analytics", "ads")), (some("foo"), NONE)], "bar", "*", True),
        # What is not named is forbidden.
        (False, [(some("foo"), some("analytics"))], "foo", "analytics", True),
        (False, [(some("foo"), some("analytics"))], "foo", "ads", False),
        (False, [(some("foo"), some("analytics"))], "bar", "analytics", False),
        (False, [], "foo", "*", False),
        (True, [], None, "*", True),
        # The first rule that matches decides.
        (True, [(ANY, NONE), (ANY, ANY)], "foo", "*", False),
        (True, [(ANY, ANY), (ANY, NONE)], "foo", "*", True),
        # One who is not authenticated is nobody of those who are named.
        (False, [(ANY, some("ads"))], None, "ads", True),
        (False, [(some("foo"), ANY)], None, "ads", False),
        (True, [(NONE, ANY)], "foo", "ads", False),
        # Roles below a role.
        (False, [(ANY, some("eng/%"))], "foo", "eng/web", True),
        (False, [(ANY, some("eng/%"))], "foo", "eng/web/db", True),
        (False, [(ANY, some("eng/%"))], "foo", "eng", False),
        (False, [(ANY, some("eng/%"))], "foo", "engine/x", False),
        # The action as a whole.
        (False, [(some("foo"), ANY)], "foo", None, True),
        (True, [(some("foo"), NONE)], "foo", None, False),
        (False, [(some("foo"), some("ads"))], "foo", None, False),
    ],
)
def test_who_may(permissive: bool, rules: Any, principal: str | None, role: str | None, allowed: bool) -> None:
    assert acls(permissive, register_frameworks=rules).allows("register_frameworks", principal, role) is allowed


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ("[]", "not a JSON object"),
        ('{"permissive": "no"}', "'permissive' of ACLs"),
        ('{"run_task": []}', "'run_task' is not an action of ACLs; known are .*run_tasks"),
        ('{"run_tasks": {}}', "'run_tasks' of ACLs is not a list"),
        ('{"run_tasks": [{"principals": {"type": "ANY"}}]}', "'principals' and 'users'"),
        ('{"run_tasks": [{"principals": {"type": "ANY"}, "roles": {"type": "ANY"}}]}', "'principals' and 'users'"),
        ('{"run_tasks": [{"principals": {"type": "ALL"}, "users": {"type": "ANY"}}]}', "neither a list"),
        ('{"run_tasks": [{"principals": {"value": ["a"]}, "users": {"type": "ANY"}}]}', "neither a list"),
        ('{"run_tasks": [{"principals": {"values": [1]}, "users": {"type": "ANY"}}]}', "neither a list"),
    ],
)
def test_a_master_with_acls_that_are_wrong_does_not_start(text: str, problem: str) -> None:
    with pytest.raises(FlagError, match=problem):
        load(MasterFlags, [f"--acls={text}"], {})


def test_acls_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "acls"
    file.write_text('{"permissive": false}')
    flags, warnings = load(MasterFlags, [f"--acls=file://{file}"], {})
    assert flags.acls
    assert not flags.acls.permissive
    assert not warnings


def test_a_framework_subscribes_with_its_own_roles_only() -> None:
    cluster = Cluster(acls=acls(register_frameworks=ONLY_FOO_ANALYTICS))
    cluster.subscribe("s1", roles=["ads", "analytics"], principal="bar")
    (error,) = cluster.take("s1")
    assert error.error
    assert error.error.message == "Not authorized to use roles '{ ads, analytics }'"
    assert "s1" in cluster.closed
    cluster.subscribe("s2", roles=["analytics"], principal="foo")
    assert cluster.take("s2", "SUBSCRIBED")
    info = {**INFO, "id": {"value": FRAMEWORK}, "principal": "foo"}
    assert cluster.call("s2", "UPDATE_FRAMEWORK", framework_info={**info, "roles": ["ads"]}) == 200
    other = Cluster(acls=acls(register_frameworks=[(ANY, some("ads")), (ANY, NONE)]))
    other.subscribe("s1", roles=["ads"])
    with pytest.raises(Refusal, match=r"403: Not authorized to use roles '\{ more \}'"):
        other.call("s1", "UPDATE_FRAMEWORK", framework_info={**INFO, "id": {"value": FRAMEWORK}, "roles": ["more"]})


def accept(cluster: Cluster, *operations: dict[str, Any]) -> None:
    offer = cluster.offer()
    cluster.call("s1", "ACCEPT", offer_ids=[{"value": offer}], operations=list(operations))


def test_tasks_run_as_users_that_are_allowed() -> None:
    cluster = Cluster(acls=acls(run_tasks=[(ANY, some("alice")), (ANY, NONE)]))
    cluster.register()
    cluster.subscribe()
    as_alice = task("a")
    as_alice["command"]["user"] = "alice"
    accept(cluster, {"type": "LAUNCH", "launch": {"task_infos": [task("r"), as_alice]}})
    assert cluster.statuses() == [("r", "TASK_ERROR", "REASON_TASK_UNAUTHORIZED")]
    assert [*cluster.master.state.frameworks[FRAMEWORK].tasks] == ["a"]


def test_a_group_with_a_task_that_is_forbidden_does_not_run() -> None:
    cluster = Cluster(acls=acls(run_tasks=[(ANY, some("root")), (ANY, NONE)]))
    cluster.register()
    cluster.subscribe()
    one, other = task("one"), task("other")
    other["command"]["user"] = "mallory"
    resources = [*one["resources"], {"name": "disk", "type": "SCALAR", "scalar": {"value": 32.0}}]
    executor = {"type": "DEFAULT", "executor_id": {"value": "e"}, "resources": resources}
    group = {"executor": executor, "task_group": {"tasks": [one, other]}}
    accept(cluster, {"type": "LAUNCH_GROUP", "launch_group": group})
    reason = "REASON_TASK_GROUP_UNAUTHORIZED"
    assert cluster.statuses() == [("one", "TASK_ERROR", reason), ("other", "TASK_ERROR", reason)]


def reserved(principal: str | None) -> dict[str, Any]:
    reservation = {"type": "DYNAMIC", "role": "ads"} | ({"principal": principal} if principal else {})
    return {"name": "cpus", "type": "SCALAR", "scalar": {"value": 1.0}, "reservations": [reservation]}


@pytest.mark.parametrize(
    ("principal", "named", "problem"),
    [
        ("foo", "foo", None),
        ("foo", "bar", "with principal 'bar' set in `ReservationInfo`"),
        ("foo", None, "with principal '' set in `ReservationInfo`"),
        ("bar", "bar", "Not authorized to reserve resources as 'bar'"),
    ],
)
def test_reservations_of_frameworks(principal: str, named: str | None, problem: str | None) -> None:
    cluster = Cluster(acls=acls(reserve_resources=[(some("foo"), some("ads")), (ANY, NONE)]))
    cluster.register()
    capabilities = [*INFO["capabilities"], {"type": "RESERVATION_REFINEMENT"}]  # type: ignore[misc]
    cluster.subscribe(principal=principal, roles=["ads"], capabilities=capabilities)
    operation = {"type": "RESERVE", "id": {"value": "r"}, "reserve": {"resources": [reserved(named)]}}
    accept(cluster, operation)
    (event,) = cluster.take("s1", "UPDATE_OPERATION_STATUS")
    assert event.update_operation_status
    status = event.update_operation_status.status
    assert (problem or "") in (status.message or "")
    assert (status.state == "OPERATION_FINISHED") is (problem is None)


def test_operators_see_what_they_may() -> None:
    cluster = Cluster()
    cluster.register()
    cluster.subscribe("s1", user="alice")
    cluster.launch("a1", "a2")
    cluster.subscribe("s2", f"{FRAMEWORK}9", user="bob")
    state = cluster.master.state
    lists = acls(
        view_frameworks=[(some("ops"), ANY), (ANY, some("alice")), (ANY, NONE)],
        view_tasks=[(some("ops"), ANY), (ANY, NONE)],
    )
    assert set(visible(state, Permit(lists, "ops")).frameworks) == {FRAMEWORK, f"{FRAMEWORK}9"}
    seen = visible(state, Permit(lists, "guest"))
    assert set(seen.frameworks) == {FRAMEWORK}
    assert not seen.frameworks[FRAMEWORK].tasks
    assert set(state.frameworks[FRAMEWORK].tasks) == {"a1", "a2"}
    assert visible(state, Permit(acls(run_tasks=[]), "guest")) is state


def test_operators_hear_of_what_they_may_see() -> None:
    cluster = Cluster()
    changes: list[Change] = []
    cluster.master.state.changed = changes.append
    cluster.register()
    cluster.subscribe(user="alice")
    cluster.launch("a")
    cluster.update("a", "TASK_RUNNING")
    lists = acls(
        view_frameworks=[(some("ops", "guest"), ANY), (ANY, NONE)],
        view_tasks=[(some("ops"), some("alice")), (ANY, NONE)],
    )

    def heard(principal: str) -> list[str]:
        permit = Permit(lists, principal)
        return [type(each).__name__ for each in changes if sees(cluster.master.state, permit, each)]

    assert heard("ops") == ["AgentAdded", "FrameworkAdded", "TaskAdded", "TaskUpdated"]
    assert heard("guest") == ["AgentAdded", "FrameworkAdded"]
    assert heard("nobody") == ["AgentAdded"]


def test_agents_that_may_not_register(tmp_path: Path) -> None:
    lists = {"register_agents": [{"principals": some("ops"), "agents": ANY}, {"principals": ANY, "agents": NONE}]}
    register = internal.Register(AgentInfo(hostname="localhost"), "1.11.0")
    body = frame(msgspec.json.encode(register))
    flags = ("--authenticate_agents", f"--acls={json.dumps(lists)}")
    answers = asyncio.run(asked(tmp_path, flags, ("POST", internal.PATH, APP, body)))
    assert answers == [FORBIDDEN]


@pytest.mark.parametrize(
    ("resources", "rules", "status"),
    [
        ("cpus:1", [{"principals": ANY, "roles": NONE}], 200),
        ("cpus:1;mem(db):64", [{"principals": some("app"), "roles": some("db")}], 200),
        ("cpus:1;mem(db):64", [{"principals": some("app"), "roles": NONE}], 403),
        ("cpus(web):1;mem(db):64", [{"principals": some("app"), "roles": some("db")}], 403),
    ],
)
def test_static_reservations_of_agents(tmp_path: Path, resources: str, rules: list[object], status: int) -> None:
    register = internal.Register(AgentInfo(hostname="localhost", resources=Resources.parse(resources).messages()), "1")
    lists = {"permissive": False, "register_agents": [{"principals": ANY, "agents": ANY}], "reserve_resources": rules}
    flags = ("--authenticate_agents", f"--acls={json.dumps(lists)}")
    body = frame(msgspec.json.encode(register))
    ((found, _, _),) = asyncio.run(asked(tmp_path, flags, ("POST", internal.PATH, APP, body)))
    assert found == status


def test_tasks_that_an_agent_may_not_run() -> None:
    bench = Bench(acls=acls(run_tasks=[(ANY, some("alice")), (ANY, NONE)]))
    command = CommandInfo(value="true", user="alice")
    bench.run(msgspec.structs.replace(agent_task("mine"), command=command))
    bench.run(agent_task("theirs"))
    bench.run(agent_task("pod"), executor=CUSTOM, group=True)
    assert [executor.id for executor in bench.launched] == ["mine"]
    assert isinstance(bench.sent[-1], internal.ExecutorExited)
    told = [(each.task_id.value, each.state, each.reason, each.message) for each in bench.acknowledge_all()]
    message = "Not authorized to launch as user 'root'"
    assert told == [
        ("theirs", "TASK_ERROR", "REASON_TASK_UNAUTHORIZED", message),
        ("pod", "TASK_ERROR", "REASON_TASK_GROUP_UNAUTHORIZED", message),
    ]


def test_operators_name_themselves_in_reservations(tmp_path: Path) -> None:
    def reserve(named: str) -> dict[str, Any]:
        fields = {"agent_id": {"value": AGENT}, "resources": [reserved(named)]}
        return {"type": "RESERVE_RESOURCES", "reserve_resources": fields}

    flags = ("--authenticate_http_readwrite",)
    calls = [("POST", "/api/v1", OPS, reserve("app")), ("POST", "/api/v1", OPS, reserve("ops"))]
    refused, taken = asyncio.run(asked(tmp_path, flags, *calls))
    assert refused[0] == 400
    assert "with principal 'app' set in `ReservationInfo`" in refused[2]
    assert taken == (400, None, "No agent found with specified ID"), "it goes on to what is wrong besides"


FORBIDDEN = (403, None, "403 Forbidden.")
OK = (200, None, "")


def test_operators_do_what_they_may(tmp_path: Path) -> None:
    lists = {
        action: [{"principals": some("ops"), name: ANY}, {"principals": ANY, name: NONE}]
        for action, name in OBJECTS.items()
    }
    weights = {"type": "UPDATE_WEIGHTS", "update_weights": {"weight_infos": [{"role": "a", "weight": 2.0}]}}
    quota = {
        "type": "UPDATE_QUOTA",
        "update_quota": {"quota_configs": [{"role": "a", "limits": {"cpus": {"value": 1}}}]},
    }
    requests: list[tuple[str, str, object]] = [
        ("POST", "/api/v1", weights),
        ("PUT", "/weights", [{"role": "a", "weight": 3.0}]),
        ("POST", "/api/v1", quota),
        ("GET", "/flags", None),
        ("POST", "/api/v1", {"type": "GET_FLAGS"}),
        ("GET", "/metrics/snapshot", None),
        ("GET", "/logging/toggle", None),
        (
            "POST",
            "/api/v1",
            {"type": "SET_LOGGING_LEVEL", "set_logging_level": {"level": 0, "duration": {"nanoseconds": 1}}},
        ),
        ("POST", "/api/v1", {"type": "UPDATE_MAINTENANCE_SCHEDULE", "update_maintenance_schedule": {"schedule": {}}}),
        ("POST", "/maintenance/schedule", {}),
    ]
    asking = [(method, path, who, body) for method, path, body in requests for who in (APP, OPS)]
    flags = ("--authenticate_http_readonly", "--authenticate_http_readwrite", f"--acls={json.dumps(lists)}")
    answers = asyncio.run(asked(tmp_path, flags, *asking))
    assert answers == [FORBIDDEN, OK] * len(requests)
    calls: list[dict[str, Any]] = [
        {"type": kind, kind.lower(): {"agent_id": {"value": AGENT}}}
        for kind in ("DRAIN_AGENT", "DEACTIVATE_AGENT", "REACTIVATE_AGENT", "MARK_AGENT_GONE")
    ]
    calls += [
        {"type": kind, kind.lower(): {"agent_id": {"value": AGENT}, name: [reserved("app")]}}
        for kind, name in (
            ("RESERVE_RESOURCES", "resources"),
            ("UNRESERVE_RESOURCES", "resources"),
            ("CREATE_VOLUMES", "volumes"),
            ("DESTROY_VOLUMES", "volumes"),
        )
    ]
    calls += [{"type": kind, kind.lower(): {"machines": []}} for kind in ("START_MAINTENANCE", "STOP_MAINTENANCE")]
    answers = asyncio.run(asked(tmp_path, flags, *(("POST", "/api/v1", APP, call) for call in calls)))
    assert answers == [FORBIDDEN] * len(calls)
    answers = asyncio.run(asked(tmp_path, flags, *(("POST", "/api/v1", OPS, call) for call in calls)))
    assert FORBIDDEN not in answers


def test_quotas_and_weights_are_shown_to_whom_they_may() -> None:
    cluster = Cluster(weights={"a": 2.0, "b": 3.0})
    configs = tuple(QuotaConfig(role=role, limits={"cpus": Value.Scalar(1.0)}) for role in ("a", "b"))
    cluster.master.commit(cluster.master.quotas.update(configs, force=True))
    lists = acls(get_quotas=[(some("app"), some("a")), (ANY, NONE)], view_roles=[(some("app"), some("b")), (ANY, NONE)])
    context = cast(Context, SimpleNamespace(master=cluster.master, permit=Permit(lists, "app")))
    assert [config.role for config in visible_quotas(context).configs] == ["a"]
    assert [info.role for info in visible_quotas(context).infos] == ["a"]
    assert [info.role for info in visible_weights(context)] == ["b"]
    shown = roles_view(cluster.master.state, context.permit)
    assert [role["name"] for role in shown["roles"]] == ["b"]
