"""A custom executor on pymesos' executor driver: a task's data are seconds to sleep, messages come back reversed."""

import sys
import threading
import time

from pymesos import Executor, MesosExecutorDriver, decode_data, encode_data


class Sleeping(Executor):
    def __init__(self):
        self.killed = {}

    def launchTask(self, driver, task):
        task_id = task["task_id"]["value"]
        self.killed[task_id] = threading.Event()
        threading.Thread(target=self.work, args=(driver, task), daemon=True).start()

    def work(self, driver, task):
        self.update(driver, task["task_id"], "TASK_RUNNING")
        seconds = float(decode_data(task["data"]))
        killed = self.killed[task["task_id"]["value"]].wait(seconds)
        self.update(driver, task["task_id"], "TASK_KILLED" if killed else "TASK_FINISHED")

    def killTask(self, driver, task_id):
        self.killed[task_id["value"]].set()

    def frameworkMessage(self, driver, message):
        driver.sendFrameworkMessage(encode_data(decode_data(message)[::-1]))

    def shutdown(self, driver):
        print("shutdown", file=sys.stderr)

    @staticmethod
    def update(driver, task_id, state):
        status = {"task_id": task_id, "state": state, "timestamp": time.time(), "message": "from pymesos"}
        driver.sendStatusUpdate(
            {**status, "labels": {"labels": [{"key": "k", "value": "v"}]}, "data": encode_data(b"d")}
        )


if __name__ == "__main__":
    MesosExecutorDriver(Sleeping()).run()
