"""Containerizers: what makes containers for executors, and ends them.

`base` says what one is; `mesos` runs executors as processes, held by the isolators of the flag; `docker` runs them in
containers of a Docker engine. `mesosctl.runtime.agent.containers` chooses between them.
"""
