# shellcheck shell=bash disable=SC2154 # $lab_dir and $lab_run are the host side's
# SPDX-License-Identifier: GPL-2.0-or-later
# The simulator against a kernel: what ../scenarios say is done in the guest and on a simulated
# machine with the same devices (sim/hosts/lab.yaml), and what came of it is compared, line by line.
# topology: truth
# runs: host
# limit: 900

truth_top=$(cd "$lab_dir/../.." && pwd)
truth_o=${BUILD:-build/lab/sim}
truth_build=$truth_top/$truth_o

# Every other scenario, the others with another CARVE_SEED; all with CARVE_FULL=1. Both machines change seldom.
suite_tests() { # NAME
	echo "# CARVE_SEED=${CARVE_SEED:-1}" >&2
	sed -n 's/^\(test_[a-zA-Z0-9_]*\)().*/\1/p' "$lab_dir/suites/$1.sh" |
		awk -v full="${CARVE_FULL:-0}" -v seed="${CARVE_SEED:-1}" \
			'!/_agrees$/ || full == 1 || n++ % 2 == seed % 2'
}

# As long as nothing happens in the guest, all events have come; it is slow. Nothing here starts carve.
in_kernel() { # SCENARIO
	cp -r "$lab_dir/scenarios" "$lab_run/share/"
	guest_run "truth-$1" 300 <<- EOF
		. /opt/lab/lib.sh
		{ reset_devices && modprobe -a igbvf vfio-pci mtty && udevadm settle; } > /dev/null 2>&1 || exit
		PROBE_QUIET_MS=800 PROBE_HOLD=/share/scenarios/hold-lab \
			/opt/lab/probe "/share/scenarios/$1.txt" 2> /dev/null
	EOF
}

simulated() { # COMMAND...
	PATH=$truth_build:$PATH PROBE_QUIET_MS=150 PROBE_HOLD=$lab_dir/scenarios/hold-sim \
		timeout -k 2 300 carve-sim run --host "$truth_top/sim/hosts/lab.yaml" -- "$@"
}

is_known_missing() { # PATH
	local pattern reason
	while read -r pattern reason; do
		# shellcheck disable=SC2053 # it is a pattern
		[[ -z $reason || $pattern == '#' || $1 != $pattern ]] || return 0
	done < "$lab_dir/scenarios/known-missing"
	return 1
}

# Standard input without the names of "modes" that only kernels have
without_known_missing() {
	local line dir=
	while IFS= read -r line; do
		if [[ $line == 'modes '* ]]; then
			dir=${line#modes }
			dir=${dir% = *}
		elif [[ $line =~ ^'  '([^ ]+)' '[dl-][0-7]{4}$ ]] &&
			is_known_missing "$dir/${BASH_REMATCH[1]}"; then
			continue
		fi
		printf '%s\n' "$line"
	done
}

# The kernel's lines have a "-", those of the simulator a "+"; what is tried is in the lines around.
agree() { # SCENARIO
	mkdir -p "$lab_run/truth"
	in_kernel "$1" > "$lab_run/truth/kernel"
	simulated "$truth_build/tests/lab/tools/probe" "$lab_dir/scenarios/$1.txt" \
		> "$lab_run/truth/simulator"
	grep -q '^end$' "$lab_run/truth/kernel"
	without_known_missing < "$lab_run/truth/kernel" |
		diff -U2 --label kernel --label simulator - "$lab_run/truth/simulator"
}

test_simulator_is_built() {
	make -C "$truth_top" -s -j2 O="$truth_o" CC=gcc WERROR=-Werror "$truth_o"/carve-sim \
		"$truth_o"/libcarve-sim.so "$truth_o"/tests/lab/tools/probe
}

test_every_scenario_is_compared() {
	local file name
	for file in "$lab_dir"/scenarios/*.txt; do
		name=$(basename "$file" .txt)
		grep -q "^	agree $name\$" "$lab_dir/suites/truth.sh" || { echo "no test: $name"; exit 1; }
	done
}

test_lspci_says_the_same() {
	guest_run lspci 60 <<< 'lspci -Dnmm' |
		diff -U0 --label kernel --label simulator - <(simulated lspci -Dnmm)
}

test_functions_agrees() {
	agree functions
}

test_groups_agrees() {
	agree groups
}

test_attributes_agrees() {
	agree attributes
}

test_reset_agrees() {
	agree reset
}

test_numvfs_igb_agrees() {
	agree numvfs-igb
}

test_numvfs_nvme_agrees() {
	agree numvfs-nvme
}

test_autoprobe_off_agrees() {
	agree autoprobe-off
}

test_autoprobe_on_agrees() {
	agree autoprobe-on
}

test_nvme_vfs_agrees() {
	agree nvme-vfs
}

test_drivers_probe_agrees() {
	agree drivers-probe
}

test_bind_unbind_agrees() {
	agree bind-unbind
}

test_override_agrees() {
	agree override
}

test_new_id_agrees() {
	agree new-id
}

test_pf_unbind_igb_agrees() {
	agree pf-unbind-igb
}

test_pf_unbind_nvme_agrees() {
	agree pf-unbind-nvme
}

test_vfio_pf_agrees() {
	agree vfio-pf
}

test_vfio_bridge_agrees() {
	agree vfio-bridge
}

test_vfio_group_agrees() {
	agree vfio-group
}

test_msix_count_agrees() {
	agree msix-count
}

test_remove_rescan_agrees() {
	agree remove-rescan
}

test_mdev_agrees() {
	agree mdev
}

test_mdev_pool_agrees() {
	agree mdev-pool
}

test_modes_agrees() {
	agree modes
}

test_hold_unbind_agrees() {
	agree hold-unbind
}

test_hold_numvfs_agrees() {
	agree hold-numvfs
}

test_hold_mdev_agrees() {
	agree hold-mdev
}

test_hold_group_agrees() {
	agree hold-group
}

test_hold_pf_unbind_agrees() {
	agree hold-pf-unbind
}
