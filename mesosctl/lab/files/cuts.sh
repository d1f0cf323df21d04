#!/bin/sh
# Drops all that arrives from the addresses in /etc/mesosctl-lab/cuts, also after a reboot. The other end does the same,
# so nothing passes either way, and both see silence, not an error.
{
    echo '*raw'
    echo ':MESOSCTL-LAB - [0:0]'
    while read -r address; do
        echo "-A MESOSCTL-LAB -s $address -j DROP"
    done </etc/mesosctl-lab/cuts
    echo COMMIT
} | iptables-restore --noflush
iptables -t raw -C PREROUTING -j MESOSCTL-LAB 2>/dev/null || iptables -t raw -I PREROUTING -j MESOSCTL-LAB
