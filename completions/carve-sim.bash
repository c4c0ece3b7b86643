# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of carve-sim(1) for bash.

# Names of the hosts that come with it: beside the program, or where it is installed.
_carve_sim_hosts() {
	local program dir
	program=$(readlink -f "$(type -P carve-sim)") || return
	program=${program%/*}
	for dir in "$CARVE_SIM_HOSTS" "$program"/../sim/hosts "$program"/../../sim/hosts "$program"/../share/carve/sim/hosts; do
		[[ -n $dir && -d $dir ]] || continue
		find "$dir/" -maxdepth 1 -name '*.yaml' -printf '%f\n' | sed 's/\.yaml$//'
	done | sort -u
}

_carve_sim_functions() {
	local path
	for path in /sys/bus/pci/devices/* "$@"; do
		[[ -e $path ]] && echo "${path##*/}"
	done
}

_carve_sim() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} i
	local all='run shell check capture hosts schema fault faults clear hold pull plug reboot trace pace status'
	local effects='error= error-after= hang slow= kill= kill-after= reboot reboot-after gone gone-after
		ignore instead= stale dead answer= lost late='
	if ((COMP_CWORD == 1)); then
		mapfile -t COMPREPLY < <(compgen -W "$all --help --version" -- "$cur")
		return
	fi
	# An option and its value may be one word or two; "=" is a word of its own.
	if [[ $prev == = ]]; then
		prev=${COMP_WORDS[COMP_CWORD - 2]}
	elif [[ $cur == = ]]; then
		cur=''
	fi

	case $prev in
	--host)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W "$(_carve_sim_hosts)" -- "$cur" && compgen -f -X '!*.yaml' -- "$cur")
		return
		;;
	--sys | --dev | --proc)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -d -- "$cur")
		return
		;;
	--pace | --fault | --name) return ;;
	esac
	# What is behind "--" is another program's.
	for ((i = 2; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -- ]] || continue
		mapfile -t COMPREPLY < <(compgen -c -- "$cur" && compgen -f -- "$cur")
		return
	done

	local options='--help' words=''
	case $command in
	run) options+=' --host --pace --fault --services --' ;;
	shell) options+=' --host --pace --fault' ;;
	check) options+=' --host --json' ;;
	capture) options+=' --anonymous --sys --dev --proc' ;;
	fault) words="read write event $effects" ;;
	hold) options+=' --name --' words=$(_carve_sim_functions /sys/bus/mdev/devices/*) ;;
	pull) words=$(_carve_sim_functions) ;;
	esac
	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $command == check || $command == capture ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
		[[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
	fi
}
complete -F _carve_sim carve-sim
