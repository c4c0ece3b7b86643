/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What drivers make of functions, as far as it says whether the host uses them. A kind is a row of the
 * table in class.c; a function has a number in each kind that was made of it: nvme0, card1. The machine's
 * lock is held.
 */
#pragma once
#include "sim/machine.h"

struct class_kind {
	/* Will the function's own driver make this of it? */
	bool (*is)(const struct pci *f);
	/* unit: the lowest that no other function has. 0, or negative errno: the machine was switched off while
	 * it waited. */
	int (*add)(struct pci *f, unsigned unit);
	int (*remove)(struct pci *f, unsigned unit);
	/* Nodes below /dev that a program would open, each with a blank in front; NULL: none. */
	void (*nodes)(unsigned unit, struct str_buf *out);
};
extern const struct class_kind class_net, class_nvme; /* class-net.c, class-nvme.c */
extern const struct class_kind class_drm, class_accel, class_sound,
	class_nvidia;				 /* class-nodes.c */
extern const struct class_kind class_vgpu;	 /* nvidia-vgpu.c */
extern const struct class_kind class_attributes; /* class-attributes.c */

/* A directory of a class below a function, with its link in the class and its number. */
struct class_device {
	struct pci *f;
	const char *class, *name;
	unsigned major, minor; /* 0, 0: none */
	bool block;
};
struct node *class_device_add(const struct class_device *d, struct node *parent);
/* All but the directory. */
void class_device_drop(const struct class_device *d);
/* The lowest number in a kind that no other function has. */
unsigned class_unit_free(const struct pci *f, enum class_number kind);
