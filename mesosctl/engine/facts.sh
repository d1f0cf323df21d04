# What the host says of itself, a line `NONCE KEY VALUE` each. The head of the program sets n (nonce), w (1: a run that
# will change the host follows), deep (1: for the preflight check), python (1: look for Python), users, zookeeper_port
# conf (mesos' etc folder) and marathon (its folder).
tell() { printf '%s %s %s\n' "$n" "$1" "$2"; }

# note KEY VALUE: like tell, but all notes go out together at the end. Not in a subshell.
note() { told="$told$n $1 $2$nl"; }

tell clock "$(date +%s.%N)"
(
	ID="" VERSION_ID="" VERSION_CODENAME="" ID_LIKE=""
	# shellcheck source=/dev/null
	. /etc/os-release
	tell os "$ID|$VERSION_ID|$VERSION_CODENAME|$ID_LIKE"
) 2>/dev/null
for _manager in apt-get dnf yum; do
	if command -v $_manager >/dev/null; then note manager ${_manager%-get}; fi
done
if [ -d /run/systemd/system ]; then note init systemd; else note init script; fi
note kernel "$(uname -m -r -n)"
if [ -r /sys/fs/selinux/enforce ]; then tell selinux "$(cat /sys/fs/selinux/enforce)"; fi
if [ -r /etc/selinux/config ]; then tell selinux_config "$(sed -n 's/^SELINUX=//p' /etc/selinux/config)"; fi
for _user in $users; do
	# the shell asks the user database itself; a user that it does not know stays as it is written
	case $_user in *[!A-Za-z0-9._-]*) continue ;; esac
	eval "_home=~$_user"
	if [ "$_home" != "~$_user" ]; then
		note home "$_user $_home"
		[ "$_user" = root ] || tell group "$_user $(id -gn "$_user")"
		if [ -f "$_home/.m2/settings.xml" ]; then
			tell file "$_home/.m2/settings.xml $(base64 -w 0 <"$_home/.m2/settings.xml")"
		fi
	fi
done
if [ -d /run/systemd/system ]; then
	systemctl show -p EnvironmentFiles docker.service 2>/dev/null | sed -n "s/^EnvironmentFiles=\([^ ]*\).*/$n unit_file \1/p"
fi
if [ -f /etc/zookeeper/conf/zoo.cfg ]; then
	sed -n "s/^server\./$n zookeeper_server server./p" /etc/zookeeper/conf/zoo.cfg
	_data=$(sed -n 's/^dataDir=//p' /etc/zookeeper/conf/zoo.cfg)
	if [ -f "$_data/myid" ]; then tell zookeeper_myid "$(cat "$_data/myid")"; fi
	tell zookeeper_mode "$(bash -c "exec 3<>/dev/tcp/127.0.0.1/$zookeeper_port && printf srvr >&3 && timeout 5 cat <&3" 2>/dev/null | sed -n 's/^Mode: //p')"
fi
if [ -f "$conf/mesos-master-env.sh" ]; then
	sed -n "s/^export MESOS_quorum=['\"]*\([0-9]*\).*/$n quorum \1/p" "$conf/mesos-master-env.sh"
fi
if [ -f "$conf/mesos-agent-env.sh" ]; then (
	# shellcheck source=/dev/null
	. "$conf/mesos-agent-env.sh"
	if [ -e "$MESOS_work_dir/meta/slaves/latest" ]; then
		for _flag in work_dir hostname port domain attributes resources; do
			eval "_value=\${MESOS_$_flag-}"
			tell agent_identity "$_flag $_value"
		done
	fi
) 2>/dev/null; fi
if [ -f "$marathon/bin/start-marathon" ]; then
	tell marathon_principal "$(sed -n "s/.*--mesos_authentication_principal '\{0,1\}\([^ ']*\).*/\1/p" "$marathon/bin/start-marathon")"
fi
for _file in "$S"/upload/*; do
	if [ -f "$_file" ]; then tell upload "${_file##*/}"; fi
done
for _file in /opt/*/.mesosctl-archive /opt/*/*/.mesosctl-archive; do
	if [ -f "$_file" ] && read -r _sum <"$_file"; then tell release "${_file%/*} $_sum"; fi
done
if [ "$python" = 1 ]; then
	for _name in python3 python3.14 python3.13 python3.12 python3.11; do
		if _path=$(command -v $_name); then note python "$(readlink -f "$_path") $("$_path" -V 2>&1)"; fi
	done
	if _libc=$(getconf GNU_LIBC_VERSION 2>/dev/null); then
		note libc "$_libc"
	else
		for _path in /lib/ld-musl-*; do [ ! -e "$_path" ] || note libc musl; done
	fi
fi
if [ "$w" = 1 ] && ! { [ -d "$S/original" ] && [ -d "$S/dirty" ] && [ -d "$S/upload" ]; }; then
	_out=$(mkdir -p "$S/original" "$S/dirty" "$S/upload" 2>&1) || fail lock "$_out"
fi
if [ "$deep" = 1 ]; then
	tell cpus "$(nproc)"
	sed -n "s/^MemTotal: *\([0-9]*\) kB/$n memory \1/p" /proc/meminfo
	df -Pk / /usr /var 2>/dev/null | awk -v n="$n" 'NR > 1 { print n, "disk", $4, $6 }'
	if command -v ss >/dev/null; then
		ss -Hltnp | while read -r _ _ _ _local _ _process; do tell listener "$_local $_process"; done
	else
		sed -n "s/^ *[0-9]*: \([0-9A-F]*:[0-9A-F]*\) [0-9A-F:]* 0A .*/$n socket \1/p" /proc/net/tcp /proc/net/tcp6 2>/dev/null
	fi
	if command -v java >/dev/null; then tell java "$(java -version 2>&1 | sed -n '1s/.*"\(.*\)".*/\1/p')"; fi
	if command -v docker >/dev/null; then tell docker "$(docker --version | sed 's/Docker version \([^, ]*\).*/\1/')"; fi
	if [ -f /sys/fs/cgroup/cgroup.controllers ]; then tell cgroup v2
	elif [ -d /sys/fs/cgroup/unified ]; then tell cgroup hybrid
	elif [ -d /sys/fs/cgroup/memory ]; then tell cgroup v1; fi
	if command -v timedatectl >/dev/null; then tell synchronised "$(timedatectl show -p NTPSynchronized --value 2>/dev/null)"; fi
fi
