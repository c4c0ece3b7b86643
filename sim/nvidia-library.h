/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the stand-in for NVIDIA's library (nvml.c, in the programs of a world) and the machine (nvidia-library.c):
 * each call of the library is one question. Results are nvmlReturn_t of nvidia/nvml.h.
 */
#pragma once
#include "sim/nvidia.h"

struct nvidia_profile;

/* --- nvidia-mig.c ---------------------------------------------------------------------------------- */

/* activation: whether it is in force, or why not. */
int nvidia_mig_mode(struct pci *f, bool on, uint32_t *ret_activation);
const struct nvidia_profile *nvidia_mig_profile(const struct pci *f, uint32_t id);
/* Where one more could begin now. */
uint64_t nvidia_mig_starts(const struct pci *f, const struct nvidia_profile *p);
/* start UINT32_MAX: where the driver wants. */
int nvidia_mig_create(struct pci *f, uint32_t profile, uint32_t start, uint32_t *ret_instance);
int nvidia_mig_destroy(struct pci *f, uint32_t instance);
struct nvidia_instance *nvidia_mig_instance(struct pci *f, uint32_t instance);
/* The kind of that number in a GPU instance of that profile; false: there is none. */
bool nvidia_mig_compute_profile(const struct nvidia_profile *p, uint32_t index, uint32_t *ret_id,
				uint32_t *ret_slices);
/* Where one more of so many slices could begin now; of all of them, in an empty one. */
uint32_t nvidia_mig_compute_starts(const struct nvidia_instance *n, uint32_t most, uint32_t slices);
/* start UINT32_MAX: where the driver wants. */
int nvidia_mig_compute_create(struct pci *f, uint32_t instance, uint32_t profile, uint32_t start,
			      uint32_t *ret_compute);
int nvidia_mig_compute_destroy(struct pci *f, uint32_t instance, uint32_t compute);
/* The MIG device of that index: its compute instance; false: none. */
bool nvidia_mig_device(const struct pci *f, uint32_t index, uint32_t *ret_instance,
		       uint32_t *ret_compute);
/* Programs that have nodes of that instance open (-1: of the GPU): their pids. */
unsigned nvidia_mig_users(const struct pci *f, int instance, uint32_t *ret, unsigned room);
/* Nodes below /dev that who uses an instance opens, each with a blank in front. */
void nvidia_mig_nodes(const struct pci *f, unsigned instance, struct str_buf *out);

/* --- nvidia-library.c ---------------------------------------------------------------------------------- */

/* At each boot: the file, which stays over boots. */
void nvidia_library_init(struct machine *m);
