"""Nested containers over the agent's API: real processes, in the sandbox of an executor that the test plays."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from mesosctl.runtime.agent.containerizer.base import LaunchError
from mesosctl.runtime.agent.containerizer.cgroups import host_hierarchies
from mesosctl.runtime.agent.fetching import Destination
from mesosctl.runtime.agent.nested import NestedContainers, Surroundings, base_environment
from mesosctl.runtime.agent.operator import nested as operator_nested
from mesosctl.runtime.agent.operator.api import OperatorApi
from mesosctl.runtime.agent.operator.context import Context
from mesosctl.runtime.executor.processes import processes
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.protocol.agent import Call, Response
from mesosctl.runtime.protocol.basics import ContainerID
from mesosctl.runtime.protocol.codec import MediaType, decode, encode
from mesosctl.runtime.protocol.containers import CommandInfo
from mesosctl.runtime.protocol.recordio import RecordDecoder, frame

Json = dict[str, Any]
JSON = "application/json"
STREAM = {"Accept": "application/recordio", "Message-Accept": JSON}
PARENT = {"value": "executor"}


class Site:
    """An agent's API whose one executor has its sandbox in `sandbox`."""

    session: aiohttp.ClientSession
    url: str

    def __init__(self, sandbox: Path) -> None:
        self.sandbox = sandbox
        environment = base_environment(str(sandbox), "127.0.0.1") | {"COLOUR": "blue"}
        self.surroundings = Surroundings(str(sandbox), None, environment)
        self.nested = NestedContainers(self._executor, self.fetch, str(sandbox / "work"), "127.0.0.1", switch_user=True)

    async def fetch(self, uris: Sequence[CommandInfo.URI], to: Destination) -> None:
        """Writes the URIs themselves into files of their last parts."""
        for uri in uris:
            await asyncio.sleep(0.1)
            if uri.value == "http://broken":
                raise LaunchError("nothing there")
            Path(to.directory, uri.value.rpartition("/")[2]).write_text(uri.value)

    def _executor(self, container_id: str) -> Surroundings | None:
        return self.surroundings if container_id == PARENT["value"] else None

    async def call(self, kind: str, name: str = "c", **fields: Any) -> tuple[int, Any]:
        body = {"type": kind, kind.lower(): {"container_id": inside(name), **fields}}
        async with self.session.post(self.url, json=body, headers={"Accept": JSON}) as answer:
            text = await answer.text()
            return answer.status, json.loads(text) if answer.content_type == JSON and text else text

    async def launch(self, command: str, name: str = "c", **fields: Any) -> tuple[int, Any]:
        return await self.call("LAUNCH_NESTED_CONTAINER", name, command={"value": command}, **fields)

    async def wait(self, name: str = "c") -> int:
        status, answer = await self.call("WAIT_NESTED_CONTAINER", name)
        assert status == 200
        code: int = answer["wait_nested_container"]["exit_status"]
        return code

    @asynccontextmanager
    async def stream(self, kind: str, name: str = "s", **fields: Any) -> AsyncIterator[AsyncIterator[Json]]:
        body = {"type": kind, kind.lower(): {"container_id": inside(name), **fields}}
        async with self.session.post(self.url, json=body, headers=STREAM) as answer:
            assert answer.status == 200, await answer.text()
            assert answer.headers["Message-Content-Type"] == JSON
            yield records(answer)

    async def input(self, *messages: Json, name: str = "s") -> int:
        async def body() -> AsyncIterator[bytes]:
            first = {"type": "CONTAINER_ID", "container_id": inside(name)}
            for message in (first, *({"type": "PROCESS_IO", "process_io": each} for each in messages)):
                call = {"type": "ATTACH_CONTAINER_INPUT", "attach_container_input": message}
                yield frame(json.dumps(call).encode())

        headers = {"Content-Type": "application/recordio", "Message-Content-Type": JSON, "Accept": JSON}
        async with self.session.post(self.url, data=body(), headers=headers) as answer:
            return answer.status


async def records(answer: aiohttp.ClientResponse) -> AsyncIterator[Json]:
    decoder = RecordDecoder()
    async for chunk in answer.content.iter_any():
        for record in decoder.feed(chunk):
            yield json.loads(record)


