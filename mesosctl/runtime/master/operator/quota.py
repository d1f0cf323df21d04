"""The calls about quota and weights."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial

from mesosctl.runtime.master.operator.commit import commit
from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.protocol.master import Call, Response
from mesosctl.runtime.protocol.quota import QuotaConfig, QuotaInfo, QuotaRequest, QuotaStatus
from mesosctl.runtime.protocol.resources import WeightInfo


def get_quota(context: Context, call: Call) -> Response:
    return Response(type=Response.Type.GET_QUOTA, get_quota=Response.GetQuota(visible_quotas(context)))


def visible_quotas(context: Context) -> QuotaStatus:
    status = context.master.quotas.status()

    def allowed(each: QuotaInfo | QuotaConfig) -> bool:
        return context.permit.allows("get_quotas", each.role)

    return QuotaStatus(infos=tuple(filter(allowed, status.infos)), configs=tuple(filter(allowed, status.configs)))


def update_quota(context: Context, call: Call) -> Awaitable[int]:
    update = call.update_quota or Call.UpdateQuota()
    context.permit.require("update_quotas", [config.role for config in update.quota_configs])
    return commit(context, lambda: context.master.quotas.update(update.quota_configs, force=bool(update.force)))


def set_quota(context: Context, call: Call) -> Awaitable[int]:
    assert call.set_quota  # the call is complete
    return set_one(context, call.set_quota.quota_request)


def set_one(context: Context, request: QuotaRequest) -> Awaitable[int]:
    context.permit.require("update_quotas", [request.role or ""])
    return commit(context, partial(context.master.quotas.set, request))


def remove_quota(context: Context, call: Call) -> Awaitable[int]:
    assert call.remove_quota  # the call is complete
    return remove_one(context, call.remove_quota.role)


def remove_one(context: Context, role: str, path: str | None = None) -> Awaitable[int]:
    """`path`: of the older endpoint, where it came by that."""
    context.permit.require("update_quotas", [role])
    return commit(context, partial(context.master.quotas.remove, role, path))


def get_weights(context: Context, call: Call) -> Response:
    """Without its field where there are none."""
    infos = visible_weights(context)
    return Response(type=Response.Type.GET_WEIGHTS, get_weights=Response.GetWeights(infos) if infos else None)


def visible_weights(context: Context) -> tuple[WeightInfo, ...]:
    return tuple(info for info in context.master.weights.infos() if context.permit.allows("view_roles", info.role))


def update_weights(context: Context, call: Call) -> Awaitable[int]:
    return update_infos(context, (call.update_weights or Call.UpdateWeights()).weight_infos)


def update_infos(context: Context, infos: tuple[WeightInfo, ...]) -> Awaitable[int]:
    context.permit.require("update_weights", [info.role for info in infos])
    return commit(context, partial(context.master.weights.update, infos))


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.GET_QUOTA: get_quota,
    Call.Type.UPDATE_QUOTA: update_quota,
    Call.Type.SET_QUOTA: set_quota,
    Call.Type.REMOVE_QUOTA: remove_quota,
    Call.Type.GET_WEIGHTS: get_weights,
    Call.Type.UPDATE_WEIGHTS: update_weights,
}
