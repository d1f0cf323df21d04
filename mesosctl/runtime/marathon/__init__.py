"""Marathon: keeps long-running applications running on a Mesos cluster."""
