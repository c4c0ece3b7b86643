#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What handing out a slice costs beside what people use now, on a real kernel in the lab:
#
#   BENCH_LIMIT=1800 scripts/bench tests/lab/bench/bench-claims.sh
#
# Times are an emulated machine's, so only ratios within one run are held to limits; counts are
# exact. BENCH_ROUNDS: how many rounds (16).
set -euo pipefail
cd "$(dirname "$0")/../../.."
[[ ${CARVE_BENCH:-all} == all ]] || exit 0

trap 'scripts/lab -g bench down' EXIT
scripts/lab -g bench up main
share=$(readlink build/lab/guest-bench)/share
mkdir "$share/bench"
cp tests/lab/bench/{guest.sh,rounds.c} "$share/bench/"
echo "BENCH_ROUNDS=${BENCH_ROUNDS:-16} bash /share/bench/guest.sh" | scripts/lab -g bench run - 1500
