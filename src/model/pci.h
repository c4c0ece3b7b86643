/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is known of the machine: PCI functions, mediated devices and the parents that make them.
 * Plain data, copied by value, no I/O. A device's *key* is its identity; addresses, group numbers and
 * minors are not, they change over a reboot.
 *
 * Keys: "pci:<root bus>/<dev.fn>/<dev.fn>..." is the chain of device.function numbers from the root
 * bus down ("pci:0000:00/03.0/00.0"), so a bridge added elsewhere does not change it. A root bus inside
 * another function (VMD) is left out: its domain is numbered as found.
 * "sys:<path below /sys/devices>" is for parents of mediated devices that are no PCI function
 * ("sys:virtual/mtty/mtty").
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/mac.h"
#include "model/gpu.h"
#include "model/sizes.h"

/* From config space; offsets and bits: include/uapi/linux/pci_regs.h of Linux 6.12. */
struct pci_caps {
	bool known;    /* config space beyond 64 bytes was read */
	bool all_ones; /* the function did not answer */
	bool pcie, flr, af_flr, pm_reset, msix;
	uint16_t msix_vectors;
	uint8_t link_speed, link_width, link_speed_max,
		link_width_max; /* codes of LNKSTA, LNKCAP */
	uint8_t port_type;	/* PCIe device/port type, PCI_EXP_FLAGS_TYPE */
	bool acs;
	uint16_t acs_cap, acs_ctrl;
	bool ats, pri, pasid, ari, rebar, vf_rebar;
	bool has_serial;
	uint64_t serial; /* Device Serial Number capability */
	bool sriov;
	uint16_t sriov_total, sriov_num, sriov_offset, sriov_stride, sriov_vf_device;
	bool sriov_enabled;
	bool sriov_bars;	     /* a BAR of the VFs has an address */
	uint8_t bus_first, bus_last; /* behind a bridge: secondary, subordinate; 0: none */
};

struct function {
	char addr[PCI_ADDR_SIZE];
	char key[DEVICE_KEY_SIZE];
	char path[SYS_PATH_SIZE]; /* below /sys/devices */
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class;		/* 24 bits: base, sub, interface */
	char driver[NAME_SIZE]; /* empty: none */
	char modalias[128];
	int iommu_group;	    /* -1: none */
	char group_type[16];	    /* "DMA", "identity", ...; empty: no group */
	int numa_node;		    /* -1: unknown */
	char parent[PCI_ADDR_SIZE]; /* bridge above; empty on a root bus */
	bool is_vf;
	char pf[PCI_ADDR_SIZE]; /* of a VF */
	int vf_index;		/* of a VF, from 0; -1 otherwise or not known yet */
	bool boot_vga;
	unsigned mdev_parent; /* number of mdev types offered */
	/* Owner of /dev/vfio/<group>; valid while vfio_node is set. */
	bool vfio_node;
	uint32_t vfio_uid, vfio_gid, vfio_mode;
	struct pci_caps caps;
};

struct mdev_type {
	char parent[DEVICE_KEY_SIZE];
	char id[NAME_SIZE];   /* directory name: "mtty-2" */
	char name[NAME_SIZE]; /* pretty name */
	char api[NAME_SIZE];  /* "vfio-pci" */
	char description[128];
	uint32_t available;
	bool available_known;
	bool available_stale; /* mdevs came or went since it was read */
};

struct mdev {
	char uuid[UUID_SIZE];
	char parent[DEVICE_KEY_SIZE];
	char type[NAME_SIZE];
	int iommu_group; /* -1: not known */
	bool vfio_node;
	uint32_t vfio_uid, vfio_gid, vfio_mode;
};

/* A parent of mediated devices that is not a PCI function (mtty). */
struct mdev_parent {
	char key[DEVICE_KEY_SIZE];
	char path[SYS_PATH_SIZE];
	char name[NAME_SIZE]; /* in /sys/class/mdev_bus */
};

