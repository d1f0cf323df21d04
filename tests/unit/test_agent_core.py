"""What an agent makes of messages, calls and the ends of containers."""

from __future__ import annotations

from msgspec.structs import replace

from mesosctl.runtime import internal
from mesosctl.runtime.agent.records import Ending
from mesosctl.runtime.protocol.basics import ContainerID, DurationInfo, ExecutorID, TaskID
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo
from mesosctl.runtime.protocol.executor import Call
from mesosctl.runtime.protocol.resources import Image
from mesosctl.runtime.protocol.tasks import ExecutorInfo, TaskState, TaskStatus
from tests.unit.agent_bench import AGENT_ID, CUSTOM, FRAMEWORK_ID, MASTER, Bench, scalar, task

Reason = TaskStatus.Reason


def outline(statuses: list[TaskStatus]) -> list[tuple[str, TaskState, TaskStatus.Reason | None]]:
    return [(status.task_id.value, status.state, status.reason) for status in statuses]


def test_command_task_from_launch_to_end() -> None:
    bench = Bench()
    bench.run(task("a"))
    (executor,) = bench.launched
    assert executor.info.name == "Command Executor (Task: a) (Command: sh -c 'sleep 1000')"
    assert executor.info.source == "a"
    assert bench.events == []
    bench.subscribe()
    assert bench.event_types() == ["SUBSCRIBED", "LAUNCH"]
    subscribed, launch = (event for _, event in bench.events)
    assert subscribed.subscribed is not None
    assert subscribed.subscribed.executor_info.executor_id == ExecutorID("a")
    assert subscribed.subscribed.agent_info.id == AGENT_ID
    assert launch.launch is not None
    assert launch.launch.task == task("a")

    for state in (TaskState.TASK_STARTING, TaskState.TASK_RUNNING, TaskState.TASK_FINISHED):
        bench.update("a", state)
    assert bench.event_types()[2:] == ["ACKNOWLEDGED"] * 3
    bench.exit()
    statuses = bench.acknowledge_all()
    assert [status.state for status in statuses] == ["TASK_STARTING", "TASK_RUNNING", "TASK_FINISHED"]
    for status in statuses:
        assert status.agent_id == AGENT_ID
        assert status.executor_id == ExecutorID("a")
        assert status.timestamp == bench.clock.now()
        assert status.container_status is not None
        assert status.container_status.container_id == ContainerID(executor.container_id)
        assert status.container_status.executor_pid == 4711
        assert status.container_status.network_infos[0].ip_addresses[0].ip_address == "10.0.0.1"
    assert bench.sent == []  # the end of a command executor is not worth a message
    assert bench.agent.ledger.frameworks == {}
    (framework,) = bench.agent.ledger.completed_frameworks.values()
    assert [each.state for each in framework.completed[0].completed] == [TaskState.TASK_FINISHED]


def test_executor_stays_until_the_last_update_is_acknowledged() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.update("a", TaskState.TASK_FINISHED)
    bench.exit()
    (running,) = bench.agent.registration().tasks
    assert (running.executor_id, running.status.state) == (None, TaskState.TASK_FINISHED)
    bench.acknowledge_all()
    assert bench.agent.registration().tasks == ()


def test_executor_that_dies_fails_its_tasks() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.update("a", TaskState.TASK_RUNNING)
    bench.exit(status=9)
    assert outline(bench.acknowledge_all())[-1] == ("a", TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_TERMINATED)
    assert bench.agent.ledger.frameworks == {}


def test_a_limit_explains_why_a_task_failed() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.exceeded = Ending(Reason.REASON_CONTAINER_LIMITATION_MEMORY, "Memory limit exceeded")
    bench.update("a", TaskState.TASK_RUNNING)
    bench.update("a", TaskState.TASK_FAILED)
    running, failed = bench.acknowledge_all()
    assert (running.reason, running.message) == (None, None)
    assert (failed.reason, failed.message) == (Reason.REASON_CONTAINER_LIMITATION_MEMORY, "Memory limit exceeded")


