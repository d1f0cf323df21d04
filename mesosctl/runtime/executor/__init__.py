"""mesos-executor: runs the one command of a command task, and reports on it over the v1 executor API.

`core` decides, without I/O; `connection` speaks HTTP to the agent (its own few lines: the usual library takes longer to
load than most tasks run); `process` runs the command; `program` puts them together. `nursery` gives birth to executors
that are loaded already.
"""