/* Settings of a VF as rtnetlink has them (IFLA_VF_*, include/uapi/linux/if_link.h). */
enum vf_link_state {
	VF_LINK_AUTO,
	VF_LINK_ENABLE,
	VF_LINK_DISABLE
};
enum vf_setting {
	VF_SET_MAC = 1 << 0,
	VF_SET_VLAN = 1 << 1,
	VF_SET_SPOOFCHK = 1 << 2,
	VF_SET_TRUST = 1 << 3,
	VF_SET_LINK = 1 << 4,
	VF_SET_RATE = 1 << 5,
};
#define VF_SETTINGS_ALL                                                                            \
	(VF_SET_MAC | VF_SET_VLAN | VF_SET_SPOOFCHK | VF_SET_TRUST | VF_SET_LINK | VF_SET_RATE)
/* "auto", "enable", "disable", in the order of enum vf_link_state; NULL ends. */
extern const char *const vf_link_names[];
/* "?" for another number. */
const char *vf_link_name(uint32_t state);

struct vf_settings {
	uint32_t set; /* which of the following are meant: enum vf_setting */
	uint8_t mac[MAC_SIZE];
	uint8_t spoofchk, trust;
	uint16_t vlan; /* 0: none */
	uint8_t qos;
	uint8_t link;		     /* enum vf_link_state */
	uint32_t min_rate, max_rate; /* Mbit/s, 0: no limit */
};
/* A free VF: no MAC, no VLAN, checked, not trusted, link as the PF, no limits. */
static inline struct vf_settings vf_settings_clean(void)
{
	return (struct vf_settings){ .set = VF_SETTINGS_ALL, .spoofchk = 1, .link = VF_LINK_AUTO };
}

struct vf_info {
	char pf[DEVICE_KEY_SIZE];
	int32_t index;
	struct vf_settings settings;
	/* The PF is in switchdev mode and has a devlink port for it; port_mac: its MAC is that of
	 * the port's function, in settings as well, and is set there. */
	bool has_port, port_mac;
	/* NVMe secondary controller, when the PF is one. */
	bool nvme, nvme_online;
	uint16_t nvme_vq, nvme_vi;
};

/* The whole picture ("have"). Arrays are owned; functions are sorted by address, the rest by name. */
struct have {
	struct function *functions;
	size_t n_functions;
	struct mdev_parent *parents;
	size_t n_parents;
	struct mdev_type *types;
	size_t n_types;
	struct mdev *mdevs;
	size_t n_mdevs;
	struct vf_info *vfs; /* only of PFs that were asked for */
	size_t n_vfs;
	/* Of GPUs that were asked for; the rest is sorted by key. */
	struct gpu *gpus;
	size_t n_gpus;
	struct gpu_profile *gpu_profiles;
	size_t n_gpu_profiles;
	struct gpu_part *gpu_parts;
	size_t n_gpu_parts;
	struct vgpu_type *vgpu_types;
	size_t n_vgpu_types;
	struct vgpu_vf *vgpu_vfs;
	size_t n_vgpu_vfs;
	/* Places of functions in the order of their keys, and of PFs with the number of the VF; as long as the
	 * list is as have_sort() left it. */
	uint32_t *by_key, *by_vf;
	size_t n_indexed;
};

void have_done(struct have *h);
/* Deep copy; -ENOMEM leaves ret empty. */
int have_copy(const struct have *h, struct have *ret);

/* Look-ups; NULL when absent. The result lives as long as the picture is not changed. */
struct function *have_function(const struct have *h, const char *addr);
struct function *have_device(const struct have *h, const char *key);
struct function *have_vf(const struct have *h, const char *pf_addr, int index);
struct mdev *have_mdev(const struct have *h, const char *uuid);
struct mdev_type *have_type(const struct have *h, const char *parent_key, const char *id);
/* What one of a type takes, in units of which its parent has left more; n > 0: so many of the type there could be.
 * Of the whole numbers that both fit, the largest; else one that is too high rather than too low. */
