#!/bin/sh
# Runs inside the new root file system of the plain image (chroot) and makes it a minimal Debian server.
set -eu

# Hardware and consoles that a lab host does not have.
for unit in systemd-udevd.service systemd-udevd-kernel.socket systemd-udevd-control.socket getty.target \
    console-getty.service dev-hugepages.mount sys-kernel-debug.mount systemd-journald-audit.socket; do
    ln -sf /dev/null "/etc/systemd/system/$unit"
done
systemctl set-default multi-user.target >/dev/null 2>&1
echo 'LANG=C.UTF-8' >/etc/default/locale
echo '# A lab host mounts nothing of its own.' >/etc/fstab

# ops becomes root without a password, opw with one. Both passwords are public: these hosts are for experiments.
for user in ops opw; do
    useradd --create-home --shell /bin/bash "$user"
    echo "$user:$user-lab" | chpasswd
done
echo 'ops ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/ops
echo 'opw ALL=(ALL:ALL) ALL' >/etc/sudoers.d/opw
chmod 0440 /etc/sudoers.d/ops /etc/sudoers.d/opw
echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/lab.conf

# What every host must have of its own.
rm -f /etc/ssh/ssh_host_*
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id

mkdir -p /etc/mesosctl-lab
: >/etc/mesosctl-lab/cuts
chmod 0755 /usr/local/sbin/lab-init /usr/local/sbin/lab-cuts
update-ca-certificates >/dev/null 2>&1

apt-get clean
rm -rf /var/lib/apt/lists/*
