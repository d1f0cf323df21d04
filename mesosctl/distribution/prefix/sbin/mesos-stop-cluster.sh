#!/bin/sh
# Stops the agents and then the masters, over ssh. ZooKeeper goes on.
sbin=$(dirname "$0")
"$sbin/mesos-stop-agents.sh"
agents=$?
"$sbin/mesos-stop-masters.sh" && exit $agents
