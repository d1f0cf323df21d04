# shellcheck shell=sh
# What the start and stop scripts share. They are called as PREFIX/sbin/NAME and read PREFIX/etc/mesos.

prefix=$(cd "$(dirname "$0")/.." && pwd)
conf=$prefix/etc/mesos
[ "$prefix" != /usr ] || conf=/etc/mesos
if [ -f "$conf/mesos-deploy-env.sh" ]; then
	# shellcheck source=/dev/null
	. "$conf/mesos-deploy-env.sh"
fi

# nodes FILE: the addresses that a list of nodes has, one a line; # begins a comment line.
nodes() {
	if [ ! -f "$conf/$1" ]; then
		echo "$conf/$1 is missing: it names the nodes, one a line" >&2
		exit 1
	fi
	sed -e '/^#/d' -e 's/[[:space:]]//g' -e '/^$/d' "$conf/$1"
}

# on_nodes FILE WHAT ARGUMENTS…: calls mesos-daemon.sh with the arguments on each node, and says what it does there.
on_nodes() {
	list=$(nodes "$1") || exit 1
	what=$2
	shift 2
	sudo=
	[ "${DEPLOY_WITH_SUDO:-0}" != 1 ] || sudo="sudo "
	failed=0
	for node in $list; do
		echo "$what on $node"
		# shellcheck disable=SC2086,SC2029 # the options are several words; the command is meant to be put together here
		ssh ${SSH_OPTS-} "$node" "$sudo$prefix/sbin/mesos-daemon.sh $*" </dev/null || failed=1
	done
	return $failed
}
