#!/bin/sh
# Makes a Debian into what a program takes for a Rocky Linux 9. Run once, by the build of the image.
set -eu
cat >/usr/lib/os-release <<'END'
NAME="Rocky Linux"
VERSION="9.4 (Blue Onyx)"
ID="rocky"
ID_LIKE="rhel centos fedora"
VERSION_ID="9.4"
PLATFORM_ID="platform:el9"
PRETTY_NAME="Rocky Linux 9.4 (Blue Onyx)"
CPE_NAME="cpe:/o:rocky:rocky:9::baseos"
END
echo 'Rocky Linux release 9.4 (Blue Onyx)' >/etc/rocky-release
ln -s rocky-release /etc/redhat-release
ln -s rocky-release /etc/system-release

mkdir -p /etc/rpm /etc/pki/rpm-gpg /etc/selinux /etc/sysconfig /etc/yum.repos.d
echo '%_dbpath /var/lib/rpm' >/etc/rpm/macros
cp /srv/rpms/keys/rocky /etc/pki/rpm-gpg/RPM-GPG-KEY-Rocky-9
cat >/etc/dnf/dnf.conf <<'END'
[main]
gpgcheck=1
installonly_limit=3
clean_requirements_on_remove=True
best=True
skip_if_unavailable=False
END
mkdir -p /etc/dnf/protected.d /etc/dnf/vars
echo rocky-release >/etc/dnf/protected.d/rocky-release.conf
ln -s dnf/dnf.conf /etc/yum.conf
ln -s dnf /usr/bin/yum
printf 'SELINUX=enforcing\nSELINUXTYPE=targeted\n' >/etc/selinux/config
ln -s ../selinux/config /etc/sysconfig/selinux

# sh is bash there, root's name for administrators wheel, and sudo knows no /usr/local.
ln -sf bash /bin/sh
groupadd --system wheel
usermod --append --groups wheel ops
cat >/etc/sudoers <<'END'
Defaults   !visiblepw
Defaults   always_set_home
Defaults   env_reset
Defaults   env_keep = "COLORS DISPLAY HOSTNAME HISTSIZE KDEDIR LS_COLORS"
Defaults   secure_path = /sbin:/bin:/usr/sbin:/usr/bin
root ALL=(ALL) ALL
%wheel ALL=(ALL) ALL
#includedir /etc/sudoers.d
END

# python3 is older there than what mesosctl needs; what the system's own programs run on is elsewhere.
mv /usr/bin/python3.11 /usr/libexec/platform-python
rm /usr/bin/python3
cat >/usr/bin/python3 <<'END'
#!/bin/sh
case ${1-} in -V | --version) echo Python 3.9.18; exit ;; esac
exec /usr/libexec/platform-python "$@"
END
chmod 0755 /usr/bin/python3

rpm --install --nosignature /srv/rpms/rocky/rocky-release.rpm

rm -rf /usr/bin/apt* /usr/bin/dpkg* /usr/lib/apt /etc/apt /etc/debian_version
