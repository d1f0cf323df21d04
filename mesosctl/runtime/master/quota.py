"""Quota: guarantees and limits that operators set for roles, as Mesos checks them (src/master/quota_handler.cpp).

Only top-level roles have quota; it covers the roles below them. What a change makes available is offered anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from mesosctl.runtime.master.changes import Change, Record
from mesosctl.runtime.master.offers import Offers
from mesosctl.runtime.master.registrar import Kind
from mesosctl.runtime.master.state import State
from mesosctl.runtime.protocol.errors import Refusal
from mesosctl.runtime.protocol.quota import QuotaConfig, QuotaInfo, QuotaRequest, QuotaStatus
from mesosctl.runtime.protocol.resources import Resource, Value
from mesosctl.runtime.resources import Quantities, Resources, ResourcesError, check_role
from mesosctl.runtime.resources.amounts import scalar_text, thousandths
from mesosctl.runtime.resources.roles import is_below

QUOTAS = Kind("quotas", QuotaConfig)
"""By role."""
_EXABYTE = 1024**4
_TRILLION = 1000**4
_Scalars = Mapping[str, Value.Scalar]


class Quotas:
    def __init__(self, state: State, offers: Offers) -> None:
        self._state = state
        self._offers = offers

    def status(self) -> QuotaStatus:
        configs = tuple(self._state.quotas.values())
        infos = tuple(QuotaInfo(role=config.role, guarantee=_as_resources(config.guarantees)) for config in configs)
        return QuotaStatus(infos=infos, configs=configs)

    def update(self, configs: tuple[QuotaConfig, ...], *, force: bool) -> Change:
        """UPDATE_QUOTA. A configuration without guarantees and limits removes the role's. Raises Refusal (400)."""
        for config in configs:
            if not self._state.options.admits_role(config.role):
                raise Refusal(400, f"Invalid QuotaConfig: '{config.role}' is not on the roles whitelist")
            if "/" in config.role:
                raise Refusal(400, f"Updating quota on nested role '{config.role}' is not supported yet")
            if problem := problem_of_config(config):
                raise Refusal(400, f"Invalid QuotaConfig: {problem}")
        new = self._with(configs)
        if not force:
            hint = "(use 'force' flag to bypass this check)"
            if problem := self._overcommitted(new):
                raise Refusal(400, f"Invalid QuotaConfig: total quota guarantees {problem} {hint}")
            for config in configs:
                if problem := self._exceeded(config):
                    raise Refusal(400, f"Invalid QuotaConfig: {problem} {hint}")
        return self._change(configs, rescind=True)

    def set(self, request: QuotaRequest) -> Change:
        """SET_QUOTA, the older call: the guarantee is the limit, too. Raises Refusal (400, 409)."""
        before = "Failed to validate set quota request:"
        try:
            Resources.of(request.guarantee)
        except ResourcesError as error:
            raise Refusal(400, f"{before} QuotaInfo with invalid resource: {error}") from None
        if problem := _problem_of_request(request):
            raise Refusal(400, f"{before} {problem}")
        role = request.role or ""
        if not self._state.options.admits_role(role):
            raise Refusal(400, f"{before} Unknown role '{role}'")
        if role in self._state.quotas:
            raise Refusal(400, f"{before} Cannot set quota for role '{role}' which already has quota")
        if "/" in role:
            raise Refusal(400, f"Setting quota on nested role '{role}' is not supported yet")
        amounts = {each.name: each.scalar for each in request.guarantee if each.scalar}
        config = QuotaConfig(role=role, guarantees=amounts, limits=amounts)
        new = self._with([config])
        if not request.force and (problem := self._overcommitted(new)):
            hint = "(use 'force' to bypass this check)"
            raise Refusal(409, f"Quota guarantees overcommit the cluster {hint}: Total quota guarantees {problem}")
        return self._change((config,), rescind=True)

    def remove(self, role: str, path: str | None = None) -> Change:
        """REMOVE_QUOTA, or DELETE of a path of the older endpoint. Raises Refusal (400)."""
        where = f" for path '{path}'" if path else ""
        if not self._state.options.admits_role(role):
            raise Refusal(400, f"Failed to validate remove quota request{where}: Unknown role '{role}'")
        if role not in self._state.quotas:
            raise Refusal(400, f"Failed to remove quota{where}: Role '{role}' has no quota set")
        config = QuotaConfig(role=role)
        return self._change((config,), rescind=False)

    def recover(self) -> None:
        """What the registry held when this master was elected. The allocator is told by `Allocator.recover`."""
        self._state.quotas = self._state.registrar.recovered(QUOTAS)

    def _with(self, configs: Iterable[QuotaConfig]) -> dict[str, QuotaConfig]:
        new = dict(self._state.quotas)
        for config in configs:
            new.pop(config.role, None)
            if config.guarantees or config.limits:
                new[config.role] = config
        return new

    def _change(self, configs: tuple[QuotaConfig, ...], *, rescind: bool) -> Change:
        def take_effect() -> None:
            self._state.quotas = self._with(configs)
            for config in configs:
                self._state.allocator.update_quota(config)
            if rescind:
                self._offers.rescind_all()
            self._offers.allocate_soon()

        records = (Record(QUOTAS, each.role, each if each.guarantees or each.limits else None) for each in configs)
        return Change(tuple(records), take_effect)

    def _overcommitted(self, quotas: Mapping[str, QuotaConfig]) -> str | None:
        """Whether more is guaranteed than all registered agents have."""
        guaranteed, capacity = Quantities(), Quantities()
        for config in quotas.values():
            guaranteed.add(Quantities.of_scalars(config.guarantees))
        for agent in self._state.agents.values():
            capacity.add((agent.total - agent.total.revocable()).quantities())
        if capacity.contains(guaranteed):
            return None
        return f"'{_text(guaranteed)}' exceed cluster capacity '{_text(capacity)}'"

    def _exceeded(self, config: QuotaConfig) -> str | None:
        """Whether the role uses more already than its new limits allow."""
        consumed = self._state.allocator.consumed_quota(config.role)
        for offer in self._state.offers.values():
            if offer.role == config.role or is_below(offer.role, config.role):
                consumed.take(offer.resources.unreserved().quantities())
        if all(consumed.get(name, 0) <= thousandths(limit.value) for name, limit in config.limits.items()):
            return None
        return (
            f"Role '{config.role}' is already consuming '{_text(consumed)}';"
            f" this is more than the requested limits '{_scalars_text(config.limits)}'"
        )