def inside(name: str) -> Json:
    """The id of a container in the executor's, or with a slash, of one in that one."""
    container: Json = PARENT
    for each in name.split("/"):
        container = {"value": each, "parent": container}
    return container


def stdin(text: str) -> Json:
    return {"type": "DATA", "data": {"type": "STDIN", "data": base64.b64encode(text.encode()).decode()}}


def window(rows: int, columns: int) -> Json:
    return {
        "type": "CONTROL",
        "control": {"type": "TTY_INFO", "tty_info": {"window_size": {"rows": rows, "columns": columns}}},
    }


async def written(stream: AsyncIterator[Json], kind: str = "STDOUT", until: str | None = None) -> str:
    """What is written to one output, to its end or up to a text."""
    found = ""
    async for record in stream:
        if record["type"] == "DATA" and record["data"]["type"] == kind:
            found += base64.b64decode(record["data"]["data"]).decode()
            if until is not None and until in found:
                break
    return found


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Callable[[Site], Awaitable[None]]], None]:
    """Runs a test in an event loop with a site."""

    async def main(test: Callable[[Site], Awaitable[None]]) -> None:
        site = Site(tmp_path)
        nothing: Any = None
        agent: Any = SimpleNamespace(ledger=SimpleNamespace(find_container=lambda container_id: None))
        context = Context(agent, {}, dict, nothing, nothing, nothing, site.nested, nothing)
        runner = await serve(application("/slave(1)", OperatorApi(context).routes()), "127.0.0.1", 0)
        try:
            site.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api/v1"
            async with aiohttp.ClientSession() as site.session:
                await asyncio.wait_for(test(site), 60)
        finally:
            site.nested.destroy_within(PARENT["value"])
            await runner.cleanup()

    return lambda test: asyncio.run(main(test))


def test_launch_wait_and_remove(run: Any) -> None:
    async def test(site: Site) -> None:
        assert await site.launch("pwd; echo $MESOS_SANDBOX; echo $COLOUR; echo err >&2; exit 3") == (200, "")
        assert await site.wait() == 3 << 8
        sandbox = site.sandbox / "containers" / "c"
        assert sandbox.joinpath("stdout").read_text().splitlines() == [str(sandbox), str(sandbox), ""]
        assert sandbox.joinpath("stderr").read_text() == "err\n"
        assert await site.call("REMOVE_NESTED_CONTAINER") == (200, "")
        status, text = await site.call("WAIT_NESTED_CONTAINER")
        assert (status, text) == (404, "Container executor.c cannot be found")

    run(test)


def test_launching_the_same_twice(run: Any) -> None:
    async def test(site: Site) -> None:
        assert (await site.launch("exec sleep 1000"))[0] == 200
        assert (await site.launch("exec sleep 1000"))[0] == 202
        assert (await site.call("REMOVE_NESTED_CONTAINER"))[0] == 500
        assert (await site.call("KILL_NESTED_CONTAINER", signal=int(signal.SIGTERM)))[0] == 200
        assert await site.wait() == signal.SIGTERM

    run(test)


def test_what_is_not_there(run: Any) -> None:
    async def test(site: Site) -> None:
        for kind in ("WAIT_NESTED_CONTAINER", "KILL_NESTED_CONTAINER", "REMOVE_NESTED_CONTAINER"):
            assert await site.call(kind) == (404, "Container executor.c cannot be found")
        orphan = {"value": "c", "parent": {"value": "nobody"}}
        status, text = await site.launch("true", container_id=orphan)
        assert (status, text) == (404, "Container nobody cannot be found")
        assert await site.input(name="nothing") == 404

    run(test)


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"command": {"value": "true", "user": "nobody-of-that-name"}}, "no user"),
        ({"command": {"shell": False, "value": "/no/such/program"}}, "/no/such/program"),
        ({"command": {}}, "no value"),
        ({"container_id": {"value": "../x", "parent": PARENT}}, "cannot name a directory"),
        ({"container": {"type": "DOCKER", "docker": {"image": "x"}}}, "DOCKER"),
        ({"container": {"type": "MESOS", "mesos": {"image": {"type": "DOCKER", "docker": {"name": "x"}}}}}, "image"),
    ],
)
def test_what_cannot_be_launched(run: Any, fields: Json, complaint: str) -> None:
    async def test(site: Site) -> None:
        status, text = await site.call("LAUNCH_NESTED_CONTAINER", **{"command": {"value": "true"}, **fields})
        assert status == 400
        assert complaint in text
        assert (await site.call("WAIT_NESTED_CONTAINER"))[0] == 404

    run(test)