uint32_t mdev_type_units(uint32_t left, uint32_t n);
struct mdev_parent *have_parent(const struct have *h, const char *key);
struct vf_info *have_vf_info(const struct have *h, const char *pf_key, int index);
struct gpu *have_gpu(const struct have *h, const char *key);
struct gpu_profile *have_gpu_profile(const struct have *h, const char *key, const char *name);
struct gpu_profile *have_gpu_profile_id(const struct have *h, const char *key, uint32_t id);
/* The one that begins at that memory slice. */
struct gpu_part *have_gpu_part(const struct have *h, const char *key, uint32_t start);
struct vgpu_type *have_vgpu_type(const struct have *h, const char *key, const char *name);
struct vgpu_type *have_vgpu_type_id(const struct have *h, const char *key, uint32_t id);
struct vgpu_vf *have_vgpu_vf(const struct have *h, const char *key, int index);
/* The VF, or the GPU itself, that an mdev is a vGPU of; NULL: it is none. */
struct vgpu_vf *have_mdev_vgpu_vf(const struct have *h, const struct mdev *m);
/* Id of a vGPU that is an mdev. 0: it has no such name. */
uint32_t mdev_vgpu_id(const struct mdev *m);
/* What VFs are as parents of mdevs, by the mdevs that there are. */
void have_count_vgpus(struct have *h);
/* VFs that exist of that PF (counted from the VFs' own links). */
unsigned have_vf_count(const struct have *h, const char *pf_addr);

/* Adding makes a zeroed entry at the end (caller sorts functions by have_sort). NULL: no memory. */
struct function *have_add_function(struct have *h);
struct mdev *have_add_mdev(struct have *h);
struct mdev_type *have_add_type(struct have *h);
struct mdev_parent *have_add_parent(struct have *h);
struct vf_info *have_add_vf_info(struct have *h);
struct gpu *have_add_gpu(struct have *h);
struct gpu_profile *have_add_gpu_profile(struct have *h);
struct gpu_part *have_add_gpu_part(struct have *h);
struct vgpu_type *have_add_vgpu_type(struct have *h);
struct vgpu_vf *have_add_vgpu_vf(struct have *h);
/* Adds all that old knows of GPUs. -ENOMEM. */
int have_keep_gpus(const struct have *old, struct have *h);
/* All that is of that GPU. */
void have_drop_gpu(struct have *h, const char *key);
void have_drop_gpu_parts(struct have *h, const char *key);
void have_remove_gpu_part(struct have *h, const char *key, uint32_t start);
void have_remove_function(struct have *h, const char *addr);
void have_remove_mdev(struct have *h, const char *uuid);
void have_sort(struct have *h);

/* True for "0000:3b:00.0" in exactly the kernel's form (domain of 4 to 8 hex digits). */
bool pci_addr_valid(const char *addr);
/* Bus, device and function of a valid address as one number (requester id). */
unsigned pci_addr_rid(const char *addr);
bool uuid_valid(const char *uuid); /* lower case, dashed */
/* Key from a path below /sys/devices; -EINVAL when it is too long or malformed. */
int device_key_from_path(const char *path, char ret_key[DEVICE_KEY_SIZE]);
/* Fills caps from config space as read; shorter than 256 bytes leaves known false. Pure. */
void pci_caps_parse(const uint8_t *config, size_t len, struct pci_caps *ret);
/* Base classes of the PCI Code and ID Assignment Specification that are treated in a way of their own:
 * what lies on storage outlives its tenant; graphics and accelerators have memory of their own; a bridge is
 * neither handed out nor has it VFs, see pci_is_bridge(). */
enum pci_base_class {
	PCI_BASE_STORAGE = 0x01,
	PCI_BASE_NETWORK = 0x02,
	PCI_BASE_DISPLAY = 0x03,
	PCI_BASE_BRIDGE = 0x06,
	PCI_BASE_ACCELERATOR = 0x12,
};
#define PCI_OTHER_BRIDGE 0x0680
bool pci_class_is(uint32_t class, enum pci_base_class base);
/* Does it carry PCI functions, or buses of the host? "Other" ones (0680h) are devices, as switches of GPUs are. */
bool pci_is_bridge(uint32_t class);
/* True for vfio-pci and its variants: all of them end in "vfio-pci" or "vfio_pci" (drivers/vfio/pci
 * of Linux 7.2). */
bool driver_is_vfio(const char *driver);
/* False when a function with that driver keeps its IOMMU group from VFIO. Those that do not leave
 * DMA ownership alone (driver_managed_dma of Linux 6.12): VFIO's, pci-stub, the one of PCIe ports; and
 * "", which is no driver. */
bool driver_leaves_group_alone(const char *driver);
/* "display", "network", "storage", "accelerator", "bridge", ... for a class code; "other". */
const char *pci_class_name(uint32_t class);
