# shellcheck shell=sh disable=SC2154
# The state of the cluster's services on a host. The head sets services (names of units or scripts) and srvr (a command
# that prints what the host's own ZooKeeper answers to `srvr`, or nothing), and likewise standing (what its own master is),
# master_metrics and agent_metrics (what its own master and agent answer to /metrics/snapshot), marathon (what its own
# Marathon is) and marathon_metrics (what that answers to /metrics).
_up=$(cut -d ' ' -f 1 /proc/uptime)
tell uptime "$_up"
for _service in $services; do
	if [ -d /run/systemd/system ]; then
		tell unit "$_service $(systemctl show -p LoadState -p ActiveState -p SubState -p UnitFileState -p MainPID -p NRestarts \
			-p ActiveEnterTimestampMonotonic "$_service.service" 2>/dev/null | tr '\n' ' ')"
	elif [ ! -x "/etc/init.d/$_service" ]; then
		tell unit "$_service LoadState=not-found"
	else
		_active=inactive _enabled=disabled
		if "/etc/init.d/$_service" status >/dev/null 2>&1; then _active=active; fi
		for _link in /etc/rc[2-5].d/S[0-9][0-9]"$_service"; do
			if [ -e "$_link" ]; then _enabled=enabled; fi
		done
		tell unit "$_service LoadState=loaded ActiveState=$_active UnitFileState=$_enabled"
	fi
done
if [ -n "$srvr" ]; then eval "$srvr" | tr -d '\r' | sed "s/^/$n srvr /"; fi
# metrics PATTERN: those of a JSON object on standard input whose names match.
metrics() { tr ',{}' '[\n*]' | sed -n "s|^\"\($1\)\":\(.*\)|$n metric \1 \2|p"; }
if [ -n "$standing" ]; then
	_standing=$(eval "$standing")
	tell standing "$_standing"
	if [ "$_standing" = leader ]; then eval "$master_metrics" | metrics 'master/[sft][a-z]*_[a-z]*'; fi
fi
if [ -n "$agent_metrics" ]; then eval "$agent_metrics" | metrics 'slave/registered'; fi
if [ -n "$marathon" ]; then
	_standing=$(eval "$marathon")
	tell marathon "$_standing"
	if [ "$_standing" = leader ]; then
		eval "$marathon_metrics" | sed "s|{ *\"value\" *: *\([0-9.e+-]*\) *}|\1|g" | metrics 'service.mesosphere.marathon[.a-z]*[.]count'
	fi
fi
