# shellcheck shell=sh
# How mesos-start-cluster.sh and its kin reach the nodes: as root, with the nodes' key, host keys verified.
# Written by mesosctl; changes made here are put back.
export DEPLOY_WITH_SUDO=0
export SSH_OPTS='-i /root/.ssh/id_ed25519_mesosctl -o StrictHostKeyChecking=yes -o BatchMode=yes -o ConnectTimeout=10'
