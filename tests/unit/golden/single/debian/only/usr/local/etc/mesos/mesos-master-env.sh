# shellcheck shell=sh
# The flags of mesos-master: MESOS_x is --x. Written by mesosctl; changes made here are put back.
export MESOS_log_dir=/var/log/mesos
export MESOS_work_dir=/var/lib/mesos
export MESOS_cluster=single
export MESOS_port=5050
export MESOS_hostname=192.0.2.7
export MESOS_ip=192.0.2.7
