#!/bin/sh
# Starts mesos-agent on every node that the file agents names, over ssh.
# shellcheck source=/dev/null
. "$(dirname "$(readlink -f "$0")")/../lib/mesosctl/deploy.sh"
on_nodes agents "Starting mesos-agent" mesos-agent
