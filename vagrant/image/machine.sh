#!/bin/sh
# Runs while a box is built, and makes an ordinary machine of what was a lab host.
set -eu

# The lab's hosts have no hardware, and users with public passwords.
find /etc/systemd/system -maxdepth 1 -lname /dev/null -delete
userdel --remove ops
userdel --remove opw
rm -f /etc/sudoers.d/ops /etc/sudoers.d/opw /etc/ssh/sshd_config.d/lab.conf
rm -rf /etc/mesosctl-lab /usr/local/sbin/lab-init /usr/local/sbin/lab-cuts

echo 'LABEL=root / ext4 defaults 0 1' >/etc/fstab
install -D -m 0644 /build/grub.cfg /boot/grub/grub.cfg
install -m 0644 /build/host-keys.service /etc/systemd/system/host-keys.service
systemctl enable host-keys.service
printf 'auto lo eth0\niface lo inet loopback\niface eth0 inet dhcp\n' >/etc/network/interfaces
# Nothing is plugged in later; with the rule a unit fails for each interface that is not set up in that file.
ln -s /dev/null /etc/udev/rules.d/80-ifupdown.rules
