# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of carve-sim(1) for fish.

# Hosts that come with it: beside the program, or where it is installed.
function __carve_sim_hosts
    set -l program (dirname (realpath (command -s carve-sim)))
    for dir in $CARVE_SIM_HOSTS $program/../sim/hosts $program/../../sim/hosts $program/../share/carve/sim/hosts
        test -d $dir; and find $dir/ -maxdepth 1 -name '*.yaml' | string replace -r '.*/(.*)\.yaml$' '$1'
    end | sort -u
end

function __carve_sim_functions
    ls /sys/bus/pci/devices /sys/bus/mdev/devices 2>/dev/null | string match -r '^[0-9a-f].*[^:]$'
end

set -l commands run shell check capture hosts schema fault faults clear hold pull plug reboot trace pace status

complete -c carve-sim -f
complete -c carve-sim -l help -d 'Print the commands and options'
complete -c carve-sim -l version -d 'Print the version'

complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a run -d 'Run a program on a simulated machine'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a shell -d 'A shell there, with the services running'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a check -d 'What a policy would do there'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a capture -d 'Write this machine down as a host file'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a hosts -d 'The hosts that come with it'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a schema -d 'Print the JSON schema of host files'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a fault -d 'Inside: let something go wrong'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a faults -d 'Inside: those that are set'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a clear -d 'Inside: clear one fault, or all'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a hold -d 'Inside: hold a device as a virtual machine would'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a pull -d 'Inside: take a card out'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a plug -d 'Inside: put back what was taken out'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a reboot -d 'Inside: power off and on'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a trace -d 'Inside: writes and events'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a pace -d 'Inside: how fast the machine is'
complete -c carve-sim -n "not __fish_seen_subcommand_from $commands" -a status -d 'Inside: the machine, and who waits for what'

complete -c carve-sim -n "__fish_seen_subcommand_from run shell check" -l host -r -F -a "(__carve_sim_hosts)" -d 'The machine'
complete -c carve-sim -n "__fish_seen_subcommand_from run shell" -l pace -x -d 'How fast it is, per cent'
complete -c carve-sim -n "__fish_seen_subcommand_from run shell" -l fault -x -d 'A fault from the start on'
complete -c carve-sim -n "__fish_seen_subcommand_from run" -l services -d 'With carved and carve-executor'
complete -c carve-sim -n "__fish_seen_subcommand_from run" -F
complete -c carve-sim -n "__fish_seen_subcommand_from check" -l json -d 'For programs'
complete -c carve-sim -n "__fish_seen_subcommand_from check" -F
complete -c carve-sim -n "__fish_seen_subcommand_from capture" -l anonymous -d 'Hide serial numbers, addresses and names'
complete -c carve-sim -n "__fish_seen_subcommand_from capture" -l sys -x -a "(__fish_complete_directories)" -d 'Of this tree'
complete -c carve-sim -n "__fish_seen_subcommand_from capture" -l dev -x -a "(__fish_complete_directories)" -d 'Of this tree'
complete -c carve-sim -n "__fish_seen_subcommand_from capture" -l proc -x -a "(__fish_complete_directories)" -d 'Of this tree'
complete -c carve-sim -n "__fish_seen_subcommand_from capture" -F
complete -c carve-sim -n "__fish_seen_subcommand_from fault" -a "read write event error= error-after= hang slow= kill= kill-after= reboot reboot-after gone gone-after ignore instead= stale dead answer= lost late="
complete -c carve-sim -n "__fish_seen_subcommand_from hold" -l name -x -d 'Name of the process'
complete -c carve-sim -n "__fish_seen_subcommand_from hold pull" -a "(__carve_sim_functions)"
