"""mesos-agent: runs executors, which run tasks, and reports to the master.

Decisions are made by synchronous classes without I/O: `core` (what follows from a message, a call, the end of a
container) on `ledger` (frameworks, executors and tasks, of `records`) and `updates` (reliable, ordered status updates).
Around them: `master_link` (the connection to the master), `executor_api` (HTTP for executors), `launcher`,
`environment` and `sandbox` (processes and directories), `host` (what the machine has), `endpoints` and `views` (what
tools read). `program` puts them together.
"""
