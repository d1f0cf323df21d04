"""A real Docker engine, spoken to over its socket (https://docs.docker.com/reference/api/engine/).

`engine` makes the calls; `create` and `parameters` say, without I/O, what container a task asks for. The agent and the
executors of docker tasks share this package.
"""
