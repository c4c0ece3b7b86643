# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where this machine takes Debian from. The lab names no server of its own: whatever the machine's
# apt uses (a mirror, a cache, a snapshot) serves the guest's packages too.

# The archive as apt understood it: needs package lists, so it is asked first but may be silent.
archive_uri_from_apt() {
	apt-get indextargets --format '$(REPO_URI) $(ORIGIN)/$(LABEL) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
		awk '$2 == "Debian/Debian" && $3 == "main" { print $1; exit }'
}

# The same from the files, for a machine that never ran `apt-get update`: one-line and deb822.
archive_uri_from_files() {
	local codename file files=()
	for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		[ ! -s "$file" ] || files+=("$file")
	done
	[ ${#files[@]} -gt 0 ] || return 0
	codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
	awk -v suite="$codename" '
		/^[ \t]*#/ { next }
		FILENAME ~ /\.list$/ && $1 == "deb" {
			line = $0
			sub(/^[ \t]*deb[ \t]+(\[[^]]*\][ \t]*)?/, "", line)
			n = split(line, word, /[ \t]+/)
			if (n >= 3 && word[2] == suite) { print word[1]; exit }
		}
		FILENAME ~ /\.sources$/ && /^URIs:/ { uri = $2 }
		FILENAME ~ /\.sources$/ && /^Suites:/ {
			found = 0
			for (i = 2; i <= NF; i++) if ($i == suite) found = 1
		}
		FILENAME ~ /\.sources$/ && (/^$/ || FNR == 1) && !/^URIs:/ && !/^Suites:/ { uri = ""; found = 0 }
		uri != "" && found { print uri; exit }
	' "${files[@]}"
}

archive_uri() {
	local uri
	uri=$(archive_uri_from_apt)
	[ -n "$uri" ] || uri=$(archive_uri_from_files)
	[ -n "$uri" ] || { echo "lab: no Debian archive in this machine's apt sources" >&2; return 1; }
	echo "$uri"
}

archive_keyring() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e "$keyring" ] || { echo "lab: no $keyring (package debian-archive-keyring)" >&2; return 1; }
	echo "$keyring"
}
