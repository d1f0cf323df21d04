#!/bin/sh
# Starts a program of Mesos in the background, with the flags of its PROGRAM-env.sh, or stops it:
#
#     mesos-daemon.sh mesos-master [FLAGS…]
#     mesos-daemon.sh --stop mesos-master
#
# Where systemd has a unit for the program, the unit is started and stopped: two of them would fight for the port.
# shellcheck disable=SC2154 # deploy.sh sets prefix and conf
# shellcheck source=/dev/null
. "$(dirname "$(readlink -f "$0")")/../lib/mesosctl/deploy.sh"

stop=0
if [ "${1-}" = --stop ]; then
	stop=1
	shift
fi
case ${1-} in
mesos-master | mesos-agent) program=$1 ;;
mesos-slave) program=mesos-agent ;;
*)
	echo "usage: $0 [--stop] mesos-master|mesos-agent [FLAGS]" >&2
	exit 2
	;;
esac
shift

# running: whether a process of that name runs; sets pids. The scripts that start one go by that name too.
running() {
	pids=
	for comm in /proc/[0-9]*/comm; do
		name=
		read -r name <"$comm" || continue
		[ "$name" = "$program" ] || continue
		pid=${comm#/proc/}
		case $(readlink "/proc/${pid%/comm}/exe") in */*sh) ;; *) pids="$pids ${pid%/comm}" ;; esac
	done 2>/dev/null
	[ -n "$pids" ]
}

if [ -d /run/systemd/system ] && systemctl cat "$program.service" >/dev/null 2>&1; then
	if [ $stop = 1 ]; then exec systemctl stop "$program.service"; fi
	if [ $# -gt 0 ]; then
		echo "$program is a service here: its flags belong into $conf/$program-env.sh" >&2
		exit 2
	fi
	exec systemctl start "$program.service"
fi

if [ $stop = 1 ]; then
	tries=0
	while running; do
		if [ $tries -lt 100 ]; then signal=TERM; else signal=KILL; fi
		# shellcheck disable=SC2086 # several processes
		[ $((tries % 50)) -ne 0 ] || kill -s $signal $pids 2>/dev/null
		tries=$((tries + 1))
		sleep 0.2
	done
	exit 0
fi

if running; then
	echo "$program runs already, as process$pids"
	exit 0
fi
# A container may not be allowed as many.
# shellcheck disable=SC3045 # dash and bash know -n
ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
umask 022
if [ -f "$conf/$program-env.sh" ]; then
	# shellcheck source=/dev/null
	. "$conf/$program-env.sh"
fi
log=/dev/null
# The log itself is a file of the program's own; here is what it says before and beside that.
export MESOS_quiet="${MESOS_quiet-true}"
if [ -n "${MESOS_log_dir-}" ]; then
	mkdir -p "$MESOS_log_dir" && log=$MESOS_log_dir/$program.out
fi
cd /
nohup setsid "$prefix/sbin/$program" "$@" >"$log" 2>&1 </dev/null &
started=$!
tries=0
while ! running; do
	tries=$((tries + 1))
	if [ $tries -ge 50 ] || ! kill -0 $started 2>/dev/null; then
		echo "$program did not start:" >&2
		[ "$log" = /dev/null ] || tail -n 5 "$log" >&2
		exit 1
	fi
	sleep 0.2
done
