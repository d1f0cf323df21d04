"""Marathon as one object: what the API asks of it, what the master tells it, and what it decides."""

from __future__ import annotations

import math
import uuid
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from random import Random

import msgspec

from mesosctl.runtime.clock import Clock
from mesosctl.runtime.marathon.core import events
from mesosctl.runtime.marathon.core.deployments import Deployments
from mesosctl.runtime.marathon.core.errors import LockedError, TooManyDeploymentsError, UnknownDeploymentError
from mesosctl.runtime.marathon.core.health import Health
from mesosctl.runtime.marathon.core.instances import Instances
from mesosctl.runtime.marathon.core.kills import Kills
from mesosctl.runtime.marathon.core.launcher import Launcher
from mesosctl.runtime.marathon.core.options import Options
from mesosctl.runtime.marathon.core.outside import (
    Change,
    DeploymentAdded,
    Outside,
    Probe,
    ProbeResult,
    Purpose,
    RootChanged,
)
from mesosctl.runtime.marathon.core.planning import plan, reverted
from mesosctl.runtime.marathon.core.readiness import Readiness
from mesosctl.runtime.marathon.core.records import (
    Condition,
    Deployment,
    Goal,
    HealthResult,
    Instance,
    Progress,
    QueueItem,
    ReadinessResult,
    Snapshot,
    instance_of,
)
from mesosctl.runtime.marathon.core.reservations import unreservable
from mesosctl.runtime.marathon.core.settling import Settling
from mesosctl.runtime.marathon.core.tasks import Tasks
from mesosctl.runtime.marathon.core.versions import next_version, seconds, version_text, versioned
from mesosctl.runtime.marathon.core.wanted import View, Wanted, decide
from mesosctl.runtime.marathon.model import (
    App,
    Group,
    RunSpec,
    ValidationError,
    apps,
    assign_service_ports,
    config_version,
    pods,
    put,
    validate_group,
    with_instances,
)
from mesosctl.runtime.protocol.offers import Offer
from mesosctl.runtime.protocol.tasks import TaskStatus

_OVERDUE_SECONDS = 30.0
"""Between two looks for launches that take too long."""
_replace = msgspec.structs.replace


