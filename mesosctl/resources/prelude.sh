# Functions that every program starts with. POSIX sh and coreutils; sed, grep and the tools of what is managed.
#
# Set by the head of the program: n (nonce of result lines), w (1: change, 0: dry run), d (1: send old content for
# diffs), dirty (services that an earlier stage of a dry run would restart), limit (seconds a step may take).
# S holds what is needed to take everything back: `manifest` (a line for each thing done), `original/` (what files held
# before) and `dirty/` (services whose process has not read its present configuration).
S=/var/lib/mesosctl
L=/run/mesosctl.lock
nl='
'
told=
umask 077
LC_ALL=C
export LC_ALL
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
cd /

# say INDEX STATUS [MESSAGE]: one result line. It waits for the next that cannot wait: that something takes long now, or
# has failed.
say() {
	told="$told$n $1 $2 ${3-}$nl"
	case $2 in begin | failed) speak ;; esac
}

# speak: sends the lines that wait; a line of its own for each would cost both sides a packet.
speak() {
	printf %s "$told"
	told=
}

# lines INDEX KIND: standard input as result lines of that kind.
lines() { sed "s/^/$n $1 $2 /"; }

# fail INDEX MESSAGE [OUTPUT]: reports and ends the program; what follows is reported as skipped by the controller.
fail() {
	[ -z "${3-}" ] || printf '%s\n' "$3" | tail -n 40 | lines "$1" out
	say "$1" failed "$2"
	[ -z "${tmps-}" ] || rm -f $tmps
	exit 1
}

# unwritten INDEX PATH: fails because PATH, or a note on it below S, could not be written. The reason is what a trial
# says: not every shell tells why a redirection or its printf failed.
unwritten() {
	_p=${2%/*}
	while [ ! -d "${_p:-/}" ]; do _p=${_p%/*}; done
	_out=$(head -c 65536 /dev/zero | tee "$S/.mesosctl-trial" "$_p/.mesosctl-trial" 2>&1 >/dev/null)
	rm -f "$S/.mesosctl-trial" "$_p/.mesosctl-trial"
	fail "$1" "cannot write $2" "$_out"
}

# old INDEX PATH: the present content for a diff, base64, at most 256 KiB.
old() {
	if [ "$d" = 1 ] && [ -f "$2" ]; then
		printf '%s %s old ' "$n" "$1"
		head -c 262144 "$2" | base64 -w 0
		echo
	fi
}

# open_state: makes S and reads the manifest.
open_state() {
	manifest=
	if [ -d $S ]; then
		[ ! -f $S/manifest ] || manifest=$(cat $S/manifest)
	elif [ "$w" = 1 ]; then
		mkdir -p $S/original $S/dirty $S/upload
	fi
}

# recorded LINE: whether the manifest has that line.
recorded() { case "$nl$manifest$nl" in *"$nl$1$nl"*) return 0 ;; *) return 1 ;; esac; }

# record LINE: adds it to the manifest, before the deed; all of it or nothing.
record() {
	recorded "$1" && return
	if ! printf '%s\n' "$1" >>$S/manifest; then
		truncate -s $((${#manifest} + (${#manifest} > 0))) $S/manifest
		return 1
	fi
	manifest="${manifest:+$manifest$nl}$1"
}

# forget INDEX LINE: removes it from the manifest, after the deed is undone.
forget() {
	recorded "$2" || return 0
	grep -vxF -e "$2" $S/manifest >$S/manifest.new || [ $? = 1 ] || unwritten "$1" $S/manifest.new
	mv $S/manifest.new $S/manifest
	manifest=$(cat $S/manifest)
}

# parents PATH: makes the missing folders above a path and records them.
parents() {
	_p=${1%/*}
	[ -n "$_p" ] || return 0
	[ ! -d "$_p" ] || return 0
	_m=$_p _made=
	while [ ! -d "${_m:-/}" ]; do
		record "created $_m" || return 1
		_made="$_m $_made"
		_m=${_m%/*}
	done
	(umask 022 && mkdir -p "$_p") || return
	label "$_made" || :
}

# keep PATH NAME: before the first change of a path, records that it is new, or keeps what it holds as original/NAME.
keep() {
	if recorded "created $1" || recorded "original $1"; then return; fi
	if [ -e "$1" ]; then
		cp -p "$1" "$S/original/$2.new" && mv "$S/original/$2.new" "$S/original/$2" && record "original $1"
	else
		record "created $1"
	fi
}

# notify INDEX SERVICES: their process no longer has the present configuration. Called before the change, so that an
# interrupted run cannot lose it.
notify() {
	for _s in $2; do
		[ "$w" = 0 ] || printf '' >"$S/dirty/$_s" || unwritten "$1" "$S/dirty/$_s"
		dirty="$dirty $_s "
	done
}

# place TEMPORARY PATH: rename; where the path is a mount point of its own (containers) write into it.
place() {
	mv -f "$1" "$2" 2>/dev/null && return
	grep -q " $2 " /proc/self/mountinfo 2>/dev/null || { mv -f "$1" "$2"; return; }
	cat "$1" >"$2" && rm -f "$1"
}

# label PATHS: SELinux contexts, where there are any. A first word -R means all that is in them, too.
label() {
	[ -e /sys/fs/selinux/enforce ] || return 0
	! command -v restorecon >/dev/null || restorecon $1
}

# temporary PATH: sets t, the name that new content is written to.
temporary() { t=${1%/*}/.${1##*/}.mesosctl-new; }

