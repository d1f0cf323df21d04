"""The TaskInfo of apps of all sorts."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest

from mesosctl.runtime.marathon.core.matching import Match, Matcher, Place
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.task_info import task_info
from mesosctl.runtime.marathon.model import parse_app
from mesosctl.runtime.protocol.codec import MediaType, encode
from mesosctl.runtime.protocol.tasks import TaskInfo
from tests.unit.marathon_core import offer

BRIDGE = {"networks": [{"mode": "container/bridge"}]}


def info(raw: dict[str, Any], options: Options | None = None, **of: Any) -> TaskInfo:
    app = msgspec.structs.replace(parse_app({"id": "/shop/db", **raw}), version="2026-01-01T00:00:00.000Z")
    found = Matcher(options or Options(), Random(1)).match(app, Place.of(offer("host-1", **of)), (), 0)
    assert isinstance(found, Match), found
    return task_info(app, "t", found, options or Options())


def variables(task: TaskInfo) -> dict[str, str | None]:
    command = task.command or (task.executor.command if task.executor else None)
    assert command
    assert command.environment
    return {variable.name: variable.value for variable in command.environment.variables}


@pytest.mark.parametrize(
    ("raw", "shell", "value", "arguments"),
    [
        ({"cmd": "echo $HOST"}, True, "echo $HOST", ()),
        ({"args": ["/bin/echo", "a b"]}, False, "/bin/echo", ("/bin/echo", "a b")),
        ({"container": {"type": "DOCKER", "docker": {"image": "i"}}}, False, None, ()),
        ({"container": {"type": "DOCKER", "docker": {"image": "i"}}, "args": ["-v"]}, False, None, ("-v",)),
        ({"container": {"type": "DOCKER", "docker": {"image": "i"}}, "cmd": "run"}, True, "run", ()),
        ({"container": {"type": "MESOS", "docker": {"image": "i"}}, "args": ["-v"]}, False, None, ("-v",)),
    ],
)
def test_commands(raw: dict[str, Any], shell: bool, value: str | None, arguments: tuple[str, ...]) -> None:
    command = info(raw).command
    assert command
    assert (command.shell, command.value, command.arguments) == (shell, value, arguments)


def test_the_environment() -> None:
    raw = {
        "cmd": "x",
        "cpus": 0.5,
        "mem": 64,
        "disk": 3,
        "env": {"HOST": "mine", "A": "b"},
        "labels": {"my-label": "v w", "l": "x" * 513},
        "portDefinitions": [{"port": 8080, "name": "http-api"}, {"port": 0}],
    }
    task = info(raw, resources="cpus:1;mem:100;disk:5;ports:[31000-31000,31005-31005]")
    found = variables(task)
    ports = [found["PORT0"], found["PORT1"]]
    assert sorted(map(str, ports)) == ["31000", "31005"]
    assert found == {
        "MARATHON_APP_ID": "/shop/db",
        "MARATHON_APP_VERSION": "2026-01-01T00:00:00.000Z",
        "MARATHON_APP_RESOURCE_CPUS": "0.5",
        "MARATHON_APP_RESOURCE_MEM": "64.0",
        "MARATHON_APP_RESOURCE_DISK": "3.0",
        "MARATHON_APP_RESOURCE_GPUS": "0",
        "MARATHON_APP_LABELS": "MY_LABEL",
        "MARATHON_APP_LABEL_MY_LABEL": "v w",
        "PORT": ports[0],
        "PORT0": ports[0],
        "PORT1": ports[1],
        "PORTS": ",".join(map(str, ports)),
        "PORT_8080": ports[0],
        "PORT_HTTP_API": ports[0],
        "HOST": "mine",
        "MESOS_TASK_ID": "t",
        "A": "b",
    }


def test_the_prefix_is_for_ports_only() -> None:
    found = variables(info({"cmd": "x", "ports": [0]}, Options(env_vars_prefix="P_")))
    assert "P_PORT0" in found
    assert "PORT0" not in found
    assert "HOST" in found


def test_a_docker_container() -> None:
    raw = {
        **BRIDGE,
        "container": {
            "type": "DOCKER",
            "docker": {
                "image": "img",
                "privileged": True,
                "forcePullImage": True,
                "parameters": [{"key": "hostname", "value": "h"}],
            },
            "portMappings": [
                {"containerPort": 53, "hostPort": 31000, "protocol": "udp,tcp", "name": "dns", "labels": {"VIP": "x"}},
                {"containerPort": 0, "hostPort": 0},
            ],
            "volumes": [{"containerPath": "/data", "hostPath": "/srv", "mode": "RO"}],
        },
    }
    task = info(raw, resources="cpus:1;mem:128;ports:[31000-31001]")
    assert encode(task.container, MediaType.JSON) == (  # type: ignore[arg-type]
        b'{"type":"DOCKER","volumes":[{"mode":"RO","container_path":"/data","host_path":"/srv"}],'
        b'"docker":{"image":"img","network":"BRIDGE","port_mappings":['
        b'{"host_port":31000,"container_port":53,"protocol":"udp"},'
        b'{"host_port":31000,"container_port":53,"protocol":"tcp"},'
        b'{"host_port":31001,"container_port":31001,"protocol":"tcp"}],'
        b'"privileged":true,"parameters":[{"key":"hostname","value":"h"}],"force_pull_image":true}}'
    )
    assert task.discovery
    assert task.discovery.name == "db.shop"
    assert task.discovery.ports
    found = [(port.number, port.name, port.protocol) for port in task.discovery.ports.ports]
    assert found == [(31000, "dns", "udp"), (31000, "dns", "tcp"), (31001, None, "tcp")]


def test_a_network_of_ones_own() -> None:
    raw = {
        "networks": [{"mode": "container", "name": "net", "labels": {"a": "b"}}],
        "container": {
            "type": "DOCKER",
            "docker": {"image": "img"},
            "portMappings": [{"containerPort": 80, "name": "http"}, {"containerPort": 81, "hostPort": 0}],
        },
    }
    task = info(raw)
    assert task.container
    assert task.container.docker
    assert task.container.docker.network == "USER"
    assert [info.name for info in task.container.network_infos] == ["net"]
    assert [mapping.container_port for mapping in task.container.docker.port_mappings] == [81]
    assert variables(task)["PORT_HTTP"] == "80"
    assert task.discovery
    assert task.discovery.ports
    assert task.discovery.ports.ports[0].number == 80


def test_the_mesos_containerizer() -> None:
    raw = {
        **BRIDGE,
        "container": {
            "type": "MESOS",
            "docker": {"image": "img", "forcePullImage": True},
            "portMappings": [{"containerPort": 80, "hostPort": 31000}],
        },
        "cmd": "x",
    }
    task = info(raw)
    assert encode(task.container, MediaType.JSON) == (  # type: ignore[arg-type]
        b'{"type":"MESOS","mesos":{"image":{"type":"DOCKER","docker":{"name":"img"},"cached":false}},'
        b'"network_infos":[{"name":"mesos-bridge","port_mappings":'
        b'[{"host_port":31000,"container_port":80,"protocol":"tcp"}]}]}'
    )


def test_a_plain_command_has_no_container() -> None:
    assert info({"cmd": "x"}).container is None


def test_a_terminal() -> None:
    container = info({"cmd": "x", "tty": True}).container
    assert container
    assert container.tty_info is not None


def test_labels_files_user_and_grace() -> None:
    task = info(
        {
            "cmd": "x",
            "user": "nobody",
            "labels": {"a": "b"},
            "taskKillGracePeriodSeconds": 3,
            "fetch": [{"uri": "http://f/x.tgz", "extract": False, "executable": True, "cache": True, "destPath": "y"}],
        }
    )
    assert task.command
    assert task.command.user == "nobody"
    [uri] = task.command.uris
    assert (uri.value, uri.extract, uri.executable, uri.cache, uri.output_file) == (
        "http://f/x.tgz",
        False,
        True,
        True,
        "y",
    )
    assert task.labels
    assert [(label.key, label.value) for label in task.labels.labels] == [("a", "b")]
    assert task.kill_policy
    assert task.kill_policy.grace_period
    assert task.kill_policy.grace_period.nanoseconds == 3 * 10**9


def test_an_executor_of_ones_own() -> None:
    task = info({"cmd": "arg", "executor": "/bin/mine"})
    assert task.command is None
    assert task.executor
    assert task.executor.command
    assert task.executor.command.value == "chmod ug+rx '/bin/mine' && exec '/bin/mine' arg"


@pytest.mark.parametrize(
    ("check", "network", "found"),
    [
        ({"protocol": "MESOS_HTTP", "path": "/p", "portIndex": 0}, {}, ("HTTP", 31000, "http")),
        ({"protocol": "MESOS_HTTPS", "path": "/p", "portIndex": 0}, BRIDGE, ("HTTP", 80, "https")),
        ({"protocol": "MESOS_TCP", "port": 7}, BRIDGE, ("TCP", 7, None)),
        ({"protocol": "COMMAND", "command": {"value": "true"}}, {}, ("COMMAND", None, None)),
        ({"protocol": "HTTP", "path": "/p", "portIndex": 0}, {}, None),
    ],
)
def test_health_checks_that_agents_run(check: dict[str, Any], network: dict[str, Any], found: Any) -> None:
    docker: dict[str, Any] = {"type": "DOCKER", "docker": {"image": "i"}}
    if network:
        docker["portMappings"] = [{"containerPort": 80, "hostPort": 31000}]
    more = {"gracePeriodSeconds": 7, "intervalSeconds": 8, "timeoutSeconds": 9, "maxConsecutiveFailures": 2}
    raw = {**network, "container": docker, "healthChecks": [{**check, **more}]}
    made = info(raw, resources="cpus:1;mem:128;ports:[31000-31000]").health_check
    if found is None:
        assert made is None
        return
    assert made
    port = made.http.port if made.http else made.tcp.port if made.tcp else None
    assert (made.type, port, made.http.scheme if made.http else None) == found
    assert (made.grace_period_seconds, made.interval_seconds, made.timeout_seconds) == (7, 8, 9)
    assert (made.consecutive_failures, made.delay_seconds) == (2, 15)


@pytest.mark.parametrize(
    ("check", "kind", "asked"),
    [
        ({"exec": {"command": {"shell": "true"}}}, "COMMAND", "true"),
        ({"exec": {"command": {"argv": ["test", "-e", "x"]}}}, "COMMAND", "test"),
        ({"http": {"path": "/well"}}, "HTTP", (80, "/well")),
        ({"http": {}}, "HTTP", (80, "/")),
        ({"tcp": {}}, "TCP", 80),
    ],
)
def test_checks_that_agents_run(check: dict[str, Any], kind: str, asked: Any) -> None:
    docker = {"type": "DOCKER", "docker": {"image": "i"}, "portMappings": [{"containerPort": 80, "hostPort": 31000}]}
    raw = {"networks": [{"mode": "container/bridge"}], "container": docker, "check": {**check, "intervalSeconds": 8}}
    made = info(raw, resources="cpus:1;mem:128;ports:[31000-31000]").check
    assert made
    assert made.type
    command = made.command.command.value if made.command else None
    http = (made.http.port, made.http.path) if made.http else None
    assert (made.type.name, command or http or (made.tcp and made.tcp.port)) == (kind, asked)
    assert (made.interval_seconds, made.timeout_seconds, made.delay_seconds) == (8, 20, 15)
