"""`DELETE /v2/leader?backup=…&restore=…`: what the next leader does before anything else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from mesosctl.runtime.coordination.registry import MemoryStorage
from mesosctl.runtime.marathon.store.backup import read_backup, write_backup
from tests.unit.marathon_api import Api, serving


def app(id: str) -> dict[str, object]:
    return {"id": id, "cmd": "x", "instances": 0, "labels": {"long": "x" * 10_000}}


async def ids(api: Api) -> list[str]:
    return [each["id"] for each in (await api("GET", "/v2/apps")).json["apps"]]


def test_a_leader_goes_back_to_a_backup(tmp_path: Path) -> None:
    file = tmp_path / "a backup.tar"
    uri = file.as_uri()

    async def check() -> None:
        storage = MemoryStorage()
        async with serving(storage=storage) as api:
            await api("POST", "/v2/apps", app("/kept"))
            await api("PUT", "/v2/apps/kept", {"cmd": "y"})
            versions = (await api("GET", "/v2/apps/kept/versions")).json
            done = await api("DELETE", f"/v2/leader?backup={uri}")
            assert (done.status, done.json) == (200, {"message": "Leadership abdicated"})
        assert not file.exists()
        async with serving(storage=storage) as api:
            assert file.stat().st_mode & 0o777 == 0o600
            await api("DELETE", "/v2/apps/kept")
            await api("POST", "/v2/apps", app("/lost"))
            await api("DELETE", f"/v2/leader?restore={uri}")
        async with serving(storage=storage) as api:
            assert await ids(api) == ["/kept"]
            assert (await api("GET", "/v2/apps/kept/versions")).json == versions
            await api("POST", "/v2/apps", app("/later"))
        async with serving(storage=storage) as api:
            assert await ids(api) == ["/kept", "/later"]

    asyncio.run(check())


@pytest.mark.parametrize("content", [None, b"", b"no tar file"])
def test_a_file_that_is_no_backup_changes_nothing(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "none.tar"
    if content is not None:
        file.write_bytes(content)

    async def check() -> None:
        storage = MemoryStorage()
        async with serving(storage=storage) as api:
            await api("POST", "/v2/apps", app("/kept"))
            await api("DELETE", f"/v2/leader?restore={file.as_uri()}&backup={tmp_path.as_uri()}/first.tar")
        for _ in range(2):
            async with serving(storage=storage) as api:
                assert await ids(api) == ["/kept"]
                assert (tmp_path / "first.tar").exists()
                (tmp_path / "first.tar").touch()

    asyncio.run(check())


@pytest.mark.parametrize("uri", ["s3://bucket/file", "/tmp/file", "file://host/tmp/file", "file:///tmp/", "", "%00"])
def test_what_is_no_file(uri: str) -> None:
    async def check() -> None:
        async with serving() as api:
            refused = await api("DELETE", f"/v2/leader?restore={uri}")
            assert (refused.status, refused.json["details"][0]["path"]) == (422, "/restore")
            assert (await api("GET", "/v2/leader")).status == 200

    asyncio.run(check())


def test_values_of_all_kinds(tmp_path: Path) -> None:
    values = {"app:/a/b@2026": b"\0\xff", "x" * 300: b"", "ü/../..": b"y" * 100_000}
    write_backup(str(tmp_path / "b"), values)
    assert read_backup(str(tmp_path / "b")) == values
    assert [each.name for each in tmp_path.iterdir()] == ["b"]
