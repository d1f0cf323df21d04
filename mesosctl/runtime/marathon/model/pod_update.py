"""What clients may write for a pod. An update is a whole pod, too."""

from __future__ import annotations

import msgspec

from mesosctl.runtime.marathon.model.app import Network, UnreachableStrategy, UpgradeStrategy
from mesosctl.runtime.marathon.model.definition import read
from mesosctl.runtime.marathon.model.paths import ROOT, absolute
from mesosctl.runtime.marathon.model.pod import Endpoint, Pod, PodContainer, Scheduling

_replace = msgspec.structs.replace


def parse_pod(raw: object, *, base: str = ROOT, network_name: str | None = None) -> Pod:
    """A pod. `base` is the group that its id is relative to, `network_name` the network of those that name none.

    Raises InvalidJson.
    """
    given = {name: value for name, value in raw.items() if name != "versionInfo"} if isinstance(raw, dict) else raw
    pod = read(given, Pod)
    networks = tuple(
        _replace(network, name=network_name) if network.mode == "container" and not network.name else network
        for network in pod.networks or (Network(mode="host"),)
    )
    if pod.resident:
        pod = _replace(pod, scheduling=_resident(pod.scheduling))
    bridged = networks[0].mode == "container/bridge"
    return _replace(
        pod,
        id=absolute(pod.id, base),
        version="",
        networks=networks,
        containers=tuple(_container(container, bridged) for container in pod.containers),
    )


def _resident(scheduling: Scheduling) -> Scheduling:
    """With what is the default for those whose instances keep their volumes."""
    if scheduling.unreachableStrategy == UnreachableStrategy():
        scheduling = _replace(scheduling, unreachableStrategy="disabled")
    if scheduling.upgrade == UpgradeStrategy():
        scheduling = _replace(scheduling, upgrade=UpgradeStrategy(maximumOverCapacity=0.0, minimumHealthCapacity=0.5))
    return scheduling


def _container(container: PodContainer, bridged: bool) -> PodContainer:
    return _replace(container, endpoints=tuple(_endpoint(endpoint, bridged) for endpoint in container.endpoints))


def _endpoint(endpoint: Endpoint, bridged: bool) -> Endpoint:
    return _replace(endpoint, hostPort=0) if bridged and endpoint.hostPort is None else endpoint
