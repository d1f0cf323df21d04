"""Checks and health checks of a task, as Apache Mesos' checker library does them (docs/health-checks.md).

`targets` says what is tried, `machine` decides, without I/O, when it is tried and what the results mean, `probes`
tries. All executors share them: they differ in how a command is run inside the task.
"""