# lock RUN CONTROLLER SECONDS OWNER: takes or renews the host's lock. A lock of the same controller is taken over: the
# controller's own lock file says that no other run of it is alive; a program it left behind is waited for.
lock() {
	now=$(date +%s)
	_line="$1 $2 $((now + $3)) $$ $4"
	if (set -C && printf '%s\n' "$_line" >$L) 2>/dev/null; then return; fi
	_run= _controller= _until=0 _pid=0 _owner=
	read -r _run _controller _until _pid _owner <$L || :
	if [ "$_run" != "$1" ]; then
		if [ "$_controller" = "$2" ]; then
			_waited=0
			while [ "${_pid:-0}" -gt 1 ] && kill -0 "$_pid" 2>/dev/null; do
				[ $_waited -lt 120 ] || fail lock "a program of the interrupted run $_run still works here (process $_pid)"
				sleep 1
				_waited=$((_waited + 1))
			done
		elif [ "${_until:-0}" -gt "$now" ]; then
			fail lock "it is locked by $_owner (run $_run) for another $((_until - now)) seconds"
		fi
	fi
	{ printf '%s\n' "$_line" >$L.new && mv $L.new $L; } 2>/dev/null && return
	# the same again, by a program that says what is wrong
	_out=$({ printf '%s\n' "$_line" | tee $L.new >/dev/null && mv $L.new $L; } 2>&1) || fail lock "$_out"
}

# unlock RUN: gives the lock back if it is ours.
unlock() {
	_run=
	[ ! -f $L ] || read -r _run _ <$L || :
	[ "$_run" != "$1" ] || rm -f $L
}

# files PATHS: one look at all files and directories of a batch.
files() {
	sums=$(sha256sum $1 2>/dev/null)
	stats=$(stat -L -c '%a %U:%G %n' $1 2>/dev/null)
	tmps= placed=
}

# same MODE OWNER PATH: whether mode and owner are as wanted, from the look at the batch.
same() { case "$nl$stats$nl" in *"$nl$1 $2 $3$nl"*) return 0 ;; *) return 1 ;; esac; }

# directory INDEX MODE OWNER PATH NOTIFY
directory() {
	if [ -d "$4" ]; then
		if same "$2" "$3" "$4"; then say "$1" ok; return; fi
		_why="mode and owner $(stat -L -c '%a %U:%G' "$4") become $2 $3"
	else
		[ ! -e "$4" ] || fail "$1" "$4 exists and is no directory"
		_why=create
	fi
	notify "$1" "$5"
	if [ "$w" = 0 ]; then say "$1" pending "$_why"; return; fi
	if [ "$_why" = create ]; then
		_out=$(parents "$4/" 2>&1) || fail "$1" "cannot create" "$_out"
		open_state
	fi
	_out=$({ chown "$3" "$4" && chmod "$2" "$4"; } 2>&1) || fail "$1" "cannot set mode and owner" "$_out"
	say "$1" changed "$_why"
}

