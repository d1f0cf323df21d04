#!/bin/sh
# Runs while the image is built, and makes the user that Vagrant expects in every box: it enters with the key that comes
# with Vagrant, and is root without a password.
set -eu
useradd --create-home --shell /bin/bash vagrant
install -d -m 0700 -o vagrant -g vagrant /home/vagrant/.ssh
install -m 0600 -o vagrant -g vagrant /build/authorized_keys /home/vagrant/.ssh/authorized_keys
echo 'vagrant ALL=(ALL:ALL) NOPASSWD: ALL' >/etc/sudoers.d/vagrant
chmod 0440 /etc/sudoers.d/vagrant
