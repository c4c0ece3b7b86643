/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an examination of the host finds: how bad, of what, in which words, and the remedy. */
#pragma once
#include <stddef.h>

#include "model/sizes.h"

enum finding_level {
	FINDING_OK,
	FINDING_NOTE,
	FINDING_WARNING,
	FINDING_PROBLEM
};

struct finding {
	enum finding_level level;
	const char *id; /* stable: "doctor.iommu.off" */
	char subject[NAME_SIZE * 2];
	char text[256];
	char remedy[256];
};
struct findings {
	struct finding *items;
	size_t n;
};
void findings_done(struct findings *f);
/* Adds one. Texts are cut nowhere: one that does not fit is left empty. id is kept as it is. -ENOMEM. */
int findings_add(struct findings *f, enum finding_level level, const char *id, const char *subject,
		 const char *remedy, const char *text, ...) __attribute__((format(printf, 6, 7)));
const char *finding_level_name(enum finding_level l);
