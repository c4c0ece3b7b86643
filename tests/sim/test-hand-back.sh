# shellcheck shell=bash disable=SC2154 # $holder is of lib.sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What mdevctl and driverctl hold comes to carve and goes back. The tools are the packaged ones where they are
# installed; else what they do at boot is done by hand, by the formats of their files. Run by tests/sim/run, each
# function in a world of its own.
# hosts: lab

uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
other=83b8f4f2-509f-382f-3c1e-e6bfe0fa1002
mtty=/sys/devices/virtual/mtty/mtty
rng=0000:06:00.0
nic=0000:01:00.0
mdevs=/etc/mdevctl.d/mtty
overrides=/etc/driverctl.d
taken=/etc/carve/taken

prepare() {
	local folder
	# /etc is links to the real one's entries.
	for folder in /etc/mdevctl.d /etc/driverctl.d /etc/udev; do
		[[ ! -L $folder ]] || rm "$folder"
	done
	mkdir -p /etc/mdevctl.d/scripts.d/{callouts,notifiers} "$mdevs" "$overrides" /etc/udev/rules.d
	touch /etc/udev/rules.d/{60-mdevctl,05-driverctl}.rules
	services_start
	enroll mtty "$rng"
	policy_is <<- EOP
		version: 1
		devices:
		  uart: {match: {mdev-parent: mtty}, expect: 1}
		  random: {match: {address: "$rng"}, expect: 1}
		divide:
		  - {use: uart, as: mdev, on-demand: [mtty-2]}
		  - {use: random, as: passthrough}
		classes:
		  port: {from: uart}
		  random: {from: random}
	EOP
	apply /run/policy.yaml >/dev/null
}

# As mdevctl define --auto and start do.
define() { # UUID TYPE START [MORE]
	printf '{\n  "mdev_type": "%s",\n  "start": "%s",\n  "attrs": []%s\n}' "$2" "$3" "${4:-}" >"$mdevs/$1"
}

create() { # UUID TYPE
	echo "$1" >"$mtty/mdev_supported_types/$2/create"
}

# What the udev rules of both do when the devices appear.
tools_boot() {
	local file
	if command -v mdevctl >/dev/null; then
		mdevctl start-parent-mdevs mtty
	else
		for file in "$mdevs"/*; do
			! grep -qs '"start": "auto"' "$file" || create "${file##*/}" mtty-2
		done
	fi
	[[ -s $overrides/pci-$rng ]] || return 0
	if command -v driverctl >/dev/null; then
		# There are no modules to load here.
		sed 's,/sbin/modprobe,true,' "$(command -v driverctl)" >/run/driverctl
		bash /run/driverctl load-override "pci/$rng"
	else
		cat "$overrides/pci-$rng" >"/sys/bus/pci/devices/$rng/driver_override"
		echo "$rng" >"/sys/bus/pci/devices/$rng/driver/unbind"
		echo "$rng" >/sys/bus/pci/drivers_probe
	fi
}

there() { # UUID
	[[ -e /sys/bus/mdev/devices/$1 ]]
}

mdev_is() { # STATE [UUID]
	carve show "${2:-$uuid}" --json | grep -q "\"state\": \"$1\""
}

reboot() { # [COMMAND...]  what acts before carve
	carve-sim reboot
	"$@"
	services_start
}

