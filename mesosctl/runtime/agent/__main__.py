"""`python -m mesosctl.runtime.agent`: mesos-agent."""

from mesosctl.runtime.agent.program import main

main()
