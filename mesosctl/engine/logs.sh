# shellcheck shell=sh disable=SC2154
# The log of a service: its file, the one that was rotated last, and the journal of its unit, which has what the service
# said before it could log. The head sets unit, file, count (lines of each), since (seconds since 1970, or empty) and
# follow (1: go on with what comes).
tell zone "$(date +%z)"
_pids=

# as KEY: standard input as lines of that key.
as() { sed -u "s/^/$n $1 /"; }

# recent: the lines of the file that count.
recent() {
	if [ -n "$since" ]; then
		_from=$(date -d "@$since" '+%Y-%m-%d %H:%M:%S')
		cat "$file.1" "$file" 2>/dev/null | awk -v from="$_from" 'substr($0, 1, 19) >= from && /^[0-9][0-9][0-9][0-9]-/ { on = 1 } on'
	else
		cat "$file.1" "$file" 2>/dev/null
	fi | tail -n "$count"
}

# of_unit ARGUMENTS…: what the journal has of the unit.
of_unit() {
	command -v journalctl >/dev/null || return
	journalctl --quiet --no-pager --output=short-unix --unit="$unit.service" --lines="$count" ${since:+--since="@$since"} "$@" 2>/dev/null
}

if [ "$follow" = 0 ]; then
	recent | as file
	of_unit | as journal
else
	# A line now and then notices that nobody reads any more.
	trap 'trap - EXIT; kill 0' EXIT
	trap 'exit 1' HUP INT TERM PIPE
	recent | as file
	tail -n 0 -F "$file" 2>/dev/null | as file &
	of_unit --follow | as journal &
	while sleep 10; do echo; done
fi
