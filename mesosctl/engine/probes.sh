# shellcheck shell=sh disable=SC2016,SC2154
# The part of the preflight check that looks at more than files: what holds the ports, who keeps the clock, how the
# other hosts are reached by name and port, and whether the package sources can be fetched from. It follows facts.sh.
# The head sets names (of all hosts), knocks (lines `ADDRESS PORT`), manager_proxy (a sh text of exports for dnf, yum and
# curl), apt_conf (lines of an apt.conf), repositories (addresses besides the host's own package sources) and
# without_apt (more of them, for hosts that have no apt).

# beside FUNCTION ARGUMENTS…: in the background, 64 at a time; each tells one line.
_beside=0
beside() {
	"$@" &
	_beside=$((_beside + 1))
	if [ $_beside -ge 64 ]; then
		wait
		_beside=0
	fi
}

look_up() { tell name "$1 $(timeout 5 getent ahosts "$1" | sed -n 's/ *STREAM.*//p' | tr '\n' ' ')"; }

knock() {
	_said=$(timeout 10 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1)
	case $?:$_said in
	0:*) _how=open ;;
	124:*) _how=silent ;;
	*refused*) _how=refused ;;
	*) _how=unreachable ;;
	esac
	tell knock "$1 $2 $_how"
}

# fetch ADDRESS[|CERTIFICATES] NUMBER: with the package manager's own means, and the settings that bootstrap will write.
# CERTIFICATES is a file of authorities in place of the system's.
fetch() {
	_authorities=${1#*|}
	set -- "${1%%|*}" "$2"
	if [ -x /usr/lib/apt/apt-helper ]; then
		_said=$(APT_CONFIG=$_folder/apt.conf timeout 20 /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=10 \
			-o Acquire::https::Timeout=10 -o APT::Sandbox::User=root download-file "$1" "$_folder/$2" 2>&1)
	else
		case $_authorities in /*) ;; *) _authorities= ;; esac
		_said=$(eval "$manager_proxy"; curl -sS -L -o /dev/null -w '%{http_code}' --max-time 20 ${_authorities:+--cacert "$_authorities"} "$1" 2>&1)
	fi
	_status=$?
	# that a server does not show its root says nothing; that a proxy does not let anybody through does
	case $_status:$_said in 0:407 | 0:50[234]) _status=22 _said="curl: the answer is $_said" ;; esac
	if [ $_status = 0 ]; then tell source "$1"; return; fi
	if [ $_status = 124 ]; then _said="no answer within 20 seconds"; fi
	tell source "$1 $(printf '%s\n' "$_said" | sed -n 's/^E: Failed to fetch [^ ]* *//p; s/^curl: //p; /^no answer/p' | head -n 1 | grep . || echo failed)"
}

# The first address of each server that packages come from; the servers of RHEL's own are known to an authority of theirs.
sources() {
	if [ -x /usr/lib/apt/apt-helper ]; then
		apt-get --print-uris update 2>/dev/null | sed -n "s/^'\([^']*InRelease\)'.*/\1/p"
	else
		cat /etc/yum.repos.d/*.repo 2>/dev/null | awk '
			/^\[/ { if (on) print url "|" ca; on = 1; url = ca = "" }
			/^enabled *= *(0|false|no)/ { on = 0 }
			/^(baseurl|metalink|mirrorlist) *= */ && !url { sub(/^[^=]*= */, ""); url = $1 }
			/^sslcacert *= */ { sub(/^[^=]*= */, ""); ca = $1 }
			END { if (on) print url "|" ca }' | sed -n 's#^\(https\{0,1\}://[^/]*/\).*|#\1|#p'
	fi | awk -F/ '!seen[$3]++'
}

if command -v ss >/dev/null; then
	for _pid in $(ss -Hltnp | sed -n 's/.*,pid=\([0-9]*\),.*/\1/p' | sort -u); do
		case $(tr '\0' ' ' 2>/dev/null <"/proc/$_pid/cmdline") in
		*org.apache.zookeeper.server*) tell program "$_pid zookeeper" ;;
		*mesosphere.marathon* | *mesosctl.runtime.marathon*) tell program "$_pid marathon" ;;
		*mesos-master*) tell program "$_pid mesos-master" ;;
		*mesos-agent* | *mesos-slave*) tell program "$_pid mesos-agent" ;;
		esac
	done
fi
if [ -f "$L" ]; then tell held "$(cat "$L")"; fi
if command -v systemd-detect-virt >/dev/null; then tell container "$(systemd-detect-virt --container)"; fi
if [ -d /run/systemd/system ]; then
	for _unit in chronyd chrony systemd-timesyncd ntpsec ntpd ntp openntpd; do
		case $(systemctl show -p LoadState -p ActiveState "$_unit.service" 2>/dev/null | tr '\n' ' ') in
		*LoadState=loaded*) ;;
		*) continue ;;
		esac
		_state=$(systemctl is-active "$_unit.service")
		tell time_service "$_unit $_state"
		if [ "$_state" = active ]; then break; fi
	done
fi
_folder=$(mktemp -d)
printf '%s\n' "$apt_conf" >"$_folder/apt.conf"
for _name in $names; do beside look_up "$_name"; done
printf '%s\n' "$knocks" >"$_folder/knocks"
while read -r _address _port; do
	if [ -n "$_port" ]; then beside knock "$_address" "$_port"; fi
done <"$_folder/knocks"
[ -x /usr/lib/apt/apt-helper ] || repositories="$repositories $without_apt"
_number=0
for _source in $(sources) $repositories; do
	_number=$((_number + 1))
	beside fetch "$_source" $_number
done
wait
rm -rf "$_folder"
