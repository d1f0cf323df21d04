"""SUBSCRIBE: operators who are sent all that is there, then what changes, as it changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from aiohttp import hdrs, web

from mesosctl.runtime.authorization import Permit
from mesosctl.runtime.http.stream import RecordStream
from mesosctl.runtime.master.actions import (
    AgentAdded,
    AgentRemoved,
    Change,
    FrameworkAdded,
    FrameworkRemoved,
    FrameworkUpdated,
    TaskAdded,
    TaskUpdated,
)
from mesosctl.runtime.master.operator.messages import agent_message, changed_framework_message, task_message
from mesosctl.runtime.master.state import State
from mesosctl.runtime.master.views.visible import sees
from mesosctl.runtime.protocol.basics import AgentID, FrameworkID
from mesosctl.runtime.protocol.codec import MediaType, encode
from mesosctl.runtime.protocol.master import Event, Response

_Type = Event.Type
_HEARTBEAT = Event(type=_Type.HEARTBEAT)


class Subscriber(NamedTuple):
    stream: RecordStream
    media: MediaType
    permit: Permit

    def send(self, event: Event) -> None:
        self.stream.send(encode(event, self.media))


class Subscribers:
    def __init__(self, state: State, maximum: int) -> None:
        """`maximum`: where there are more of them, the oldest have to go."""
        self._state = state
        self._clock = state.clock
        self._heartbeat_interval = state.options.heartbeat_interval
        self._maximum = maximum
        self._all: list[Subscriber] = []

    def __len__(self) -> int:
        return len(self._all)

    def changed(self, change: Change) -> None:
        told = [each for each in self._all if sees(self._state, each.permit, change)]
        if told:
            _send(told, event_of(change))

    async def serve(
        self, request: web.Request, media: MediaType, whole: Callable[[], Response.GetState], permit: Permit
    ) -> web.StreamResponse:
        """Answer with the events, until the client goes away. `whole` gives what is there now."""
        subscriber = Subscriber(RecordStream(), media, permit)
        subscribed = Event.Subscribed(get_state=whole(), heartbeat_interval_seconds=self._heartbeat_interval)
        subscriber.send(Event(type=_Type.SUBSCRIBED, subscribed=subscribed))
        self._beat(subscriber)
        self._all.append(subscriber)
        for oldest in self._all[: -self._maximum]:
            oldest.stream.close()
            self._all.remove(oldest)
        try:
            return await subscriber.stream.run(request, {hdrs.CONTENT_TYPE: media.value})
        finally:
            if subscriber in self._all:
                self._all.remove(subscriber)

    def close(self) -> None:
        """End all streams."""
        for subscriber in self._all:
            subscriber.stream.close()

    def _beat(self, subscriber: Subscriber) -> None:
        if not subscriber.stream.closed:
            subscriber.send(_HEARTBEAT)
            self._clock.after(self._heartbeat_interval, lambda: self._beat(subscriber))


def _send(subscribers: Iterable[Subscriber], event: Event) -> None:
    encoded: dict[MediaType, bytes] = {}
    for subscriber in subscribers:
        if subscriber.media not in encoded:
            encoded[subscriber.media] = encode(event, subscriber.media)
        subscriber.stream.send(encoded[subscriber.media])


def event_of(change: Change) -> Event:
    match change:
        case TaskAdded(task):
            return Event(type=_Type.TASK_ADDED, task_added=Event.TaskAdded(task_message(task)))
        case TaskUpdated(task, status):
            updated = Event.TaskUpdated(FrameworkID(task.framework_id), status, task.state)
            return Event(type=_Type.TASK_UPDATED, task_updated=updated)
        case AgentAdded(agent):
            return Event(type=_Type.AGENT_ADDED, agent_added=Event.AgentAdded(agent_message(agent)))
        case AgentRemoved(agent):
            return Event(type=_Type.AGENT_REMOVED, agent_removed=Event.AgentRemoved(AgentID(agent.id)))
        case FrameworkAdded(framework):
            added = Event.FrameworkAdded(changed_framework_message(framework))
            return Event(type=_Type.FRAMEWORK_ADDED, framework_added=added)
        case FrameworkUpdated(framework):
            changed = Event.FrameworkUpdated(changed_framework_message(framework))
            return Event(type=_Type.FRAMEWORK_UPDATED, framework_updated=changed)
        case FrameworkRemoved(framework):
            removed = Event.FrameworkRemoved(framework.info)
            return Event(type=_Type.FRAMEWORK_REMOVED, framework_removed=removed)
