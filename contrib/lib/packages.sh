# packages.sh - sourced by contrib/run and contrib/check: installs Debian
# packages that are missing, and nothing when none is.
#
# No service is started by an installation (a chroot has no init, and a
# machine's port 25 is not ours to take), and a Postfix that was not there
# before is left unconfigured: the test bed brings its own configuration.

build_packages="autoconf automake gcc libc6-dev libc-ares-dev libcbor-dev libconfuse-dev
libcurl4-openssl-dev libidn2-dev libjansson-dev liblmdb-dev libmicrohttpd-dev
libmilter-dev libopendkim-dev libpsl-dev libspf2-dev libssl-dev libsystemd-dev
libunistring-dev make pkg-config"
run_packages="openssl postfix python3 python3-dkim python3-nacl tzdata"
test_packages="faketime man-db mandoc opendkim opendkim-tools python3-pytest
python3-spf python3-yaml systemd-journal-remote"
full_packages="chromium chromium-driver clang python3-selenium xz-utils"

missing_packages() {
	for package in "$@"; do
		state=$(dpkg-query -W -f='${db:Status-Status}' "$package" \
			2>/dev/null) || state=
		[ "$state" = installed ] || echo "$package"
	done
}

# Runs apt-get with its output in $apt_log and a line now and then.
apt_quietly() {
	apt-get -y -q -o DPkg::Lock::Timeout=300 "$@" </dev/null \
		>>"$apt_log" 2>&1 &
	apt_pid=$!
	waited=0
	while kill -0 "$apt_pid" 2>/dev/null; do
		sleep 1
		waited=$((waited + 1))
		[ $((waited % 10)) -ne 0 ] || printf \
			'  ... %s fetched, %s unpacked, %s set up\n' \
			"$(grep -c '^Get:' "$apt_log")" \
			"$(grep -c '^Unpacking' "$apt_log")" \
			"$(grep -c '^Setting up' "$apt_log")"
	done
	if ! wait "$apt_pid"; then
		tail -n 20 "$apt_log" >&2
		echo "apt-get $1 failed" >&2
		return 1
	fi
}

install_missing() (
	export DEBIAN_FRONTEND=noninteractive LC_ALL=C
	apt_log=$(mktemp)
	guard=/usr/sbin/policy-rc.d
	trap 'rm -f "$apt_log"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	if [ ! -e "$guard" ]; then
		trap 'rm -f "$apt_log" "$guard"' EXIT
		printf '#!/bin/sh\nexit 101\n' >"$guard"
		chmod 755 "$guard"
	fi
	case " $* " in *" postfix "*)
		echo "postfix postfix/main_mailer_type select No configuration" |
			debconf-set-selections ;;
	esac
	apt_quietly update || return 1
	apt_quietly install --no-install-recommends "$@"
)

need_packages() {
	missing=$(missing_packages "$@")
	[ -n "$missing" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "These packages are missing, and only root can install them:" >&2
		echo $missing >&2
		return 1
	fi
	set -- $missing
	echo "Installing $# missing packages:"
	echo "$*" | fold -s -w 90 | sed "s/^/  /"
	install_missing "$@"
}
