"""A scheduler that costs as little as it can: plain HTTP and JSON, one connection for events and one for calls."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

_PATH = "/api/v1/scheduler"
_MEDIA = {"Content-Type": "application/json", "Accept": "application/json"}


class Framework:
    """Subscribed from the start on. `limit`: seconds that the master may be silent."""

    def __init__(self, host: str, port: int, info: Mapping[str, Any], limit: float) -> None:
        self._calls = http.client.HTTPConnection(host, port, timeout=limit)
        self._events = http.client.HTTPConnection(host, port, timeout=limit)
        call: dict[str, Any] = {"type": "SUBSCRIBE", "subscribe": {"framework_info": info}}
        if "id" in info:
            call["framework_id"] = info["id"]
        self._events.request("POST", _PATH, msgspec.json.encode(call), _MEDIA)
        self._stream = self._events.getresponse()
        if self._stream.status != 200:
            raise RuntimeError(f"SUBSCRIBE was answered with {self._stream.status}: {self._stream.read()!r}")
        self._headers = {**_MEDIA, "Mesos-Stream-Id": self._stream.headers["Mesos-Stream-Id"]}
        self._framework_id = self.event("SUBSCRIBED")["subscribed"]["framework_id"]

    def events(self) -> Iterator[dict[str, Any]]:
        while line := self._stream.readline():
            event: dict[str, Any] = msgspec.json.decode(self._stream.read(int(line)))
            yield event

    def event(self, kind: str) -> dict[str, Any]:
        """The next event of a type; others are passed over. Raises RuntimeError at the end of the stream."""
        for event in self.events():
            if event["type"] == kind:
                return event
        raise RuntimeError(f"The master ended the stream of events before {kind}")

    def call(self, kind: str, **fields: Any) -> None:
        body = msgspec.json.encode({"type": kind, "framework_id": self._framework_id, kind.lower(): fields})
        self._calls.request("POST", _PATH, body, self._headers)
        answer = self._calls.getresponse()
        text = answer.read()
        if answer.status != 202:
            raise RuntimeError(f"{kind} was answered with {answer.status}: {text!r}")

    def launch(self, offers: Sequence[Mapping[str, Any]], tasks: Sequence[Mapping[str, Any]], refuse: float) -> None:
        operations = [{"type": "LAUNCH", "launch": {"task_infos": tasks}}]
        ids = [offer["id"] for offer in offers]
        self.call("ACCEPT", offer_ids=ids, operations=operations, filters={"refuse_seconds": refuse})

    def acknowledge(self, status: Mapping[str, Any]) -> None:
        """Where that is wanted."""
        if "uuid" in status:
            self.call("ACKNOWLEDGE", agent_id=status["agent_id"], task_id=status["task_id"], uuid=status["uuid"])

    def close(self) -> None:
        self.call("TEARDOWN")
        self._stream.close()
        self._events.close()
        self._calls.close()


def task(name: str, agent_id: Mapping[str, Any], cpus: float, mem: float, command: str = "true") -> dict[str, Any]:
    amounts = {"cpus": cpus, "mem": mem}
    return {
        "name": name,
        "task_id": {"value": name},
        "agent_id": agent_id,
        "resources": [{"name": key, "type": "SCALAR", "scalar": {"value": each}} for key, each in amounts.items()],
        "command": {"value": command},
    }
