"""What is told of apps, and how a deployment is followed to its end, with a Marathon that plays a script."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from mesosctl.apps.client import Deployment
from mesosctl.apps.errors import Unavailable
from mesosctl.apps.follow import EVERY, GRACE, DeploymentError, Picture, follow
from mesosctl.apps.state import AppState, states
from mesosctl.transport.errors import TransportError

BEGUN = "2026-01-31T12:00:00.000Z"
LATER = "2026-01-31T12:00:09.000Z"
EARLIER = "2026-01-31T11:00:00.000Z"
DEPLOYMENT = Deployment("d-1", BEGUN)
Json = dict[str, Any]


def task(state: str = "TASK_RUNNING", *, version: str = BEGUN, alive: bool | None = None, number: int = 1) -> Json:
    found: Json = {
        "id": f"web.instance-{number}._app.1",
        "host": "a1",
        "ports": [31000 + number],
        "state": state,
        "version": version,
        "stagedAt": version,
        "slaveId": "S1",
    }
    if alive is not None:
        found["healthCheckResults"] = [{"alive": alive}]
    return found


def app(*tasks: Json, instances: int = 1, **more: Any) -> Json:
    return {
        "id": "/web",
        "instances": instances,
        "tasks": list(tasks),
        "version": BEGUN,
        "versionInfo": {"lastConfigChangeAt": BEGUN},
        "deployments": [],
        **more,
    }


def failed(at: str) -> Json:
    return {"taskId": "t", "state": "TASK_FAILED", "message": "exited with status 3", "host": "a1", "timestamp": at}


def waiting(*reasons: tuple[str, int, int], seconds: int = 0, offers: int = 2) -> Json:
    return {
        "app": {"id": "/web"},
        "count": 1,
        "delay": {"timeLeftSeconds": seconds, "overdue": seconds == 0},
        "processedOffersSummary": {
            "processedOffersCount": offers,
            "rejectSummaryLastOffers": [
                {"reason": name, "declined": declined, "processed": processed} for name, declined, processed in reasons
            ],
        },
    }


def state(shown: Json, item: Json | None = None) -> AppState:
    return states([shown], [item] if item else [])["/web"]


class TestState:
    @pytest.mark.parametrize(
        ("shown", "item", "status", "summary"),
        [
            (app(task()), None, "running", "1 of 1 running"),
            (app(task("TASK_STAGING"), deployments=[{"id": "d"}]), None, "deploying", "0 of 1 running, 1 staged"),
            (app(instances=0), None, "suspended", "0 of 0 running"),
            (app({"id": "t", "localVolumes": [{}]}, instances=0), None, "suspended", "0 of 0 running"),
            (app(), waiting(), "waiting", "0 of 1 running"),
            (app(), waiting(seconds=3), "delayed", "0 of 1 running"),
            (
                app(task(alive=False), healthChecks=[{}]),
                None,
                "unhealthy",
                "1 of 1 running, 0 healthy, 1 unhealthy",
            ),
            (app(task(alive=True), healthChecks=[{}]), None, "running", "1 of 1 running, 1 healthy"),
            (app(task(), healthChecks=[{}]), None, "unsettled", "1 of 1 running, 0 healthy"),
            (app(task(version=EARLIER), task(number=2)), None, "unsettled", "1 of 1 running, 1 old"),
        ],
    )
    def test_status_and_summary(self, shown: Json, item: Json | None, status: str, summary: str) -> None:
        found = state(shown, item)
        assert (found.status, found.summary) == (status, summary)

    @pytest.mark.parametrize(
        ("item", "words"),
        [
            (
                waiting(("UnfulfilledConstraint", 2, 2), ("InsufficientCpus", 0, 0)),
                "the constraints are not met (2 of 2 offers)",
            ),
            (waiting(("BrandNewReason", 1, 3)), "brand new reason (1 of 3 offers)"),
            (waiting(offers=0), "no offer of an agent has come yet"),
            (waiting(), "no offer fits yet"),
            (waiting(seconds=7), "tried again after a pause of 7 s more, because it failed"),
        ],
    )
    def test_why_an_instance_waits(self, item: Json, words: str) -> None:
        assert str(state(app(), item).waiting) == words

    def test_addresses(self) -> None:
        shown = app(task(), {**task(number=2), "host": "::1"}, task("TASK_STAGING", number=3))
        assert state(shown).addresses == ("a1:31001", "[::1]:31002")

    def test_takes_an_app_with_nothing_but_an_id(self) -> None:
        assert states([{"id": "/web"}], [{}])["/web"].summary == "0 of 1 running"


class Script:
    """A Marathon that shows one scene after the other, the last one for ever. A scene is the deployments' ids and the
    app, or an error."""

    def __init__(self, *scenes: tuple[list[str], Json | None] | Exception, queue: list[Json] | None = None) -> None:
        self._scenes = list(scenes)
        self._queue = queue or []
        self._now: tuple[list[str], Json | None] = ([], None)

    def deployments(self) -> list[Json]:
        scene = self._scenes.pop(0) if len(self._scenes) > 1 else self._scenes[0]
        if isinstance(scene, Exception):
            raise scene
        self._now = scene
        action = {"action": "StartApplication", "app": "/web"}
        return [{"id": id, "currentStep": 1, "totalSteps": 2, "currentActions": [action]} for id in scene[0]]

    def apps(self, **_: Any) -> list[Json]:
        return [self._now[1]] if self._now[1] else []

    def queue(self) -> list[Json]:
        return self._queue


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def followed(
    script: Script, deployment: Deployment | None = DEPLOYMENT, *, timeout: float = 30, gone: bool = False
) -> Iterator[Picture]:
    clock = Clock()
    return follow(  # type: ignore[arg-type]
        script, ["/web"], deployment, timeout=timeout, gone=gone, clock=clock, sleep=clock.sleep
    )


class TestFollow:
    def test_to_a_good_end(self) -> None:
        under_way = (["d-0", "d-1"], app(task("TASK_STAGING"), deployments=[{"id": "d-1"}]))
        pictures = list(followed(Script(under_way, under_way, ([], app(task())))))
        assert [(each.step, each.steps, each.actions) for each in pictures] == [
            (1, 2, ("StartApplication /web",)),
            (1, 2, ("StartApplication /web",)),
            (0, 0, ()),
        ]
        assert pictures[-1].apps["/web"].running == 1

    def test_a_leader_that_is_away_for_a_while(self) -> None:
        away = [
            TransportError("refused", "nothing listens there", host="m1"),
            Unavailable("Could not determine the current leader"),
        ]
        start = (["d-1"], app(task("TASK_STAGING")))
        pictures = list(followed(Script(start, *away, start, ([], app(task())))))
        assert [each.trouble for each in pictures] == [
            "",
            "nothing listens there",
            "Could not determine the current leader",
            "",
            "",
        ]
        assert pictures[1].apps["/web"].staged == 1

    def test_too_late(self) -> None:
        script = Script((["d-1"], app(lastTaskFailure=failed(LATER))), queue=[waiting(("InsufficientMemory", 2, 2))])
        with pytest.raises(DeploymentError) as raised:
            list(followed(script, timeout=3))
        said = str(raised.value)
        assert "not done within 3 s: /web has 0 of 1 running" in said
        assert "not enough memory (2 of 2 offers)" in said
        assert "TASK_FAILED on a1: exited with status 3" in said
        assert "the deployment d-1 goes on" in said

    def test_too_late_without_a_word_of_marathon(self) -> None:
        lost = TransportError("refused", "nothing listens there", host="m1")
        with pytest.raises(DeploymentError, match="nothing listens there"):
            list(followed(Script(lost), timeout=3))

    def test_failures_of_before_are_not_its_own(self) -> None:
        script = Script((["d-1"], app(lastTaskFailure=failed(EARLIER))))
        with pytest.raises(DeploymentError) as raised:
            list(followed(script, timeout=3))
        assert "status 3" not in str(raised.value)

    def test_another_change_took_its_place(self) -> None:
        script = Script((["d-1"], app()), (["d-2"], app(task(), version=LATER)))
        with pytest.raises(DeploymentError, match="another change of /web"):
            list(followed(script))

    def test_destroyed_meanwhile(self) -> None:
        with pytest.raises(DeploymentError, match="destroyed meanwhile"):
            list(followed(Script((["d-1"], app()), ([], None))))

    def test_cancelled(self) -> None:
        script = Script((["d-1"], app()), ([], app()))
        with pytest.raises(DeploymentError, match="d-1 is over, but /web has 0 of 1 running"):
            list(followed(script, timeout=10 * GRACE))

    def test_an_instance_that_fails_as_the_deployment_ends_has_time_to_come_back(self) -> None:
        away = [([], app())] * int(GRACE / EVERY - 2)
        assert list(followed(Script((["d-1"], app(task())), *away, ([], app(task())))))

    def test_until_it_is_gone(self) -> None:
        pictures = list(followed(Script((["d-1"], app(task())), (["d-1"], None), ([], None)), gone=True))
        assert len(pictures) == 3
        with pytest.raises(DeploymentError, match="still there"):
            list(followed(Script(([], app(task()))), gone=True))

    def test_without_a_deployment_until_it_is_ready(self) -> None:
        busy = {"deployments": [{"id": "d-7"}]}
        scenes = [
            (["d-7"], app(task(), **busy)),
            (["d-7"], app(task(), version=LATER, **busy)),
            ([], app(version=LATER)),
            ([], app(task(), version=LATER)),
        ]
        assert len(list(followed(Script(*scenes), None, timeout=60))) == 4
