"""Marathon as one object: what the API asks of it, what the master tells it, and what it decides."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import Outside, Probe, ProbeResult
from mesosctl.runtime.marathon.core.records import (
    Deployment,
    HealthResult,
    Instance,
    Progress,
    QueueItem,
    Snapshot,
)
from mesosctl.runtime.marathon.model import App, Group
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.tasks import TaskStatus


class Marathon:
    """Everything happens within these calls and within the clock's timers; none of them blocks."""

    def __init__(self, options: Options, clock: Clock, outside: Outside) -> None: ...

    def start(self, snapshot: Snapshot) -> None:
        """Begin to lead, with what the store holds: deployments go on, tasks are reconciled once `connected`."""
        raise NotImplementedError

    # The API.

    @property
    def root(self) -> Group:
        raise NotImplementedError

    @property
    def apps(self) -> Mapping[str, App]:
        raise NotImplementedError

    def instances(self, app_id: str | None = None) -> list[Instance]:
        """Of an app, or all; those that only wait to be launched included (condition Scheduled)."""
        raise NotImplementedError

    def instance_of(self, task_id: str) -> Instance | None:
        """The one whose present task has that id, or that has that id itself."""
        raise NotImplementedError

    def health(self, instance: Instance) -> tuple[HealthResult | None, ...]:
        """For each of the app's checks, None before its first result."""
        raise NotImplementedError

    def healthy(self, instance: Instance) -> bool | None:
        """None as long as it is not known, or where there are no checks."""
        raise NotImplementedError

    @property
    def deployments(self) -> list[Progress]:
        raise NotImplementedError

    def queue(self) -> list[QueueItem]:
        raise NotImplementedError

    def reset_delay(self, app_id: str) -> None:
        """Launch what waits of it at once."""
        raise NotImplementedError

    def update_root(
        self,
        change: Callable[[Group], Group],
        *,
        force: bool = False,
        version: str | None = None,
        restart: Iterable[str] = (),
        kills: Mapping[str, Iterable[str]] | None = None,
    ) -> Deployment:
        """Deploy the tree that `change` makes of the present one. Apps that differ get the deployment's version, and
        so does the root. `restart`: apps to restart though they are the same. `kills`: instances to prefer where an
        app is scaled down. A deployment without steps is done when this returns.

        Raises LockedError, TooManyDeploymentsError, and what `change` and the model's validation raise.
        """
        raise NotImplementedError

    def cancel(self, deployment_id: str, *, force: bool = False) -> Deployment | None:
        """With force just end it, and leave things as they are (None). Else give the deployment that takes back what it
        changed. Raises UnknownDeploymentError."""
        raise NotImplementedError

    def kill(self, instance_ids: Iterable[str], *, scale: bool = False, wipe: bool = False) -> Deployment | None:
        """Kill these; others take their place, unless `scale` makes the app smaller by that many (a deployment).
        `wipe` forgets an instance (its reservations, too) at once. Raises as `update_root` does."""
        raise NotImplementedError

    # The master.

    def connected(self) -> None:
        """Subscribed, for the first time or again."""
        raise NotImplementedError

    def disconnected(self) -> None:
        raise NotImplementedError

    def offers(self, offers: Sequence[Offer]) -> None:
        """Each is accepted or declined."""
        raise NotImplementedError

    def rescinded(self, offer_id: str) -> None:
        raise NotImplementedError

    def status(self, status: TaskStatus) -> None:
        """Acknowledged when what it changes is safe."""
        raise NotImplementedError

    # Probes.

    def probed(self, probe: Probe, result: ProbeResult) -> None:
        raise NotImplementedError
