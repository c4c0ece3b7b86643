# shellcheck shell=bash disable=SC2154 # $lab_dir is the host side's
# SPDX-License-Identifier: GPL-2.0-or-later
# The main topology, in a guest of its own: what other suites leave behind would be compared as well.

# shellcheck source=tests/lab/topologies/main.sh
. "$lab_dir/topologies/main.sh"
