# shellcheck shell=sh
# The flags of mesos-master: MESOS_x is --x. Written by mesosctl; changes made here are put back.
export MESOS_log_dir=/var/log/mesos
export MESOS_work_dir=/var/lib/mesos
export MESOS_cluster=guide
export MESOS_port=5050
export MESOS_hostname=10.0.0.1
export MESOS_ip=10.0.0.1
export MESOS_zk=zk://10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/mesos
export MESOS_quorum=2
