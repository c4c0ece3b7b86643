/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A step is one verb on one device: the unit that is planned, recorded, performed and read back.
 * The structures have fixed size and no pointers: they go to the executor as they are (same machine,
 * same build; EXEC_VERSION in executor/proto.h guards that) and into the ledger as JSON.
 */
#pragma once
#include "model/pci.h"

enum verb {
	/* Looking; any device. Results are raw bytes or records behind the result. */
	VERB_READ_CONFIG, /* text: space separated addresses; data: per address u32 length + bytes */
	VERB_READ_ATTR,	  /* text: one of a fixed list of attribute names; data: its bytes */
	VERB_READ_MDEV,	  /* types of one parent; data: struct mdev_type[] */
	VERB_READ_VFS,	  /* settings of all VFs of a PF; data: struct vf_info[] */
	VERB_READ_GPU, /* what library and driver say of a GPU; flag: its driver alone, of vGPUs; data: struct gpu_report */
	VERB_SERVICE_LOOK, /* text: a unit that root listed; number 1: it runs */
	/* Who uses the target; data: struct holder[]; flag: VFIO groups may be tried; number: of target.part, its GPU
	 * instance id. */
	VERB_HOLDERS,
	/* Changing; enrolled devices only. Each reads back what it wrote. */
	VERB_BIND, /* text: a VFIO driver, or "vfio": the best one for it, loaded if need be; result: number 1:
		    * D3cold was allowed and is not now */
	VERB_UNBIND, /* text: driver to give back to, empty: what the kernel picks, "-": none; flag: D3cold again;
		      * result: number 1: it is */
	VERB_SET_VFS,	/* number: VF count; flag: drivers_autoprobe */
	VERB_SET_VF,	/* vf: what to set */
	VERB_SET_PORT,	/* devlink port function: MAC in vf; with flag, number: state */
	VERB_NVME_FLEX, /* give flexible resources of a primary controller back, reset it */
	VERB_NVME_ONLINE, /* resources and online for one VF: number = VQ, number2 = VI; 0: its share */
	VERB_NVME_OFFLINE,
	VERB_MDEV_CREATE, /* text: type; target.uuid */
	VERB_MDEV_REMOVE,
	VERB_RESET, /* text: method, empty: best */
	VERB_GRANT, /* number: uid, number2: gid on the VFIO node */
	VERB_REVOKE,
	VERB_MODULE_LOAD, /* text: an alias that begins with "vfio_pci:", or "vfio-pci" */
	VERB_PIN_POWER,	  /* number: d3cold_allowed */
	/* Of GPUs; data of each: struct gpu_report as it is then. */
	VERB_MIG_MODE, /* number: 1 on, 0 off */
	/* target.part; text: profile, number: its id, number2: its memory slices, number3: its compute slices; with a
	 * compute instance that takes all of it. Result: text: UUID of the MIG device. */
	VERB_MIG_CREATE,
	VERB_MIG_DESTROY, /* target.part; number: GPU instance id, number2, number3: as above; with its compute instances */
	VERB_VGPU_VFS, /* number: 1 makes all VFs the vendor's way, 0 removes them */
	/* target.vf; text: type, number: its id, 0: none; flag: it may be that one already, by us; number2: where its guest's
	 * begins: 1 + placement id, 0: where the driver wants. */
	VERB_VGPU_SET,
	VERB_MPS_START, /* a server of its own; text: UUID of the GPU, number: threads of each client in percent,
			   * number2: MiB of each */
	VERB_MPS_STOP,	     /* text: UUID of the GPU */
	VERB_VGPU_MIXED,     /* number: 1 vGPUs of several sizes, 0 of one */
	VERB_VGPU_SCHEDULER, /* number: enum vgpu_scheduler; text: its name */
	/* Units that root listed, whatever the target: text is its name. */
	VERB_SERVICE_STOP,
	VERB_SERVICE_START,
	VERB_COUNT,
};

