/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The simulated kernel and its hardware. Every access of a program comes in on a thread of its own, as
 * system calls do; one lock holds the machine still, and who has to wait (for a device lock, for a
 * holder, for time) lets go of it. What may block for ever here blocks for ever in the kernel as well.
 *
 * Rules cite the source they were read in; "the lab" is the project's virtual machine, where they
 * were seen.
 *
 * Hardware and bus: bus.c, bus-files.c, config.c (configuration space), iommu.c (groups), reset.c, nvme.c,
 * platform.c (what there is once). Drivers: driver.c (binding), sriov.c, vfio.c, mdev.c, class.h (what they
 * make of a function), rtnetlink.c. What programs see: tree.h, fs.h, uevent.c. What they do comes in by
 * access.h, which asks fault.h what goes wrong with it and keeps it in trace.h.
 */
#pragma once
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "model/pci.h"
#include "sim/host.h"
#include "sim/tree.h"

#define CONFIG_SIZE 4096
#define BOOT_ID_SIZE 37
#define GROUPS_MAX 65536 /* more than any host has functions and VFs */

struct driver;
struct fault;
struct group;
struct object;
struct trace;
struct vfio_device;

/* A lock of the simulated kernel; held while somebody is in the middle of something. */
struct klock {
	uint64_t next,
		serving; /* tickets: in the order of coming, as mutexes of the kernel mostly are */
	bool held;
	pid_t by;
	const char *what; /* "sriov_numvfs", for people */
};

/* What a driver may take: a PCI function or a mediated device. */
struct device {
	struct machine *machine;
	struct node *dir;
	char name[UUID_SIZE]; /* address or UUID */
	struct klock lock;    /* device_lock() */
	struct group *group;  /* NULL: none */
	struct vfio_device *vfio;
	bool gone;
};

struct mdev_pool;
struct nvidia_gpu;
struct secondary;

/* What a driver may make of a function, see class.h. */
enum class_number {
	CLASS_NET,
	CLASS_NVME,
	CLASS_DRM,
	CLASS_ACCEL,
	CLASS_SOUND,
	CLASS_NVIDIA,
	CLASS_VGPU,
	CLASS_ATTRIBUTES,
	CLASS_KINDS,
};

struct function_state {
	bool off; /* does not answer: config space reads all ones */
	bool d3;  /* asleep in D3hot */
	bool d0;  /* known to be awake when it is not asleep */
	bool d3cold_allowed;
};

struct pci {
	struct device dev;
	struct pci *next;	      /* in the order of their adding */
	struct pci *bridge;	      /* above; NULL on a root bus */
	const struct host_slot *slot; /* NULL: a VF */
	const struct host_model *model;
	uint16_t domain;
	uint8_t bus, devfn;
	uint8_t secondary, subordinate; /* of a bridge */
	int numa;
	bool multifunction;
	/* SR-IOV */
	struct pci *pf; /* of a VF */
	unsigned vf_index;
	struct pci **vfs; /* of a PF: room for all there can be, num_vfs of them are there */
	unsigned num_vfs, total_vfs;
	bool autoprobe;
	/* Binding */
	struct driver *driver;
	char override[NAME_SIZE]; /* empty: none */
	uint8_t reset_methods
		[8];	  /* in the order of their use, as reset.c numbers them; ended by 0 */
	bool found;	  /* and no driver was tried yet */
	unsigned enabled; /* how often: pci_enable_device() counts */
	unsigned dma_bits;
	bool uses_dma; /* of its group: while it has a driver that cannot share, or is getting one */
	bool broken_parity;
	/* NVMe virtualization management, of a primary: what is its own now, and from the next reset */
	uint16_t vq, vi, vq_next, vi_next;
	struct secondary *secondaries; /* one for each VF there can be; NULL: not managed */
	struct function_state state;
	struct klock config_lock; /* held while it is reset */
	uint8_t *config;	  /* CONFIG_SIZE bytes */
	struct mdev_pool *pool;
	struct node *netdev; /* directory of its interface */
	int ifindex;
	bool net_up;			 /* and has a link then */
	struct vf_settings *vf_settings; /* of a network PF: one for each VF there can be */
	struct nvidia_gpu *gpu;		 /* of an NVIDIA GPU; NULL: it is none. See nvidia.h */
	unsigned made; /* kinds that its driver made of it, bits of enum class_number */
	unsigned units[CLASS_KINDS]; /* numbers of these: nvme0, card0, nvidia0 */
};

