# shellcheck shell=sh
# The flags of mesos-master: MESOS_x is --x. Written by mesosctl; changes made here are put back.
export MESOS_log_dir=/var/log/mesos
export MESOS_work_dir=/var/lib/mesos
export MESOS_cluster='an odd '"'"'name'"'"''
export MESOS_port=5050
export MESOS_hostname=mesos.example
export MESOS_ip=10.1.0.1
export MESOS_zk=file:///opt/mesos/etc/mesos/zk
export MESOS_quorum=1
export MESOS_agent_ping_timeout=15secs
