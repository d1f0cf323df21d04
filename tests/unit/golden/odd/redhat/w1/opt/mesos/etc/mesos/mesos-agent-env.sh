# shellcheck shell=sh
# The flags of mesos-agent: MESOS_x is --x. Written by mesosctl; changes made here are put back.
export MESOS_master=file:///opt/mesos/etc/mesos/zk
export MESOS_log_dir=/var/log/mesos
export MESOS_work_dir=/var/lib/mesos/agent
export MESOS_containerizers=mesos
export MESOS_port=5051
export MESOS_hostname=w1
export MESOS_attributes='rack:r1;zone:a'
export MESOS_resources='cpus:4;ports:[31000-32000]'
export MESOS_ip=10.1.0.2
export MESOS_executor_registration_timeout=5mins
