"""What the codec lets pass as Mesos does, and what it says of what it cannot read."""

from __future__ import annotations

import msgspec
import pytest

from mesosctl.runtime.protocol import executor, master, scheduler
from mesosctl.runtime.protocol.basics import AgentID, FrameworkID, TaskID
from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.errors import DecodeError
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.tasks import TaskInfo, TaskState, TaskStatus


def call(text: str) -> scheduler.Call:
    return decode(scheduler.Call, text.encode())


def test_unset_is_not_written_and_declared_defaults_are() -> None:
    assert encode(FrameworkID("f")) == b'{"value":"f"}'
    assert encode(FrameworkInfo(user="u", name="n")) == (
        b'{"user":"u","name":"n","failover_timeout":0.0,"checkpoint":false}'
    )
    assert encode(master.Response.GetExecutors()) == b'{"executors":[]}'
    assert encode(scheduler.Call.Decline()) == b"{}"


def test_messages_cannot_be_changed_only_replaced() -> None:
    one = TaskID("a")
    with pytest.raises(AttributeError):
        one.value = "b"  # type: ignore[misc]
    assert msgspec.structs.replace(one, value="b") == TaskID("b")


@pytest.mark.parametrize(
    ("text", "filters"),
    [
        ('{"filters": {"refuse_seconds": 0.5}}', 0.5),
        ('{"filters": {"refuse_seconds": 3}}', 3.0),
        ('{"filters": {"refuse_seconds": "3.5"}}', 3.5),
        ('{"filters": {"refuse_seconds": "Infinity"}}', float("inf")),
        ('{"filters": {"refuse_seconds": null}}', 5.0),
        ('{"filters": {}}', 5.0),
    ],
)
def test_numbers_in_any_form(text: str, filters: float) -> None:
    decline = decode(scheduler.Call.Decline, text.encode())
    assert decline.filters
    assert decline.filters.refuse_seconds == filters


@pytest.mark.parametrize("roles", ['["a", null]', '"a"', '[["a"]]', '["a"]'])
def test_lists_in_any_form(roles: str) -> None:
    assert decode(scheduler.Call.Revive, f'{{"roles": {roles}}}'.encode()).roles == ("a",)


def test_null_is_unset_everywhere() -> None:
    suppress = call('{"type": "SUPPRESS", "framework_id": null, "suppress": null, "accept": {"offer_ids": null}}')
    assert suppress == scheduler.Call(type=scheduler.Call.Type.SUPPRESS, accept=scheduler.Call.Accept())
    assert decode(TaskInfo, b'{"name":"n","task_id":{"value":"t"},"agent_id":{"value":"a"},"limits":null}').limits == {}
    with pytest.raises(DecodeError, match=r"Missing required fields: kill\.task_id$"):
        call('{"kill": {"task_id": null}}')


def test_booleans_in_strings() -> None:
    assert decode(CommandInfo, b'{"shell": "false"}').shell is False


def test_unknown_enum_values_read_as_unset() -> None:
    status = decode(TaskStatus, b'{"task_id":{"value":"t"},"state":"TASK_RUNNING","reason":"REASON_OF_THE_FUTURE"}')
    assert status == TaskStatus(task_id=TaskID("t"), state=TaskState.TASK_RUNNING)
    with pytest.raises(DecodeError, match="Failed to find enum for 'TASK_DREAMING'"):
        decode(TaskStatus, b'{"task_id":{"value":"t"},"state":"TASK_DREAMING"}')


def test_unknown_enum_numbers_and_fields_are_dropped_in_protobuf() -> None:
    # type = 99, and field 100 = "x"
    assert decode(scheduler.Call, b"\x10\x63\xa2\x06\x01x", MediaType.PROTOBUF) == scheduler.Call()


def test_bytes_are_base64_with_and_without_padding() -> None:
    for text in ("AQI=", "AQI", "AQ\\nI="):
        assert decode(executor.Event.Message, f'{{"data": "{text}"}}'.encode()).data == b"\x01\x02"


def test_maps() -> None:
    task = TaskInfo(name="n", task_id=TaskID("t"), agent_id=AgentID("a"), limits={"cpus": Value.Scalar(1.5)})
    for media_type in (MediaType.JSON, MediaType.PROTOBUF):
        assert decode(TaskInfo, encode(task, media_type), media_type) == task


CONVERT = "Failed to convert JSON into Call protobuf: "


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "Failed to parse body into JSON: syntax error at line 1 near: "),
        ("{nope\nmore", "Failed to parse body into JSON: syntax error at line 1 near: nope"),
        (
            '{"type":"KILL"} x',
            "Failed to parse body into JSON: Parsed JSON included non-whitespace trailing characters: x",
        ),
        ("[" * 100_000, "Failed to parse body into JSON: syntax error at line 1 near: "),
        ("3", CONVERT + "Expecting a JSON object"),
        ('{"type":5}', CONVERT + "Not expecting a JSON number for field 'type'"),
        ('{"type":true}', CONVERT + "Not expecting a JSON boolean for field 'type'"),
        ('{"type":{}}', CONVERT + "Not expecting a JSON object for field 'type'"),
        ('{"type":["KILL"]}', CONVERT + "Not expecting a JSON array for field 'type'"),
        ('{"type":5,"kill":"x"}', CONVERT + "Not expecting a JSON string for field 'kill'"),
        ('{"kill":{"task_id":{"value":1}}}', CONVERT + "Not expecting a JSON number for field 'value'"),
        (
            '{"decline":{"filters":{"refuse_seconds":"soon"}}}',
            CONVERT + "Failed to parse 'soon' as a JSON number for field 'refuse_seconds': "
            "syntax error at line 1 near: soon",
        ),
        (
            '{"shutdown":{},"acknowledge":{"task_id":{}}}',
            CONVERT + "Missing required fields: shutdown.executor_id, shutdown.agent_id, acknowledge.agent_id, "
            "acknowledge.uuid, acknowledge.task_id.value",
        ),
        (
            '{"reconcile":{"tasks":[{"task_id":{"value":"a"}},{}]}}',
            CONVERT + "Missing required fields: reconcile.tasks[1].task_id",
        ),
    ],
)
def test_refusals_of_json(text: str, problem: str) -> None:
    with pytest.raises(DecodeError) as error:
        call(text)
    assert str(error.value) == problem


@pytest.mark.parametrize(
    "body",
    [b'{"type": "KILL"}', b"\x0a\x01\x00\x00", b"\x32\x00", b"\x0a\x03\x0a\x01\xff"],
    ids=["json", "cut off", "required field missing", "not unicode"],
)
def test_refusals_of_protobuf(body: bytes) -> None:
    with pytest.raises(DecodeError) as error:
        decode(scheduler.Call, body, MediaType.PROTOBUF)
    assert str(error.value) == "Failed to parse body into Call protobuf"


def test_numbers_that_fit_no_field() -> None:
    with pytest.raises(DecodeError, match="The number for field 'begin' is out of range"):
        decode(Value.Range, b'{"begin": -1, "end": 2}')
    with pytest.raises(ValueError, match="out of range"):
        encode(Value.Range(begin=2**64, end=0), MediaType.PROTOBUF)


def test_resources_keep_the_form_they_came_in() -> None:
    old = b'{"name":"cpus","type":"SCALAR","scalar":{"value":1.0},"role":"r","reservation":{"principal":"p"}}'
    assert encode(decode(Resource, old)) == old
