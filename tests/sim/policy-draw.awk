# SPDX-License-Identifier: GPL-2.0-or-later
#
# Another policy for the same devices as a policy of tests/sim/policies has, drawn from a seed: a device may
# be left out or be divided in another way, with other counts; with and without reservations.
#
#   awk -v seed=N -v types="PARENT TYPE..." -v stay="ADDRESS..." -f tests/sim/policy-draw.awk POLICY
#
# types is what a parent of mdevs has, "/" between parents. stay: functions that stay with who
# had them first; they are not reserved. What comes of it is well-formed, but the host may refuse it. The numbers are the same ones with every awk.

# Park and Miller's generator: products stay below 2^53.
function draw(n) {
	state = (state * 48271) % 2147483647
	return int(state / 2147483647 * n)
}

function member(line, key,    at) {
	if (!match(line, "[{ ]" key ": "))
		return ""
	at = substr(line, RSTART + RLENGTH)
	if (at ~ /^[{]/)
		return substr(at, 1, index(at, "}"))
	return substr(at, 1, match(at, /[,}]/) - 1)
}

# While there are mdevs of a parent, what one of another type takes is estimated, and a layout that fills it may be
# refused: of parents with many types none is made ahead or reserved.
function divide_mdev(name,    n, type, i, text, chosen, warm) {
	n = split(parents[draw_parent(name)], type, " ")
	chosen = draw(2)
	for (i = 2; i <= n; i++)
		if (draw(2) || (i == n && text == "")) {
			text = text (text == "" ? "" : ", ") type[i] (chosen ? "" : ": " 1 + draw(2))
			kind[name] = type[i]
			warm = draw(2) && n <= 3 ? ", warm: {" type[i] ": " 1 + draw(2) "}" : ""
		}
	return chosen ? "on-demand: [" text "]" warm : "layout: {" text "}"
}

function draw_parent(name,    i, words) {
	for (i = 1; i <= n_parents; i++) {
		split(parents[i], words, " ")
		if (index(devices[name], words[1]))
			return i
	}
}

# The same types, another number of each.
function divide_gpu(layout,    n, type, i, text) {
	n = split(substr(layout, 2, length(layout) - 2), type, ", ")
	for (i = 1; i <= n; i++) {
		sub(/: .*/, "", type[i])
		text = text (i > 1 ? ", " : "") type[i] ": " 1 + draw(2)
	}
	return "layout: {" text "}"
}

function divide(line,    name, text, count, all, words) {
	name = member(line, "use")
	if (draw(4) == 0)
		return
	how[name] = member(line, "as")
	if (how[name] == "sriov" && draw(4) == 0)
		how[name] = "passthrough"
	if (how[name] == "passthrough")
		text = "as: passthrough" (draw(2) ? ", bind: early" : "")
	if (how[name] == "mdev") {
		text = "as: mdev, " divide_mdev(name)
		how[name] = "mdev-" kind[name]
		if (split(parents[draw_parent(name)], words, " ") > 3)
			estimated[name] = 1
	}
	if (how[name] == "mig" || how[name] == "time-slice" || how[name] == "vgpu")
		text = "as: " how[name] ", " divide_gpu(member(line, "layout"))
	if (how[name] == "sriov") {
		count = member(line, "count")
		# A driver that makes all or none.
		if (count < 16)
			count = 1 + draw(count + 2)
		all = draw(2) ? member(line, "vf") : ""
		text = "as: sriov, count: " count (all == "" ? "" : ", vf: " all)
		if (all != "")
			how[name] = "sriov-vf"
	}
	if (how[name] != "passthrough" && draw(4) == 0)
		text = text ", one-tenant-per-device: true"
	entries = entries "  - {use: " name ", " text "}\n"
}

function class(line,    name, from, set) {
	name = line
	sub(/^ */, "", name)
	sub(/:.*/, "", name)
	from = member(line, "from")
	if (!(from in how))
		return
	from_of[name] = from
	set = member(line, "may-set")
	singles[++n_singles] = name
	classes = classes "  " name ": {from: " from \
		(set != "" && how[from] ~ /^sriov/ ? ", may-set: " set : "") \
		(how[from] ~ /^mdev/ ? ", profiles: [" kind[from] "]" : "") "}\n"
}

function stays(name,    i, n, address) {
	n = split(stay, address, " ")
	for (i = 1; i <= n; i++)
		if (index(devices[name], address[i]))
			return 1
	return 0
}

# Only what the host's own policy reserves: others may have slices that no next one can get.
function reservable(of) {
	return of in is_reserved && of in from_of && !(from_of[of] in estimated) && !stays(from_of[of])
}

# One that is in the way of another one of its name would be refused, and one that goes on keeps the settings it had:
# with other settings it is another one.
function reservation(line,    name, of, set) {
	of = member(line, "class")
	is_reserved[of] = 1
	name = member(line, "name")
	gsub(/"/, "", name)
	if (!reservable(of) || draw(3) == 0)
		return
	set = member(line, "set")
	if (set != "" && (how[from_of[of]] !~ /^sriov/ || draw(2)))
		set = ""
	reservations = reservations "  - {name: " name "-" how[from_of[of]] (set == "" ? "" : "-set") \
		", class: " of ", for: " member(line, "for") (set == "" ? "" : ", set: " set) "}\n"
}

# One of each of two classes, all or none.
function whole(    a, b) {
	if (n_singles < 2 || draw(2))
		return
	a = 1 + draw(n_singles)
	b = 1 + (a + draw(n_singles - 1)) % n_singles
	classes = classes "  whole: {parts: {" singles[a] ": 1, " singles[b] ": 1}}\n"
	if (reservable(singles[a]) && reservable(singles[b]) && draw(2))
		reservations = reservations "  - {name: all-" how[from_of[singles[a]]] "-" singles[a] "-" \
			how[from_of[singles[b]]] "-" singles[b] ", class: whole, for: \"manual:all\"}\n"
}

function section_text(name, text) {
	return text == "" ? "" : name ":\n" text
}

BEGIN {
	state = seed % 2147483646 + 1
	for (i = 0; i < 8; i++)
		draw(1)
	n_parents = split(types, parents, " / ")
}
/^#/ || /^$/ { next }
/^[a-z]/ { section = $1 }
section == "devices:" {
	name = $1
	sub(/:$/, "", name)
	devices[name] = $0
}
section == "divide:" { if (/use:/) divide($0); next }
section == "classes:" { if (/from:/) class($0); next }
section == "reservations:" { if (/name:/) reservation($0); next }
{ print }
END {
	whole()
	printf "%s", section_text("divide", entries) section_text("classes", classes) \
		section_text("reservations", reservations)
	print "drift: " (draw(2) ? "repair" : "report")
	print "on-remove: " (draw(2) ? "destroy" : "keep")
}
