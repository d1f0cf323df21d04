"""The operators' calls that masters and agents answer alike: health, flags, version, metrics, logging, files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any, Protocol

from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.http.files import Files
from mesosctl.runtime.http.log_level import LogLevel
from mesosctl.runtime.protocol.basics import Flag, Metric, VersionInfo
from mesosctl.runtime.protocol.operator import CommonResponse
from mesosctl.runtime.version import about


class CommonContext(Protocol):
    @property
    def flags(self) -> Mapping[str, str]:
        """What `/flags` shows."""

    @property
    def metrics(self) -> Callable[[], Mapping[str, float]]:
        """What `/metrics/snapshot` shows."""

    @property
    def log_level(self) -> LogLevel: ...

    @property
    def files(self) -> Files: ...

    @property
    def permit(self) -> Permit:
        """What the caller may do."""


def common_functions(api: ModuleType) -> dict[Any, Any]:
    """By type of call, the functions that answer it. `api` defines the messages: `protocol.master` or `.agent`."""
    kind, response, call_type = api.Response.Type, api.Response, api.Call.Type

    def get_health(context: CommonContext, call: Any) -> Any:
        return response(type=kind.GET_HEALTH, get_health=CommonResponse.GetHealth(healthy=True))

    def get_flags(context: CommonContext, call: Any) -> Any:
        context.permit.require("view_flags")
        flags = tuple(Flag(name, value) for name, value in context.flags.items())
        return response(type=kind.GET_FLAGS, get_flags=CommonResponse.GetFlags(flags))

    def get_version(context: CommonContext, call: Any) -> Any:
        version = VersionInfo(**about())  # type: ignore[arg-type]
        return response(type=kind.GET_VERSION, get_version=CommonResponse.GetVersion(version))

    def get_metrics(context: CommonContext, call: Any) -> Any:
        metrics = tuple(Metric(name, value) for name, value in sorted(context.metrics().items()))
        return response(type=kind.GET_METRICS, get_metrics=CommonResponse.GetMetrics(metrics))

    def get_logging_level(context: CommonContext, call: Any) -> Any:
        level = CommonResponse.GetLoggingLevel(context.log_level.level)
        return response(type=kind.GET_LOGGING_LEVEL, get_logging_level=level)

    def set_logging_level(context: CommonContext, call: Any) -> Any:
        context.permit.require("set_log_level")
        wanted = call.set_logging_level
        context.log_level.set(wanted.level, wanted.duration.nanoseconds / 1e9)
        return 200

    def list_files(context: CommonContext, call: Any) -> Any:
        found = CommonResponse.ListFiles(tuple(context.files.browse(call.list_files.path, context.permit)))
        return response(type=kind.LIST_FILES, list_files=found)

    def read_file(context: CommonContext, call: Any) -> Any:
        wanted = call.read_file
        size, data = context.files.read(wanted.path, wanted.offset, wanted.length, context.permit)
        return response(type=kind.READ_FILE, read_file=CommonResponse.ReadFile(size, data))

    functions = (
        get_health,
        get_flags,
        get_version,
        get_metrics,
        get_logging_level,
        set_logging_level,
        list_files,
        read_file,
    )
    return {call_type[function.__name__.upper()]: function for function in functions}
