"""Marathon's REST API (`/v2/…` of Marathon 1.5), as far as the `app` commands need it.

Definitions are the JSON that Marathon takes and gives: what it holds is Marathon's to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from mesosctl.apps.errors import MarathonError, Unavailable, failure
from mesosctl.errors import MesosctlError
from mesosctl.transport.errors import TransportError
from mesosctl.transport.http import Answer, Server

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deployment:
    """What Marathon has begun: the id, and the version that the changed apps have from now on."""

    id: str
    version: str


class Marathon:
    """One cluster's Marathon, asked through the first of its servers that answers. Any of them sends on to the leader.

    All methods raise TransportError where no server answers, Unavailable while none leads, and MarathonError.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        self._servers = list(servers)

    @property
    def url(self) -> str:
        """The server that is asked first."""
        return self._servers[0].url

    def info(self) -> Json:
        return self._object("/v2/info")

    def apps(
        self, *, id: str | None = None, label: str | None = None, cmd: str | None = None, embed: Sequence[str] = ()
    ) -> list[Json]:
        """`id` and `cmd`: a part of them; `label`: a selector such as `tier==web`."""
        query: Json = {name: value for name, value in (("id", id), ("label", label), ("cmd", cmd)) if value}
        found = self._object("/v2/apps", {**query, "embed": [f"apps.{each}" for each in embed]}).get("apps")
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def app(self, id: str) -> Json:
        """The app with its tasks, deployments and last failure. Raises NotFound."""
        query = {"embed": [f"app.{each}" for each in ("tasks", "counts", "deployments", "lastTaskFailure")]}
        found = self._object(f"/v2/apps{_path(id)}", query).get("app")
        if not isinstance(found, dict):
            raise MarathonError(f"has no app in its answer about {id}", where=self.url)
        return found

    def versions(self, id: str) -> list[str]:
        """The newest first."""
        found = self._object(f"/v2/apps{_path(id)}/versions").get("versions") or []
        return [str(each) for each in found]

    def app_at(self, id: str, version: str) -> Json:
        """A definition as it once was. Raises NotFound."""
        return self._object(f"/v2/apps{_path(id)}/versions/{quote(version)}")

    def group(self, id: str) -> Json:
        """Raises NotFound."""
        return self._object(f"/v2/groups{_path(id)}")

    def deployments(self) -> list[Json]:
        found = self._json(self._ask("GET", "/v2/deployments"))
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def queue(self) -> list[Json]:
        found = self._object("/v2/queue").get("queue") or []
        return [each for each in found if isinstance(each, dict)]

    def create(self, definition: Json, *, force: bool = False) -> Deployment:
        """Raises Exists."""
        return self._change("POST", "/v2/apps", definition, {"force": force})

    def update(self, id: str, definition: Json, *, force: bool = False, whole: bool = False) -> Deployment:
        """`whole`: what the definition leaves out goes back to its default; else it stays."""
        query = {"force": force, "partialUpdate": not whole}
        return self._change("PUT", f"/v2/apps{_path(id)}", {**definition, "id": id}, query)

    def restart(self, id: str, *, force: bool = False) -> Deployment:
        return self._change("POST", f"/v2/apps{_path(id)}/restart", None, {"force": force})

    def destroy(self, id: str, *, force: bool = False) -> Deployment:
        return self._change("DELETE", f"/v2/apps{_path(id)}", None, {"force": force})

    def create_group(self, definition: Json, *, force: bool = False) -> Deployment:
        """Raises Exists."""
        return self._change("POST", "/v2/groups", definition, {"force": force})

    def destroy_group(self, id: str, *, force: bool = False) -> Deployment:
        return self._change("DELETE", f"/v2/groups{_path(id)}", None, {"force": force})

    def close(self) -> None:
        for server in self._servers:
            server.close()

    def _change(self, method: str, path: str, body: object, flags: Mapping[str, bool]) -> Deployment:
        answer = self._ask(method, path, body, {name: str(value).lower() for name, value in flags.items()})
        found = self._json(answer)
        if not isinstance(found, dict):
            raise MarathonError(f"answered {method} {path} with something else than an object", where=self.url)
        deployments = found.get("deployments") or [{}]
        id = found.get("deploymentId") or answer.headers.get("marathon-deployment-id") or deployments[0].get("id", "")
        return Deployment(str(id), str(found.get("version", "")))

    def _object(self, path: str, query: Mapping[str, Any] | None = None) -> Json:
        found = self._json(self._ask("GET", path, query=query))
        if not isinstance(found, dict):
            raise MarathonError(
                f"answered {path} with something else than an object: is it a Marathon?", where=self.url
            )
        return found

    def _json(self, answer: Answer) -> Any:
        try:
            return answer.json
        except ValueError:
            raise MarathonError(
                "answered with something else than JSON", where=self.url, fix="is it a Marathon? Look at --marathon"
            ) from None

    def _ask(self, method: str, path: str, body: object = None, query: Mapping[str, Any] | None = None) -> Answer:
        """The answer of the first server that gives one; from then on that server is asked first.

        A change whose connection broke in the middle may have been made: it is not sent to another server.
        """
        failed: MesosctlError | None = None
        for server in list(self._servers):
            try:
                answer = server.request(method, path, body, query=query)
            except TransportError as error:
                failed = failed or error
                if method != "GET" and error.cause == "connection-lost":
                    break
                continue
            problem = failure(answer, server.url) if answer.status >= 400 else None
            if isinstance(problem, Unavailable):
                failed = problem
                continue
            self._servers.remove(server)
            self._servers.insert(0, server)
            if problem:
                raise problem
            return answer
        assert failed is not None
        raise failed


def absolute(id: str) -> str:
    """An app's id with its leading slash."""
    return "/" + id.strip("/")


def _path(id: str) -> str:
    return quote(absolute(id)).rstrip("/")
