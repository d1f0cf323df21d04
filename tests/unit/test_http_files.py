"""`/files/*`: what is attached can be browsed, read and downloaded, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest

from mesosctl.runtime.authorization import Permit, parse_acls
from mesosctl.runtime.http.file_endpoints import file_routes
from mesosctl.runtime.http.files import MAX_READ_BYTES, Files
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.protocol.errors import Refusal

Get = Callable[..., Awaitable[tuple[int, dict[str, str], bytes]]]


@pytest.fixture
def box(tmp_path: Path) -> Path:
    """A sandbox that its task has filled with traps; what is beside it is secret."""
    box = tmp_path / "box"
    box.mkdir()
    (tmp_path / "box-beside").write_text("hidden")
    (tmp_path / "secret").write_text("hidden")
    (box / "stdout").write_text("hello\n")
    (box / "page.html").write_text("<html>")
    (box / "sub").mkdir()
    (box / "sub" / "deep").write_text("deep")
    (box / "inside").symlink_to("sub/deep")
    (box / "absolute").symlink_to(tmp_path / "secret")
    (box / "relative").symlink_to("../secret")
    (box / "parent").symlink_to("..")
    (box / "broken").symlink_to("nowhere")
    os.mkfifo(box / "fifo")
    (box / "big").write_bytes(b"0123456789" * MAX_READ_BYTES)
    return box


def files(box: Path) -> Files:
    return Files(
        lambda: {"/box": str(box), str(box): str(box), "/master/log": str(box / "stdout")},
        lambda path: ("access_mesos_logs", None) if path == "/master/log" else ("access_sandboxes", "alice"),
    )


def serving(box: Path, check: Callable[[Get], Awaitable[None]]) -> None:
    async def run() -> None:
        runner = await serve(application("/slave(1)", file_routes(files(box))), "127.0.0.1", 0)
        host, port = runner.addresses[0][:2]
        try:
            async with aiohttp.ClientSession() as session:

                async def get(path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
                    async with session.get(f"http://{host}:{port}{path}", headers=headers) as answer:
                        return answer.status, dict(answer.headers), await answer.read()

                await check(get)
        finally:
            await runner.cleanup()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/box/absolute", 400),
        ("/box/relative", 400),
        ("/box/parent/secret", 400),
        ("/box/parent/box-beside", 400),
        ("/box/../secret", 400),
        ("/box/sub/../../secret", 400),
        ("/box-beside", 404),
        ("/box/fifo", 400),
        ("/box/sub", 400),
        ("/box/nope", 404),
        ("/box/broken", 404),
        ("/secret", 404),
        ("/etc/passwd", 404),
        ("//etc/passwd", 404),
        ("/master/log/x", 404),
        ("/", 404),
        ("box/stdout", 404),
    ],
)
def test_what_cannot_be_read(box: Path, path: str, status: int) -> None:
    with pytest.raises(Refusal) as refusal:
        files(box).read(path, 0, None)
    assert refusal.value.status == status

    async def check(get: Get) -> None:
        found, _, body = await get(f"/files/download?path={quote(path)}")
        assert (found, b"hidden" in body) == (status, False)

    serving(box, check)


@pytest.mark.parametrize("path", ["/box/parent", "/box/..", "/box/sub/../.."])
def test_what_cannot_be_browsed(box: Path, path: str) -> None:
    with pytest.raises(Refusal):
        files(box).browse(path)


def test_a_file_that_becomes_a_link_after_it_was_looked_up(box: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open

    def swapping(path: str, flags: int) -> int:
        os.unlink(path)
        os.symlink(box.parent / "secret", path)
        return real_open(path, flags)

    monkeypatch.setattr(os, "open", swapping)
    with pytest.raises(Refusal, match="inaccessible"):
        files(box).read("/box/stdout", 0, None)


def test_an_attached_directory_that_is_a_link_itself(box: Path) -> None:
    (box.parent / "link").symlink_to(box)
    attached = Files(lambda: {"/link": str(box.parent / "link")}, lambda path: ("access_sandboxes", None))
    assert attached.read("/link/stdout", 0, None) == (6, b"hello\n")


def test_links_that_stay_inside(box: Path) -> None:
    assert files(box).read("/box/inside", 0, None) == (4, b"deep")
    assert files(box).read(f"{box}/sub/../sub/deep", 0, None) == (4, b"deep")


def test_browsing(box: Path) -> None:
    async def check(get: Get) -> None:
        status, _, body = await get("/files/browse?path=/box/sub/")
        assert status == 200
        (found,) = json.loads(body)
        assert (found["path"], found["size"], found["mode"], found["nlink"]) == ("/box/sub/deep", 4, "-rw-r--r--", 1)
        _, _, body = await get("/slave(1)/files/browse?path=/box")
        modes = {each["path"]: each["mode"][0] for each in json.loads(body)}
        assert (modes["/box/sub"], modes["/box/stdout"], modes["/box/fifo"]) == ("d", "-", "p")
        assert "/box/broken" not in modes
        _, headers, body = await get("/files/browse?path=/master/log&jsonp=cb")
        assert (headers["Content-Type"], body) == ("text/javascript", b"cb([])")
        assert (await get("/files/browse"))[::2] == (400, b"Expecting 'path=value' in query.\n")
        status, _, body = await get("/files/debug")
        assert json.loads(body) == {"/box": str(box), str(box): str(box), "/master/log": str(box / "stdout")}

    serving(box, check)


def test_reading(box: Path) -> None:
    async def check(get: Get) -> None:
        async def read(query: str) -> object:
            status, _, body = await get(f"/files/read?path=/box/{query}")
            return json.loads(body) if status == 200 else (status, body.decode())

        assert await read("stdout&offset=1&length=3") == {"data": "ell", "offset": 1}
        assert await read("stdout&offset=0&length=-1") == {"data": "hello\n", "offset": 0}
        assert await read("stdout&offset=100") == {"data": "", "offset": 6}
        assert await read("stdout") == {"data": "", "offset": 6}
        assert await read("stdout&offset=-1&length=-1") == {"data": "", "offset": 6}
        assert await read(f"big&offset={5 * MAX_READ_BYTES}") == {
            "data": ("0123456789" * MAX_READ_BYTES)[5 * MAX_READ_BYTES : 6 * MAX_READ_BYTES],
            "offset": 5 * MAX_READ_BYTES,
        }
        assert await read("stdout&offset=-2") == (400, "Negative offset provided: -2.\n")
        assert await read("stdout&offset=0&length=-2") == (400, "Negative length provided: -2.\n")
        assert await read("stdout&offset=x") == (
            400,
            "Failed to parse offset: Failed to convert 'x' to number.\n",
        )
        assert await read("sub&offset=0") == (400, "Cannot read a directory.\n")
        assert await read("nope&offset=0") == (404, "")

    serving(box, check)


def test_downloading(box: Path) -> None:
    (box / "odd name\n").write_text("odd")

    async def check(get: Get) -> None:
        status, headers, body = await get("/files/download?path=/box/big")
        assert (status, len(body)) == (200, 10 * MAX_READ_BYTES)
        assert headers["Content-Disposition"] == "attachment; filename=big"
        assert headers["Content-Type"] == "application/octet-stream"
        status, headers, body = await get("/files/download?path=/box/big", Range="bytes=10-14")
        assert (status, body) == (206, b"01234")
        _, headers, _ = await get("/files/download?path=/box/page.html")
        assert headers["Content-Type"] == "text/html"
        status, headers, body = await get("/files/download?path=/box/odd%20name%0A")
        assert (status, body) == (200, b"odd")
        assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''odd%20name%0A"
        assert (await get("/files/download?path=/box/sub"))[::2] == (400, b"Cannot download a directory.\n")

    serving(box, check)


@pytest.mark.parametrize(
    ("path", "principal", "status"),
    [
        ("/box/stdout", "ops", None),
        ("/box/stdout", "guest", 403),
        ("/box/nothing", "guest", 403),
        ("/master/log", "guest", None),
        ("/master/log", "ops", 403),
        ("/nowhere", "guest", 404),
    ],
)
def test_access_control_lists(box: Path, path: str, principal: str, status: int | None) -> None:
    acls = parse_acls(
        json.dumps(
            {
                "permissive": False,
                "access_sandboxes": [{"principals": {"values": ["ops"]}, "users": {"values": ["alice"]}}],
                "access_mesos_logs": [{"principals": {"values": ["guest"]}, "logs": {"type": "ANY"}}],
            }
        )
    )
    attempts = [lambda permit: files(box).read(path, 0, 1, permit), lambda permit: files(box).browse(path, permit)]
    for attempt in attempts:
        if status is None:
            attempt(Permit(acls, principal))
        else:
            with pytest.raises(Refusal) as caught:
                attempt(Permit(acls, principal))
            assert caught.value.status == status
