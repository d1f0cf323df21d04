"""A framework on pymesos' scheduler driver. Runs in the environment of its own, as a program:

    pymesos_framework.py MASTER ['{"name": …}']

MASTER is host:port or zk://…; the JSON is laid over the FrameworkInfo. Orders are read from standard input, one JSON
object a line: {"launch": [TaskInfo without agent_id…]}, {"kill": task id}, {"reconcile": [task ids]},
{"message": [executor id, agent id, base64]}, {"stop": true} (with teardown), {"stop": false}. What the driver tells is
written to standard output, one object a line: {"event": name, …}.
"""

import json
import sys
import threading

from pymesos import MesosSchedulerDriver, Scheduler

lock = threading.Lock()


def tell(event, **fields):
    with lock:
        print(json.dumps({"event": event, **fields}), flush=True)


def fits(task, offer):
    """Takes the task's scalars out of the offer, if they are there."""
    have = {each["name"]: each for each in offer["resources"] if each["type"] == "SCALAR"}
    need = {each["name"]: each["scalar"]["value"] for each in task["resources"] if each["type"] == "SCALAR"}
    if any(name not in have or have[name]["scalar"]["value"] < value - 1e-6 for name, value in need.items()):
        return False
    for name, value in need.items():
        have[name]["scalar"]["value"] -= value
    return True


def attempt(call, *arguments):
    """Make a call of the driver, which raises where no master takes it: an error in a callback would end the driver.

    Whether it was taken.
    """
    try:
        call(*arguments)
    except Exception as error:
        tell("lost", call=call.__name__, error=str(error))
        return False
    return True


class Telling(Scheduler):
    def __init__(self):
        self.waiting = []

    def registered(self, driver, framework_id, master_info):
        tell("registered", framework_id=framework_id["value"], master=master_info)

    def reregistered(self, driver, master_info):
        tell("reregistered", master=master_info)

    def disconnected(self, driver):
        tell("disconnected")

    def resourceOffers(self, driver, offers):
        for offer in offers:
            with lock:
                chosen = [task for task in self.waiting if fits(task, offer)]
                self.waiting = [task for task in self.waiting if task not in chosen]
            for task in chosen:
                task["agent_id"] = offer["agent_id"]
            if chosen:
                tell("launched", tasks=[task["task_id"]["value"] for task in chosen])
            attempt(driver.launchTasks, offer["id"], chosen, {"refuse_seconds": 0.5})

    def offerRescinded(self, driver, offer_id):
        tell("rescinded")

    def statusUpdate(self, driver, status):
        tell("update", status=status)
        if driver.connected and "uuid" in status and attempt(driver.acknowledgeStatusUpdate, status):
            tell("acknowledged", uuid=status["uuid"])

    def frameworkMessage(self, driver, executor_id, agent_id, message):
        tell("message", executor_id=executor_id["value"], agent_id=agent_id["value"], data=message)

    def executorLost(self, driver, executor_id, agent_id, status):
        tell("executor_lost", executor_id=executor_id["value"], status=status)

    def slaveLost(self, driver, agent_id):
        tell("agent_lost", agent_id=agent_id["value"])

    def error(self, driver, message):
        tell("error", message=message)


def main():
    framework = {"user": "root", "name": "pymesos", "failover_timeout": 60.0, "checkpoint": True}
    framework.update(json.loads(sys.argv[2]) if len(sys.argv) > 2 else {})
    scheduler = Telling()
    driver = MesosSchedulerDriver(scheduler, framework, sys.argv[1], implicit_acknowledgements=False)
    driver.start()
    for line in sys.stdin:
        order = json.loads(line)
        if "launch" in order:
            with lock:
                scheduler.waiting += order["launch"]
        elif "kill" in order:
            attempt(driver.killTask, {"value": order["kill"]})
        elif "reconcile" in order:
            attempt(driver.reconcileTasks, [{"task_id": {"value": each}} for each in order["reconcile"]])
        elif "message" in order:
            executor_id, agent_id, data = order["message"]
            attempt(driver.sendFrameworkMessage, {"value": executor_id}, {"value": agent_id}, data)
        elif "stop" in order:
            driver.stop(failover=not order["stop"])
            driver.join()
            return


if __name__ == "__main__":
    main()