/* What a step works on. The executor resolves addresses itself: never an address from outside. */
struct target {
	char device[DEVICE_KEY_SIZE]; /* enrolled key */
	int32_t vf;		      /* VF index of that device, -1: the device */
	char uuid[UUID_SIZE];	      /* mdev of that device or VF, or empty */
	uint32_t
		part; /* GPU instance of that device: 1 + the memory slice where it begins; 0: none */
};

struct step {
	uint64_t id; /* unique for ever: from the ledger */
	uint32_t verb;
	uint32_t deadline_ms; /* 0: the verb's own */
	struct target target;
	uint8_t check_only; /* run the guards, change nothing */
	uint8_t flag;
	/* Guards the policy lifts: enum step_allow. */
	uint32_t allow;
	uint32_t number, number2, number3;
	struct vf_settings vf;
	char text[1024];
};

enum step_allow {
	STEP_ALLOW_IN_USE_PF = 1 << 0, /* making VFs on a PF that carries traffic */
};

enum step_status {
	STEP_DONE,    /* changed, and read back */
	STEP_NOTHING, /* was so already; nothing written */
	STEP_REFUSED, /* a guard said no: reason, holders; nothing written */
	STEP_FAILED,  /* kernel or device said no: error, where; see state */
	STEP_TIMEOUT, /* abandoned past its deadline, still going on; a later STEP_LATE says its end */
	STEP_LATE,    /* the end of an abandoned step */
	STEP_STUCK,   /* not begun: an earlier one on this device or lane is still stuck */
	STEP_UNKNOWN, /* the executor or worker died; observe */
};

enum holder_kind {
	HOLDER_FD,	/* a process has a node of the device open */
	HOLDER_NETDEV,	/* an interface that is up, enslaved, or carries another */
	HOLDER_BLOCK,	/* mount, swap, dm, md, zfs, partition holder */
	HOLDER_DISPLAY, /* boot display or a connected display in use */
	HOLDER_CONSOLE,
	HOLDER_VF,	/* one of the VFs of the device is held */
	HOLDER_SIBLING, /* IOMMU group mate with a host driver */
	HOLDER_MDEV,	/* an mdev exists on the device */
};

/* Who or what is in the way. never_touch: no policy lifts it. */
struct holder {
	uint32_t kind;
	uint8_t never_touch;
	int32_t pid; /* 0: no process */
	uint32_t uid;
	uint64_t
		start; /* process start time in clock ticks, so that a pid is not taken for another */
	char comm[32];
	char unit[128];		    /* systemd unit, container or machine from the cgroup */
	char what[128];		    /* node, interface, mount, ... */
	char device[PCI_ADDR_SIZE]; /* the function concerned */
};

struct step_result {
	uint64_t id;
	uint32_t status; /* enum step_status */
	int32_t error;	 /* positive errno of STEP_FAILED */
	char where[96];	 /* file or call that failed: "sriov_numvfs" */
	char reason
		[64]; /* stable word of a refusal or failure: "held", "never-touch", "not-enrolled" */
	char detail[256]; /* one line more: what was found */
	uint32_t number;  /* read back: VF count, reset method code ... */
	char text[64];	  /* read back: driver now bound */
	char before[64];  /* what was there before: original driver */
	struct vf_settings vf;
	uint32_t data_len; /* bytes that follow in the same message */
};

const char *verb_name(enum verb v);   /* "vfio.bind", "sriov.set-vfs", ... */
int verb_from_name(const char *name); /* -EINVAL */
bool verb_changes(enum verb v);	      /* false for looking */
const char *step_status_name(enum step_status s);
const char *holder_kind_name(enum holder_kind k);
bool target_eq(const struct target *a, const struct target *b);
/* One line as people read it: "bind VF 3 of 0000:3b:00.0 to vfio-pci". h (may be NULL) gives addresses. */
int step_describe(const struct step *s, const struct have *h, char *ret, size_t size);

struct plan {
	struct step *steps;
	size_t n;
};
void plan_done(struct plan *p);
/* A zeroed step at the end with verb, device and vf (-1) set; NULL: no memory. */
struct step *plan_add(struct plan *p, enum verb v, const char *device, int vf);
