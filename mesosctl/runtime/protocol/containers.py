"""Commands, environments, networks and containers of `mesos.v1`: what a task or an executor runs in."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from mesosctl.runtime.protocol.basics import ContainerID, DurationInfo, Labels, Parameter, Secret
from mesosctl.runtime.protocol.resources import Device, Image, Volume
from mesosctl.runtime.protocol.wire import UInt32, UInt64, WireEnum, WireMessage, written


class Environment(WireMessage):
    class Variable(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            VALUE = "VALUE", 1
            SECRET = "SECRET", 2

        name: Annotated[str, 1]
        type: Annotated[Environment.Variable.Type, 3] = written(Type.VALUE)
        value: Annotated[str | None, 2] = None
        secret: Annotated[Secret | None, 4] = None

    variables: Annotated[tuple[Environment.Variable, ...], 1] = ()


class KillPolicy(WireMessage):
    grace_period: Annotated[DurationInfo | None, 1] = None


class CommandInfo(WireMessage):
    class URI(WireMessage):
        value: Annotated[str, 1]
        executable: Annotated[bool | None, 2] = None
        extract: Annotated[bool, 3] = written(True)
        cache: Annotated[bool | None, 4] = None
        output_file: Annotated[str | None, 5] = None

    uris: Annotated[tuple[CommandInfo.URI, ...], 1] = ()
    environment: Annotated[Environment | None, 2] = None
    shell: Annotated[bool, 6] = written(True)
    value: Annotated[str | None, 3] = None
    arguments: Annotated[tuple[str, ...], 7] = ()
    user: Annotated[str | None, 5] = None


class NetworkInfo(WireMessage):
    class Protocol(WireEnum):
        IPv4 = "IPv4", 1
        IPv6 = "IPv6", 2

    class IPAddress(WireMessage):
        protocol: Annotated[NetworkInfo.Protocol, 1] = field(default_factory=lambda: NetworkInfo.Protocol.IPv4)
        ip_address: Annotated[str | None, 2] = None

    class PortMapping(WireMessage):
        host_port: Annotated[UInt32, 1]
        container_port: Annotated[UInt32, 2]
        protocol: Annotated[str | None, 3] = None

    ip_addresses: Annotated[tuple[NetworkInfo.IPAddress, ...], 5] = ()
    name: Annotated[str | None, 6] = None
    groups: Annotated[tuple[str, ...], 3] = ()
    labels: Annotated[Labels | None, 4] = None
    port_mappings: Annotated[tuple[NetworkInfo.PortMapping, ...], 7] = ()


class CapabilityInfo(WireMessage):
    class Capability(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        CHOWN = "CHOWN", 1000
        DAC_OVERRIDE = "DAC_OVERRIDE", 1001
        DAC_READ_SEARCH = "DAC_READ_SEARCH", 1002
        FOWNER = "FOWNER", 1003
        FSETID = "FSETID", 1004
        KILL = "KILL", 1005
        SETGID = "SETGID", 1006
        SETUID = "SETUID", 1007
        SETPCAP = "SETPCAP", 1008
        LINUX_IMMUTABLE = "LINUX_IMMUTABLE", 1009
        NET_BIND_SERVICE = "NET_BIND_SERVICE", 1010
        NET_BROADCAST = "NET_BROADCAST", 1011
        NET_ADMIN = "NET_ADMIN", 1012
        NET_RAW = "NET_RAW", 1013
        IPC_LOCK = "IPC_LOCK", 1014
        IPC_OWNER = "IPC_OWNER", 1015
        SYS_MODULE = "SYS_MODULE", 1016
        SYS_RAWIO = "SYS_RAWIO", 1017
        SYS_CHROOT = "SYS_CHROOT", 1018
        SYS_PTRACE = "SYS_PTRACE", 1019
        SYS_PACCT = "SYS_PACCT", 1020
        SYS_ADMIN = "SYS_ADMIN", 1021
        SYS_BOOT = "SYS_BOOT", 1022
        SYS_NICE = "SYS_NICE", 1023
        SYS_RESOURCE = "SYS_RESOURCE", 1024
        SYS_TIME = "SYS_TIME", 1025
        SYS_TTY_CONFIG = "SYS_TTY_CONFIG", 1026
        MKNOD = "MKNOD", 1027
        LEASE = "LEASE", 1028
        AUDIT_WRITE = "AUDIT_WRITE", 1029
        AUDIT_CONTROL = "AUDIT_CONTROL", 1030
        SETFCAP = "SETFCAP", 1031
        MAC_OVERRIDE = "MAC_OVERRIDE", 1032
        MAC_ADMIN = "MAC_ADMIN", 1033
        SYSLOG = "SYSLOG", 1034
        WAKE_ALARM = "WAKE_ALARM", 1035
        BLOCK_SUSPEND = "BLOCK_SUSPEND", 1036
        AUDIT_READ = "AUDIT_READ", 1037

    capabilities: Annotated[tuple[CapabilityInfo.Capability, ...], 1] = ()


class SeccompInfo(WireMessage):
    profile_name: Annotated[str | None, 1] = None
    unconfined: Annotated[bool | None, 2] = None


class LinuxInfo(WireMessage):
    class IpcMode(WireEnum):
        UNKNOWN = "UNKNOWN", 0
        PRIVATE = "PRIVATE", 1
        SHARE_PARENT = "SHARE_PARENT", 2

    capability_info: Annotated[CapabilityInfo | None, 1] = None
    bounding_capabilities: Annotated[CapabilityInfo | None, 2] = None
    effective_capabilities: Annotated[CapabilityInfo | None, 3] = None
    share_pid_namespace: Annotated[bool | None, 4] = None
    seccomp: Annotated[SeccompInfo | None, 5] = None
    ipc_mode: Annotated[LinuxInfo.IpcMode | None, 6] = None
    shm_size: Annotated[UInt32 | None, 7] = None
    share_cgroups: Annotated[bool, 8] = written(True)


class RLimitInfo(WireMessage):
    class RLimit(WireMessage):
        class Type(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            RLMT_AS = "RLMT_AS", 1
            RLMT_CORE = "RLMT_CORE", 2
            RLMT_CPU = "RLMT_CPU", 3
            RLMT_DATA = "RLMT_DATA", 4
            RLMT_FSIZE = "RLMT_FSIZE", 5
            RLMT_LOCKS = "RLMT_LOCKS", 6
            RLMT_MEMLOCK = "RLMT_MEMLOCK", 7
            RLMT_MSGQUEUE = "RLMT_MSGQUEUE", 8
            RLMT_NICE = "RLMT_NICE", 9
            RLMT_NOFILE = "RLMT_NOFILE", 10
            RLMT_NPROC = "RLMT_NPROC", 11
            RLMT_RSS = "RLMT_RSS", 12
            RLMT_RTPRIO = "RLMT_RTPRIO", 13
            RLMT_RTTIME = "RLMT_RTTIME", 14
            RLMT_SIGPENDING = "RLMT_SIGPENDING", 15
            RLMT_STACK = "RLMT_STACK", 16

        type: Annotated[RLimitInfo.RLimit.Type | None, 1] = None
        hard: Annotated[UInt64 | None, 2] = None
        soft: Annotated[UInt64 | None, 3] = None

    rlimits: Annotated[tuple[RLimitInfo.RLimit, ...], 1] = ()


class TTYInfo(WireMessage):
    class WindowSize(WireMessage):
        rows: Annotated[UInt32, 1]
        columns: Annotated[UInt32, 2]

    window_size: Annotated[TTYInfo.WindowSize | None, 1] = None


class ContainerInfo(WireMessage):
    class Type(WireEnum):
        DOCKER = "DOCKER", 1
        MESOS = "MESOS", 2

    class DockerInfo(WireMessage):
        class Network(WireEnum):
            HOST = "HOST", 1
            BRIDGE = "BRIDGE", 2
            NONE = "NONE", 3
            USER = "USER", 4

        class PortMapping(WireMessage):
            host_port: Annotated[UInt32, 1]
            container_port: Annotated[UInt32, 2]
            protocol: Annotated[str | None, 3] = None

        image: Annotated[str, 1]
        network: Annotated[ContainerInfo.DockerInfo.Network, 2] = written(Network.HOST)
        port_mappings: Annotated[tuple[ContainerInfo.DockerInfo.PortMapping, ...], 3] = ()
        privileged: Annotated[bool, 4] = written(False)
        parameters: Annotated[tuple[Parameter, ...], 5] = ()
        force_pull_image: Annotated[bool | None, 6] = None
        volume_driver: Annotated[str | None, 7] = None

    class MesosInfo(WireMessage):
        image: Annotated[Image | None, 1] = None

    type: Annotated[ContainerInfo.Type, 1]
    volumes: Annotated[tuple[Volume, ...], 2] = ()
    hostname: Annotated[str | None, 4] = None
    docker: Annotated[ContainerInfo.DockerInfo | None, 3] = None
    mesos: Annotated[ContainerInfo.MesosInfo | None, 5] = None
    network_infos: Annotated[tuple[NetworkInfo, ...], 7] = ()
    linux_info: Annotated[LinuxInfo | None, 8] = None
    rlimit_info: Annotated[RLimitInfo | None, 9] = None
    tty_info: Annotated[TTYInfo | None, 10] = None


class CgroupInfo(WireMessage):
    class Blkio(WireMessage):
        class Operation(WireEnum):
            UNKNOWN = "UNKNOWN", 0
            TOTAL = "TOTAL", 1
            READ = "READ", 2
            WRITE = "WRITE", 3
            SYNC = "SYNC", 4
            ASYNC = "ASYNC", 5
            DISCARD = "DISCARD", 6

        class Value(WireMessage):
            op: Annotated[CgroupInfo.Blkio.Operation | None, 1] = None
            value: Annotated[UInt64 | None, 2] = None

        class CFQ(WireMessage):
            class Statistics(WireMessage):
                device: Annotated[Device.Number | None, 1] = None
                sectors: Annotated[UInt64 | None, 2] = None
                time: Annotated[UInt64 | None, 3] = None
                io_serviced: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 4] = ()
                io_service_bytes: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 5] = ()
                io_service_time: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 6] = ()
                io_wait_time: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 7] = ()
                io_merged: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 8] = ()
                io_queued: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 9] = ()

        class Throttling(WireMessage):
            class Statistics(WireMessage):
                device: Annotated[Device.Number | None, 1] = None
                io_serviced: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 2] = ()
                io_service_bytes: Annotated[tuple[CgroupInfo.Blkio.Value, ...], 3] = ()

        class Statistics(WireMessage):
            cfq: Annotated[tuple[CgroupInfo.Blkio.CFQ.Statistics, ...], 1] = ()
            cfq_recursive: Annotated[tuple[CgroupInfo.Blkio.CFQ.Statistics, ...], 2] = ()
            throttling: Annotated[tuple[CgroupInfo.Blkio.Throttling.Statistics, ...], 3] = ()

    class NetCls(WireMessage):
        classid: Annotated[UInt32 | None, 1] = None

    net_cls: Annotated[CgroupInfo.NetCls | None, 1] = None


class ContainerStatus(WireMessage):
    container_id: Annotated[ContainerID | None, 4] = None
    network_infos: Annotated[tuple[NetworkInfo, ...], 1] = ()
    cgroup_info: Annotated[CgroupInfo | None, 2] = None
    executor_pid: Annotated[UInt32 | None, 3] = None