test_adopt_from_mdevctl_sets_its_autostart_aside_and_hand_back_restores_it() {
	local before
	prepare
	define "$uuid" mtty-2 auto ',
  "of another version": {"x": [1, 2.50]}'
	before=$(sha256sum "$mdevs/$uuid")
	tools_boot
	wait_until 10 mdev_is foreign
	says "+  \"start\": \"manual\"," carve adopt --from mdevctl --plan
	says "would adopt mdev/sys:virtual/mtty/mtty/$uuid from mdevctl" carve adopt --from mdevctl --plan
	[[ $(sha256sum "$mdevs/$uuid") == "$before" && ! -e $taken ]]
	mdev_is foreign
	says 'doctor.manager' carve doctor --json

	says "adopted mdev/sys:virtual/mtty/mtty/$uuid from mdevctl" carve adopt --from mdevctl
	mdev_is ready
	grep -q '"start": "manual"' "$mdevs/$uuid"
	grep -q '"of another version"' "$mdevs/$uuid"
	[[ $(sha256sum <"$taken/mdevctl.d/mtty/$uuid") == "${before%% *}"* ]]
	# Again: there is nothing left to do.
	says "is carve's already" carve adopt --from mdevctl
	ends_with 0 carve adopt --from mdevctl
	# Only carve brings it back.
	carve-sim reboot
	tools_boot
	ends_with 1 there "$uuid"
	services_start
	wait_until 10 there "$uuid"
	mdev_is ready

	says "+  \"start\": \"auto\"," carve hand-back "$uuid" --to mdevctl --plan
	mdev_is ready
	says "handed back mdev/sys:virtual/mtty/mtty/$uuid to mdevctl" carve hand-back "$uuid" --to mdevctl
	[[ $(sha256sum "$mdevs/$uuid") == "$before" && ! -e $taken/mdevctl.d/mtty/$uuid ]]
	mdev_is foreign
	# Only mdevctl does.
	reboot true
	apply /run/policy.yaml >/dev/null
	ends_with 1 there "$uuid"
	tools_boot
	wait_until 10 mdev_is foreign
}

test_adopt_from_mdevctl_leaves_what_it_could_not_bring_back() {
	prepare
	define "$uuid" mtty-2 auto
	define "${uuid%1}3" mtty-1 auto
	define "${uuid%1}4" mtty-1 manual
	echo '{"mdev_type": "mtty-2", "start": "auto", "attrs": [{"baud": "9600"}]}' >"$mdevs/${uuid%1}5"
	echo '{"mdev_type": 2, "start": "auto"}' >"$mdevs/${uuid%1}6"
	printf '{"mdev_type": "mtty-2",\n "start" "auto"}' >"$mdevs/${uuid%1}7"
	echo x >"$mdevs/notes"
	mkdir -p /etc/mdevctl.d/0000:ff:00.0 /etc/mdevctl.d/0000:41:00.0
	cp "$mdevs/$uuid" "/etc/mdevctl.d/0000:ff:00.0/${uuid%1}8"
	cp "$mdevs/$uuid" "/etc/mdevctl.d/0000:41:00.0/${uuid%1}9"
	create "${uuid%1}3" mtty-1
	create "${uuid%1}4" mtty-2
	wait_until 10 mdev_is foreign "${uuid%1}4"
	find /etc/mdevctl.d -type f -exec sha256sum {} + | sort >/run/before
	says take-over.not-started carve adopt "$uuid" --from mdevctl --json
	says adopt.not-named carve adopt --from mdevctl "${uuid%1}3"
	says take-over.type carve adopt --from mdevctl "${uuid%1}4"
	says take-over.attributes carve adopt --from mdevctl "${uuid%1}5"
	says 'mdev_type must be the name of a type' carve adopt --from mdevctl "${uuid%1}6"
	says "$mdevs/${uuid%1}7:2:" carve adopt --from mdevctl "${uuid%1}7"
	says take-over.no-device carve adopt --from mdevctl "${uuid%1}8"
	says take-over.not-enrolled carve adopt --from mdevctl 0000:41:00.0
	says 'mdevctl has nothing for' carve adopt --from mdevctl 0000:0b:00.0
	says 'notes is nothing that mdevctl starts' carve adopt --from mdevctl
	ends_with 4 carve adopt --from mdevctl
	ln -s /etc/passwd "$mdevs/$other"
	says 'no plain file' carve adopt --from mdevctl "$other"
	rm "$mdevs/$other"
	find /etc/mdevctl.d -type f -exec sha256sum {} + | sort | cmp - /run/before
	[[ ! -e $taken ]]
}

test_adopt_from_mdevctl_of_a_guests_touches_nothing_and_makes_a_claim() {
	local before
	prepare
	define "$uuid" mtty-2 auto
	tools_boot
	wait_until 10 mdev_is foreign
	hold guest "$uuid"
	before=$(writes)
	says "as claim mdevctl-$uuid" carve adopt mtty --from mdevctl
	(($(writes) == before))
	mdev_is held
	# The guest goes on when it goes back, too.
	says "claim mdevctl-$uuid is over" carve hand-back mtty --to mdevctl
	(($(writes) == before))
	mdev_is foreign
	grep -q '"start": "auto"' "$mdevs/$uuid"
	let_go
}