def test_a_container_holds_what_its_tasks_hold() -> None:
    bench = Bench()
    for name in ("a", "b"):
        bench.run(replace(task(name), resources=(scalar("mem", 32),)), executor=CUSTOM)
    bench.subscribe()
    bench.update("a", TaskState.TASK_FINISHED)
    assert bench.updated == [(CUSTOM.executor_id.value, 64.0), (CUSTOM.executor_id.value, 32.0)]


def test_executor_that_never_subscribes() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.clock.advance(59)
    assert bench.destroyed == []
    bench.clock.advance(1)
    assert bench.destroyed == bench.launched
    bench.exit(status=9)
    (status,) = bench.acknowledge_all()
    assert (status.state, status.reason) == (TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_REGISTRATION_TIMEOUT)
    assert status.message == "Executor did not register within 1mins"
    assert status.source is TaskStatus.Source.SOURCE_AGENT


def test_subscribing_stops_the_registration_timeout() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.clock.advance(3600)
    assert bench.destroyed == []


def test_container_that_cannot_be_launched() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.agent.container_failed(bench.launched[0].container_id, "Failed to launch container: no")
    (status,) = bench.acknowledge_all()
    assert (status.state, status.reason) == (TaskState.TASK_FAILED, Reason.REASON_CONTAINER_LAUNCH_FAILED)
    assert status.message == "Failed to launch container: no"
    assert bench.agent.ledger.frameworks == {}


def test_kill_before_the_executor_subscribes() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.kill("a")
    assert bench.destroyed == bench.launched
    bench.exit(status=9)
    assert outline(bench.acknowledge_all()) == [("a", TaskState.TASK_KILLED, Reason.REASON_TASK_KILLED_DURING_LAUNCH)]


def test_kill_is_passed_on() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.kill("a")
    assert bench.event_types()[-1] == "KILL"


def test_kill_of_an_unknown_task_is_ignored() -> None:
    bench = Bench()
    bench.kill("nothing")
    assert bench.sent == []


def test_custom_executor_takes_several_tasks() -> None:
    bench = Bench()
    bench.run(task("a"), executor=CUSTOM)
    bench.run(task("b"), executor=CUSTOM)
    assert len(bench.launched) == 1
    bench.subscribe()
    bench.run(task("c"), executor=CUSTOM)
    assert bench.event_types() == ["SUBSCRIBED", "LAUNCH", "LAUNCH", "LAUNCH"]
    registration = bench.agent.registration()
    assert {running.executor_id for running in registration.tasks} == {CUSTOM.executor_id}
    assert [running.executor.executor_id for running in registration.executors] == [CUSTOM.executor_id]
    bench.update("a", TaskState.TASK_RUNNING)
    bench.exit(status=256)
    assert outline(bench.acknowledge_all())[1:] == [
        ("b", TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_TERMINATED),
        ("c", TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_TERMINATED),
        ("a", TaskState.TASK_FAILED, Reason.REASON_EXECUTOR_TERMINATED),
    ]
    assert bench.sent == [internal.ExecutorExited(FRAMEWORK_ID, CUSTOM.executor_id, 256)]


def test_group_is_delivered_and_killed_as_one() -> None:
    bench = Bench()
    bench.run(task("a"), task("b"), executor=CUSTOM, group=True)
    bench.subscribe()
    assert bench.event_types() == ["SUBSCRIBED", "LAUNCH_GROUP"]
    bench = Bench()
    bench.run(task("a"), task("b"), executor=CUSTOM, group=True)
    bench.kill("b")
    states = {(status.task_id.value, status.state) for status in bench.acknowledge_all()}
    assert states == {("a", TaskState.TASK_KILLED), ("b", TaskState.TASK_KILLED)}


def test_task_for_an_executor_that_ends() -> None:
    for partition_aware, expected in ((True, TaskState.TASK_DROPPED), (False, TaskState.TASK_LOST)):
        bench = Bench(partition_aware=partition_aware)
        bench.run(task("a"), executor=CUSTOM)
        bench.subscribe()
        bench.agent.from_master(internal.ShutdownExecutor(FRAMEWORK_ID, CUSTOM.executor_id))
        bench.run(task("b"), executor=CUSTOM)
        assert outline(bench.acknowledge_all()) == [("b", expected, Reason.REASON_EXECUTOR_TERMINATED)]