@pytest.mark.parametrize("path", ["/etc", "../up", "."])
def test_volumes_stay_in_the_sandbox(run: Any, path: str) -> None:
    async def test(site: Site) -> None:
        for container_path, source in (("data", path), (path, "shared")):
            sandbox_path = {"type": "PARENT", "path": source}
            volume = {
                "mode": "RW",
                "container_path": container_path,
                "source": {"type": "SANDBOX_PATH", "sandbox_path": sandbox_path},
            }
            status, text = await site.launch("true", container={"type": "MESOS", "volumes": [volume]})
            assert (status, "within the sandbox" in text) == (400, True)

    run(test)


def test_containers_within_containers_end_with_them(run: Any) -> None:
    async def test(site: Site) -> None:
        await site.launch("exec sleep 1000", "outer")
        assert (await site.launch("exec sleep 1000", "outer/inner"))[0] == 200
        assert site.sandbox.joinpath("containers/outer/containers/inner/stdout").exists()
        await site.call("KILL_NESTED_CONTAINER", "outer")
        assert await site.wait("outer") == signal.SIGKILL
        assert await site.wait("outer/inner") == signal.SIGKILL
        assert site.nested.running() == []

    run(test)


def test_all_that_a_container_started_ends_with_it(run: Any) -> None:
    async def test(site: Site) -> None:
        await site.launch("sleep 1000 & echo $! >pid")
        assert await site.wait() == 0
        pid = int(site.sandbox.joinpath("containers/c/pid").read_text())
        while any(each.pid == pid and not each.is_zombie for each in processes()):
            await asyncio.sleep(0.02)

    run(test)


def test_a_standalone_container(run: Any) -> None:
    async def test(site: Site) -> None:
        alone = {"container_id": {"value": "alone"}}
        assert (await site.call("LAUNCH_CONTAINER", command={"value": "echo hi; exit 1"}, **alone))[0] == 200
        status, answer = await site.call("WAIT_CONTAINER", **alone)
        assert (status, answer["wait_container"]) == (200, {"exit_status": 256})
        assert site.sandbox.joinpath("work/containers/alone/stdout").read_text() == "hi\n"
        assert (await site.call("REMOVE_CONTAINER", **alone))[0] == 200

    run(test)


def test_a_session(run: Any) -> None:
    """In the executor's sandbox and environment; input goes in, both outputs come out, the status stays."""

    async def test(site: Site) -> None:
        command = {"value": "pwd; echo $COLOUR; tr a-z A-Z; echo err >&2; exit 4"}
        async with site.stream("LAUNCH_NESTED_CONTAINER_SESSION", command=command) as stream:
            assert await site.input(stdin("hello "), stdin("you"), stdin("")) == 200
            outputs = [record async for record in stream]
        texts = {kind: await written(_each(outputs), kind) for kind in ("STDOUT", "STDERR")}
        assert texts == {"STDOUT": f"{site.sandbox}\nblue\nHELLO YOU", "STDERR": "err\n"}
        assert await site.wait("s") == 4 << 8

    run(test)


async def _each(found: list[Json]) -> AsyncIterator[Json]:
    for record in found:
        yield record


def test_a_session_ends_with_its_client(run: Any) -> None:
    async def test(site: Site) -> None:
        async with site.stream("LAUNCH_NESTED_CONTAINER_SESSION", command={"value": "echo on; sleep 1000"}) as stream:
            assert await written(stream, until="on\n") == "on\n"
        assert await site.wait("s") == signal.SIGKILL

    run(test)


