# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of carve(1) for fish.

function __carve_names
    carve list $argv 2>/dev/null | awk 'NR > 1 && $1 !~ /\.\./ && !seen[$1]++ { print $1 }'
end

function __carve_versions
    carve policy history 2>/dev/null | awk 'NR > 1 { print $1 }'
end

set -l commands list map fit show init doctor preflight enroll unenroll plan apply rollback alloc release handle defrag holders drain reclaim quarantine adopt disown hand-back events policy integrate version

complete -c carve -f
complete -c carve -l json -d 'Print the answer as JSON'
complete -c carve -l socket -r -F -d 'Socket of carved (or set CARVE_SOCKET)'
complete -c carve -l help -s h -d 'Print this help'
complete -c carve -l version -s V -d 'Print versions'

complete -c carve -n "not __fish_seen_subcommand_from $commands" -a list -d 'List devices, slices, classes, claims or tenants'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a map -d 'Draw how devices are divided'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a fit -d 'Count what still fits'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a show -d 'Show one device, slice or claim'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a init -d 'Propose what to enroll and a first policy'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a doctor -d 'Look for what keeps slices from working'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a preflight -d 'Say what another kernel or driver would break'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a enroll -d 'Put a device under carve (root)'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a unenroll -d 'Take a device from carve (root)'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a plan -d 'Show the steps that apply would take'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a apply -d 'Make the host as a policy says'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a rollback -d 'Apply the policy that was applied before'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a alloc -d 'Claim a slice of a class'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a release -d 'Give a claim\'s slice back'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a handle -d 'Print how to use a claim\'s slice'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a defrag -d 'Propose moves that make room'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a holders -d 'Show who uses a device'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a drain -d 'Give nothing more of a device to claims'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a reclaim -d 'Try again what could not be reclaimed'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a quarantine -d 'What is kept out of use'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a adopt -d 'Take over what others made on a device'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a disown -d 'Forget a free slice, and leave it there'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a hand-back -d 'Give slices to mdevctl and driverctl (root)'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a events -d 'Show what happened'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a policy -d 'Check a policy file, show applied ones, print the schema'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a integrate -d 'Bind devices early at boot'
complete -c carve -n "not __fish_seen_subcommand_from $commands" -a version -d 'Print the versions of carve and carved'

