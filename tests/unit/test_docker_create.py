"""The bodies of Docker's create call: what a task asks for and what the engine is told."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from mesosctl.runtime.agent.volumes import bind_volumes
from mesosctl.runtime.docker.create import Place, RequestError, create_request
from mesosctl.runtime.docker.engine import split_image
from mesosctl.runtime.docker.parameters import ParameterError, apply, size
from mesosctl.runtime.protocol.basics import Parameter
from mesosctl.runtime.protocol.containers import CommandInfo, ContainerInfo, Environment, NetworkInfo
from mesosctl.runtime.protocol.resources import Resource, Value, Volume

Docker = ContainerInfo.DockerInfo
Network = Docker.Network
PLACE = Place("/s", "mesos-1", "/sandbox", "/mnt/mesos/sandbox", "/work", cpus=0.5, mem=64.0)
PORTS = (Resource(name="ports", type=Value.Type.RANGES, ranges=Value.Ranges((Value.Range(31000, 31005),))),)
NOTHING = CommandInfo(shell=False)


def container(docker: Docker, **fields: Any) -> ContainerInfo:
    return ContainerInfo(type=ContainerInfo.Type.DOCKER, docker=docker, **fields)


def test_a_task_with_defaults() -> None:
    variable = Environment.Variable(name="COLOUR", value="blue")
    command = CommandInfo(value="echo $COLOUR", environment=Environment((variable,)))
    assert create_request(PLACE, container(Docker("nginx")), command) == {
        "Image": "nginx",
        "Env": ["COLOUR=blue", "MESOS_SANDBOX=/mnt/mesos/sandbox", "MESOS_CONTAINER_NAME=mesos-1"],
        "Labels": {"mesos.agent.work_dir": "/work"},
        "Volumes": {},
        "Entrypoint": ["/bin/sh"],
        "Cmd": ["-c", "echo $COLOUR"],
        "HostConfig": {
            "Privileged": False,
            "Binds": ["/sandbox:/mnt/mesos/sandbox"],
            "RestartPolicy": {"Name": "no"},
            "CpuShares": 512,
            "Memory": 64 << 20,
            "NetworkMode": "host",
        },
    }


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (CommandInfo(shell=False), None),
        (CommandInfo(shell=False, arguments=("-g", "daemon off;")), ["-g", "daemon off;"]),
        (CommandInfo(shell=False, value="nginx", arguments=("-t",)), ["nginx", "-t"]),
    ],
)
def test_arguments_are_the_entrypoints(command: CommandInfo, expected: list[str] | None) -> None:
    body = create_request(PLACE, container(Docker("nginx")), command)
    assert body.get("Cmd") == expected
    assert "Entrypoint" not in body


def test_limits() -> None:
    def limits(place: Place, cpus: float | None = None, mem: float | None = None) -> dict[str, Any]:
        config = create_request(place, container(Docker("i")), NOTHING, limits=(cpus, mem))["HostConfig"]
        return {name: config[name] for name in config if name.startswith(("Cpu", "Memory"))}

    tiny = Place("/s", "n", "/d", "/m", "/w", cpus=0.001, mem=1.0, enable_cfs=True)
    assert limits(tiny) == {"CpuShares": 2, "CpuPeriod": 100000, "CpuQuota": 1000, "Memory": 32 << 20}
    assert limits(PLACE, cpus=2.0, mem=128.0) == {
        "CpuShares": 512,
        "CpuPeriod": 100000,
        "CpuQuota": 200000,
        "Memory": 128 << 20,
        "MemoryReservation": 64 << 20,
    }
    assert limits(PLACE, math.inf, math.inf) == {"CpuShares": 512, "MemoryReservation": 64 << 20}


def test_networks() -> None:
    mappings = (Docker.PortMapping(31001, 80), Docker.PortMapping(31002, 53, "UDP"))
    body = create_request(
        PLACE, container(Docker("i", Network.BRIDGE, mappings), hostname="me"), NOTHING, resources=PORTS
    )
    assert body["HostConfig"]["NetworkMode"] == "bridge"
    assert body["Hostname"] == "me"
    assert body["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    assert body["HostConfig"]["PortBindings"] == {
        "80/tcp": [{"HostIp": "", "HostPort": "31001"}],
        "53/udp": [{"HostIp": "", "HostPort": "31002"}],
    }
    user = container(
        Docker("i", Network.USER, parameters=(Parameter("ip", "10.1.2.3"),)), network_infos=(NetworkInfo(name="net1"),)
    )
    body = create_request(PLACE, user, NOTHING)
    assert body["HostConfig"]["NetworkMode"] == "net1"
    assert body["NetworkingConfig"]["EndpointsConfig"] == {"net1": {"IPAMConfig": {"IPv4Address": "10.1.2.3"}}}


def test_volumes() -> None:
    source = Volume.Source
    volumes = (
        Volume(Volume.Mode.RO, "/etc/x", "/host/x"),
        Volume(Volume.Mode.RW, "data", "data"),
        Volume(Volume.Mode.RW, "/scratch"),
        Volume(Volume.Mode.RW, "/v", source=source(source.Type.DOCKER_VOLUME, source.DockerVolume("vol", "local"))),
        Volume(Volume.Mode.RO, "/h", source=source(source.Type.HOST_PATH, host_path=source.HostPath("/host/h"))),
    )
    body = create_request(PLACE, container(Docker("i"), volumes=volumes), NOTHING)
    assert body["HostConfig"]["Binds"][1:] == [
        "/host/x:/etc/x:ro",
        "/sandbox/data:/mnt/mesos/sandbox/data:rw",
        "vol:/v:rw",
        "/host/h:/h:ro",
    ]
    assert body["Volumes"] == {"/scratch": {}}
    assert body["HostConfig"]["VolumeDriver"] == "local"


@pytest.mark.parametrize(
    ("wish", "problem"),
    [
        (ContainerInfo(type=ContainerInfo.Type.DOCKER), "No docker info"),
        (container(Docker("i"), hostname="h"), "hostname"),
        (container(Docker("i", Network.HOST, (Docker.PortMapping(31000, 80),))), "only supported for bridge"),
        (container(Docker("i", Network.BRIDGE, (Docker.PortMapping(80, 80),))), "Port \\[80\\] not included"),
        (container(Docker("i", Network.USER)), "network info"),
        (container(Docker("i"), volumes=(Volume(Volume.Mode.RW, "/x", "/a:b"),)), "colon"),
    ],
)
def test_what_cannot_be_asked_for(wish: ContainerInfo, problem: str) -> None:
    with pytest.raises(RequestError, match=problem):
        create_request(PLACE, wish, NOTHING, resources=PORTS)


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("env", "A=b", {"Env": ["A=b"]}),
        ("e", "A=b", {"Env": ["A=b"]}),
        ("--label", "a=b=c", {"Labels": {"a": "b=c"}}),
        ("volume", "/a:/b:ro", {"HostConfig": {"Binds": ["/a:/b:ro"]}}),
        ("cap-add", "NET_ADMIN", {"HostConfig": {"CapAdd": ["NET_ADMIN"]}}),
        ("ulimit", "nofile=10:20", {"HostConfig": {"Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}]}}),
        ("memory-swap", "-1", {"HostConfig": {"MemorySwap": -1}}),
        ("shm-size", "64m", {"HostConfig": {"ShmSize": 64 << 20}}),
        ("log-driver", "none", {"HostConfig": {"LogConfig": {"Type": "none"}}}),
        ("log-opt", "max-size=1m", {"HostConfig": {"LogConfig": {"Config": {"max-size": "1m"}}}}),
        ("cpus", "1.5", {"HostConfig": {"NanoCpus": 1_500_000_000}}),
        ("entrypoint", "sh -x", {"Entrypoint": ["sh", "-x"]}),
        ("net", "host", {"HostConfig": {"NetworkMode": "host"}}),
        ("tmpfs", "/run:size=1m", {"HostConfig": {"Tmpfs": {"/run": "size=1m"}}}),
        ("privileged", "true", {"HostConfig": {"Privileged": True}}),
        (
            "device",
            "/dev/x:/dev/y:r",
            {
                "HostConfig": {
                    "Devices": [{"PathOnHost": "/dev/x", "PathInContainer": "/dev/y", "CgroupPermissions": "r"}]
                }
            },
        ),
        (
            "publish",
            "127.0.0.1:8080:80",
            {
                "ExposedPorts": {"80/tcp": {}},
                "HostConfig": {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}]}},
            },
        ),
    ],
)
def test_parameters(key: str, value: str, expected: dict[str, Any]) -> None:
    body: dict[str, Any] = {}
    apply(body, (Parameter(key, value),))
    assert body == expected


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("restart", "always"),
        ("rm", "true"),
        ("no-such", "x"),
        ("memory", "much"),
        ("publish", "80-90:80-90"),
        ("ip", "1"),
    ],
)
def test_parameters_that_are_refused(key: str, value: str) -> None:
    with pytest.raises(ParameterError, match=f"Docker parameter '{key}'"):
        apply({}, (Parameter(key, value),))


def test_sizes_and_names() -> None:
    assert [size(text) for text in ("10", "1k", "1.5g", "2MB")] == [10, 1024, 3 << 29, 2 << 20]
    assert split_image("nginx") == ("nginx", "latest")
    assert split_image("host:5000/a/b") == ("host:5000/a/b", "latest")
    assert split_image("host:5000/a/b:1.2") == ("host:5000/a/b", "1.2")
    assert split_image("a@sha256:00") == ("a", "sha256:00")


def test_persistent_volumes_are_mounted(tmp_path: Path) -> None:
    disk = Resource.DiskInfo(
        persistence=Resource.DiskInfo.Persistence("id1"), volume=Volume(Volume.Mode.RO, container_path="data")
    )
    reservation = Resource.ReservationInfo(type=Resource.ReservationInfo.Type.DYNAMIC, role="web")
    scalar = Value.Scalar(1)
    volume = Resource(name="disk", type=Value.Type.SCALAR, scalar=scalar, reservations=(reservation,), disk=disk)
    with pytest.raises(ValueError, match="is not there"):
        bind_volumes(str(tmp_path), "/mnt/mesos/sandbox", [volume, *PORTS], None)
    path = tmp_path / "volumes/roles/web/id1"
    path.mkdir(parents=True)
    binds = bind_volumes(str(tmp_path), "/mnt/mesos/sandbox", [volume, *PORTS], None)
    assert binds == [f"{path}:/mnt/mesos/sandbox/data:ro"]
    place = replace(PLACE, binds=tuple(binds))
    assert create_request(place, container(Docker("i")), NOTHING)["HostConfig"]["Binds"][1:] == binds
