"""`/ping`, `/metrics`, `/v2/info`, `/v2/leader`, `/v2/plugins`: what there is to know of this Marathon."""

from __future__ import annotations

import re
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from aiohttp import web

from mesosctl.runtime.marathon.api.context import Context, answer
from mesosctl.runtime.marathon.api.errors import ApiError
from mesosctl.runtime.marathon.api.statistics import counts
from mesosctl.runtime.marathon.api.views import tasks_of
from mesosctl.runtime.marathon.model import ValidationError, Violation
from mesosctl.runtime.marathon.version import NAME, VERSION

Json = dict[str, Any]

_TRAFFIC = "service.mesosphere.marathon.api.HTTPMetricsFilter"


class System:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._started = time.monotonic()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/ping", self.ping),
            web.get("/metrics", self.metrics),
            web.get("/metrics/prometheus", self.prometheus),
            web.get("/v2/info", self.info),
            web.get("/v2/leader", self.leader),
            web.delete("/v2/leader", self.abdicate),
            web.get("/v2/plugins", self.plugins),
        ]

    async def ping(self, request: web.Request) -> web.Response:
        return web.Response(text="pong", content_type="text/plain")

    async def metrics(self, request: web.Request) -> web.Response:
        gauges = {name: {"value": value} for name, value in self._gauges().items()}
        counters = {name: {"count": value} for name, value in self._counters().items()}
        empty: Json = {"histograms": {}, "meters": {}, "timers": {}}
        return answer(request, {"version": "4.0.0", "gauges": gauges, "counters": counters, **empty})

    async def prometheus(self, request: web.Request) -> web.Response:
        lines = []
        for kind, values in (("gauge", self._gauges()), ("counter", self._counters())):
            for name, value in values.items():
                plain = re.sub(r"[^a-zA-Z0-9_]", "_", name)
                lines += [f"# TYPE {plain} {kind}", f"{plain} {value:.15g}"]
        return web.Response(text="\n".join(lines) + "\n", content_type="text/plain")

    async def info(self, request: web.Request) -> web.Response:
        context, flags = self._context, self._context.flags
        framework_id = context.archive.framework_id if context.core else None
        config = {
            "master": flags.declarations()["master"].kind.write(flags.master),
            "failover_timeout": int(flags.failover_timeout),
            "framework_name": flags.framework_name,
            "ha": flags.ha,
            "checkpoint": flags.checkpoint,
            "local_port_min": flags.local_port_min,
            "local_port_max": flags.local_port_max,
            "executor": flags.executor,
            "hostname": context.leadership.own.rpartition(":")[0],
            "webui_url": flags.webui_url,
            "mesos_role": flags.mesos_role,
            "task_launch_timeout": flags.task_launch_timeout,
            "reconciliation_initial_delay": flags.reconciliation_initial_delay,
            "reconciliation_interval": flags.reconciliation_interval,
            "mesos_user": flags.mesos_user,
            "leader_proxy_connection_timeout_ms": flags.leader_proxy_connection_timeout,
            "leader_proxy_read_timeout_ms": flags.leader_proxy_read_timeout,
            "mesos_leader_ui_url": flags.mesos_leader_ui_url or context.master,
            "features": list(flags.features),
        }
        return answer(
            request,
            {
                "name": NAME,
                "version": VERSION,
                "buildref": "mesosctl",
                "elected": context.leadership.ready,
                "leader": context.leadership.leader,
                "frameworkId": framework_id,
                "marathon_config": {name: value for name, value in config.items() if value is not None},
                "zookeeper_config": {
                    "zk": re.sub(r"//[^/]*@", "//", flags.zk),
                    "zk_timeout": 10000,
                    "zk_connection_timeout": 10000,
                    "zk_session_timeout": flags.zk_session_timeout,
                    "zk_max_versions": flags.zk_max_versions,
                },
                "http_config": {"http_port": flags.http_port, "https_port": flags.https_port},
            },
        )

    async def leader(self, request: web.Request) -> web.Response:
        leader = self._context.leadership.leader
        if leader is None:
            raise ApiError(404, "There is no leader")
        return answer(request, {"leader": leader})

    async def abdicate(self, request: web.Request) -> web.Response:
        if not self._context.leadership.ready:
            raise ApiError(404, "There is no leader")
        backup, restore = _file(request, "backup"), _file(request, "restore")
        if backup is not None or restore is not None:
            self._context.writer.hand_over(backup, restore)
            await self._context.writer.flush()
        self._context.leadership.abdicate()
        return answer(request, {"message": "Leadership abdicated"})

    async def plugins(self, request: web.Request) -> web.Response:
        return answer(request, {"plugins": []})

    def _counters(self) -> dict[str, int]:
        traffic = self._context.traffic
        return {f"{_TRAFFIC}.bytesRead": traffic.read, f"{_TRAFFIC}.bytesWritten": traffic.written}

    def _gauges(self) -> dict[str, float]:
        leads = self._context.core is not None
        gauges: dict[str, float] = {
            "service.mesosphere.marathon.uptime": time.monotonic() - self._started,
            "service.mesosphere.marathon.leader": leads,
        }
        if leads:
            marathon = self._context.marathon
            tasks = counts(marathon, tasks_of(marathon))
            gauges |= {
                "service.mesosphere.marathon.app.count": len(marathon.apps),
                "service.mesosphere.marathon.deployment.count": len(marathon.deployments),
                "service.mesosphere.marathon.task.staged.count": tasks["tasksStaged"],
                "service.mesosphere.marathon.task.running.count": tasks["tasksRunning"],
                "service.mesosphere.marathon.queue.count": sum(item.count for item in marathon.queue()),
            }
        return gauges


def _file(request: web.Request, name: str) -> str | None:
    """The path of the file that a parameter names. Raises ValidationError."""
    text = request.query.get(name)
    if text is None:
        return None
    url = urlsplit(text)
    path = unquote(url.path)
    if url.scheme != "file" or url.netloc or path.endswith("/") or "\0" in path or url.query:
        raise ValidationError(Violation(f"/{name}", "must be file:/// with the path of a file"))
    return path
