/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A described host: what sim/hosts/NAME.yaml says, as plain data. It is what the machine has at power-on;
 * what happens to it afterwards is machine.h. Read with the option tables of the policy language, so
 * a mistake is told as "file:line:column: what". Everything is owned by the host.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "model/pci.h"
#include "policy/policy.h"

#define HOST_ATTRIBUTE_MAX 4096

/* How a host driver answers a write to sriov_numvfs. */
enum host_vfs {
	HOST_VFS_DEFAULT, /* as the table of known drivers says, see driver.c */
	HOST_VFS_YES,
	HOST_VFS_NO,	 /* no sriov_configure: ENOENT */
	HOST_VFS_REFUSE, /* it has one that refuses: EIO */
	HOST_VFS_ALL,	 /* any count makes all of them, the write succeeds (qat) */
};
/* What its VFs do when it is unbound. */
enum host_leave {
	HOST_LEAVE_DEFAULT,
	HOST_LEAVE_REMOVES, /* igb */
	HOST_LEAVE_KEEPS,   /* nvme */
};

/* NVIDIA's driver for hosts of virtual machines: how it shows the vGPUs of an SR-IOV GPU. */
enum host_vgpu {
	HOST_VGPU_NONE,
	HOST_VGPU_VENDOR, /* folder nvidia/ of each VF */
	HOST_VGPU_MDEV,	  /* each VF is a parent of one mediated device */
};

struct host_driver {
	char name[NAME_SIZE];
	uint32_t vfs, leave;  /* enum host_vfs, enum host_leave */
	uint32_t probe_ms;    /* how long taking a function takes */
	uint32_t vfs_at_most; /* it allows fewer VFs than the capability; 0: as many */
	bool absent;	      /* not loaded: the host does not have it */
	uint32_t vgpu;	      /* enum host_vgpu */
	struct policy_position at;
};

/* A file that the driver of this host adds: the seam for what only a vendor's driver knows. */
struct host_attribute {
	char name[NAME_SIZE]; /* "mem_info_vram_total", below the function; "/" may be in it */
	char *value;	      /* without the last newline */
	bool writable;	      /* a write replaces the value */
	struct policy_position at;
};

struct host_mdev_type {
	char id[NAME_SIZE];    /* without the driver's name in front: "mtty" of "mtty-2" is added */
	char label[NAME_SIZE]; /* attribute "name"; empty: the id */
	char *description;     /* NULL: no such attribute */
	uint32_t units;	       /* what one takes from the pool of the parent; at least 1 */
	struct policy_position at;
};

struct host_connector {
	char name[NAME_SIZE]; /* "HDMI-A-1" */
	uint32_t state;	      /* enum host_screen */
	struct policy_position at;
};
enum host_screen {
	HOST_SCREEN_NONE, /* disconnected */
	HOST_SCREEN_DARK, /* connected, not enabled */
	HOST_SCREEN_LIT,
};

/* A kind of function; slots name it. */
struct host_model {
	char name[NAME_SIZE];
	uint16_t vendor, device, subvendor, subdevice;
	uint32_t class; /* 24 bits */
	uint32_t revision;
	char driver[NAME_SIZE]; /* takes it at boot; empty: none */
	uint32_t port;		/* enum host_port */
	bool acs, no_acs;	/* capability and all its bits; bridges have it unless no_acs */
	bool no_pm;		/* no Power Management capability */
	bool flr, pm_reset, ats, pri, pasid, ari, rebar;
	uint32_t msix;		      /* vectors, 0: none */
	uint32_t link_gt, link_width; /* 16: "16.0 GT/s", but 2: "2.5 GT/s"; 0: the port's usual */
	uint64_t memory;	      /* size of BAR 0 in bytes; a power of two, 0: 16 MiB */
	/* SR-IOV; vfs 0: none */
	uint32_t vfs, vf_device, vf_offset, vf_stride;
	uint16_t vf_vendor;	   /* as written; the check wants it to be the vendor */
	char vf_driver[NAME_SIZE]; /* takes VFs when they are probed; empty: none */
	/* What its driver makes */
	bool net, drm, accel, sound;
	uint32_t disks; /* NVMe: namespaces */
	uint32_t nvme_vq,
		nvme_vi; /* flexible queues and interrupts of an NVMe PF, 0: not managed */
	struct host_mdev_type *types;
	size_t n_types;
	uint32_t pool; /* units shared by its mdev types; 0: 1 */
	uint32_t
		mdev_errno; /* what a full pool answers: ENOSPC (0), EUSERS, EINVAL: enum host_full */
	struct host_attribute *attributes;
	size_t n_attributes;
	struct policy_position at;
};
enum host_port {
	HOST_PORT_ENDPOINT,
	HOST_PORT_INTEGRATED, /* on a root bus, root complex integrated endpoint */
	HOST_PORT_ROOT,
	HOST_PORT_UPSTREAM,
	HOST_PORT_DOWNSTREAM,
	HOST_PORT_PCI_BRIDGE, /* PCIe to PCI */
	HOST_PORT_LEGACY,     /* no PCI Express capability */
};
enum host_full {
	HOST_FULL_ENOSPC,
	HOST_FULL_EUSERS,
	HOST_FULL_EINVAL,
};

