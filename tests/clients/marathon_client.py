"""Run by a Python that has the PyPI client `marathon` (`marathon_client.py URL`): an app's whole life with it.

Ends with status 0 when everything went as that client's users expect; what it did is on standard output.
"""

from __future__ import annotations

import collections
import collections.abc
import sys
import threading
import time

collections.Iterable = collections.abc.Iterable  # the client's code is older than Python 3.10

from marathon import MarathonClient, MarathonHttpError  # noqa: E402
from marathon.models import MarathonApp, MarathonGroup, MarathonHealthCheck  # noqa: E402
from marathon.models.app import MarathonUpgradeStrategy  # noqa: E402

WAIT_SECONDS = 90.0
SERVE = "exec socat TCP-LISTEN:$PORT0,fork,reuseaddr SYSTEM:true"


def until(condition, what):
    end = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"never: {what}")
        time.sleep(0.1)
    return found


class Life:
    def __init__(self, url):
        self.client = MarathonClient(url)
        self.kinds = collections.Counter()

    def deployed(self):
        until(lambda: not self.client.list_deployments(), "all deployed")

    def running(self, id):
        return [task for task in self.client.list_tasks(id) if task.state == "TASK_RUNNING"]

    def watch(self):
        for event in self.client.event_stream():
            self.kinds[event.event_type] += 1

    def refused(self, call, *arguments):
        """The status of the refusal."""
        try:
            call(*arguments)
        except MarathonHttpError as error:
            return error.status_code
        return None

    def app(self):
        client = self.client
        check = MarathonHealthCheck(
            protocol="TCP",
            port_index=0,
            grace_period_seconds=30,
            interval_seconds=1,
            timeout_seconds=1,
            max_consecutive_failures=3,
            delay_seconds=1,
        )
        made = client.create_app(
            "/life",
            MarathonApp(
                cmd=SERVE,
                cpus=0.01,
                mem=16,
                instances=2,
                ports=[0],
                health_checks=[check],
                labels={"kind": "test"},
                upgrade_strategy=MarathonUpgradeStrategy(minimum_health_capacity=0.5, maximum_over_capacity=0.5),
            ),
        )
        assert made.id == "/life", made
        self.deployed()
        app = client.get_app("/life", embed_tasks=True)
        assert app.tasks_healthy == 2, app
        assert [each.id for each in client.list_apps(label="kind==test", embed_tasks=True)] == ["/life"]
        assert all(task.health_check_results[0].alive for task in app.tasks)
        print("created", app.version)

        client.scale_app("/life", delta=1)
        self.deployed()
        before = {task.id for task in self.running("/life")}
        assert len(before) == 3
        print("scaled")

        app = client.get_app("/life")
        app.env = {"NEW": "1"}
        client.update_app("/life", app)
        self.deployed()
        after = {task.id for task in self.running("/life")}
        assert len(after) == 3
        assert not before & after
        print("updated", len(client.list_versions("/life")), "versions")

        client.update_app("/life", MarathonApp(cmd="exit 1"))
        assert self.refused(client.update_app, "/life", MarathonApp(instances=7)) == 409
        (deployment,) = client.list_deployments()
        client.delete_deployment(deployment.id)
        self.deployed()
        assert client.get_app("/life").cmd == SERVE
        assert len(self.running("/life")) == 3
        print("rolled back")

        client.update_app("/life", MarathonApp(cmd="exit 1", backoff_seconds=1))
        until(lambda: client.get_app("/life").last_task_failure, "a task has failed")
        client.update_app("/life", MarathonApp(cmd=SERVE), force=True)
        self.deployed()
        assert client.get_app("/life").tasks_healthy == 3
        print("forced back")

        victim = min(task.id for task in self.running("/life"))
        client.kill_task("/life", victim)
        until(lambda: victim not in {task.id for task in client.list_tasks("/life")}, "the task is gone")
        until(lambda: len(self.running("/life")) == 3, "another task took its place")
        client.kill_task("/life", self.running("/life")[0].id, scale=True)
        self.deployed()
        assert client.get_app("/life").instances == 2
        print("killed")

        before = {task.id for task in self.running("/life")}
        client.restart_app("/life")
        self.deployed()
        assert not before & {task.id for task in self.running("/life")}
        print("restarted")

    def group(self):
        client = self.client
        apps = [
            MarathonApp(id="db", cmd="sleep 1000", cpus=0.01, mem=16),
            MarathonApp(id="web", cmd="sleep 1000", cpus=0.01, mem=16, dependencies=["db"]),
        ]
        client.create_group(MarathonGroup(id="/shop", apps=apps))
        self.deployed()
        group = client.get_group("/shop")
        assert {app.id for app in group.apps} == {"/shop/db", "/shop/web"}
        started = {task.app_id: task.started_at for task in client.list_tasks() if task.app_id.startswith("/shop")}
        assert started["/shop/db"] <= started["/shop/web"], started
        client.scale_group("/shop", 2)
        self.deployed()
        assert client.get_app("/shop/web").instances == 2
        client.scale_group("/shop", 0.5)
        self.deployed()
        assert client.get_app("/shop/web").instances == 1
        client.delete_group("/shop")
        self.deployed()
        print("grouped")

    def rest(self):
        client = self.client
        client.create_app("/huge", MarathonApp(cmd="true", cpus=10000, mem=16))
        (item,) = until(client.list_queue, "something waits")
        assert item.app.id == "/huge"
        client.reset_delay("/huge")
        client.delete_app("/huge", force=True)
        self.deployed()
        assert client.ping() == b"pong"
        assert client.get_info().framework_id
        assert client.get_leader()["leader"] in client.servers[0]
        assert client.get_metrics()["gauges"]
        client.delete_app("/life")
        self.deployed()
        assert self.refused(client.get_app, "/life") == 404
        wanted = {"deployment_success", "deployment_info", "status_update_event", "api_post_event"}
        assert wanted <= set(self.kinds), self.kinds
        print("gone; events:", dict(self.kinds))


def main():
    life = Life(sys.argv[1])
    threading.Thread(target=life.watch, daemon=True).start()
    for part in (life.app, life.group, life.rest):
        part()


main()
