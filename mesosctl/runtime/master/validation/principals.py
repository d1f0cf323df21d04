"""Whether schedulers speak for who they have proved to be. Words are Apache Mesos'."""

from __future__ import annotations

from msgspec.structs import replace

from mesosctl.runtime.protocol.cluster import FrameworkInfo
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.scheduler import Call


def with_principal(call: Call, principal: str | None) -> Call:
    """A call of an authenticated scheduler: what it says of its framework names the principal, if it named none.

    Raises Refusal (400) where it names another one. `principal` is None where nobody is authenticated.
    """
    if principal is None:
        return call
    if call.subscribe:
        info = _with_principal(call.subscribe.framework_info, principal)
        return replace(call, subscribe=replace(call.subscribe, framework_info=info))
    if call.update_framework:
        info = _with_principal(call.update_framework.framework_info, principal)
        return replace(call, update_framework=replace(call.update_framework, framework_info=info))
    return call


def check_principal(info: FrameworkInfo, principal: str | None) -> None:
    """Raises Refusal (400) where an authenticated scheduler calls for the framework of another principal."""
    if principal is not None and info.principal != principal:
        raise Refusal(400, _mismatch(principal, info.principal or ""))


def _with_principal(info: FrameworkInfo, principal: str) -> FrameworkInfo:
    if info.principal is None:
        return replace(info, principal=principal)
    if info.principal != principal:
        raise Refusal(400, f"Failed to validate scheduler::Call: {_mismatch(principal, info.principal)}")
    return info


def _mismatch(authenticated: str, named: str) -> str:
    return f"Authenticated principal '{authenticated}' does not match principal '{named}' set in `FrameworkInfo`"