test_hand_back_of_what_carve_made_defines_it() {
	local made
	prepare
	claim port tty >/dev/null
	made=$(address_of tty)
	says 'hand-back.tool' carve hand-back "$made" --to driverctl
	rm /etc/udev/rules.d/60-mdevctl.rules
	command -v mdevctl >/dev/null || says 'hand-back.not-installed' carve hand-back "$made" --to mdevctl
	touch /etc/udev/rules.d/60-mdevctl.rules
	ends_with 0 carve hand-back "$made" --to mdevctl,driverctl
	printf '{\n  "mdev_type": "mtty-2",\n  "start": "auto",\n  "attrs": []\n}' | cmp - "$mdevs/$made"
	! command -v mdevctl >/dev/null || says "$made mtty mtty-2 auto (active)" mdevctl list -d
	claim_is_over tty
	reboot tools_boot
	there "$made"
	wait_until 10 mdev_is foreign "$made"
	says 'hand-back.none' carve hand-back "$made" --to mdevctl
}

test_hand_back_after_others_wrote_there_asks_first() {
	prepare
	define "$uuid" mtty-2 auto
	tools_boot
	wait_until 10 mdev_is foreign
	carve adopt --from mdevctl
	define "$uuid" mtty-2 manual ', "mine": 1'
	says 'hand-back.edited' carve hand-back "$uuid" --to mdevctl
	mdev_is ready
	rm -r "$taken"
	define "$uuid" mtty-1 manual
	says 'hand-back.differs' carve hand-back "$uuid" --to mdevctl
	define "$uuid" mtty-2 manual ', "mine": 1'
	ends_with 0 carve hand-back "$uuid" --to mdevctl
	grep -q '"start": "auto"' "$mdevs/$uuid"
	grep -q '"mine": 1' "$mdevs/$uuid"
}

test_adopt_from_driverctl_and_back() {
	prepare
	echo vfio-pci >"$overrides/pci-$rng"
	echo nouveau >"$overrides/pci-0000:0b:00.0"
	echo vfio-pci >"$overrides/pci-$nic"
	echo x >"$overrides/usb-1-1"
	tools_boot
	[[ $(driver_of "$rng") == vfio-pci ]]
	says 'doctor.managed-twice' carve doctor --json
	says "$overrides/pci-$rng" carve doctor
	says 'take-over.driver' carve adopt --from driverctl 0000:0b:00.0
	says 'take-over.not-enrolled' carve adopt --from driverctl "$nic"
	enroll "$nic"
	says 'take-over.not-passed' carve adopt --from driverctl "$nic"
	says '+++ /dev/null' carve adopt "$rng" --from driverctl --plan
	ends_with 4 carve adopt --from driverctl
	[[ ! -e $overrides/pci-$rng && $(<"$taken/driverctl.d/pci-$rng") == vfio-pci ]]
	says "\"$rng\"" carve list --json
	[[ $(carve doctor --json) != *managed-twice* ]]
	reboot tools_boot
	[[ $(driver_of "$rng") == virtio-pci ]]
	claim random one >/dev/null
	[[ $(driver_of "$rng") == vfio-pci ]]
	says 'claim one is over' carve hand-back "$rng" --to driverctl
	[[ $(<"$overrides/pci-$rng") == vfio-pci && ! -e $taken/driverctl.d/pci-$rng ]]
	[[ $(driver_of "$rng") == vfio-pci ]]
	reboot tools_boot
	[[ $(driver_of "$rng") == vfio-pci ]]
	says 'claim.none-free' carve alloc random --for manual:test --json
}

test_adopt_from_driverctl_of_a_guests_makes_a_claim() {
	prepare
	echo vfio-pci >"$overrides/pci-$rng"
	tools_boot
	hold guest "$rng"
	wait_until 10 says "as claim driverctl-$rng" carve adopt --from driverctl
	says 'held' carve show "driverctl-$rng"
	says "held by pid $holder" carve release "driverctl-$rng"
	let_go
}

