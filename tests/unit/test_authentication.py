"""Who may speak to masters and agents: credentials, realms, basic authentication, principals of frameworks."""

from __future__ import annotations

import asyncio
import json
import logging
from base64 import b64encode
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from mesosctl.runtime import internal
from mesosctl.runtime.agent import security as agent_security
from mesosctl.runtime.flags.agent import AgentFlags
from mesosctl.runtime.flags.load import load
from mesosctl.runtime.flags.master import MasterFlags
from mesosctl.runtime.http.authentication import Access, Authentication, Basic, access_of, basic_header, check
from mesosctl.runtime.http.credentials import read_credential, read_credentials
from mesosctl.runtime.http.server import application, serve
from mesosctl.runtime.master import endpoints
from mesosctl.runtime.master.options import MasterOptions
from mesosctl.runtime.master.security import authentication
from mesosctl.runtime.master.server import STREAM_ID, Server
from mesosctl.runtime.protocol.basics import Credential
from mesosctl.runtime.protocol.cluster import MasterInfo
from tests.unit.master_cluster import INFO, MASTER

SECRETS = {"ops": "s3cret", "app": "ap:p"}
OPS, APP = (basic_header(Credential(principal=name, secret=SECRETS[name])) for name in ("ops", "app"))
EVERYTHING = (
    "--authenticate_agents",
    "--authenticate_http_frameworks",
    "--http_framework_authenticators=basic",
    "--authenticate_http_readonly",
    "--authenticate_http_readwrite",
)


def encoded(text: str) -> str:
    return b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "name"),
    [
        (f"Basic {encoded('ops:s3cret')}", "ops"),
        (f"basic   {encoded('ops:s3cret')} ", "ops"),
        (f"Basic {encoded('app:ap:p')}", "app"),
        (None, None),
        ("", None),
        ("Basic", None),
        ("Basic ???", None),
        (f"Basic {encoded('ops')}", None),
        (f"Basic {encoded('ops:')}", None),
        (f"Basic {encoded('ops:s3cret ')}", None),
        (f"Basic {encoded('ops:s3cre')}", None),
        (f"Basic {encoded('nobody:s3cret')}", None),
        (f"Basic {encoded(':')}", None),
        (f"Basic {b64encode(bytes([255, 58, 255])).decode()}", None),
        (f"Bearer {encoded('ops:s3cret')}", None),
    ],
)
def test_basic(header: str | None, name: str | None) -> None:
    found = check(header, (Basic(SECRETS),))
    assert (found and found.name) == name


@pytest.mark.parametrize(
    ("path", "access"),
    [
        ("/health", None),
        ("/master/health", None),
        ("/version", None),
        ("/redirect", None),
        ("/", None),
        ("/page/{name}", None),
        ("/page/agents/{id}/{path}", Access.READ),
        ("/state", Access.READ),
        ("/master/state-summary", Access.READ),
        ("/files/read", Access.READ),
        ("/metrics/snapshot", Access.READ),
        ("/maintenance/status", Access.READ),
        ("/maintenance/schedule", Access.WRITE),
        ("/api/v1", Access.WRITE),
        ("/master/quota/{role}", Access.WRITE),
        ("/logging/toggle", Access.WRITE),
        ("/api/v1/scheduler", Access.SCHEDULER),
        ("/api/v1/executor", Access.EXECUTOR),
        ("/internal/agent", Access.AGENT),
        ("/made-up-tomorrow", Access.WRITE),
    ],
)
def test_the_realms_of_paths(path: str, access: Access | None) -> None:
    assert access_of(path, "/master") is access


def test_what_no_flag_asks_for_is_open() -> None:
    asked = Authentication("agent", "/slave(1)", {Access.READ: (Basic(SECRETS),)})
    assert asked.challenge("/slave(1)/state", None) == 'Basic realm="mesos-agent-readonly"'
    assert asked.challenge("/api/v1", None) is None