class Marathon:
    """Everything happens within these calls and within the clock's timers; none of them blocks."""

    def __init__(self, options: Options, clock: Clock, outside: Outside, random: Random | None = None) -> None:
        """`random` chooses ports and ids."""
        self._options = options
        self._clock = clock
        self._outside = outside
        self._random = random or Random()
        self._root = Group()
        self._apps: dict[str, App] = {}
        self._specs: dict[str, RunSpec] = {}
        self._version = ""
        self._connected = False
        self._settling = Settling(clock, self._settle_app)
        self._instances = Instances(clock, outside, self._settling.mark)
        self._kills = Kills(options, clock, outside)
        self._launcher = Launcher(options, clock, outside, self._instances, self._definition, self._random)
        self._health = Health(clock, outside, self._instances, self._unhealthy, self._settling.mark)
        self._readiness = Readiness(clock, outside, self._instances, self._settling.mark)
        self._tasks = Tasks(
            options,
            clock,
            outside,
            self._instances,
            self._kills,
            self._launcher,
            self._health,
            self._readiness,
            self._settling.soon,
        )
        self._deployments = Deployments(clock, outside, self._settling.mark, self._stopped)

    def start(self, snapshot: Snapshot) -> None:
        """Begin to lead, with what the store holds: deployments go on, tasks are reconciled once `connected`."""
        self._set_root(snapshot.root)
        self._version = snapshot.root.version or version_text(self._clock.now())
        self._instances.load(snapshot.instances)
        for deployment in snapshot.deployments:
            self._deployments.add(deployment)
        for instance in snapshot.instances:
            self._tasks.resume(instance)
        for deployment in snapshot.deployments:
            self._deployments.begin(deployment.id)
        self._unsettle_all()
        self._every(self._options.scale_first, self._options.scale_interval, self._unsettle_all)
        self._every(_OVERDUE_SECONDS, _OVERDUE_SECONDS, self._tasks.check_overdue)
        self._every(self._options.reconcile_first, self._options.reconcile_interval, self._reconcile_old)
        self._settling.now()

    # The API.

    @property
    def root(self) -> Group:
        return self._root

    @property
    def apps(self) -> Mapping[str, App]:
        return self._apps

    def instances(self, app_id: str | None = None) -> list[Instance]:
        """Of an app, or all; those that only wait to be launched included (condition Scheduled)."""
        return self._instances.all() if app_id is None else self._instances.of_app(app_id)

    def instance_of(self, task_id: str) -> Instance | None:
        """The one whose present task has that id, or whose next one will, or that has that id itself."""
        found = self._instances.of_task(task_id) or self._instances.get(task_id)
        if found is None and (next := self._instances.get(instance_of(task_id))) and next.task_id == task_id:
            return next
        return found

    def health(self, instance: Instance) -> tuple[HealthResult | None, ...]:
        """For each of the app's checks, None before its first result."""
        return self._health.results(instance)

    def healthy(self, instance: Instance) -> bool | None:
        """None as long as it is not known, or where there are no checks."""
        return self._health.healthy(instance)

    @property
    def deployments(self) -> list[Progress]:
        return self._deployments.all(self._readiness.results)

    def deploying(self, app_id: str) -> tuple[str, ...]:
        """The ids of the deployments that change it."""
        return self._deployments.locking((app_id,))

    def readiness(self, app_id: str) -> tuple[ReadinessResult, ...]:
        return self._readiness.results(app_id)

    def queue(self) -> list[QueueItem]:
        return self._launcher.items()

    def reset_delay(self, app_id: str) -> None:
        """Launch what waits of it at once."""
        self._launcher.reset(app_id)

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

        Raises LockedError, TooManyDeploymentsError, ValidationError, and what `change` raises.
        """
        return self._update(change, force=force, version=version, restart=set(restart), kills=kills)

    def cancel(self, deployment_id: str, *, force: bool = False) -> Deployment | None:
        """With force just end it, and leave things as they are (None). Else give the deployment that takes back what it
        changed; instances of then do for it. Raises UnknownDeploymentError."""
        deployment = self._deployments.get(deployment_id)
        if deployment is None:
            raise UnknownDeploymentError(deployment_id)
        if force:
            self._deployments.cancel(deployment_id, "cancelled")
            self._settling.now()
            return None
        return self._update(lambda root: reverted(root, deployment), force=True, returned=set(deployment.affected))

    def kill(
        self, ids: Iterable[str], *, scale: bool = False, wipe: bool = False, force: bool = False
    ) -> Deployment | None:
        """Kill these tasks or instances, by their ids; others take their place, unless `scale` makes the app smaller by
        as many (a deployment). With `wipe` an instance is not to have another task. Raises as `update_root` does."""
        found = {i.id: i for i in map(self.instance_of, ids) if i is not None}
        if scale:
            return self._scale_down(found, force)
        for instance in found.values():
            if wipe:
                self._tasks.stop(instance)
            else:
                self._tasks.kill(instance)
        self._settling.now()
        return None

    # The master.

    def connected(self, region: str | None = None, framework_id: str = "") -> None:
        """Subscribed, for the first time or again. `region`: the master's; apps run there unless they say otherwise."""
        self._connected = True
        self._launcher.framework_id = framework_id
        self._launcher.matcher.region = region
        self._kills.resend()
        self._reconcile()
        self._launcher.connected()

    def disconnected(self) -> None:
        self._connected = False
        self._launcher.disconnected()

    def offers(self, offers: Sequence[Offer]) -> None:
        """Each is accepted or declined, at once."""
        self._launcher.offers(offers)
        self._settling.soon()

    def status(self, status: TaskStatus) -> None:
        """Acknowledged when what it changes is safe."""
        self._tasks.status(status)
        self._settling.soon()

    # Probes.

    def probed(self, probe: Probe, result: ProbeResult) -> None:
        (self._health if probe.purpose is Purpose.HEALTH else self._readiness).probed(probe, result)
        self._settling.soon()

    # Changes of the tree.

    def _update(
        self,
        change: Callable[[Group], Group],
        *,
        force: bool,
        version: str | None = None,
        restart: Collection[str] = (),
        returned: Collection[str] = (),
        kills: Mapping[str, Iterable[str]] | None = None,
    ) -> Deployment:
        old = self._root
        version = version or next_version(self._clock.now(), self._version)
        new = assign_service_ports(old, change(old), self._options.local_port_min, self._options.local_port_max)
        target = versioned(old, new, version, restart=restart, returned=returned)
        if violations := [*validate_group(target, old), *unreservable(old, target, self._options)]:
            raise ValidationError(*violations)
        chosen = {app_id: tuple(ids) for app_id, ids in (kills or {}).items()}
        deployment = plan(self._uuid(), old, target, version, self._stale, chosen)
        locking = self._deployments.locking(deployment.affected)
        if locking and not force:
            raise LockedError(locking)
        if deployment.steps and len(self._deployments) - len(locking) >= self._options.max_deployments:
            raise TooManyDeploymentsError
        for deployment_id in locking:
            self._deployments.cancel(deployment_id, f"overridden by {deployment.id}")
        self._version = version
        self._set_root(target)
        changes: list[Change] = [RootChanged(old, target)] if target is not old else []
        if deployment.steps:
            self._deployments.add(deployment)
            changes.append(DeploymentAdded(deployment))
        self._outside.persist(changes, lambda: self._begin(deployment))
        return deployment

    def _begin(self, deployment: Deployment) -> None:
        """It is stored."""
        self._publish(events.group_change_success("/", deployment.version))
        for event in events.changed_checks(deployment):
            self._publish(event)
        if deployment.steps:
            self._deployments.begin(deployment.id)
        else:
            self._publish(events.deployment_success(deployment))
        self._settling.now()

    def _set_root(self, root: Group) -> None:
        self._root = root
        self._apps = apps(root)
        self._specs = {**self._apps, **pods(root)}

    def _scale_down(self, found: Mapping[str, Instance], force: bool) -> Deployment:
        by_app: dict[str, list[str]] = {}
        for instance in found.values():
            if instance.goal is Goal.RUNNING:
                by_app.setdefault(instance.app_id, []).append(instance.id)

        def change(root: Group) -> Group:
            for app_id, ids in by_app.items():
                if app := self._specs.get(app_id):
                    root = put(root, with_instances(app, max(0, app.instances - len(ids))))
            return root

        return self._update(change, force=force, kills=by_app)

    def _stale(self, app: RunSpec) -> bool:
        """It has instances of another configuration."""
        present = config_version(app)
        return any(config_version(instance.app) != present for instance in self._instances.of_app(app.id))

    def _stopped(self, app_id: str) -> None:
        self._launcher.backoff.reset(app_id)
        self._publish(events.app_terminated(app_id))

    # What each app has and shall have.

    def _unsettle_all(self) -> None:
        for app_id in (*self._specs, *self._instances.apps()):
            self._settling.mark(app_id)

    def _settle_app(self, app_id: str) -> None:
        instances = self._instances.of_app(app_id)
        wanted = self._deployments.wanted(app_id)
        if wanted is None:
            app = self._specs.get(app_id)
            if app is None and not instances:
                return
            wanted = Wanted(app, app.instances) if app else Wanted(instances[0].app, 0, remove=True)
        decision = decide(wanted, instances, View(self._health.healthy, self._ready, self._health.heard))
        for instance in decision.kill:
            if wanted.remove:
                self._tasks.stop(instance)
            else:
                self._tasks.suspend(instance)
        for _ in range(decision.launch):
            self._add(wanted.app)
        if decision.done:
            self._deployments.done(app_id)

    def _add(self, app: RunSpec) -> None:
        """One more instance, to be launched: one that was stopped, where there is one, else a new one."""
        now = self._clock.now()
        name = app.id.strip("/").replace("/", "_")
        created = max(now, seconds(self._version))  # versions may run ahead of the clock
        stopped = [each for each in self._instances.of_app(app.id) if each.goal is Goal.STOPPED]
        if stopped:
            instance = min(stopped, key=lambda each: each.task is not None)
            self._tasks.run_again(_replace(instance, created=created), app)
            return
        instance = Instance(id=f"{name}.instance-{self._uuid()}", app=app, since=now, created=created)
        self._instances.put(instance)
        self._launcher.wanted(app)

    def _definition(self, instance: Instance) -> RunSpec:
        """What an instance that waits will run: the newest it may."""
        wanted = self._deployments.wanted(instance.app_id)
        if wanted:
            return wanted.app
        return self._specs.get(instance.app_id, instance.app)

    def _ready(self, instance: Instance) -> bool:
        if instance.condition is not Condition.RUNNING or instance.goal is not Goal.RUNNING:
            return False
        if instance.app.checked and not self._health.healthy(instance):
            return False
        return self._readiness.ready(instance)

    def _unhealthy(self, instance: Instance, reason: str) -> None:
        self._tasks.unhealthy(instance, reason)

    # Now and then.

    def _reconcile(self, launched_before: float = math.inf) -> None:
        if self._connected:
            if tasks := self._instances.tasks(launched_before):
                self._outside.reconcile(tasks)
            self._outside.reconcile(None)

    def _reconcile_old(self) -> None:
        """Not those whose launch may still be on its way: the master would call them gone."""
        self._reconcile(self._clock.now() - _OVERDUE_SECONDS)

    def _every(self, first: float, interval: float, act: Callable[[], None]) -> None:
        def again() -> None:
            self._clock.after(interval, again)
            act()
            self._settling.now()

        self._clock.after(first, again)

    def _uuid(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def _publish(self, event: events.Event) -> None:
        self._outside.publish(events.stamped(event, self._clock.now()))
