#!/bin/sh
# Gives this machine the name and the address that the kernel's command line says: machine=NAME,ADDRESS,GATEWAY
machine=$(sed -n 's/.*machine=\([^ ]*\).*/\1/p' /proc/cmdline)
IFS=, read -r name address gateway <<EOF
$machine
EOF
hostname "$name"
if [ ! -s /etc/hostname ]; then
    echo "$name" >/etc/hostname
    printf '127.0.0.1 localhost\n%s %s\n' "$address" "$name" >/etc/hosts
fi
ip link set lo up
ip address add "$address/24" dev eth0
ip link set eth0 up
ip route add default via "$gateway"
