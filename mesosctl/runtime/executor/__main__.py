"""`python -m mesosctl.runtime.executor`: mesos-executor."""

from mesosctl.runtime.executor.program import main

main()
