# shellcheck shell=sh disable=SC2016,SC2154
# The proxy settings in force for each tool, as `TOOL KEY VALUE`, without credentials. It follows proxy_env.sh.

# setting TOOL KEY: standard input, the last line, as a value.
setting() {
	{
		tail -n 1
		echo
	} | sed -n "1{s|^|$n setting $1 $2 |; s|//[^/@ ]*@|//***@|g; p;}"
}

for _key in http_proxy https_proxy ftp_proxy no_proxy; do
	as_login sh -c 'eval "echo \"\${$0-}\""' $_key | setting profile $_key
done
if has wget; then
	tell tool wget
	for _key in use_proxy http_proxy https_proxy ftp_proxy no_proxy; do
		cat /etc/wgetrc "$home/.wgetrc" 2>/dev/null | sed -n "s/^[ 	]*${_key}[ 	]*=[ 	]*//p" | setting wget $_key
	done
fi
if has git; then
	tell tool git
	for _key in http.proxy core.gitproxy; do as_login git config --get-all $_key 2>/dev/null | setting git $_key; done
fi
if command -v apt-config >/dev/null; then
	tell tool apt
	for _key in http https ftp; do
		apt-config dump 2>/dev/null | sed -n "s/^Acquire::$_key::Proxy \"\(.*\)\";$/\1/p" | setting apt Acquire::$_key::Proxy
	done
	apt-config dump 2>/dev/null | sed -n 's/^Acquire::http::Proxy::\(.*\) "DIRECT";$/\1/p' | sort | tr '\n' ' ' | setting apt DIRECT
else
	for _file in /etc/dnf/dnf.conf /etc/yum.conf; do
		if [ -f $_file ]; then
			tell tool dnf
			sed -n 's/^proxy *= *//p' $_file | setting dnf proxy
			break
		fi
	done
fi
if [ -f "$home/.m2/settings.xml" ]; then tell maven "$(base64 -w 0 <"$home/.m2/settings.xml")"; fi
if has mvn; then tell tool maven; fi
if has docker; then
	tell tool docker
	docker_says | while read -r _key _value; do printf '%s\n' "$_value" | setting docker "$_key"; done
fi
if has sudo; then
	tell tool sudo
	sudo -V </dev/null 2>/dev/null | sed -n 's/^[ 	]*\([a-z_A-Z]*_[pP][rR][oO][xX][yY]\)$/\1/p' | sort | tr '\n' ' ' | setting sudo env_keep
fi
