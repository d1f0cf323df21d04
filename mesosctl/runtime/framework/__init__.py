"""Schedulers and executors of one's own, for our runtime and for Apache Mesos 1.x alike: they speak the v1 HTTP APIs.

`scheduler.Scheduler` and `executor.Executor` are asynchronous clients; `docs/framework.md` shows how to use them, and
`example` is a small framework. What they decide is in classes without I/O (`session`, `reconciliation`,
`unacknowledged`, `backoff`); `errors` names what can go wrong. This module imports none of them: executors start
quicker without the scheduler's HTTP library.
"""