# file INDEX SUM MODE OWNER PATH NAME NOTIFY UMASK: succeeds when the content has to be written to $t.
file() {
	temporary "$5"
	_at=$5
	case "$nl$sums$nl" in
	*"$nl$2  $5$nl"*)
		[ ! -e "$t" ] || [ "$w" = 0 ] || rm -f "$t"
		if same "$3" "$4" "$5"; then say "$1" ok; return 1; fi
		_why="mode and owner $(stat -L -c '%a %U:%G' "$5") become $3 $4"
		notify "$1" "$7"
		if [ "$w" = 0 ]; then say "$1" pending "$_why"; return 1; fi
		_out=$({ chown "$4" "$5" && chmod "$3" "$5"; } 2>&1) || fail "$1" "cannot set mode and owner" "$_out"
		say "$1" changed "$_why"
		return 1
		;;
	esac
	[ ! -d "$5" ] || fail "$1" "$5 is a directory"
	_why=create
	[ ! -e "$5" ] || _why=change
	old "$1" "$5"
	notify "$1" "$7"
	if [ "$w" = 0 ]; then say "$1" pending $_why; return 1; fi
	if [ -L "$5" ]; then
		_at=$(readlink -m "$5")
		temporary "$_at"
	fi
	parents "$_at" && keep "$5" "$6" || unwritten "$1" "$_at"
	[ ! -e "$t" ] || rm -f "$t"
	umask "$8"
	printf '' >"$t" || unwritten "$1" "$_at"
	umask 077
	tmps="$tmps $t"
	placed="$placed $1 $_why $t $_at"
}

# written STATUS INDEX: whether the content of the last file went to its temporary name.
written() { [ "$1" = 0 ] || unwritten "$2" "$_at"; }

