"""The calls about quota and weights."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from functools import partial

from mesosctl.runtime.master.operator.commit import commit
from mesosctl.runtime.master.operator.context import Context, Function
from mesosctl.runtime.protocol.master import Call, Response


def get_quota(context: Context, call: Call) -> Response:
    status = context.master.quotas.status()
    return Response(type=Response.Type.GET_QUOTA, get_quota=Response.GetQuota(status))


def update_quota(context: Context, call: Call) -> Awaitable[int]:
    update = call.update_quota or Call.UpdateQuota()
    return commit(context, lambda: context.master.quotas.update(update.quota_configs, force=bool(update.force)))


def set_quota(context: Context, call: Call) -> Awaitable[int]:
    assert call.set_quota  # the call is complete
    return commit(context, partial(context.master.quotas.set, call.set_quota.quota_request))


def remove_quota(context: Context, call: Call) -> Awaitable[int]:
    assert call.remove_quota  # the call is complete
    return commit(context, partial(context.master.quotas.remove, call.remove_quota.role))


def get_weights(context: Context, call: Call) -> Response:
    """Without its field where there are none."""
    infos = context.master.weights.infos()
    return Response(type=Response.Type.GET_WEIGHTS, get_weights=Response.GetWeights(infos) if infos else None)


def update_weights(context: Context, call: Call) -> Awaitable[int]:
    update = call.update_weights or Call.UpdateWeights()
    return commit(context, partial(context.master.weights.update, update.weight_infos))


FUNCTIONS: Mapping[Call.Type, Function] = {
    Call.Type.GET_QUOTA: get_quota,
    Call.Type.UPDATE_QUOTA: update_quota,
    Call.Type.SET_QUOTA: set_quota,
    Call.Type.REMOVE_QUOTA: remove_quota,
    Call.Type.GET_WEIGHTS: get_weights,
    Call.Type.UPDATE_WEIGHTS: update_weights,
}
