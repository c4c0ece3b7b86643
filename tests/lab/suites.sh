# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# `scripts/lab test`: which suites, on which guests, and the count. Sourced by scripts/lab.
# A boot costs more than most suites, so suites with one topology share a guest; a guest that got
# lost (a stuck kernel, a time limit) is replaced, and the rest go on.
# shellcheck disable=SC2154 # lab_build and top are of scripts/lab

suite_header() { # FILE WORD: the value of "# WORD: value" at the head of a suite
	sed -n "1,12s/^# $2: *//p" "$1"
}

# suite_list [NAME...]: "topology runs limit name", one topology's suites together
suite_list() {
	local file name
	for file in "$lab_dir"/suites/*.sh; do
		name=$(basename "$file" .sh)
		[ $# -eq 0 ] || [[ " $* " == *" $name "* ]] || continue
		printf '%s %s %s %s\n' "$(suite_header "$file" topology)" "$(suite_header "$file" runs)" \
			"$(suite_header "$file" limit)" "$name"
	done | sort -s -k1,2
}

suites_check() {
	local name topology runs limit
	for name; do
		[ -e "$lab_dir/suites/$name.sh" ] || lab_die "no suite $name"
	done
	suite_list "$@" | while read -r topology runs limit name; do
		[ -n "$name" ] || lab_die "a suite lacks one of the lines topology, runs, limit: $topology $runs $limit"
		[ "$runs" = guest ] || [ "$runs" = host ] || lab_die "suite $name runs neither on guest nor host"
	done
}

# A guest for TOPOLOGY, the one that runs if it will do
suite_guest() {
	if [ -n "${lab_run:-}" ]; then
		guest_alive && [ "$(cat "$lab_run/topology")" = "$1" ] && return 0
		guest_remove
	fi
	guest_new "$1"
	guest_boot
}

suite_run_in_guest() { # NAME LIMIT
	guest_run "$1" "$2" <<< "/opt/lab/suite $1"
}

# Those of a suite in the order they are written; a suite that has many may have another list.
suite_tests() { # NAME
	sed -n 's/^\(test_[a-zA-Z0-9_]*\)().*/\1/p' "$lab_dir/suites/$1.sh"
}

# On the host a suite drives the guest itself: boots it, cuts its power. Same shape, same output.
suite_run_on_host() { # NAME LIMIT
	(
		# shellcheck disable=SC1090 # the suite
		. "$lab_dir/suites/$1.sh"
		failed=0
		while read -r name; do
			status=0
			start=$SECONDS
			bash -c '
				set -Eeuo pipefail
				trap '\''echo "line $LINENO: $BASH_COMMAND: exit $?" >&2'\'' ERR
				. "$lab_dir/lib.sh"; . "$1"; "$2"
			' "$name" "$lab_dir/suites/$1.sh" "$name" > "$lab_run/test.log" 2>&1 < /dev/null || status=$?
			if [ "$status" = 0 ]; then
				echo "ok $name"
			else
				echo "not ok $name - $(grep -v '^lab: ' "$lab_run/test.log" | tail -n 1)"
				sed 's/^/    | /' "$lab_run/test.log"
				failed=1
			fi
			[ $((SECONDS - start)) -lt 10 ] || echo "# $name took $((SECONDS - start)) s"
		done < <(suite_tests "$1")
		exit "$failed"
	)
}

suite_run() { # NAME RUNS LIMIT LOG
	local status=0
	if [ "$2" = host ]; then
		export lab_dir lab_world lab_run
		suite_run_on_host "$1" "$3" | tee "$4" || status=$?
	else
		suite_run_in_guest "$1" "$3" | tee "$4" || status=$?
	fi
	return "$status"
}

suite_failed() { # NAME STATUS LOG
	local dir=$lab_build/failed/$1
	case $2 in
	124 | 137) echo "not ok ${1}_suite - ran out of time" | tee -a "$3" ;;
	125) echo "not ok ${1}_suite - the guest is gone or stuck" | tee -a "$3" ;;
	esac
	guest_save_logs "$dir"
	echo "# journal, dmesg and console are in ${dir#"$top"/}; the end of the journal and of the console:"
	tail -n 15 "$dir/journal" | sed 's/^/    | /'
	tail -n 10 "$dir/console" | sed 's/^/    | /'
}

suites_run() { # [NAME...]
	local topology runs limit name log status start passed failed
	log=$(mktemp)
	: > "$log.all"
	suites_check "$@"
	rm -rf "$lab_build/failed"
	trap '[ -z "${lab_run:-}" ] || guest_remove' EXIT
	while read -r topology runs limit name <&4; do
		start=$SECONDS
		echo "# suite $name (topology $topology)"
		status=0
		if suite_guest "$topology"; then
			suite_run "$name" "$runs" "$limit" "$log" || status=$?
			[ "$status" = 0 ] || suite_failed "$name" "$status" "$log"
			[ "$status" -lt 2 ] || guest_power_cut
		else
			echo "not ok ${name}_suite - no guest" | tee "$log"
		fi
		cat "$log" >> "$log.all"
		echo "# suite $name: $((SECONDS - start)) s"
	done 4< <(suite_list "$@")
	passed=$(grep -c '^ok ' "$log.all" || true)
	failed=$(grep -c '^not ok ' "$log.all" || true)
	rm -f "$log" "$log.all"
	[ "$((passed + failed))" -gt 0 ] || lab_die "no test ran"
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ]
}
