#!/bin/sh
# Installs what local hosts and the tests need from the distribution: the one place that names it. Arguments are packages
# that only some tests need.
set -eu
needed="docker.io debootstrap iptables openssh-server openssh-client socat tinyproxy-bin shellcheck git wget curl sudo maven libzookeeper-java default-jre-headless gcc libc6-dev python3-dev chromium vagrant $*"

if [ "$(id -u)" != 0 ]; then
	echo "local hosts need root: run this as root, or with sudo" >&2
	exit 1
fi
if ! command -v apt-get >/dev/null; then
	echo "this installs Debian packages, and there is no apt-get here; needed are: $needed" >&2
	exit 1
fi
missing=
for package in $needed; do
	dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -q update >/dev/null || echo "apt-get update had errors; going on with the package lists there are" >&2
# shellcheck disable=SC2086 # a list of names
apt-get -y -q install --no-install-recommends $missing >/dev/null
