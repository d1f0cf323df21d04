#!/bin/sh
# Runs inside the root file system of a lab's image (chroot) and makes it one that a kernel of its own boots. Standard
# input is the public key that root's account accepts.
set -eu

rm -f /.dockerenv /usr/local/sbin/lab-init /usr/local/sbin/lab-cuts
cat >/etc/systemd/system/machine.service <<EOF
[Unit]
Description=Address and name of this machine
DefaultDependencies=no
After=systemd-remount-fs.service
Before=network-pre.target network.target sysinit.target
Wants=network-pre.target network.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/local/sbin/boot.sh

[Install]
WantedBy=sysinit.target
EOF
systemctl -q enable machine.service ssh.service
# What plays no part here, and takes its time at each boot.
systemctl -q mask e2scrub_reap.service systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-pstore.service \
    systemd-sysusers.service kmod-static-nodes.service dev-mqueue.mount sys-fs-fuse-connections.mount \
    sys-kernel-config.mount sys-kernel-tracing.mount apt-daily.timer apt-daily-upgrade.timer \
    modprobe@configfs.service modprobe@dm_mod.service modprobe@drm.service modprobe@efi_pstore.service \
    modprobe@fuse.service modprobe@loop.service

# A bootstrap has them start with the host.
systemctl -q disable docker.socket docker.service containerd.service
# This kernel has no nf_tables that Docker's rules could use.
update-alternatives --quiet --set iptables /usr/sbin/iptables-legacy

: >/etc/resolv.conf
chmod 0644 /etc/hosts /etc/hostname /etc/resolv.conf
ssh-keygen -q -t ed25519 -N '' -f /etc/ssh/ssh_host_ed25519_key
install -d -m 0700 /root/.ssh
cat >/root/.ssh/authorized_keys
chmod 0600 /root/.ssh/authorized_keys
rm "$0"
