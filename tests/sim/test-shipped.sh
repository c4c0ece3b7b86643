# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The policies that come with carve, each on the described host that it names in its second line ("# for: HOST"):
# it holds there, or what does not is only what this version plans and does not make.

# One world for each; run by tests/sim/run, out of a world.
test_shipped_policies_hold_or_are_planned() {
	local file host said wrong=0
	said=$(mktemp)
	for file in policies/*.yaml; do
		host=$(sed -n '2s/^# for: //p' "$file")
		[[ -n $host ]] || continue
		"$BUILD/carve-sim" check "$file" --host "$host" >"$said" 2>&1 || true
		if ! shipped_is_well "$file" "$said"; then
			echo "$file on $host:"
			cat "$said"
			wrong=1
		fi
	done
	rm -f "$said"
	((wrong == 0))
}

# Made, or of a kind that is planned: and then nothing else is wrong.
shipped_is_well() { # FILE OUTPUT
	if grep -qE 'as: partition' "$1"; then
		grep -q 'mech.not-built' "$2" && ! grep -oE '\[[a-z.-]+\]$' "$2" | grep -qv 'mech.not-built'
	else
		grep -qx 'the host is as the policy says' "$2"
	fi
}

# What carve-sim check says of a policy is also what the map of it looks like; names are those of each pci.ids.
shipped_map() { # FILE HOST
	LC_ALL=C "$BUILD/carve-sim" check "$1" --host "$2" 2>/dev/null |
		sed -n '/^\$ carve map /,/^\$ carve apply /{/^\$/!{s/^\([^ ]*\)  .*  \(.* of .*\)$/\1  \2/;p}}'
}

# CARVE_GOLDEN_UPDATE=1 writes them anew: look at the difference.
test_shipped_policies_look_as_their_pictures() {
	local file host golden wrong=0
	for file in policies/*.yaml; do
		host=$(sed -n '2s/^# for: //p' "$file")
		[[ -n $host ]] || continue
		golden=tests/golden/map/shipped-$(basename "$file" .yaml).txt
		if [[ ${CARVE_GOLDEN_UPDATE:-0} = 1 ]]; then shipped_map "$file" "$host" >"$golden"; fi
		[[ -s $golden ]] && diff -u "$golden" <(shipped_map "$file" "$host") || wrong=1
	done
	((wrong == 0))
}