def test_what_the_master_counts_for_an_executor_that_does_not_start() -> None:
    """The updates of an executor that ended wait, so that another one cannot be started: nothing is held for it."""
    bench = Bench()
    bench.run(task("a"), executor=CUSTOM)
    bench.exit()
    bench.sent.clear()
    bench.run(task("b"), executor=CUSTOM)
    assert bench.sent[-1] == internal.ExecutorExited(FRAMEWORK_ID, CUSTOM.executor_id, -1)
    bench.sent.clear()
    again = internal.RunTasks(bench.framework, (task("c"),), CUSTOM, launches_executor=False)
    bench.agent.from_master(again)
    assert not [each for each in bench.sent if isinstance(each, internal.ExecutorExited)]
    bench.acknowledge_all()
    bench.agent.from_master(again)
    assert outline(bench.acknowledge_all()) == [("c", TaskState.TASK_DROPPED, Reason.REASON_EXECUTOR_TERMINATED)]
    assert len(bench.launched) == 1


def test_tasks_of_a_framework_that_is_shut_down_end() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.agent.from_master(internal.ShutdownFramework(FRAMEWORK_ID))
    bench.run(task("b"))
    assert outline(bench.acknowledge_all()) == [("b", TaskState.TASK_DROPPED, Reason.REASON_EXECUTOR_TERMINATED)]


def test_shutdown_of_an_executor_has_a_grace_period() -> None:
    bench = Bench()
    slow = ExecutorInfo(
        executor_id=ExecutorID("slow"),
        command=CommandInfo(value="x"),
        shutdown_grace_period=DurationInfo(20_000_000_000),
    )
    bench.run(task("a"), executor=slow)
    bench.subscribe()
    bench.agent.from_master(internal.ShutdownExecutor(FRAMEWORK_ID, slow.executor_id))
    assert bench.event_types()[-1] == "SHUTDOWN"
    bench.clock.advance(19)
    assert bench.destroyed == []
    bench.update("a", TaskState.TASK_KILLED)
    bench.clock.advance(1)
    assert bench.destroyed == bench.launched
    bench.exit(status=9)
    assert outline(bench.acknowledge_all()) == [("a", TaskState.TASK_KILLED, None)]


def test_shutdown_of_a_framework_reports_nothing() -> None:
    bench = Bench()
    bench.run(task("a"), task("b"))
    bench.subscribe(0)
    bench.update("a", TaskState.TASK_RUNNING, 0)
    bench.sent.clear()
    bench.agent.from_master(internal.ShutdownFramework(FRAMEWORK_ID))
    assert bench.event_types()[-1] == "SHUTDOWN"
    assert bench.destroyed == [bench.launched[1]]
    bench.update("a", TaskState.TASK_KILLED, 0)
    assert bench.event_types()[-1] == "ACKNOWLEDGED"
    assert bench.agent.registration().tasks == ()
    bench.exit(0)
    bench.exit(1)
    bench.clock.advance(3600)
    assert bench.sent == []
    assert bench.agent.ledger.frameworks == {}


def test_updates_wait_for_the_master() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.agent.disconnected()
    bench.update("a", TaskState.TASK_STARTING)
    bench.update("a", TaskState.TASK_RUNNING)
    bench.clock.advance(3600)
    assert bench.sent == []
    (running,) = bench.agent.registration().tasks
    assert running.status.state is TaskState.TASK_RUNNING
    assert bench.agent.registration().agent.id == AGENT_ID
    bench.agent.registered(AGENT_ID, MASTER)
    (update,) = bench.sent
    assert isinstance(update, internal.StatusUpdate)
    assert (update.status.state, update.latest and update.latest.state) == (
        TaskState.TASK_STARTING,
        TaskState.TASK_RUNNING,
    )


def test_update_of_an_unknown_task_is_dropped_but_acknowledged() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    bench.update("ghost", TaskState.TASK_RUNNING)
    assert bench.sent == []
    assert bench.event_types()[-1] == "ACKNOWLEDGED"
    assert bench.agent.ledger.counters["invalid_status_updates"] == 1