complete -c carve -n "__fish_seen_subcommand_from list" -a "slices classes claims tenants"
complete -c carve -n "__fish_seen_subcommand_from list" -l all -s a -d 'Also bridges, VFs and system functions'
complete -c carve -n "__fish_seen_subcommand_from list" -l free -d 'Of slices: those to be had, and what could be made'
complete -c carve -n "__fish_seen_subcommand_from map" -a "(__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from map" -l policy -r -F -d 'As this policy would have it'
complete -c carve -n "__fish_seen_subcommand_from map" -l svg -r -F -d 'Write it as SVG'
complete -c carve -n "__fish_seen_subcommand_from map" -l color -x -a "auto always never" -d 'When to use colours'
complete -c carve -n "__fish_seen_subcommand_from fit" -a "(__carve_names classes)"
complete -c carve -n "__fish_seen_subcommand_from fit" -l tenant -x -a "(__carve_names tenants)" -d 'What this tenant could have, by its quotas too'
complete -c carve -n "__fish_seen_subcommand_from show" -a "(__carve_names claims) (__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from init" -l write -d 'Write the files; existing ones stay as they are'
complete -c carve -n "__fish_seen_subcommand_from init" -l root -x -a "(__fish_complete_directories)" -d 'Take DIR for the root of the files'
complete -c carve -n "__fish_seen_subcommand_from preflight" -l kernel -x -a "(path basename /lib/modules/*)" -d 'Kernel that is to run'
complete -c carve -n "__fish_seen_subcommand_from preflight" -l driver -x -d 'NVIDIA\'s driver that is to run'
complete -c carve -n "__fish_seen_subcommand_from enroll" -a "(__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from enroll" -l label -x -d 'A label that policies may match'
complete -c carve -n "__fish_seen_subcommand_from enroll" -l service -d 'A systemd unit that may be stopped'
complete -c carve -n "__fish_seen_subcommand_from enroll" -l root -x -a "(__fish_complete_directories)" -d 'Take DIR for the root of the files'
complete -c carve -n "__fish_seen_subcommand_from unenroll" -a "(__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from unenroll" -l service -d 'A systemd unit that may be stopped'
complete -c carve -n "__fish_seen_subcommand_from unenroll" -l root -x -a "(__fish_complete_directories)" -d 'Take DIR for the root of the files'
complete -c carve -n "__fish_seen_subcommand_from plan" -F
complete -c carve -n "__fish_seen_subcommand_from plan" -l only -x -a "(__carve_names)" -d 'Only this device'
complete -c carve -n "__fish_seen_subcommand_from plan" -l save -r -F -d 'Write the plan into a file, for apply --plan'
complete -c carve -n "__fish_seen_subcommand_from plan" -l map -d 'Draw what changes, before and after'
complete -c carve -n "__fish_seen_subcommand_from apply" -F
complete -c carve -n "__fish_seen_subcommand_from apply" -l plan -r -F -d 'What plan --save wrote, and nothing else'
complete -c carve -n "__fish_seen_subcommand_from apply" -l only -x -a "(__carve_names)" -d 'Only this device'
complete -c carve -n "__fish_seen_subcommand_from apply" -l restore -d 'Make what the last applied policy still lacks'
complete -c carve -n "__fish_seen_subcommand_from apply" -l wait -s w -d 'Wait until it is done, as it does anyway'
complete -c carve -n "__fish_seen_subcommand_from apply" -l deadline -x -d 'Give up waiting after so long'
complete -c carve -n "__fish_seen_subcommand_from rollback" -l to -x -a "(__carve_versions)" -d 'That one, of carve policy history'
complete -c carve -n "__fish_seen_subcommand_from rollback" -l plan -d 'Only show the steps it would take'
complete -c carve -n "__fish_seen_subcommand_from rollback" -l wait -s w -d 'Wait until it is done, as it does anyway'
complete -c carve -n "__fish_seen_subcommand_from rollback" -l deadline -x -d 'Give up waiting after so long'
complete -c carve -n "__fish_seen_subcommand_from alloc" -a "(__carve_names classes)"
complete -c carve -n "__fish_seen_subcommand_from alloc" -l for -x -d 'Who it is for, as in libvirt:web01'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l name -x -d 'Name of the claim'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l reserved -d 'Keep the slice while nobody uses it'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l set -x -a "mac= vlan= qos= spoof-check= trust= link= min-rate= max-rate=" -d 'A setting: mac, vlan, trust, ...'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l pid -x -a "(__fish_complete_pids)" -d 'End the claim with this process'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l uid -x -a "(__fish_complete_users)" -d 'Who may open the slice: a name or a number'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l tenant -x -d 'For this tenant (root and carve-admin)'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l near -x -a "(__carve_names claims)" -d 'Near the slice of that claim, if there is room'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l preemptible -d 'It may end for who waits with a higher priority'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l wait -s w -d 'Wait for a slice while none is free'
complete -c carve -n "__fish_seen_subcommand_from alloc" -l deadline -x -d 'Give up waiting after so long'
complete -c carve -n "__fish_seen_subcommand_from release" -a "(__carve_names claims)"
complete -c carve -n "__fish_seen_subcommand_from release" -l wait -s w -d 'Wait while somebody uses the slice'
complete -c carve -n "__fish_seen_subcommand_from release" -l deadline -x -d 'Wait, and give up after so long'
complete -c carve -n "__fish_seen_subcommand_from handle" -a "(__carve_names claims)"
complete -c carve -n "__fish_seen_subcommand_from handle" -l format -x -a "qemu libvirt container json env" -d 'qemu, libvirt, container, json or env (env)'
complete -c carve -n "__fish_seen_subcommand_from handle" -l pin -d 'Keep a container near the slice'
complete -c carve -n "__fish_seen_subcommand_from holders" -a "(__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from drain" -a "(__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from drain" -l reason -x -d 'Why; shown to who looks'
complete -c carve -n "__fish_seen_subcommand_from drain" -l undo -d 'Let claims have it again'
complete -c carve -n "__fish_seen_subcommand_from drain" -l wait -s w -d 'Wait until nothing of it is held'
complete -c carve -n "__fish_seen_subcommand_from drain" -l deadline -x -d 'Wait, and give up after so long'
complete -c carve -n "__fish_seen_subcommand_from reclaim" -a "(__carve_names claims)"
complete -c carve -n "__fish_seen_subcommand_from reclaim" -l retry -d 'Try again what could not be reclaimed'
complete -c carve -n "__fish_seen_subcommand_from quarantine; and not __fish_seen_subcommand_from list clear" -a "list clear"
complete -c carve -n "__fish_seen_subcommand_from quarantine" -l reason -x -d 'Why it is good again; recorded'
complete -c carve -n "__fish_seen_subcommand_from adopt" -a "(__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from adopt" -l plan -d 'Only show what would become slices'
complete -c carve -n "__fish_seen_subcommand_from adopt" -l claim -x -d 'Make a claim of it, whoever uses it'
complete -c carve -n "__fish_seen_subcommand_from adopt" -l for -x -d 'Who has it, as in libvirt:web01'
complete -c carve -n "__fish_seen_subcommand_from adopt" -l from -x -a "mdevctl driverctl" -d 'What mdevctl or driverctl defines'
complete -c carve -n "__fish_seen_subcommand_from adopt" -l root -x -a "(__fish_complete_directories)" -d 'Take DIR for the root of the files'
complete -c carve -n "__fish_seen_subcommand_from hand-back" -a "(__carve_names slices) (__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from hand-back" -l to -x -a "mdevctl driverctl mdevctl,driverctl" -d 'mdevctl, driverctl, or both, with a comma'
complete -c carve -n "__fish_seen_subcommand_from hand-back" -l plan -d 'Only show what would be written'
complete -c carve -n "__fish_seen_subcommand_from hand-back" -l root -x -a "(__fish_complete_directories)" -d 'Take DIR for the root of the files'
complete -c carve -n "__fish_seen_subcommand_from disown" -a "(__carve_names slices) (__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from events" -l follow -s f -d 'Go on as things happen'
complete -c carve -n "__fish_seen_subcommand_from events" -l last -s n -x -d 'So many of the past (10)'
complete -c carve -n "__fish_seen_subcommand_from policy; and not __fish_seen_subcommand_from check explain history show schema" -a "check explain history show schema"
complete -c carve -n "__fish_seen_subcommand_from policy; and __fish_seen_subcommand_from show" -a "(__carve_versions)"
complete -c carve -n "__fish_seen_subcommand_from check" -F
complete -c carve -n "__fish_seen_subcommand_from check" -l host -r -F -a "(carve-sim hosts 2>/dev/null | awk '{ print \$1 }')" -d 'Try them on this simulated host, too'
complete -c carve -n "__fish_seen_subcommand_from explain" -F -a "(__carve_names)"
complete -c carve -n "__fish_seen_subcommand_from integrate; and not __fish_seen_subcommand_from boot" -a "boot"
complete -c carve -n "__fish_seen_subcommand_from integrate" -l plan -d 'Print the files; nothing is written'
complete -c carve -n "__fish_seen_subcommand_from integrate" -l apply -d 'Write the files'
complete -c carve -n "__fish_seen_subcommand_from integrate" -l remove -d 'Remove the files'
complete -c carve -n "__fish_seen_subcommand_from integrate" -l policy -r -F -d 'Policy (/etc/carve/policy.yaml)'
complete -c carve -n "__fish_seen_subcommand_from integrate" -l root -x -a "(__fish_complete_directories)" -d 'Take DIR for the root of the files'
