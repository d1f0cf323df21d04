# shellcheck shell=sh
# The flags of mesos-agent: MESOS_x is --x. Written by mesosctl; changes made here are put back.
export MESOS_master=zk://10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181/mesos
export MESOS_log_dir=/var/log/mesos
export MESOS_work_dir=/var/lib/mesos/agent
export MESOS_containerizers=docker,mesos
export MESOS_port=5051
export MESOS_hostname=a1
export MESOS_ip=10.0.0.4
