"""Which apps something changed of: about each, decide anew what is to be done, until nothing more is."""

from __future__ import annotations

from collections.abc import Callable

from mesosctl.runtime.clock import Clock, Timer


class Settling:
    """`decide` is told an app's id; what it does may mark others."""

    def __init__(self, clock: Clock, decide: Callable[[str], None]) -> None:
        self._clock = clock
        self._decide = decide
        self._marked: dict[str, None] = {}
        self._is_running = False
        self._later: Timer | None = None

    def mark(self, app_id: str) -> None:
        self._marked[app_id] = None

    def soon(self) -> None:
        """Once for all that comes together: what a decision costs grows with the app."""
        if self._marked and self._later is None and not self._is_running:
            self._later = self._clock.after(0, self.now)

    def now(self) -> None:
        if self._later:
            self._later.cancel()
            self._later = None
        if self._is_running:
            return
        self._is_running = True
        try:
            while self._marked:
                app_id = next(iter(self._marked))
                del self._marked[app_id]
                self._decide(app_id)
        finally:
            self._is_running = False