def test_a_session_on_a_terminal(run: Any) -> None:
    async def test(site: Site) -> None:
        tty = {"type": "MESOS", "tty_info": {"window_size": {"rows": 20, "columns": 30}}}
        command = {"value": "test -t 0 && stty size; read word; stty size; echo got $word; cat; echo end"}
        async with site.stream("LAUNCH_NESTED_CONTAINER_SESSION", command=command, container=tty) as stream:
            assert await written(stream, until="\n") == "20 30\r\n"
            assert await site.input(window(40, 50), stdin("word\n"), stdin("")) == 200
            rest = await written(stream)
        assert "40 50\r\n" in rest
        assert "got word\r\n" in rest
        assert rest.endswith("end\r\n")
        assert await site.wait("s") == 0

    run(test)


def test_attaching_to_a_container_with_a_terminal(run: Any) -> None:
    async def test(site: Site) -> None:
        tty = {"type": "MESOS", "tty_info": {}}
        await site.launch("read word; echo got $word", container=tty)
        async with (
            site.stream("ATTACH_CONTAINER_OUTPUT", "c") as first,
            site.stream("ATTACH_CONTAINER_OUTPUT", "c") as second,
        ):
            assert await site.input(stdin("it\n"), name="c") == 200
            for stream in (first, second):
                assert "got it" in await written(stream)
        assert await site.wait() == 0
        assert "got it" in site.sandbox.joinpath("containers/c/stdout").read_text()

    run(test)


def test_attaching_where_there_is_nothing_to_attach_to(run: Any) -> None:
    async def test(site: Site) -> None:
        await site.launch("exec sleep 1000")
        assert (await site.call("ATTACH_CONTAINER_OUTPUT"))[0] == 400
        assert await site.input(name="c") == 400

    run(test)


def test_much_output_waits_for_a_slow_client(run: Any) -> None:
    async def test(site: Site) -> None:
        command = {"value": "head -c 30000000 /dev/zero | tr '\\0' x"}
        async with site.stream("LAUNCH_NESTED_CONTAINER_SESSION", command=command) as stream:
            await asyncio.sleep(0.2)
            assert len(await written(stream)) == 30_000_000

    run(test)


def test_it_is_where_its_parent_is(run: Any) -> None:
    """In its mount and pid namespaces, as another user; SIGTERM reaches the command, which may take its time."""

    async def test(site: Site) -> None:
        separate = ["unshare", "--mount", "--pid", "--fork", "sleep", "1000"]
        parent = await asyncio.create_subprocess_exec(*separate)
        try:
            while not (children := Path(f"/proc/{parent.pid}/task/{parent.pid}/children").read_text()):
                await asyncio.sleep(0.01)
            site.surroundings = replace(site.surroundings, inside=parent.pid)
            script = "trap 'sleep 0.3; echo slowly; exit 5' TERM; id -un; readlink /proc/self/ns/mnt; echo $$; "
            command = {"value": f"{script} touch on; while :; do sleep 0.05; done", "user": "nobody"}
            assert await site.call("LAUNCH_NESTED_CONTAINER", command=command) == (200, "")
            sandbox = site.sandbox / "containers" / "c"
            while not sandbox.joinpath("on").exists():
                await asyncio.sleep(0.01)
            assert (await site.call("KILL_NESTED_CONTAINER", signal=int(signal.SIGTERM)))[0] == 200
            assert await site.wait() == 5 << 8
            user, mounts, pid, last = sandbox.joinpath("stdout").read_text().split()
            assert (user, last) == ("nobody", "slowly")
            assert mounts == os.readlink(f"/proc/{children.split()[0]}/ns/mnt")
            assert int(pid) < 100
        finally:
            parent.kill()
            await parent.wait()

    run(test)