/* What reaches beyond the machine: programs that run on it. Lock held. */
struct machine_hooks {
	void (*kill)(struct machine *m, const char *program); /* all of that name, at once */
	void (*reboot)(struct machine *m);		      /* all programs, then the machine */
	/* Has one of them that node open? */
	bool (*in_use)(struct machine *m, const char *node);
	/* Those that have: pids, as many as there is room for. */
	unsigned (*users)(struct machine *m, const char *node, uint32_t *ret, unsigned room);
};

struct machine {
	pthread_mutex_t lock;
	pthread_cond_t changed;	 /* broadcast whenever a waiter may go on */
	pthread_cond_t changes;	 /* the tree has changes to be told */
	uint64_t told;		 /* newest change that programs can see */
	const struct host *host; /* borrowed */
	struct tree *tree;
	struct node *sys, *devices, *bus_pci, *class, *dev, *proc;
	double pace; /* of time the kernel and devices take: 1 as on a real machine, 0 none */
	char boot_id[BOOT_ID_SIZE];
	unsigned boots;
	unsigned shift; /* how far firmware moves buses and groups: somebody put a card in */
	struct pci *functions, **functions_end;
	struct object *objects, *retired; /* see machine_object() */
	struct card *cards;		  /* see machine_card() */
	unsigned inside;		  /* accesses under way */
	struct driver *drivers;
	struct group *groups;
	bool group_ids[GROUPS_MAX]; /* taken */
	struct mdev_pool *pools;
	struct vfio_device *vfio_devices;
	struct klock rescan; /* pci_lock_rescan_remove(): one for the host */
	struct klock rtnl;   /* rtnl_lock() */
	struct fault *faults;
	uint64_t writes;     /* so far, successful ones or not */
	uint64_t nvml_calls; /* of NVIDIA's library */
	struct trace *trace; /* newest first */
	unsigned next_fault;
	const struct machine_hooks *hooks;
	int next_ifindex;
	uint64_t next_bar;
};

/* A machine that is switched off. host is borrowed. NULL: no memory. */
struct machine *machine_new(const struct host *host);
struct machine *machine_free(struct machine *m);
/* Power-on: everything that the host describes is found and gets its drivers. Lock held. */
void machine_boot(struct machine *m);
/* All that does not survive a reboot is gone, then it boots again, with shift as it is then. Lock held. */
void machine_reboot(struct machine *m);

void machine_lock(struct machine *m);
void machine_unlock(struct machine *m);
/* Something changed that others wait for. Lock held. */
void machine_wake(struct machine *m);
/* Waits for the next machine_wake(); -ENOTCONN: the machine was switched off. Lock held, and let go meanwhile. */
int machine_wait(struct machine *m);
/* Time that passes: ms as on a real machine. Lock held, and let go meanwhile. */
int machine_sleep(struct machine *m, unsigned ms);
/* The same, whatever the pace. */
int machine_pause(struct machine *m, unsigned ms);
/* Zeroed memory of something in the machine. What is gone is retired: it is freed once no access is under way
 * that may still know it. */
void *machine_object(struct machine *m, size_t size);
/* What the card in a slot keeps without power: zeroes at first, and the same again after a reboot. */
void *machine_card(struct machine *m, const struct host_slot *slot, size_t size);
void machine_retire(struct machine *m, void *object);
/* Around each access, and around all that holds on to an object meanwhile: takes the lock, gives it
 * back. */
void machine_enter(struct machine *m, pid_t pid);
void machine_leave(struct machine *m);

int klock_take(struct machine *m, struct klock *l, const char *what);
void klock_release(struct machine *m, struct klock *l);

/* Which thread serves which program: pid of the one whose access this thread begins; 0: none. Lock
 * held. */
void machine_caller_set(struct machine *m, pid_t pid);
pid_t machine_caller(void);

/* --- bus.c ----------------------------------------------------------------------------------- */

