"""Quota of roles: `mesos.v1.quota`."""

from __future__ import annotations

from typing import Annotated

from msgspec import field

from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.protocol.wire import WireMessage


class QuotaInfo(WireMessage):
    role: Annotated[str | None, 1] = None
    principal: Annotated[str | None, 2] = None
    guarantee: Annotated[tuple[Resource, ...], 3] = ()


class QuotaRequest(WireMessage):
    force: Annotated[bool | None, 1] = None
    role: Annotated[str | None, 2] = None
    guarantee: Annotated[tuple[Resource, ...], 3] = ()


class QuotaConfig(WireMessage):
    role: Annotated[str, 1]
    guarantees: Annotated[dict[str, Value.Scalar], 2] = field(default_factory=dict)
    limits: Annotated[dict[str, Value.Scalar], 3] = field(default_factory=dict)


class QuotaStatus(WireMessage):
    infos: Annotated[tuple[QuotaInfo, ...], 1] = ()
    configs: Annotated[tuple[QuotaConfig, ...], 2] = ()
