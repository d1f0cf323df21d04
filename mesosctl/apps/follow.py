"""Deployments while they go on: what there is to see, again and again, until the end, good or bad."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from mesosctl.apps.client import Deployment, Marathon
from mesosctl.apps.errors import Unavailable
from mesosctl.apps.state import AppState, Failure, states
from mesosctl.errors import MesosctlError
from mesosctl.transport.errors import TransportError

EVERY = 0.5
"""Seconds between two looks."""
GRACE = 10.0
"""Seconds for instances to be there once a deployment is gone: one may have failed just then, and is started again."""
EMBED = ("tasks", "counts", "deployments", "lastTaskFailure")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is to be seen at one moment."""

    apps: Mapping[str, AppState]
    """Those that exist."""
    step: int = 0
    steps: int = 0
    """Of the deployment; 0 where it is through, or where none is followed."""
    actions: tuple[str, ...] = ()
    """What the deployment does now, such as `ScaleApplication /web`."""
    begun: str = ""
    """The deployment's version: older failures are not its own."""
    trouble: str = ""
    """Why Marathon could not be asked, in which case the rest is what was seen last."""

    def failure(self, app: AppState) -> Failure | None:
        """The last failure of an app since the deployment began."""
        return app.failure if app.failure and app.failure.at >= self.begun else None


class DeploymentError(MesosctlError):
    """It did not come to its end, or not to a good one."""


def look(marathon: Marathon, ids: Collection[str]) -> dict[str, AppState]:
    """The apps with these ids, as far as they exist."""
    one = next(iter(ids)) if len(ids) == 1 else None
    found = states(marathon.apps(id=one, embed=EMBED), marathon.queue())
    return {id: found[id] for id in ids if id in found}


def follow(
    marathon: Marathon,
    ids: Collection[str],
    deployment: Deployment | None,
    *,
    timeout: float,
    gone: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[Picture]:
    """Pictures until the apps with these ids are as wanted (`gone`: until there are none of them).

    Without a deployment it waits for apps that are ready and that no deployment touches. A Marathon that does not
    answer is asked again. Raises DeploymentError after `timeout` seconds, or where something else took the
    deployment's place; MarathonError.
    """
    watch = _Watch(marathon, ids, deployment, gone)
    end = clock() + timeout
    through: float | None = None
    while True:
        picture = watch.look()
        yield picture
        if not picture.trouble and not watch.going_on:
            watch.check(picture)
            if watch.reached(picture):
                return
            through = clock() if through is None else through
            if deployment and clock() - through > GRACE:
                raise DeploymentError(f"the deployment {deployment.id} is over, but {_state(picture, ids, gone)}")
        else:
            through = None
        if clock() >= end:
            raise _late(picture, ids, deployment, timeout, gone)
        sleep(EVERY)


class _Watch:
    def __init__(self, marathon: Marathon, ids: Collection[str], deployment: Deployment | None, gone: bool) -> None:
        self._marathon = marathon
        self._ids = ids
        self._deployment = deployment
        self._gone = gone
        self._versions: dict[str, str] | None = None
        self._last = Picture({}, begun=deployment.version if deployment else "")
        self.going_on = True
        """Whether a deployment that counts was still to be seen."""

    def look(self) -> Picture:
        try:
            # the deployments first: what is seen afterwards of the apps is as these left them
            current = self._marathon.deployments()
            apps = look(self._marathon, self._ids)
        except (TransportError, Unavailable) as error:
            return Picture(self._last.apps, self._last.step, self._last.steps, (), self._last.begun, error.what)
        if self._versions is None:
            self._versions = {id: app.version for id, app in apps.items()}
        if self._deployment is None:
            self.going_on = any(app.deployments for app in apps.values())
            self._last = Picture(apps)
            return self._last
        mine = next((each for each in current if each.get("id") == self._deployment.id), None)
        self.going_on = mine is not None
        mine = mine or {}
        actions = tuple(f"{each.get('action')} {each.get('app')}" for each in mine.get("currentActions") or ())
        step, steps = int(mine.get("currentStep") or 0), int(mine.get("totalSteps") or 0)
        self._last = Picture(apps, step, steps, actions, self._deployment.version)
        return self._last

    def check(self, picture: Picture) -> None:
        """Raises DeploymentError where the apps are not what they were when the deployment began."""
        if self._deployment is None:
            return
        for id, version in (self._versions or {}).items():
            if self._gone:
                continue
            if id not in picture.apps:
                raise DeploymentError(f"{id} was destroyed meanwhile")
            if picture.apps[id].version != version:
                raise DeploymentError(f"another change of {id} took the place of the deployment {self._deployment.id}")

    def reached(self, picture: Picture) -> bool:
        if self._gone:
            return not picture.apps
        return all(id in picture.apps and picture.apps[id].ready for id in self._ids)


def _state(picture: Picture, ids: Collection[str], gone: bool) -> str:
    """What is not as wanted, with reasons."""
    if gone:
        return ", ".join(f"{id} is still there, {app.summary}" for id, app in picture.apps.items())
    lines = []
    for id in ids:
        app = picture.apps.get(id)
        if app is None:
            lines.append(f"{id} does not exist")
        elif not app.ready:
            lines.append(f"{id} has {app.summary}")
            if app.waiting:
                lines.append(f"  an instance waits: {app.waiting}")
            if failure := picture.failure(app):
                lines.append(f"  the last failure: {failure}")
    return "\n  ".join(lines) or "the deployment is not through"


def _late(
    picture: Picture, ids: Collection[str], deployment: Deployment | None, timeout: float, gone: bool
) -> DeploymentError:
    what = f"not done within {timeout:g} s: {_state(picture, ids, gone)}"
    if picture.trouble:
        what = f"not done within {timeout:g} s: Marathon cannot be asked ({picture.trouble})"
    goes_on = f"the deployment {deployment.id} goes on; " if deployment else ""
    first = next(iter(ids), "")
    return DeploymentError(
        what, fix=f"{goes_on}look at it with: mesosctl app show {first}, or mesosctl app logs {first}"
    )