void bus_init(struct machine *m);
/* Finds what is there: on all buses (near NULL), or on the bus of a function and below it. */
void bus_scan(struct machine *m, const struct pci *near);
/* Are there numbers for one more bus in front of each root's? */
bool bus_can_shift(const struct machine *m);
/* The same behind pci_lock_rescan_remove(), and what is new gets a driver. -ENOTCONN: the machine was switched off
 * meanwhile. */
int bus_rescan(struct machine *m, const struct pci *near);
struct pci *bus_find(const struct machine *m, const char *addr);
/* Adds one function, slot NULL: a VF; and once its PF or buses are known: files, links, group and event.
 * No driver yet. */
struct pci *bus_add(struct machine *m, struct pci *bridge, const struct host_slot *slot,
		    const struct host_model *model, unsigned domain, unsigned bus, unsigned devfn);
void bus_announce(struct pci *f);
/* Of a function without a driver: files and links go, and it is told. */
void bus_forget(struct pci *f);
/* Takes it away with all below it: drivers, links, files, events. May wait for holders. */
int bus_remove(struct pci *f);
/* pci_enable_device(), with the bridges above; and back. */
void bus_enable(struct pci *f);
void bus_disable(struct pci *f);
/* Without warning: the card that it is on is pulled. No function of it answers any more, and the kernel
 * takes them away in its own time. -ENOMEM, -EAGAIN: nobody does. */
int bus_pull(struct pci *f);
bool bus_is_bridge(const struct pci *f);
/* Device id, of a VF too. */
unsigned bus_device_id(const struct pci *f);
/* Number of its interrupt while it has a driver. */
unsigned bus_irq(const struct pci *f);
/* A file's owner as what it is. */
struct pci *pci_of(const struct node *n);

/* --- bus-files.c ----------------------------------------------------------------------------- */

void bus_files_add(struct pci *f);
/* Tells of a function, with its variables. */
void bus_event(const struct pci *f, const char *action);
extern const struct file_ops bus_rescan_ops; /* of the bus itself */

/* --- config.c -------------------------------------------------------------------------------- */

void config_build(struct pci *f);
/* NumVFs, and whether VFs answer. */
void config_set_vfs(struct pci *f, unsigned n, bool enabled);
/* Power Management capability. */
bool config_has_pm(const struct pci *f);
extern const struct file_ops config_ops;

/* --- driver.c -------------------------------------------------------------------------------- */

struct driver {
	struct driver *next;
	char name[NAME_SIZE], module[NAME_SIZE];
	struct node *dir;  /* bus/pci/drivers/NAME */
	bool vfio;	   /* binds by override only */
	bool shares_group; /* with a user of VFIO: driver_managed_dma */
	enum host_vfs vfs;
	enum host_leave leave;
	enum host_vgpu vgpu;
	uint32_t probe_ms, vfs_at_most;
	void *ids; /* new_id */
};

void driver_init(struct machine *m);
struct driver *driver_find(const struct machine *m, const char *name);
/* Name of the one that takes it at boot, "" for none. */
const char *driver_own(const struct pci *f);
/* What device_attach() does: the override's driver, or the function's own. Device lock held.
 * 0: bound or nothing fits; errors of the probe are told only by device_driver_attach(). -EBUSY: a user
 * has its group. */
int driver_attach(struct pci *f);
/* Probes one driver. Device lock held. Negative errno of the probe. */
int driver_probe(struct pci *f, struct driver *d);
/* Takes the driver away; waits for VFIO's users. Device lock held. */
int driver_detach(struct pci *f);
/* What was found since: attach each. */
void driver_attach_new(struct machine *m);

/* --- iommu.c --------------------------------------------------------------------------------- */

struct group {
	struct group *next;
	unsigned id;
	struct node *dir; /* kernel/iommu_groups/N */
	unsigned members;
	/* VFIO: users of the group's node; the node exists while a member is driven by VFIO */
	unsigned vfio_members, opened;
	unsigned minor;
	bool has_node;
	bool mdev;
};

/* Puts a function into its group: by topology and ACS. */
void group_join(struct pci *f);
struct group *group_new(struct machine *m);
void group_add(struct group *g, struct device *d);
void group_leave(struct device *d);

/* --- vfio.c ---------------------------------------------------------------------------------- */

