#!/bin/sh
# First program of a lab host: turns what Docker gives a container into what an ordinary host has, then becomes systemd.

# A private cgroup namespace comes read-only; systemd and a nested Docker engine need to write to it.
mount -o remount,rw /sys/fs/cgroup
while read -r _ directory type _; do
    case $type in
        cgroup | cgroup2) mount -o remount,bind,rw "$directory" ;;
    esac
done </proc/mounts
mount -o remount,bind,rw /sys
mount -o remount,bind,rw /proc/sys
mount --make-rshared /

# Docker mounts these three files, which makes it impossible to replace them by rename. A host owns them.
for file in /etc/hostname /etc/hosts /etc/resolv.conf; do
    content=$(cat "$file")
    umount "$file"
    [ -e /etc/mesosctl-lab/provisioned ] || printf '%s\n' "$content" >"$file"
done

if [ ! -e /etc/mesosctl-lab/provisioned ]; then
    [ -z "$LAB_RESOLV_CONF" ] || printf '%s\n' "$LAB_RESOLV_CONF" >/etc/resolv.conf
    tr -d - </proc/sys/kernel/random/uuid >/etc/machine-id
    for type in ed25519 ecdsa; do
        ssh-keygen -q -t "$type" -N '' -f "/etc/ssh/ssh_host_${type}_key"
    done
    for user in root ops opw; do
        home=$(getent passwd "$user" | cut -d: -f6)
        install -d -m 0700 -o "$user" -g "$user" "$home/.ssh"
        printf '%s\n' "$LAB_AUTHORIZED_KEY" >"$home/.ssh/authorized_keys"
        chown "$user:$user" "$home/.ssh/authorized_keys"
        chmod 0600 "$home/.ssh/authorized_keys"
    done
    : >/etc/mesosctl-lab/provisioned
fi

/usr/local/sbin/lab-cuts

unset LAB_AUTHORIZED_KEY LAB_RESOLV_CONF
exec /sbin/init
