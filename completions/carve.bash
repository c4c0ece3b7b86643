# SPDX-License-Identifier: GPL-2.0-or-later
# Completion of carve(1) for bash.

# First column of a table of carve, without names that were cut.
_carve_names() {
	carve list "$@" 2>/dev/null | awk 'NR > 1 && $1 !~ /\.\./ && !seen[$1]++ { print $1 }'
}

_carve_versions() {
	carve policy history 2>/dev/null | awk 'NR > 1 { print $1 }'
}

_carve() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
	local command='' sub='' operand='' i word
	for ((i = 1; i < COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		case ${COMP_WORDS[i - 1]} in
		--socket | --only | --root | --policy | --save | --svg | --color | --to | --from | --for | --name | --set | --pid | --uid | --near | --tenant | --deadline | --format | --reason | --last | -n | --label | --host)
			continue
			;;
		esac
		[[ $word == -* ]] && continue
		if [[ -z $command ]]; then
			command=$word
		elif [[ -z $sub ]]; then
			sub=$word
		elif [[ -z $operand ]]; then
			operand=$word
		fi
	done

	case $prev in
	--socket | --policy | --root | --save | --svg)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
		;;
	--near) mapfile -t COMPREPLY < <(compgen -W "$(_carve_names claims)" -- "$cur") && return ;;
	--only) mapfile -t COMPREPLY < <(compgen -W "$(_carve_names)" -- "$cur") && return ;;
	--from) mapfile -t COMPREPLY < <(compgen -W 'mdevctl driverctl' -- "$cur") && return ;;
	--to)
		[[ $command != hand-back ]] ||
			mapfile -t COMPREPLY < <(compgen -W 'mdevctl driverctl mdevctl,driverctl' -- "$cur")
		[[ $command == hand-back ]] ||
			mapfile -t COMPREPLY < <(compgen -W "$(_carve_versions)" -- "$cur")
		return
		;;
	--kernel)
		[[ ! -d /lib/modules ]] || mapfile -t COMPREPLY < <(compgen -W "$(ls /lib/modules)" -- "$cur")
		return
		;;
	--driver) return ;;
	--color) mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur") && return ;;
	--format) mapfile -t COMPREPLY < <(compgen -W 'qemu libvirt container json env' -- "$cur") && return ;;
	--host)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W "$(carve-sim hosts 2>/dev/null | awk '{ print $1 }')" -- "$cur"; compgen -f -- "$cur")
		return
		;;
	--uid) mapfile -t COMPREPLY < <(compgen -u -- "$cur") && return ;;
	--set)
		compopt -o nospace 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -W 'mac= vlan= qos= spoof-check= trust= link= min-rate= max-rate=' -- "$cur")
		return
		;;
	--for | --name | --pid | --tenant | --deadline | --reason | --last | -n | --label) return ;;
	esac

	# A file here, no value in "integrate boot".
	if [[ $command == apply && $prev == --plan ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		return
	fi

	local options='--json --socket --help --version' words=''
	case $command in
	'') words='list map fit show init doctor preflight enroll unenroll plan apply rollback alloc release handle defrag holders drain reclaim quarantine adopt disown hand-back events policy integrate version' ;;
	list) options+=' --all --free' words='slices classes claims tenants' ;;
	map) options+=' --policy --svg --color' words=$(_carve_names) ;;
	fit) options+=' --tenant' words=$(_carve_names classes) ;;
	show) words="$(_carve_names claims) $(_carve_names)" ;;
	init) options+=' --write --root' ;;
	enroll) options+=' --label --service --root' words=$(_carve_names) ;;
	unenroll) options+=' --service --root' words=$(_carve_names) ;;
	plan) options+=' --only --save --map' ;;
	apply) options+=' --only --plan --restore --wait --deadline' ;;
	rollback) options+=' --to --plan --wait --deadline' ;;
	alloc) options+=' --for --name --reserved --set --pid --uid --near --tenant --preemptible --wait --deadline' words=$(_carve_names classes) ;;
	release) options+=' --wait --deadline' words=$(_carve_names claims) ;;
	handle) options+=' --format --pin' words=$(_carve_names claims) ;;
	preflight) options+=' --kernel --driver' ;;
	defrag) words=$(_carve_names classes) ;;
	holders) words=$(_carve_names) ;;
	drain) options+=' --reason --undo --wait --deadline' words=$(_carve_names) ;;
	reclaim) options+=' --retry' words=$(_carve_names claims) ;;
	quarantine)
		if [[ $sub == clear ]]; then
			options+=' --reason'
		elif [[ -z $sub ]]; then
			words='list clear'
		fi
		;;
	adopt) options+=' --plan --claim --for --from --root' words="$(_carve_names) $(_carve_names slices)" ;;
	disown) words="$(_carve_names slices) $(_carve_names)" ;;
	hand-back) options+=' --to --plan --root' words="$(_carve_names slices) $(_carve_names)" ;;
	events) options+=' --follow --last' ;;
	policy)
		if [[ -z $sub ]]; then
			words='check explain history show schema'
		elif [[ $sub == check ]]; then
			options+=' --host'
		elif [[ $sub == explain && -z $operand ]]; then
			words=$(_carve_names)
		elif [[ $sub == show ]]; then
			words=$(_carve_versions)
		fi
		;;
	integrate)
		options+=' --plan --apply --remove --policy --root'
		[[ -z $sub ]] && words='boot'
		;;
	esac

	if [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "$options" -- "$cur")
	elif [[ $command == plan || $command == apply || $sub == check || ($sub == explain && -n $operand) ]]; then
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$cur")
	else
		mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
	fi
}
complete -F _carve carve
