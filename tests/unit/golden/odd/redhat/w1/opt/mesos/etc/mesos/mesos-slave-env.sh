# shellcheck shell=sh
# The agent's flags, for releases that call it the slave. Written by mesosctl; changes made here are put back.
# shellcheck source=/dev/null
. /opt/mesos/etc/mesos/mesos-agent-env.sh
