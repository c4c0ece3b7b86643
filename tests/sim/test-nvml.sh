# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# A client of NVML that is not ours, Debian's python3-pynvml as it is, works on the stand-in for NVIDIA's library. What
# it is asked for is in nvml-client.py; what happens meanwhile, in nvml-world.sh.

nvml_world() { # PART
	local module
	module=$(scripts/nvml-client "$BUILD/nvml-client")
	"$BUILD/carve-sim" run --host nvidia-mixed --pace 0 -- \
		env PYTHONPATH="$module" PYTHONDONTWRITEBYTECODE=1 "$BASH" tests/sim/nvml-world.sh "$1"
}

test_nvml_client_that_is_not_ours_sees_the_cards() {
	nvml_world cards
}

test_nvml_client_that_is_not_ours_sees_what_carve_makes() {
	nvml_world instances
}

test_nvml_client_that_is_not_ours_is_told_what_is_wrong() {
	nvml_world errors
}