def test_files_of_credentials(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "credentials"
    for text in (
        '{"credentials": [{"principal": "a", "secret": "x"}, {"principal": "b", "secret": "y"}]}',
        "a x\n\n  b\ty\n",
    ):
        file.write_text(text)
        file.chmod(0o600)
        assert read_credentials(str(file)) == {"a": "x", "b": "y"}
    assert not caplog.records
    for text in ('{"principal": "a", "secret": "x"}', "a x\n"):
        file.write_text(text)
        assert read_credential(str(file)) == Credential(principal="a", secret="x")
    file.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        read_credential(str(file))
    assert "too open" in caplog.text


@pytest.mark.parametrize(
    "text",
    [
        "a hushhush more",
        "hushhush",
        '{"credentials": [{"secret": "hushhush"}]}',
        '{"credentials": "hushhush"}',
        "{hushhush",
    ],
)
def test_what_is_wrong_is_told_without_secrets(text: str, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text(text)
    for read in (read_credentials, read_credential):
        with pytest.raises(ValueError, match=str(file)) as caught:
            read(str(file))
        assert "hushhush" not in str(caught.value)
    with pytest.raises(ValueError, match="never themselves") as caught:
        read_credential('{"principal": "a", "secret": "hushhush"}')
    assert "hushhush" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (["--authenticate_http_readonly"], "No credentials provided .* 'mesos-master-readonly'"),
        (["--authenticate_agents"], "No credentials provided .* 'mesos-master-agent'"),
        (["--authenticate_frameworks"], "No credentials provided .* 'mesos-master-scheduler'"),
        (["--authenticate_http_frameworks"], "Missing `--http_framework_authenticators` flag"),
        (["--authenticate_http_readwrite", "--http_authenticators=org_x"], "'org_x' not found"),
        (["--credentials=/nowhere/at/all"], "Failed to read credentials file"),
    ],
)
def test_a_master_that_cannot_ask_does_not_start(given: list[str], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        authentication(load(MasterFlags, given, {})[0])


def test_an_agent_shows_the_path_of_its_credential_only(tmp_path: Path) -> None:
    file = tmp_path / "credential"
    file.write_text("agent hushhush\n")
    flags, _ = load(AgentFlags, ["--master=h:5050", "--work_dir=/w", f"--credential=file://{file}"], {})
    assert flags.shown()["credential"] == str(file)
    assert agent_security.headers_to_master(flags) == {"Authorization": f"Basic {encoded('agent:hushhush')}"}


async def asked(folder: Path, flags: tuple[str, ...], *requests: tuple[str, str, str | None, object]) -> list[Any]:
    """The answers (status, challenge, body; of streams only the status) of a master to requests: method, path,
    `Authorization`, JSON."""
    file = folder / "credentials"
    file.write_text("".join(f"{name} {secret}\n" for name, secret in SECRETS.items()))
    loaded, _ = load(MasterFlags, [f"--credentials={file}", *flags], {})
    server = Server(MasterOptions(info=MasterInfo(id=MASTER, ip=16777343, port=5050)))
    server.master.start()
    app = application("/master", [*server.routes(), *endpoints.routes(server, loaded.shown())])
    app.middlewares.append(authentication(loaded).middleware())
    runner = await serve(app, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    answers: list[Any] = []
    async with aiohttp.ClientSession() as session:
        stream = ""
        for method, path, header, body in requests:
            headers = {"Authorization": header} if header else {}
            if stream and path.endswith("scheduler"):
                headers[STREAM_ID] = stream
            if body is not None:
                headers["Content-Type"] = "application/json"
            answer = await session.request(
                method,
                url + path,
                headers=headers,
                data=body if body is None or isinstance(body, bytes) else json.dumps(body),
                allow_redirects=False,
            )
            if answer.status == 200 and answer.headers.get(STREAM_ID):
                stream = answer.headers[STREAM_ID]
                answers.append(200)  # and is read no further
            else:
                text = await answer.text()
                short = text if answer.status >= 400 else ""
                answers.append((answer.status, answer.headers.get("WWW-Authenticate"), short))
    await runner.cleanup()
    return answers


def refused(realm: str) -> tuple[int, str, str]:
    return 401, f'Basic realm="mesos-master-{realm}"', "401 Unauthorized."


def test_a_master_that_asks_for_everything(tmp_path: Path) -> None:
    quota = {"type": "GET_QUOTA"}
    register = {"type": "Register"}
    answers = asyncio.run(
        asked(
            tmp_path,
            EVERYTHING,
            ("GET", "/health", None, None),
            ("GET", "/master/state", None, None),
            ("GET", "/state", f"Basic {encoded('ops:wrong')}", None),
            ("GET", "/state", OPS, None),
            ("POST", "/api/v1", None, quota),
            ("POST", "/api/v1", OPS, quota),
            ("POST", "/api/v1/scheduler", None, {}),
            ("POST", internal.PATH, None, register),
            ("POST", internal.PATH, APP, register),
            ("GET", "/nothing-like-it", None, None),
        )
    )
    *answers, invalid, unknown = answers
    assert invalid[:1] == (400,), "it may speak, and says nothing sensible"
    assert unknown == (404, None, "404 Not Found.")
    assert answers == [
        (200, None, ""),
        refused("readonly"),
        refused("readonly"),
        (200, None, ""),
        refused("readwrite"),
        (200, None, ""),
        refused("scheduler"),
        refused("agent"),
    ]


def test_frameworks_are_who_they_say(tmp_path: Path) -> None:
    def subscribe(principal: str | None) -> object:
        info = INFO | ({"principal": principal} if principal else {})
        return {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}

    answers = asyncio.run(
        asked(
            tmp_path,
            EVERYTHING,
            ("POST", "/api/v1/scheduler", APP, subscribe("ops")),
            ("POST", "/api/v1/scheduler", APP, subscribe(None)),
        )
    )
    mismatch = "Authenticated principal 'app' does not match principal 'ops' set in `FrameworkInfo`"
    assert answers == [(400, None, f"Failed to validate scheduler::Call: {mismatch}"), 200]
