# shellcheck shell=sh disable=SC2016,SC2154
# What the programs that look at proxy settings share. The head sets home (root's home directory).
_folder=$(mktemp -d)
trap 'rm -rf "$_folder"' EXIT

# The environment that root's login shell makes of /etc/profile, and so of profile.d.
env -i HOME="$home" USER=root LOGNAME=root SHELL=/bin/sh PATH="$PATH" TERM=dumb sh -lc "echo; echo $n; export -p" 2>/dev/null |
	sed "1,/^$n\$/d" >"$_folder/env"
printf '. "%s/env"\nLC_ALL=C\nexport LC_ALL\nexec "$@"\n' "$_folder" >"$_folder/login"

# as_login COMMAND…: with the environment of that shell.
as_login() { env -i sh "$_folder/login" "$@" </dev/null; }

# has COMMAND: whether it is installed.
has() { as_login sh -c 'command -v "$0"' "$1" >/dev/null 2>&1; }

# docker_says: the running daemon's own account of its proxies: HTTPProxy, HTTPSProxy, NoProxy, a line each.
docker_says() { timeout 10 docker info --format 'HTTPProxy {{.HTTPProxy}}
HTTPSProxy {{.HTTPSProxy}}
NoProxy {{.NoProxy}}' 2>/dev/null; }