/* A disk in use: what makes a guard say no. */
struct host_disk {
	uint32_t partitions;
	char mounted[SYS_PATH_SIZE]; /* where, of the disk or its first partition */
	char part_of[NAME_SIZE];     /* holders/: "dm-0" */
	bool swap;
	bool claimed; /* an exclusive open says EBUSY: ZFS, Btrfs */
	struct policy_position at;
};

/* One place on a bus, or a range of them. */
struct host_slot {
	char place
		[NAME_SIZE]; /* "03.0", or "01.0-1f.7": every device and function number between */
	uint8_t first, last; /* devfn; set by the check */
	char is[NAME_SIZE];
	const struct host_model *model; /* set by the check */
	uint64_t serial;		/* device serial number; 0: none */
	bool has_serial;
	uint32_t bus; /* fixed number of the bus behind a bridge, 0: the next */
	/* Network interface of it */
	char netdev[NAME_SIZE]; /* "ens1f0"; empty: "eth" and a number */
	char mac[MAC_TEXT_SIZE];
	bool up;
	char master[NAME_SIZE]; /* "vmbr0" */
	bool boot_vga, console; /* firmware's display; the text console is on it */
	struct host_connector *connectors;
	size_t n_connectors;
	struct host_disk *disks; /* by number, at most the model's */
	size_t n_disks;
	char **holders; /* programs that have its nodes open from boot on: "Xorg" */
	size_t n_holders;
	/* Captured config space, hexadecimal, zeros at its end left out; NULL: made from the model. */
	char *config;
	int group;		 /* captured IOMMU group number at boot; -1: as topology says */
	struct host_slot *slots; /* behind a bridge; sorted by place */
	size_t n_slots;
	struct policy_position at;
};

struct host_root {
	char bus[NAME_SIZE];	 /* "0000:00" */
	uint32_t domain, number; /* set by the check */
	int numa;		 /* -1: unknown */
	struct host_slot *slots;
	size_t n_slots;
	struct policy_position at;
};

/* A parent of mediated devices that is no PCI function: "mtty". */
struct host_parent {
	char name[NAME_SIZE];
	struct host_model model; /* types, pool, mdev_errno only */
	struct policy_position at;
};

struct host {
	char file[256];
	char name[NAME_SIZE]; /* of the file, without folder and ".yaml" */
	char about[200];
	uint32_t iommu;	   /* enum host_iommu */
	bool iommufd;	   /* /dev/vfio/devices and /dev/iommu */
	bool acs_override; /* its kernel takes for isolated what is not */
	uint32_t nodes;	   /* NUMA nodes, at least 1 */
	uint32_t cpus;
	struct host_driver *drivers;
	size_t n_drivers;
	struct host_model *models;
	size_t n_models;
	struct host_root *roots;
	size_t n_roots;
	struct host_parent *parents;
	size_t n_parents;
};
enum host_iommu {
	HOST_IOMMU_INTEL,
	HOST_IOMMU_AMD,
	HOST_IOMMU_NONE,
};

/* Reads a description: unknown keys, impossible topology and places used twice are refused with their
 * place. The caller frees it. NULL: failed. */
struct host *host_parse(const char *text, size_t len, const char *file, struct err *reterr);
/* The file NAME of the shipped hosts, or a path (it has a "/" or ends in ".yaml"). */
struct host *host_open(const char *name, struct err *reterr);
struct host *host_free(struct host *h);
static inline void host_freep(struct host **h)
{
	host_free(*h);
}
/* Frees what a model owns. */
void host_model_done(struct host_model *m);
const struct host_model *host_model_find(const struct host *h, const char *name);
/* Shipped hosts, a line each. NULL: no memory. The caller frees it. */
char *host_list(void);
/* How many functions it has at power-on, without VFs. */
size_t host_count(const struct host *h);
/* The JSON schema of host files, sim/hosts/schema.json. NULL: no memory. The caller frees it. */
char *host_schema(void);
