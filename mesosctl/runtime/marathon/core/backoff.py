"""How long the next launch of an app waits after its tasks have failed.

The delay belongs to a configuration of an app: scaling keeps it, any other change begins anew.
"""

from __future__ import annotations

from typing import NamedTuple

from mesosctl.runtime.marathon.model import RunSpec, config_version

_Key = tuple[str, str]


class _Delay(NamedTuple):
    seconds: float
    until: float


class Backoff:
    """Times are seconds since the epoch."""

    def __init__(self) -> None:
        self._delays: dict[_Key, _Delay] = {}

    def until(self, app: RunSpec) -> float:
        """No launch before; 0 where nothing delays."""
        delay = self._delays.get(_key(app))
        return delay.until if delay else 0.0

    def failed(self, app: RunSpec, now: float) -> float:
        """A task has failed. Gives the time before which none is launched."""
        last = self._delays.get(_key(app))
        longest = float(app.maxLaunchDelaySeconds)
        if last is None or now > last.until + longest:
            seconds = float(app.backoffSeconds)
        else:
            seconds = last.seconds * app.backoffFactor
        seconds = min(seconds, longest)
        self._delays[_key(app)] = _Delay(seconds, now + seconds)
        return now + seconds

    def reset(self, app_id: str) -> None:
        """Forget the delays of all its versions."""
        for key in [key for key in self._delays if key[0] == app_id]:
            del self._delays[key]

    def keep_only(self, app: RunSpec) -> None:
        """Forget the delays of its other configurations."""
        for key in [key for key in self._delays if key[0] == app.id and key != _key(app)]:
            del self._delays[key]


def _key(app: RunSpec) -> _Key:
    return app.id, config_version(app)