def problem_of_config(config: QuotaConfig) -> str | None:
    """What is wrong with a configuration by itself, or None."""
    try:
        check_role(config.role)
    except ResourcesError as error:
        return f"Invalid 'QuotaConfig.role': {error}"
    for field, scalars in (("guarantees", config.guarantees), ("limits", config.limits)):
        for name, scalar in scalars.items():
            if problem := _too_large(name, scalar.value):
                return f"Invalid 'QuotaConfig.{field}': {problem}"
    for word, scalars in (("guarantee", config.guarantees), ("limit", config.limits)):
        for name, scalar in scalars.items():
            if problem := _problem_of_value(scalar.value):
                return f"Invalid {word} configuration {{'{name}': {scalar.value:.15g}}}: {problem}"
    for name, scalar in config.guarantees.items():
        if name in config.limits and thousandths(scalar.value) > thousandths(config.limits[name].value):
            return (
                f"'QuotaConfig.guarantees' {_scalars_text(config.guarantees)} is not contained within the"
                f" 'QuotaConfig.limits' {_scalars_text(config.limits)}"
            )
    return None


def _too_large(name: str, value: float) -> str | None:
    bound, words = (_EXABYTE, "1 exabyte") if name in ("mem", "disk") else (_TRILLION, "1 trillion")
    if not value > bound:
        return None
    return f"{{'{name}': {value:.15g}}} is invalid: values greater than {words} ({bound}) are not supported"


def _problem_of_value(value: float) -> str | None:
    if value != value or value in (float("inf"), float("-inf")):
        return "Infinite or NaN values are not supported"
    return "Negative values not supported" if value < 0 else None


def _problem_of_request(request: QuotaRequest) -> str | None:
    if request.role is None:
        return "QuotaInfo must specify a role"
    try:
        check_role(request.role)
    except ResourcesError as error:
        return f"QuotaInfo with invalid role: {error}"
    if not request.guarantee:
        return "QuotaInfo with empty 'guarantee'"
    names: set[str] = set()
    for resource in request.guarantee:
        if Resources.of([resource]).reserved():
            return "QuotaInfo must not contain any ReservationInfo"
        if resource.disk is not None:
            return "QuotaInfo must not contain DiskInfo"
        if resource.revocable is not None:
            return "QuotaInfo must not contain RevocableInfo"
        if resource.scalar is None:
            return "QuotaInfo must not include non-scalar resources"
        if resource.name in names:
            return f"QuotaInfo contains duplicate resource name '{resource.name}'"
        names.add(resource.name)
    return None


def _as_resources(scalars: _Scalars) -> tuple[Resource, ...]:
    return tuple(Resource(name=name, type=Value.Type.SCALAR, scalar=scalar) for name, scalar in scalars.items())


def _text(quantities: Quantities) -> str:
    return "; ".join(f"{name}:{scalar_text(amount)}" for name, amount in sorted(quantities.items())) or "{}"


def _scalars_text(scalars: _Scalars) -> str:
    return "{ " + ", ".join(f"{name}: {scalar.value:.15g}" for name, scalar in sorted(scalars.items())) + " }"
