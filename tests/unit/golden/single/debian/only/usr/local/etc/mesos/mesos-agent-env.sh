# shellcheck shell=sh
# The flags of mesos-agent: MESOS_x is --x. Written by mesosctl; changes made here are put back.
export MESOS_master=192.0.2.7:5050
export MESOS_log_dir=/var/log/mesos
export MESOS_work_dir=/var/lib/mesos/agent
export MESOS_containerizers=docker,mesos
export MESOS_port=5051
export MESOS_hostname=192.0.2.7
export MESOS_ip=192.0.2.7
