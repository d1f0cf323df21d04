#!/bin/sh
# Starts the masters and then the agents, over ssh. ZooKeeper has to run already.
sbin=$(dirname "$0")
"$sbin/mesos-start-masters.sh"
masters=$?
"$sbin/mesos-start-agents.sh" && exit $masters