def test_executor_that_subscribes_again() -> None:
    bench = Bench()
    bench.run(task("a"), executor=CUSTOM)
    bench.run(task("b"), executor=CUSTOM)
    bench.subscribe()
    known = bench.update("a", TaskState.TASK_RUNNING)
    lost = TaskStatus(
        task_id=TaskID("a"),
        state=TaskState.TASK_FINISHED,
        uuid=bytes(16),
        source=TaskStatus.Source.SOURCE_EXECUTOR,
    )
    bench.subscribe(call=Call.Subscribe((), (Call.Update(known), Call.Update(lost))))
    assert outline(bench.acknowledge_all()) == [
        ("a", TaskState.TASK_RUNNING, None),
        ("b", TaskState.TASK_DROPPED, Reason.REASON_AGENT_RESTARTED),
        ("a", TaskState.TASK_FINISHED, None),
    ]


def test_messages_go_both_ways() -> None:
    bench = Bench()
    bench.run(task("a"), executor=CUSTOM)
    early = internal.SchedulerMessage(FRAMEWORK_ID, CUSTOM.executor_id, b"early")
    bench.agent.from_master(early)
    bench.subscribe()
    bench.agent.from_master(internal.SchedulerMessage(FRAMEWORK_ID, CUSTOM.executor_id, b"\x00in"))
    message = bench.events[-1][1].message
    assert message is not None
    assert message.data == b"\x00in"
    bench.agent.message(*bench.records(), b"out")
    assert bench.sent == [internal.ExecutorMessage(FRAMEWORK_ID, CUSTOM.executor_id, b"out")]


def test_what_cannot_be_run_is_said() -> None:
    info = ContainerInfo.MesosInfo(Image(type=Image.Type.DOCKER))
    image = ContainerInfo(type=ContainerInfo.Type.MESOS, mesos=info)
    for name, wrong in (("a", replace(task("a"), container=image)), ("../../etc", task("../../etc"))):
        bench = Bench()
        bench.run(wrong)
        assert bench.launched == []
        (status,) = bench.acknowledge_all()
        assert (status.task_id.value, status.state) == (name, TaskState.TASK_FAILED)
        assert status.reason is Reason.REASON_CONTAINER_LAUNCH_FAILED
        assert status.message
        assert bench.agent.ledger.frameworks == {}


def test_only_the_newest_of_equal_states_is_kept() -> None:
    bench = Bench()
    bench.run(task("a"))
    bench.subscribe()
    for _ in range(3):
        bench.update("a", TaskState.TASK_RUNNING)
    (record,) = bench.records()[1].launched.values()
    assert len(record.statuses) == 1
    assert len(bench.acknowledge_all()) == 3


def test_a_new_master_is_told_what_ended() -> None:
    bench = Bench()
    for name in ("a", "b"):
        bench.run(task(name))
        bench.subscribe()
        bench.update(name, TaskState.TASK_FINISHED)
        bench.exit()
        bench.acknowledge_all()
    bench.run(task("c"))
    bench.agent.from_master(internal.ShutdownFramework(FRAMEWORK_ID))
    bench.exit()
    assert [each.id for each in bench.agent.ledger.completed_frameworks.values()] == [FRAMEWORK_ID.value]
    bench.sent.clear()

    bench.agent.disconnected()
    bench.agent.registered(AGENT_ID, MASTER)
    assert bench.sent == []  # which knows
    bench.agent.registered(AGENT_ID, replace(MASTER, id="another"))
    over, ended = (message for message in bench.sent if isinstance(message, internal.History))
    assert over.over == (bench.framework,)
    assert [(each.task.task_id.value, each.executor_id, each.status.state) for each in ended.tasks] == [
        ("a", None, TaskState.TASK_FINISHED),
        ("b", None, TaskState.TASK_FINISHED),
        ("c", None, TaskState.TASK_KILLED),
    ]
    assert all(each.framework_id == FRAMEWORK_ID for each in ended.tasks)
