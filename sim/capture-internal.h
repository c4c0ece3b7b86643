/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files capture*.c share with each other. */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "model/pci.h"
#include "sim/capture.h"
#include "sim/host.h"

#define CAPTURE_PATH_SIZE (SYS_PATH_SIZE + 192)
#define CAPTURE_CONFIG_MAX 4096 /* bytes of a configuration space */

struct capture_mount {
	char number[24]; /* "259:1" */
	char source[NAME_SIZE];
	char *point;
};

struct capture {
	bool anonymous;
	char release[64]; /* of its kernel; empty: not told */
	int sys, dev, proc;
	struct have have;
	struct host *host;
	char **notes; /* what cannot be said in the language of hosts */
	size_t n_notes;
	struct capture_mount *mounts;
	size_t n_mounts;
	char **swaps; /* names of disks and partitions */
	size_t n_swaps;
	char **macs; /* those that slots have */
	size_t n_macs;
	uint64_t key[2];    /* for what is hidden */
	unsigned next_nvme; /* the number that the next NVMe controller gets in a simulated host */
	bool no_memory;
};

/* Where a function is. */
struct capture_place {
	struct function *f; /* its capabilities are read by capture_function() */
	uint32_t bridge;    /* enum host_port of the bridge above */
	bool on_root;	    /* there is none */
	unsigned last_bus;  /* the last that VFs may be on */
};

/* Each text once. */
void capture_note(struct capture *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* array_add(); that there was no memory the capture remembers. */
void *capture_add(struct capture *c, void *array, size_t *n, size_t size);
#define CAPTURE_ADD(c, array, n) capture_add((c), &(array), &(n), sizeof(*(array)))
int capture_add_text(struct capture *c, char ***array, size_t *n, const char *text);
bool capture_has_text(char *const *array, size_t n, const char *text);
/* One line that a host file can hold: not empty, no control characters, UTF-8. */
bool capture_is_line(const char *text);

/* Names in a directory, sorted; of a missing one: none. The caller calls capture_names_done(). */
struct capture_names {
	struct capture *capture;
	char **items;
	size_t n;
};
void capture_names_read(struct capture *c, const char *dir, struct capture_names *ret);
void capture_names_done(struct capture_names *names);
/* name is prefix and a decimal number. */
bool capture_is_numbered(const char *name, const char *prefix, uint32_t *ret_number);
/* devices/PATH/FILE; false: too long. */
bool capture_path(const struct function *f, const char *file, char ret[CAPTURE_PATH_SIZE]);

/* All root buses with what is on them. */
int capture_tree(struct capture *c);
/* -ENOTSUP: the language has no place for such a function (a note says so). */
int capture_function(struct capture *c, const struct capture_place *place, struct host_slot *slot);
/* What drivers made of it: into the model what its kind has, into the slot the rest. */
int capture_classes(struct capture *c, const struct function *f, struct host_model *m,
		    struct host_slot *slot);
/* Mounts and swaps, before functions. */
int capture_uses(struct capture *c);
/* Disks and consoles that no slot could take. */
void capture_leftovers(struct capture *c);
int capture_nvme(struct capture *c, const struct function *f, struct host_model *m,
		 struct host_slot *slot);
int capture_mdev_types(struct capture *c, const char *path, const char *key, const char *driver,
		       struct host_model *m);
int capture_mdev_parents(struct capture *c);
int capture_attributes(struct capture *c, const struct function *f, struct host_model *m);
/* Takes what m owns; the host's model that is the same, or it under a name of its own. */
const char *capture_model_put(struct capture *c, const struct function *f, struct host_model *m);

/* Hiding: the same from the same, and nobody learns what it was. */
uint64_t capture_hide_number(const struct capture *c, uint64_t number);
void capture_hide_mac(const struct capture *c, char mac[MAC_TEXT_SIZE]);
/* Names of interfaces that the kernel or udev made stay, but for those that hold an address. */
void capture_hide_netdev(const struct capture *c, char name[NAME_SIZE]);
/* The serial number, and what the last reading of vital product data left behind. */
void capture_hide_config(const struct capture *c, uint8_t *config, size_t len);

/* The host file. NULL: no memory. The caller frees it. */
char *capture_write(const struct capture *c);
