#!/bin/sh
# Makes, of what Debian's packages installed here, signed rpms under the names that they have on the RHEL family:
# /rpms/rocky and /rpms/docker are repositories, /rpms/keys has the public keys, and one that signed nothing.
set -eu
mkdir -p /rpms/rocky /rpms/docker /rpms/keys
for key in rocky docker stranger; do
	gpg --batch --quiet --passphrase '' --quick-generate-key "$key (made for a test)" rsa3072 sign never
	gpg --batch --armor --export "$key" >/rpms/keys/$key
done

# rpm REPOSITORY NAME VERSION LINES: of the files listed in /tmp/NAME. LINES go into the head of the spec, standard input
# to its end.
rpm() {
	{
		printf 'Name: %s\nVersion: %s\nRelease: 1.el9\nSummary: Debian in the form of an rpm\nLicense: various\n' "$2" "$3"
		printf 'AutoReqProv: no\n%s\n%%description\n%%install\ntar -C / -cf - -T /tmp/%s | tar -C %%{buildroot} -xf -\n' "$4" "$2"
		printf '%%files\n'
		sed 's/.*/"&"/' "/tmp/$2"
		cat
	} >"/tmp/$2.spec"
	rpmbuild --quiet -bb --define "_rpmdir /rpms/$1" --define '_rpmfilename %%{NAME}.rpm' \
		--define '__os_install_post %{nil}' --define '_binary_payload w1.zstdio' "/tmp/$2.spec" >/tmp/log 2>&1 &&
		rpmsign --define '__gpg /usr/bin/gpg' --define "_gpg_name $1" --addsign "/rpms/$1/$2.rpm" >>/tmp/log 2>&1 ||
		{ cat /tmp/log; exit 1; }
}

# of PACKAGE: the files of a package of Debian's, without documentation and what only Debian has.
of() {
	dpkg-query -L "$1" | sed 's#^/\(s\{0,1\}bin\|lib\)/#/usr/\1/#' | while read -r path; do
		if [ ! -d "$path" ]; then echo "$path"; fi
	done | grep -v -e '^/usr/share/\(doc\|man\|lintian\|bug\)/' -e '^/etc/\(init.d\|default\)/'
}

version() { dpkg-query -W -f '${Version}' "$1" | sed 's/^[0-9]*://; s/-[^-]*$//; s/-/./g'; }

jre=openjdk-17-jre-headless
ln -sf ../lib/jvm/java-17-openjdk-amd64/bin/java /usr/bin/java
{ of $jre; echo /usr/bin/java; } >/tmp/java-17-openjdk-headless
rpm rocky java-17-openjdk-headless "$(version $jre)" 'Provides: java-headless = 1:17' </dev/null

{ of socat; of libwrap0; } >/tmp/socat
rpm rocky socat "$(version socat)" '' </dev/null

echo /usr/bin/python3.11 >/tmp/python3.11
rpm rocky python3.11 "$(version python3.11-minimal)" '' </dev/null

# Docker's own unit reads no file of variables.
sed -i '/^EnvironmentFile=/d; s/ \$DOCKER_OPTS$//' /usr/lib/systemd/system/docker.service
of docker.io >/tmp/all
grep -v -e ^/usr/bin/docker$ -e /dnet$ -e /ovrouter$ /tmp/all >/tmp/docker-ce
echo /usr/bin/docker >/tmp/docker-ce-cli
{ of containerd; of runc; } | grep -v -e /ctr$ -e -stress$ >/tmp/containerd.io
rpm docker docker-ce "$(version docker.io)" 'Requires: docker-ce-cli, containerd.io, /bin/sh' <<'E2'
%post
getent group docker >/dev/null || groupadd --system docker
systemctl daemon-reload || :
%preun
[ "$1" != 0 ] || systemctl --now disable docker.service docker.socket || :
E2
rpm docker docker-ce-cli "$(version docker.io)" '' </dev/null
rpm docker containerd.io "$(version containerd)" 'Requires: /bin/sh' <<'E2'
%preun
[ "$1" != 0 ] || systemctl --now disable containerd.service || :
E2

# Which release this is. It provides what the others need of the base system, and the image has it installed.
: >/tmp/rocky-release
rpm rocky rocky-release 9.4 "$(printf 'Provides: %s\n' 'system-release = 9.4' 'system-release(releasever) = 9' /bin/sh)" </dev/null

for repository in rocky docker; do createrepo_c --quiet --simple-md-filenames /rpms/$repository; done
