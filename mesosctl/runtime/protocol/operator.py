"""The parts that the operator APIs of masters and agents have alike: `mesos.v1.master` and `mesos.v1.agent`."""

from __future__ import annotations

from typing import Annotated

from mesosctl.runtime.protocol.basics import DurationInfo, FileInfo, Flag, Metric, VersionInfo
from mesosctl.runtime.protocol.offers import Operation
from mesosctl.runtime.protocol.wire import UInt32, UInt64, WireMessage


class CommonCall:
    """Parts of both `Call` messages."""

    class GetMetrics(WireMessage):
        timeout: Annotated[DurationInfo | None, 1] = None

    class SetLoggingLevel(WireMessage):
        level: Annotated[UInt32, 1]
        duration: Annotated[DurationInfo, 2]

    class ListFiles(WireMessage):
        path: Annotated[str, 1]

    class ReadFile(WireMessage):
        path: Annotated[str, 1]
        offset: Annotated[UInt64, 2]
        length: Annotated[UInt64 | None, 3] = None


class CommonResponse:
    """Parts of both `Response` messages."""

    class GetHealth(WireMessage):
        healthy: Annotated[bool, 1]

    class GetFlags(WireMessage):
        flags: Annotated[tuple[Flag, ...], 1] = ()

    class GetVersion(WireMessage):
        version_info: Annotated[VersionInfo, 1]

    class GetMetrics(WireMessage):
        metrics: Annotated[tuple[Metric, ...], 1] = ()

    class GetLoggingLevel(WireMessage):
        level: Annotated[UInt32, 1]

    class ListFiles(WireMessage):
        file_infos: Annotated[tuple[FileInfo, ...], 1] = ()

    class ReadFile(WireMessage):
        size: Annotated[UInt64, 1]
        data: Annotated[bytes, 2]

    class GetOperations(WireMessage):
        operations: Annotated[tuple[Operation, ...], 1] = ()