# flush: all temporary files of the batch are on disk; now they get their names.
flush() {
	[ -n "$tmps" ] || return 0
	sync $tmps 2>/dev/null || sync
	_paths=
	set -- $placed
	while [ $# -ge 4 ]; do
		mv -f "$3" "$4" 2>/dev/null || _out=$(place "$3" "$4" 2>&1) || fail "$1" "cannot replace $4" "$_out"
		say "$1" changed "$2"
		_paths="$_paths $4"
		shift 4
	done
	label "$_paths"
	tmps= placed=
}

# restore INDEX PATH NAME NOTIFY: what a file held before comes back, or it goes away.
restore() {
	if recorded "created $2"; then
		_why=remove
	elif recorded "original $2"; then
		_why="put the original back"
	else
		say "$1" ok
		return
	fi
	old "$1" "$2"
	notify "$1" "$4"
	if [ "$w" = 0 ]; then say "$1" pending "$_why"; return; fi
	if [ "$_why" = remove ]; then
		rm -f "$2" || fail "$1" "cannot remove $2"
		forget "$1" "created $2"
		ascend "$1" "$2"
	else
		temporary "$2"
		_out=$({ cp -p "$S/original/$3" "$t" && sync "$t" && place "$t" "$2"; } 2>&1) || fail "$1" "cannot put the original back" "$_out"
		label "$2"
		forget "$1" "original $2"
		rm -f "$S/original/$3"
	fi
	say "$1" changed "$_why"
}

# ascend INDEX PATH: removes the empty folders above a path that were created here.
ascend() {
	_p=${2%/*}
	while [ -n "$_p" ] && recorded "created $_p" && rmdir "$_p" 2>/dev/null; do
		forget "$1" "created $_p"
		_p=${_p%/*}
	done
}

# undirectory INDEX PATH NOTIFY: removes a directory that was created here, if it is empty.
undirectory() {
	[ "$w" = 0 ] || [ -d "$2" ] || forget "$1" "created $2"
	if ! recorded "created $2" || [ ! -d "$2" ]; then say "$1" ok; return; fi
	if [ "$w" = 0 ]; then say "$1" pending "remove if empty"; return; fi
	if rmdir "$2" 2>/dev/null; then
		forget "$1" "created $2"
		ascend "$1" "$2"
		say "$1" changed remove
	else
		say "$1" ok "kept: not empty"
	fi
}

# block INDEX PATH NAME BEGIN END CONTENT MODE OWNER NOTIFY: CONTENT includes the marker lines; empty removes the block.
# A MODE that leaves nothing to group and others takes it from a file that is there, too, until the block goes.
block() {
	_has= _open=
	if [ -f "$2" ]; then
		[ -z "$6" ] || case $7 in *00) _open=$(stat -L -c %a "$2") ;; esac
		case $_open in *00) _open= ;; esac
		_has=$(sed -n "\\|^$4\$|,\\|^$5\$|p" "$2")
		case "$_has" in
		"" | *"$nl$5") ;;
		*) fail "$1" "$2 has the line '$4' but not the line '$5' that ends it; add or remove it by hand" ;;
		esac
	fi
	if [ "$_has" = "$6" ] && [ -z "$_open" ]; then say "$1" ok; return; fi
	if [ -z "$6" ]; then _why=remove; elif [ -z "$_has" ]; then _why=add; elif [ "$_has" != "$6" ]; then _why=change; else _why="mode $_open"; fi
	[ "$d" = 0 ] || printf '%s\n' "$_has" | base64 -w 0 | { printf '%s %s old ' "$n" "$1"; cat; echo; }
	notify "$1" "$9"
	if [ "$w" = 0 ]; then say "$1" pending "$_why"; return; fi
	_at=$2
	[ ! -L "$2" ] || _at=$(readlink -m "$2")
	temporary "$_at"
	tmps=$t
	if [ -f "$_at" ]; then
		_was=$(printf '%s\n' "$manifest" | sed -n "s|^mode $2 ||p")
		_out=$(cp -p "$_at" "$t" 2>&1) || fail "$1" "cannot write $t" "$_out"
		sed "\\|^$4\$|,\\|^$5\$|d" "$_at" >"$t" || unwritten "$1" "$_at"
		if [ -s "$t" ] && [ -n "$(tail -c 1 "$t")" ]; then
			record "unended $2" && echo >>"$t" || unwritten "$1" "$_at"
		fi
		if [ -z "$6" ] && recorded "unended $2" && [ "$(tail -n 1 "$_at")" = "$5" ]; then
			_out=$(sed "\\|^$4\$|,\\|^$5\$|d" "$_at" | head -c -1) && printf %s "$_out" >"$t" || unwritten "$1" "$_at"
			forget "$1" "unended $2"
		fi
		if [ -n "$_open" ]; then
			[ -n "$_was" ] || record "mode $2 $_open" || unwritten "$1" "$_at"
			chmod go= "$t"
		elif [ -z "$6" ] && [ -n "$_was" ]; then
			chmod "$_was" "$t"
			forget "$1" "mode $2 $_was"
		fi
	else
		parents "$_at" && record "created $2" && printf '' >"$t" || unwritten "$1" "$_at"
		_out=$({ chown "$8" "$t" && chmod "$7" "$t"; } 2>&1) || fail "$1" "cannot set mode and owner" "$_out"
	fi
	[ -z "$6" ] || printf '%s\n' "$6" >>"$t" || unwritten "$1" "$_at"
	if [ ! -s "$t" ] && recorded "created $2"; then
		rm -f "$t" "$_at"
		forget "$1" "created $2"
		ascend "$1" "$2"
	else
		sync "$t"
		_out=$(place "$t" "$_at" 2>&1) || fail "$1" "cannot replace $2" "$_out"
		label "$_at"
	fi
	tmps=
	say "$1" changed "$_why"
}

# setting INDEX PATH KEY LINE PATTERN NOTIFY: LINE is the wanted `KEY=value`, PATTERN a basic regular expression for KEY.
setting() {
	if [ ! -f "$2" ]; then say "$1" ok "no $2"; return; fi
	_has=$(sed -n "/^[ 	]*$5[ 	]*=/{p;q;}" "$2")
	if [ "$_has" = "$4" ]; then say "$1" ok; return; fi
	notify "$1" "$6"
	if [ "$w" = 0 ]; then say "$1" pending "${_has:-nothing} becomes $4"; return; fi
	recorded "setting $2 $3" || { [ -z "$_has" ] || record "was $2 $3 $_has"; } && record "setting $2 $3" || unwritten "$1" "$2"
	edit "$1" "$2" "$5" "$4"
	say "$1" changed "${_has:-nothing} becomes $4"
}

# edit INDEX PATH PATTERN LINE: the first line for the key becomes LINE (empty: goes away), or LINE is appended.
edit() {
	temporary "$2"
	tmps=$t
	_out=$(cp -p "$2" "$t" 2>&1) || fail "$1" "cannot write $t" "$_out"
	awk -v pattern="^[ \t]*$3[ \t]*=" -v line="$4" '
		!done && $0 ~ pattern { done = 1; if (line != "") print line; next }
		{ print }
		END { if (!done && line != "") print line }' "$2" >"$t" || unwritten "$1" "$2"
	sync "$t"
	_out=$(place "$t" "$2" 2>&1) || fail "$1" "cannot replace $2" "$_out"
	label "$2"
	tmps=
}

# unsetting INDEX PATH KEY PATTERN NOTIFY: the line that was there before comes back.
unsetting() {
	if ! recorded "setting $2 $3" || [ ! -f "$2" ]; then say "$1" ok; return; fi
	_was=$(printf '%s\n' "$manifest" | sed -n "s|^was $2 $4 ||p")
	notify "$1" "$5"
	if [ "$w" = 0 ]; then say "$1" pending "back to ${_was:-nothing}"; return; fi
	edit "$1" "$2" "$4" "$_was"
	forget "$1" "setting $2 $3"
	[ -z "$_was" ] || forget "$1" "was $2 $3 $_was"
	say "$1" changed "back to ${_was:-nothing}"
}

# link INDEX PATH TARGET NOTIFY
link() {
	if [ -L "$2" ] && [ "$(readlink "$2")" = "$3" ]; then say "$1" ok; return; fi
	[ ! -d "$2" ] || [ -L "$2" ] || fail "$1" "$2 is a directory"
	notify "$1" "$4"
	if [ "$w" = 0 ]; then say "$1" pending "link to $3"; return; fi
	_name=$(printf '%s' "$2" | tr / %)
	temporary "$2"
	_out=$({ parents "$2" && keep "$2" "$_name" && ln -sfn "$3" "$t" && mv -fT "$t" "$2"; } 2>&1) || fail "$1" "cannot link" "$_out"
	open_state
	say "$1" changed "link to $3"
}

# account INDEX NAME HOME
account() {
	if id "$2" >/dev/null 2>&1; then say "$1" ok; return; fi
	if [ "$w" = 0 ]; then say "$1" pending create; return; fi
	_group="--user-group"
	! getent group "$2" >/dev/null || _group="--gid $2"
	_out=$(useradd --system $_group --home-dir "$3" --no-create-home --shell /usr/sbin/nologin "$2" 2>&1) || fail "$1" "cannot create the user" "$_out"
	record "user $2" || unwritten "$1" $S/manifest
	say "$1" changed create
}

# missing MANAGER NAMES: prints those packages that are not installed. With rpm, what another package provides is there.
missing() {
	case $1 in
	apt) _have=$(dpkg-query -W -f='${db:Status-Status} ${Package}\n${db:Status-Status} ${Package}=${Version}\n' $(printf '%s\n' $2 | cut -d = -f 1) 2>/dev/null | sed -n 's/^installed //p') ;;
	*) _have=$(rpm -q --qf '%{NAME}\n%{NAME}-%{VERSION}\n%{NAME}-%{VERSION}-%{RELEASE}\n' $2 2>/dev/null) ;;
	esac
	for _name in $2; do
		case "$nl$_have$nl" in *"$nl$_name$nl"*) continue ;; esac
		[ "$1" != apt ] && rpm -q --whatprovides "$_name" >/dev/null 2>&1 || printf '%s ' "$_name"
	done
}

# manage MANAGER ARGUMENTS…: the package manager without questions, waiting a minute for its lock.
manage() {
	_manager=$1
	shift
	case $_manager in
	apt)
		DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 timeout "$limit" apt-get -y -q -o DPkg::Lock::Timeout=60 \
			-o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
		;;
	*) timeout "$limit" "$_manager" -y -q "$@" ;;
	esac
}

# apt_update INDEX: a source that cannot be reached is no error to apt; what it warns of is kept for a failing install.
apt_update() {
	_out=$(manage apt update 2>&1) || fail "$1" "apt-get update failed" "$_out"
	_warned=$(printf '%s\n' "$_out" | grep '^W: ')
}

# packages INDEX MANAGER NAMES
packages() {
	_need=$(missing "$2" "$3")
	if [ -z "$_need" ]; then say "$1" ok; return; fi
	if [ "$w" = 0 ]; then say "$1" pending "install $_need"; return; fi
	say "$1" begin
	_fresh=1 _warned=
	if [ "$2" = apt ]; then
		[ -z "$(ls /var/lib/dpkg/updates 2>/dev/null)" ] || _out=$(dpkg --configure -a --force-confdef --force-confold 2>&1) || fail "$1" "dpkg was interrupted and cannot be mended" "$_out"
		if [ -e $S/dirty/apt-lists ] || [ -z "$(ls /var/lib/apt/lists/*Packages* 2>/dev/null)" ]; then
			apt_update "$1"
			rm -f $S/dirty/apt-lists
		else
			_fresh=0
		fi
	fi
	for _name in $_need; do record "package $_name" || unwritten "$1" $S/manifest; done
	case $2 in apt) _how="install --no-install-recommends" ;; *) _how=install ;; esac
	if ! _out=$(manage "$2" $_how $_need 2>&1); then
		case $_fresh$_out in 1* | *"Could not get lock"*) fail "$1" "cannot install $_need" "$_out$nl$_warned" ;; esac
		apt_update "$1"
		_out=$(manage apt $_how $_need 2>&1) || fail "$1" "cannot install $_need" "$_out$nl$_warned"
	fi
	say "$1" changed "install $_need"
}

# unpackages INDEX MANAGER NAMES: removes what was installed here.
unpackages() {
	_gone=
	for _name in $3; do
		! recorded "package $_name" || _gone="$_gone $_name"
	done
	if [ -z "$_gone" ]; then say "$1" ok; return; fi
	if [ "$w" = 0 ]; then say "$1" pending "remove$_gone"; return; fi
	say "$1" begin
	_out=$(manage "$2" remove $(printf '%s\n' $_gone | cut -d = -f 1) 2>&1) || fail "$1" "cannot remove$_gone" "$_out"
	for _name in $_gone; do forget "$1" "package $_name"; done
	say "$1" changed "remove$_gone"
}

# archive INDEX SUM PATH OWNER NOTIFY: unpacks the uploaded tarball.
archive() {
	_has=
	[ ! -f "$3/.mesosctl-archive" ] || read -r _has <"$3/.mesosctl-archive"
	if [ "$_has" = "$2" ]; then say "$1" ok; return; fi
	notify "$1" "$5"
	if [ "$w" = 0 ]; then say "$1" pending unpack; return; fi
	say "$1" begin
	_new=$3.mesosctl-new
	rm -rf "$_new"
	_is=$(sha256sum "$S/upload/$2" 2>&1) || fail "$1" "the archive did not arrive" "$_is"
	[ "${_is%% *}" = "$2" ] || fail "$1" "the archive that arrived has another SHA-256: ${_is%% *}"
	# a leading `./` counts as a folder level
	case $(tar -tf "$S/upload/$2" 2>/dev/null | head -n 1) in ./*) _levels=2 ;; *) _levels=1 ;; esac
	_out=$({ parents "$3" && (umask 022 && mkdir "$_new" && tar -xf "$S/upload/$2" -C "$_new" --strip-components=$_levels --no-same-owner) &&
		chown -R "$4" "$_new" && chmod 0755 "$_new"; } 2>&1) || fail "$1" "cannot unpack" "$_out"
	printf '%s\n' "$2" >"$_new/.mesosctl-archive"
	sync "$_new/.mesosctl-archive"
	if [ -e "$3" ]; then
		recorded "created $3" || [ -f "$3/.mesosctl-archive" ] || fail "$1" "$3 exists and was not unpacked here"
		rm -rf "$3.mesosctl-old"
		mv "$3" "$3.mesosctl-old"
	fi
	open_state
	record "created $3" || unwritten "$1" $S/manifest
	mv "$_new" "$3" || fail "$1" "cannot replace $3"
	label "-R $3"
	rm -rf "$3.mesosctl-old" "$S/upload/$2"
	say "$1" changed unpack
}

# unarchive INDEX PATH
unarchive() {
	if ! recorded "created $2"; then say "$1" ok; return; fi
	if [ "$w" = 0 ]; then say "$1" pending remove; return; fi
	rm -rf "$2"
	forget "$1" "created $2"
	ascend "$1" "$2"
	say "$1" changed remove
}

# unit NAME MANAGER: sets loaded, active and enabled ("" or 1) of a service. One that systemd starts again and again is
# active: it is meant to run.
unit() {
	loaded= active= enabled= stale=
	if [ "$2" = systemd ]; then
		_show=$(systemctl show -p LoadState -p ActiveState -p UnitFileState -p NeedDaemonReload "$1.service" 2>/dev/null)
		case "$nl$_show$nl" in *"${nl}LoadState=loaded$nl"*) loaded=1 ;; esac
		case "$nl$_show$nl" in *"${nl}ActiveState=active$nl"* | *"${nl}ActiveState=reloading$nl"* | *"${nl}ActiveState=activating$nl"*) active=1 ;; esac
		case "$nl$_show$nl" in *"${nl}UnitFileState=disabled$nl"* | *"${nl}UnitFileState=$nl"* | *"${nl}UnitFileState=masked"*) ;; *) enabled=1 ;; esac
		case "$nl$_show$nl" in *"${nl}NeedDaemonReload=yes$nl"*) stale=1 ;; esac
	elif [ -x "/etc/init.d/$1" ]; then
		loaded=1
		! "/etc/init.d/$1" status >/dev/null 2>&1 || active=1
		case "$(echo /etc/rc[2-5].d/S[0-9][0-9]"$1")" in *"["*) ;; *) enabled=1 ;; esac
	fi
}

# control MANAGER VERB NAME: start, stop, restart, enable or disable. systemd refuses a unit that was started often of
# late; that is meant for one that dies, not for changes by an operator.
control() {
	if [ "$1" = systemd ]; then
		systemctl reset-failed "$3.service" 2>/dev/null
		timeout "$limit" systemctl "$2" "$3.service"
		return
	fi
	case $2 in
	enable) if command -v update-rc.d >/dev/null; then update-rc.d "$3" defaults; elif command -v chkconfig >/dev/null; then chkconfig "$3" on; fi ;;
	disable) if command -v update-rc.d >/dev/null; then update-rc.d "$3" remove; elif command -v chkconfig >/dev/null; then chkconfig "$3" off; fi ;;
	*) timeout "$limit" "/etc/init.d/$3" "$2" ;;
	esac
}

# restarts MANAGER NAME: how often systemd had to start a service again.
restarts() {
	_count=
	[ "$1" != systemd ] || _count=$(systemctl show -p NRestarts "$2.service" 2>/dev/null)
	_count=${_count#NRestarts=}
	echo "${_count:-0}"
}

# wait_ready SECONDS COMMAND MANAGER NAME NEEDS: asks every half second, until it is clear that the service keeps ending,
# or that what it needs has been missing for 20 seconds. Sets late, which says why it was given up.
wait_ready() {
	[ -n "$2" ] || return 0
	speak
	_began=$(date +%s)
	_end=$((_began + $1))
	_before=$(restarts "$3" "$4")
	until (eval "$2") >/dev/null 2>&1; do
		late="not ready within $1 seconds"
		[ "$(date +%s)" -lt $_end ] || return 1
		late="it ends each time it is started"
		[ $(($(restarts "$3" "$4") - _before)) -lt 3 ] || return 1
		if [ -n "$5" ] && [ $(($(date +%s) - _began)) -ge 20 ]; then
			late=$( (eval "$5") 2>/dev/null)
			[ -z "$late" ] || return 1
		fi
		sleep 0.5
	done
}

# stays_up MANAGER NAME: whether a service still runs ten seconds after it was started, and was not started again
# meanwhile: one that ends and starts as often as it is looked at seems to run. Sets late, as wait_ready does.
stays_up() {
	speak
	_began=$(date +%s)
	_before=$(restarts "$1" "$2")
	late="it ends each time it is started"
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		sleep 1
		case $1 in
		systemd) systemctl is-active --quiet "$2.service" && [ "$(restarts "$1" "$2")" = "$_before" ] ;;
		*) "/etc/init.d/$2" status >/dev/null 2>&1 ;;
		esac || return 1
	done
}

# why MANAGER NAME LOG: the last words of a service, in its log file and in the journal, there without those of long ago.
why() {
	[ ! -f "$3" ] || tail -n 15 "$3"
	[ "$1" = systemd ] || return 0
	systemctl status --no-pager --lines=0 "$2.service" 2>&1 | head -n 5
	_since=--since=-1min
	[ -z "$_began" ] || _since=--since=@$((_began - 5))
	_said=$(journalctl --no-pager --quiet -n 15 "$_since" -o cat "_SYSTEMD_UNIT=$2.service" 2>&1)
	[ -n "$_said" ] || _said=$(journalctl --no-pager --quiet -n 15 "$_since" -u "$2.service" -o cat 2>&1)
	printf '%s\n' "$_said"
}

# service INDEX NAME MANAGER READY SECONDS OPTIONAL RESTART START MEMBER LOG NEEDS
service() {
	unit "$2" "$3"
	if [ -z "$loaded" ] && [ "$w" = 1 ] && [ "$3" = systemd ] && [ "$6" = 0 ]; then
		systemctl daemon-reload
		unit "$2" "$3"
	fi
	if [ -n "$9" ]; then
		_member=
		[ -z "$active" ] || _member=$( (eval "$9") 2>/dev/null)
		say "$1" member "$_member"
	fi
	if [ -z "$loaded" ]; then
		if [ "$6" = 1 ]; then say "$1" skipped "not installed"; return; fi
		if [ "$w" = 0 ]; then
			if [ "$8" = 1 ]; then say "$1" pending start; else say "$1" pending enable; fi
			return
		fi
		fail "$1" "there is no service $2 ($3)"
	fi
	_do=
	if [ -z "$active" ]; then
		[ "$6" = 1 ] || [ "$8" = 0 ] || _do=start
	elif [ "$7" = 1 ]; then
		case " $dirty " in *" $2 "*) _do=restart ;; esac
		[ ! -e "$S/dirty/$2" ] || _do=restart
	fi
	_enable=
	[ -n "$enabled" ] || [ "$6" = 1 ] || _enable=enable
	_what="$_do${_do:+${_enable:+ and }}$_enable"
	if [ "$w" = 0 ]; then
		if [ -n "$_what" ]; then say "$1" pending "$_what"; else say "$1" ok; fi
		return
	fi
	[ -z "$_what" ] || say "$1" begin
	# systemd does not see by itself that a first drop-in has come, so that NeedDaemonReload alone would not do
	[ "$3" != systemd ] || [ -z "$stale$_do" ] || systemctl daemon-reload
	if [ -n "$_enable" ]; then
		record "enabled $2" || unwritten "$1" $S/manifest
		_out=$(control "$3" enable "$2" 2>&1) || fail "$1" "cannot enable" "$_out"
	fi
	# what did not do its work before a restart that only a change makes need not do it after: others may be missing
	_idle=
	if [ "$_do$8" = restart0 ] && [ -n "$4" ]; then (eval "$4") >/dev/null 2>&1 || _idle=1; fi
	if [ -n "$_do" ]; then
		[ "$_do" = restart ] || record "started $2" || unwritten "$1" $S/manifest
		_out=$(control "$3" "$_do" "$2" 2>&1) || fail "$1" "cannot $_do" "$_out$nl$(why "$3" "$2" "${10}")"
	fi
	if [ -n "$_do" ] || { [ -n "$active" ] && [ "$8" = 1 ]; }; then
		if [ -n "$_idle" ]; then stays_up "$3" "$2"; else wait_ready "$5" "$4" "$3" "$2" "${11}"; fi ||
			fail "$1" "$late" "$(why "$3" "$2" "${10}")"
	fi
	[ ! -e "$S/dirty/$2" ] || rm -f "$S/dirty/$2"
	if [ -n "$_what" ]; then say "$1" changed "$_what"; else say "$1" ok; fi
}

# unservice INDEX NAME MANAGER: stops and disables what was started and enabled here.
unservice() {
	unit "$2" "$3"
	_do=
	# one that is enabled only was started by the boot
	if [ -n "$active" ] && { recorded "started $2" || recorded "enabled $2"; }; then _do=stop; fi
	_disable=
	# a unit that somebody has removed cannot be disabled
	[ -z "$loaded" ] || ! recorded "enabled $2" || _disable=disable
	_what="$_do${_do:+${_disable:+ and }}$_disable"
	if [ -z "$_what" ]; then say "$1" ok; return; fi
	if [ "$w" = 0 ]; then say "$1" pending "$_what"; return; fi
	say "$1" begin
	[ -z "$_do" ] || _out=$(control "$3" stop "$2" 2>&1) || fail "$1" "cannot stop" "$_out"
	[ -z "$_disable" ] || _out=$(control "$3" disable "$2" 2>&1) || fail "$1" "cannot disable" "$_out"
	forget "$1" "started $2"
	forget "$1" "enabled $2"
	rm -f "$S/dirty/$2"
	say "$1" changed "$_what"
}

# notes INDEX TEXT: tells the lines `note: …` of what a check printed. Most print none, and processes cost time.
notes() { case $2 in *"note: "*) printf '%s\n' "$2" | sed -n "s/^note: /$n $1 note /p" ;; esac; }

# command_ INDEX CHECK APPLY NOTIFY
command_() {
	if _out=$( (eval "$2") 2>/dev/null); then
		notes "$1" "$_out"
		say "$1" ok
		return
	fi
	notify "$1" "$4"
	if [ "$w" = 0 ]; then say "$1" pending; return; fi
	say "$1" begin
	_out=$( (eval "$3") 2>&1) || fail "$1" "failed with status $?" "$_out"
	_out=$( (eval "$2") 2>&1) || fail "$1" "was done, but its check still fails" "$_out"
	notes "$1" "$_out"
	say "$1" changed
}

# uncommand INDEX CHECK REVERT NOTIFY: takes it back where the state holds.
uncommand() {
	if [ -z "$3" ] || ! (eval "$2") >/dev/null 2>&1; then say "$1" ok; return; fi
	notify "$1" "$4"
	if [ "$w" = 0 ]; then say "$1" pending revert; return; fi
	_out=$( (eval "$3") 2>&1) || fail "$1" "cannot be taken back" "$_out"
	say "$1" changed revert
}