struct vfio_device {
	struct vfio_device *next;
	struct device *dev;
	unsigned number; /* vfioN */
	unsigned users;
	bool leaving; /* cannot be opened any more */
	struct node *dir;
};

/* Registers a device with VFIO: node of the group, vfio-dev. -EINVAL: no group. */
int vfio_register(struct device *d);
/* Its vfio-dev goes, then it waits until nobody uses it, then the group's node goes with its last member
 * (vfio_unregister_group_dev()). */
int vfio_unregister(struct device *d);
/* The node below /dev that a virtual machine opens: "vfio/12", "vfio/devices/vfio0"; -ENODEV. And back:
 * NULL when there is no such node. */
int vfio_node(const struct device *d, char *ret, size_t size);
struct device *vfio_find(const struct machine *m, const char *node);
/* Someone opens it, or closes it: -EBUSY, -ENODEV, -EPERM (another member has a driver of its own). */
int vfio_open(struct device *d);
void vfio_close(struct device *d);
void vfio_init(struct machine *m);

/* --- sriov.c --------------------------------------------------------------------------------- */

/* Files of a PF. */
void sriov_init(struct pci *f);
/* Makes so many VFs; device lock of the PF and pci_lock_rescan_remove() held. */
int sriov_enable(struct pci *pf, unsigned count);
/* Removes all VFs at once; device lock of the PF held. */
int sriov_disable(struct pci *f);
/* Driver of a PF leaves. */
int sriov_driver_leaves(struct pci *f, const struct driver *d);

/* --- mdev.c ---------------------------------------------------------------------------------- */

void mdev_parent_init(struct pci *f); /* when its driver came */
int mdev_parent_fini(struct pci *f);  /* its mdevs go first: may wait */
void mdev_init(struct machine *m);    /* parents that are no PCI functions */
/* Has anybody one of its mdevs open? */
bool mdev_is_used(const struct pci *parent);
struct device *mdev_find(const struct machine *m, const char *uuid);

/* --- reset.c --------------------------------------------------------------------------------- */

void reset_init(struct pci *f);

/* --- class.c: see class.h --------------------------------------------------------------------- */

/* What its own driver makes of a function: interfaces, disks, displays; and back. Device lock held. Negative
 * errno: the machine was switched off meanwhile. */
int class_add(struct pci *f);
int class_remove(struct pci *f);
/* What is seen of an NVMe driver that gives up: the controller was told of before it was tried. */
void class_nvme_fail(struct pci *f);
/* Name of a described disk, or of its first partition; false: there is none now. */
bool class_nvme_disk(const struct pci *f, unsigned i, char ret[NAME_SIZE]);
/* Nodes below /dev of what a driver made of it, each with a blank in front. */
void class_nodes(const struct pci *f, struct str_buf *out);

/* --- platform.c ------------------------------------------------------------------------------ */

/* Consoles, swaps, NUMA nodes and so on, of the whole machine. */
void platform_init(struct machine *m);

/* --- rtnetlink.c ----------------------------------------------------------------------------- */

#define RTNETLINK_DIR ".carve-sim" /* below /dev; preload.c opens it */
#define RTNETLINK_FILE "route"

/* At each boot: the file, which stays over boots. */
void rtnetlink_init(struct machine *m);
/* VFs were made: settings of an interface are those of its driver. Does nothing for other functions. */
void rtnetlink_vfs_made(struct pci *pf);

/* --- nvme.c ---------------------------------------------------------------------------------- */

struct secondary {
	uint16_t vq, vi;
	bool online;
};

/* Commands to /dev/nvmeN. */
extern const struct file_ops nvme_ops;
void nvme_init(struct pci *f);
/* After a reset of the primary, or when its VFs are gone. */
void nvme_reset(struct pci *f);
/* Of a VF: would its driver come up? */
bool nvme_vf_online(const struct pci *vf);

/* --- uevent.c -------------------------------------------------------------------------------- */

/* What may be written to a file "uevent" (kobject_synth_uevent()). */
bool uevent_action_valid(const char *text);
/* text: variables, one a line; NULL: none. */
void uevent(struct machine *m, const struct node *dir, const char *action, const char *subsystem,
	    const char *text);
