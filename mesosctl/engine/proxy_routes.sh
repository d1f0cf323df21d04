# shellcheck shell=sh disable=SC2016,SC2086,SC2154
# Which way each tool would take to each address. The tools themselves are run, with the host's own settings, in a
# network namespace without any network: they cannot reach anything, and say whom they tried to reach. Where the host
# allows no such namespace they are not run. It follows proxy_env.sh. The head sets addresses (http and https, a word each) and git_addresses (git://).
_beside=0
set -f # addresses are words, whatever they hold

# beside FUNCTION ARGUMENTS…: in the background, 8 at a time.
beside() {
	"$@" &
	_beside=$((_beside + 1))
	if [ $_beside -ge 8 ]; then
		wait
		_beside=0
	fi
}

# run COMMAND…: as a login shell would, cut off from the network, both outputs as one.
run() { timeout 20 unshare -n env -i sh "$_folder/login" "$@" </dev/null 2>&1; }

# saw TOOL ADDRESS: standard input as lines of that answer; only those that name somebody.
saw() {
	grep -a -e connect -e Connect -e esolv -e run_command -e 'look up' | head -n 20 | while read -r _line; do
		tell saw "$1 $2 $_line"
	done
}

try_curl() { run curl -sv -o /dev/null --max-time 5 "$1" | saw curl "$1"; }
try_wget() { run wget -O /dev/null --tries=1 --timeout=5 --no-hsts "$1" | saw wget "$1"; }
try_git() { run env GIT_CURL_VERBOSE=1 GIT_TRACE=1 GIT_TERMINAL_PROMPT=0 git ls-remote "$1" | saw git "$1"; }
try_apt() {
	run /usr/lib/apt/apt-helper -o Acquire::Retries=0 -o Acquire::http::Timeout=5 -o Acquire::https::Timeout=5 \
		download-file "$1" "$_folder/apt.$2" | saw apt "$1"
}
try_dnf() {
	run dnf --disablerepo='*' --repofrompath="mesosctl,$1" --enablerepo=mesosctl --setopt=timeout=5 --setopt=retries=1 \
		--setopt=logdir="$_folder/dnf.$2" --setopt=cachedir="$_folder/dnf.$2" makecache >/dev/null
	sed -n 's/.*\[\(Could not [^]]*\|Failed to [^]]*\)\].*/\1/p' "$_folder/dnf.$2/dnf.librepo.log" 2>/dev/null | saw dnf "$1"
}
# Python's urllib can be asked without being sent anywhere.
try_python() {
	run python3 -c '
import sys, urllib.parse, urllib.request
proxies = urllib.request.getproxies()
for address in sys.argv[2:]:
    parts = urllib.parse.urlsplit(address)
    proxy = proxies.get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        proxy = urllib.parse.urlsplit(proxy if "//" in proxy else "//" + proxy)
        print(sys.argv[1], "saw python", address, f"via {proxy.hostname}:{proxy.port or 80}")
    else:
        print(sys.argv[1], "saw python", address, "direct")
' "$n" $addresses
}
# Maven resolves a parent that exists nowhere from all addresses as repositories, and says for each which way it goes.
try_maven() {
	mkdir "$_folder/maven"
	{
		printf '<project><modelVersion>4.0.0</modelVersion><artifactId>a</artifactId><parent><groupId>mesosctl.test</groupId>'
		printf '<artifactId>none</artifactId><version>1</version><relativePath/></parent><repositories>'
		_id=central
		_number=0
		for _address in $addresses; do
			_text=$(printf '%s' "$_address" | sed 's/&/\&amp;/g; s/</\&lt;/g')
			printf '<repository><id>%s</id><url>%s</url></repository>' "$_id" "$_text"
			_number=$((_number + 1))
			_id=r$_number
		done
		printf '</repositories></project>\n'
	} >"$_folder/maven/pom.xml"
	# The installation's own settings block http repositories; only the users' settings have proxies.
	echo '<settings/>' >"$_folder/maven/settings.xml"
	timeout 90 unshare -n env -i sh "$_folder/login" mvn -B -X -gs "$_folder/maven/settings.xml" -f "$_folder/maven/pom.xml" \
		-Dmaven.repo.local="$_folder/maven/repository" -Daether.connector.connectTimeout=2000 validate </dev/null 2>&1 |
		sed -n "s/.*Using connector .* for \(http[^ ]*\)\(.*\)/$n saw maven \1 connector\2/p"
}

for _tool in curl wget git dnf python3 mvn docker; do
	if has $_tool; then tell tool "$_tool"; fi
done
if [ -x /usr/lib/apt/apt-helper ]; then tell tool apt; fi
if unshare -n true 2>/dev/null; then
	_number=0
	for _address in $addresses; do
		_number=$((_number + 1))
		for _tool in curl wget git dnf; do
			if has $_tool; then beside try_$_tool "$_address" $_number; fi
		done
		if [ -x /usr/lib/apt/apt-helper ]; then beside try_apt "$_address" $_number; fi
	done
	if has git; then for _address in $git_addresses; do beside try_git "$_address"; done; fi
	if has python3; then try_python; fi
	if has mvn; then try_maven; fi
fi
if has docker; then docker_says | sed "s/^/$n docker /"; fi
wait
