# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
# hosts: l40s-4
#
# What a handle says for containers: the driver's libraries, by the vendor's own specification or by files, and the CPUs
# near the GPU.

gpu=0000:41:00.0
# Of the world's own /usr/lib, and the loader of the machine that the tests run on does not look there.
folder=/usr/lib/aarch64-linux-gnu
[[ $(uname -m) != aarch64 ]] || folder=/usr/lib/x86_64-linux-gnu

prepare() {
	services_start
	enroll "$gpu"
	policy_is <<-EOF
		version: 1
		devices: {gpu: {match: {address: "$gpu"}}}
		divide: [{use: gpu, as: time-slice, layout: {share: 4}}]
		classes:
		  any: {from: gpu}
		  two: {parts: {any: 2}}
	EOF
	apply /run/policy.yaml
	version=$(carve show "$gpu" --json | sed -n 's/.*"driver_version": "\(.*\)".*/\1/p')
	[[ -n $version ]]
}

# As the vendor's packages do.
library() { # NAME SONAME VERSION
	mkdir -p "$folder"
	echo library >"$folder/$1.so.$3"
	ln -sf "$1.so.$3" "$folder/$1.so.$2"
}

specification() { # FOLDER NAME VERSION
	mkdir -p "$1"
	cat >"$1/nvidia.yaml" <<-EOF
		cdiVersion: 0.5.0
		kind: nvidia.com/gpu
		devices:
		- name: "0"
		  containerEdits: {deviceNodes: [{path: /dev/nvidia0}]}
		- name: $2
		  containerEdits: {deviceNodes: [{path: /dev/nvidia0}]}
		containerEdits:
		  env: [NVIDIA_VISIBLE_DEVICES=void]
		  mounts:
		  - hostPath: /usr/lib/x86_64-linux-gnu/libcuda.so.$3
		    containerPath: /usr/lib/x86_64-linux-gnu/libcuda.so.$3
		    options: [ro, nosuid, nodev, bind]
	EOF
}

options() { # CLAIM [OPTION...]
	carve handle "$1" --format container "${@:2}"
}

test_handle_without_libraries_says_so() {
	prepare
	claim any c1
	says "libraries (version $version) were not found" options c1
	says '"note"' carve handle c1 --format json
	[[ $(options c1 2>/dev/null) == *--device=/dev/nvidiactl* ]]
}

test_handle_has_libraries_of_the_driver_that_is_loaded() {
	prepare
	library libcuda 1 "$version"
	library libnvidia-nvvm 4 "$version"
	library libnvidia-encode 1 1.2.3
	echo library >"$folder/libnvidia-gpucomp.so.$version"
	claim any c1
	[[ $(options c1 | grep -e --volume | sort) == "--volume=$folder/libcuda.so.$version:$folder/libcuda.so.1:ro
--volume=$folder/libnvidia-gpucomp.so.$version:$folder/libnvidia-gpucomp.so.$version:ro
--volume=$folder/libnvidia-nvvm.so.$version:$folder/libnvidia-nvvm.so.4:ro" ]]
	! carve handle c1 --format json | grep '"note"' || die "all is there"
}

test_handle_has_no_library_of_another_version() {
	prepare
	library libcuda 1 1.2.3
	library libnvidia-ml 1 "$version"
	claim any c1
	says "libraries (version $version) were not found" options c1
	[[ $(options c1 2>/dev/null) != *--volume* ]]
}

test_handle_refers_to_the_specification_of_the_vendor() {
	local uuid
	prepare
	library libcuda 1 "$version"
	claim any c1
	uuid=$(address_of c1)
	specification /etc/cdi "$uuid" "$version"
	[[ $(options c1) == "--device=nvidia.com/gpu=$uuid
--env=CUDA_VISIBLE_DEVICES=$uuid" ]]
	says "CARVE_CDI='nvidia.com/gpu=$uuid'" carve handle c1
	# Who speaks no CDI has the nodes.
	says "/dev/nvidiactl" carve handle c1
	specification /run/cdi other "$version"
	says "--device=nvidia.com/gpu=$uuid" options c1
}

test_handle_has_files_when_the_specification_is_of_another_version() {
	local uuid
	prepare
	claim any c1
	uuid=$(address_of c1)
	specification /run/cdi "$uuid" 1.2.3
	says "/run/cdi/nvidia.yaml has libraries of another version" options c1
	library libcuda 1 "$version"
	[[ $(options c1 2>&1) == *"--volume=$folder/libcuda.so.$version:$folder/libcuda.so.1:ro"* ]]
	[[ $(options c1 2>&1) != *nvidia.com/gpu* ]]
}

test_handle_with_a_specification_that_makes_no_sense() {
	prepare
	claim any c1
	mkdir -p /etc/cdi
	printf '{[' >/etc/cdi/broken.yaml
	printf '[1, 2]' >/etc/cdi/list.json
	printf 'kind: nvidia.com/gpu\ndevices: 7\ncontainerEdits: [a]\n' >/etc/cdi/odd.yaml
	: >/etc/cdi/empty.json
	says '/etc/cdi/odd.yaml does not have it by its UUID' options c1
}

test_handle_of_several_names_everything_once() {
	prepare
	library libcuda 1 "$version"
	claim two both
	[[ $(options both | sort | uniq -d) == "" ]]
	[[ $(options both | grep -c -e --env=CUDA_VISIBLE_DEVICES=GPU) == 1 ]]
	[[ $(options both | grep CUDA) != *,* ]]
}

test_handle_knows_the_cpus_that_are_near() {
	local cpus
	prepare
	claim any c1
	cpus=$(pci_attribute "$gpu" local_cpulist)
	says "CARVE_CPUS='$cpus'" carve handle c1
	says "\"cpus\": \"$cpus\"" carve handle c1 --format json
	says "--cpuset-cpus=$cpus" options c1 --pin
	says "--cpuset-mems=$(pci_attribute "$gpu" numa_node)" options c1 --pin
	[[ $(options c1 2>&1) != *cpuset* ]]
	ends_with 2 carve handle c1 --format json --pin
}
