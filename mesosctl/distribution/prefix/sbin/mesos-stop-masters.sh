#!/bin/sh
# Stops mesos-master on every node that the file masters names, over ssh.
# shellcheck source=/dev/null
. "$(dirname "$(readlink -f "$0")")/../lib/mesosctl/deploy.sh"
on_nodes masters "Stopping mesos-master" --stop mesos-master