test_hand_back_without_names_gives_all_but_vfs() {
	prepare
	enroll "$nic"
	sed -i -e "/^devices:/a\\  nic: {match: {address: \"$nic\"}}" \
		-e '/^divide:/a\  - {use: nic, as: sriov, count: 2}' /run/policy.yaml
	apply /run/policy.yaml >/dev/null
	claim random one >/dev/null
	claim port two >/dev/null
	says "ATTR{sriov_numvfs}=\"2\"" carve hand-back --to mdevctl,driverctl --plan
	[[ $(carve list claims) == *one* && $(carve list claims) == *two* ]]
	says 'hand-back.vfs' carve hand-back --to mdevctl,driverctl --plan --json
	ends_with 4 carve hand-back --to mdevctl,driverctl
	[[ $(<"$overrides/pci-$rng") == vfio-pci ]]
	says 'no claims' carve list claims
	says 'sriov/' carve list slices
	[[ $(pci_attribute "$nic" sriov_numvfs) == 2 ]]
	# What comes from the policy again is told, and made only when it is applied.
	says 'hand-back.none' carve hand-back "$rng" --to driverctl
	apply /run/policy.yaml >/dev/null
	claim random one >/dev/null
}

test_hand_back_refuses_what_the_policy_makes_again() {
	prepare
	sed -i 's/on-demand: \[mtty-2\]/layout: {mtty-2: 1}/' /run/policy.yaml
	cat >>/run/policy.yaml <<- EOP
		reservations:
		  - {name: fixed, class: random, for: "manual:x"}
	EOP
	apply /run/policy.yaml >/dev/null
	says 'hand-back.wanted' carve hand-back "$(ls /sys/bus/mdev/devices)" --to mdevctl
	says 'hand-back.reserved' carve hand-back "$rng" --to driverctl
	create "$uuid" mtty-2
	wait_until 10 mdev_is foreign
	carve adopt "$uuid" >/dev/null
	sed -i '/^version/a drift: adopt' /run/policy.yaml
	apply /run/policy.yaml >/dev/null
	says 'hand-back.adopts' carve hand-back "$uuid" --to mdevctl
	ends_with 0 carve hand-back mtty --to mdevctl
	[[ $(find "$mdevs" -type f | wc -l) == 2 ]]
}

# A crash of the command between what it writes and what it asks for leaves both knowing of it; carved has it.
test_hand_back_that_carved_does_not_hear_of_changes_no_file() {
	local made
	prepare
	claim port tty >/dev/null
	made=$(address_of tty)
	# Under way: refused before anything is written.
	hold guest "$made"
	carve release tty || true
	says 'hand-back.busy' carve hand-back "$made" --to mdevctl
	[[ ! -e $mdevs/$made ]]
	let_go
	wait_until 10 claim_is_over tty
	claim port tty >/dev/null
	made=$(address_of tty)
	# The file is there already, as after a crash: the next run goes on.
	define "$made" mtty-2 auto
	says 'doctor.managed-twice' carve doctor --json
	ends_with 0 carve hand-back "$made" --to mdevctl
	mdev_is foreign "$made"
}

# A socket as carved's, which hangs up instead of passing on the answer to a request with these words.
loses_answer() { # WORDS
	python3 -c '
import socket, sys

def message(s):
    m = b""
    while not m.endswith(b"\0"):
        more = s.recv(65536)
        if not more:
            sys.exit()
        m += more
    return m

here, there = socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)
there.connect("/run/carve/io.carve")
here.bind("/run/loses")
here.listen()
client, _ = here.accept()
while True:
    asked = message(client)
    there.sendall(asked)
    answer = message(there)
    if sys.argv[1].encode() in asked:
        sys.exit()
    client.sendall(answer)
' "$1" &
	wait_until 30 test -S /run/loses
}

test_hand_back_whose_answer_is_lost_leaves_it_with_its_tool() {
	prepare
	define "$uuid" mtty-2 auto
	tools_boot
	wait_until 10 mdev_is foreign
	carve adopt --from mdevctl
	loses_answer '"plan":false'
	says 'may be done or not' carve hand-back "$uuid" --to mdevctl --socket /run/loses
	mdev_is foreign
	grep -q '"start": "auto"' "$mdevs/$uuid"
}