def test_it_is_in_the_control_groups_of_its_parent(run: Any) -> None:
    mounted = host_hierarchies("/")
    if "pids" not in mounted:
        pytest.fail("this host has no controller for pids")
    group = mounted["pids"].path / f"mesosctl-test-{os.getpid()}"
    group.mkdir()

    async def test(site: Site) -> None:
        parent = await asyncio.create_subprocess_exec("sleep", "1000")
        try:
            group.joinpath("cgroup.procs").write_text(str(parent.pid))
            site.surroundings = replace(site.surroundings, inside=parent.pid)
            await site.launch("cat /proc/self/cgroup; pwd")
            assert await site.wait() == 0
            *groups, directory = site.sandbox.joinpath("containers/c/stdout").read_text().splitlines()
            assert any(line.endswith(group.name) for line in groups)
            assert directory == str(site.sandbox / "containers" / "c")
        finally:
            parent.kill()
            await parent.wait()

    try:
        run(test)
    finally:
        group.rmdir()


def test_heartbeats(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come with the output while there is none, and may come with the input."""
    monkeypatch.setattr(operator_nested, "HEARTBEAT_SECONDS", 0.05)

    async def test(site: Site) -> None:
        async with site.stream("LAUNCH_NESTED_CONTAINER_SESSION", command={"value": "read word; echo $word"}) as stream:
            first = await anext(stream)
            assert (first["type"], first["control"]["type"]) == ("CONTROL", "HEARTBEAT")
            beat = {"type": "CONTROL", "control": {"type": "HEARTBEAT"}}
            assert await site.input(beat, stdin("hi"), beat, stdin("\n")) == 200
            assert await written(stream) == "hi\n"

    run(test)


@pytest.mark.parametrize("media", ["application/json", "application/x-protobuf"])
def test_both_encodings(run: Any, media: str) -> None:
    media_type = MediaType(media)

    async def test(site: Site) -> None:
        container_id = ContainerID("c", ContainerID(PARENT["value"]))
        launch = Call.LaunchNestedContainer(container_id, CommandInfo(value="exit 6"))
        wait = Call.WaitNestedContainer(container_id)
        headers = {"Content-Type": media, "Accept": media}
        for call in (
            Call(type=Call.Type.LAUNCH_NESTED_CONTAINER, launch_nested_container=launch),
            Call(type=Call.Type.WAIT_NESTED_CONTAINER, wait_nested_container=wait),
        ):
            async with site.session.post(site.url, data=encode(call, media_type), headers=headers) as answer:
                body = await answer.read()
                assert answer.status == 200, body
        ended = decode(Response, body, media_type).wait_nested_container
        assert ended is not None
        assert ended.exit_status == 6 << 8

    run(test)


def test_what_the_next_agent_does(run: Any) -> None:
    """It goes on with the containers of living executors, ends sessions and what belongs to nobody."""

    async def test(site: Site) -> None:
        await site.launch("exec sleep 1000", "stays")
        await site.call("LAUNCH_CONTAINER", container_id={"value": "alone"}, command={"value": "exec sleep 1000"})
        command = {"value": "echo on; exec sleep 1000"}
        async with site.stream("LAUNCH_NESTED_CONTAINER_SESSION", command=command) as stream:
            await written(stream, until="on\n")
            following = NestedContainers(
                lambda _: site.surroundings, site.fetch, str(site.sandbox / "work"), "", switch_user=True
            )
            following.recover({PARENT["value"]})
            session, alone = ContainerID("s", ContainerID(PARENT["value"])), ContainerID("alone")
            assert [await following.wait(each) for each in (session, alone)] == [None, None]
            (stays,) = following.running()
            assert stays.id.value == "stays"
            following.kill(stays.id)
            assert await following.wait(stays.id) is None

    run(test)


def test_what_a_command_wants_is_fetched_first(run: Any) -> None:
    async def test(site: Site) -> None:
        command = {"value": "cat file", "uris": [{"value": "http://host/file"}]}
        launching = asyncio.create_task(site.call("LAUNCH_NESTED_CONTAINER", command=command))
        await asyncio.sleep(0.05)
        assert (await site.launch("true"))[0] == 202
        assert (await launching)[0] == 200
        assert await site.wait() == 0
        assert site.sandbox.joinpath("containers/c/stdout").read_text() == "http://host/file"
        broken = {"value": "true", "uris": [{"value": "http://broken"}]}
        status, text = await site.call("LAUNCH_NESTED_CONTAINER", "other", command=broken)
        assert (status, text) == (400, "Failed to launch container: nothing there")

    run(test)
