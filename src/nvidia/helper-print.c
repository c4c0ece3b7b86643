/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a look finds, as JSON for people and scripts. By hand: this program links as little as it can. */
#include "nvidia/helper.h"

/* A library may say anything. */
static void text_print(FILE *to, const char *name, const char *text)
{
	fprintf(to, "\"%s\": \"", name);
	for (const char *c = text; *c; c++)
		if (*c == '"' || *c == '\\')
			fprintf(to, "\\%c", *c);
		else if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
			fprintf(to, "\\u%04x", (unsigned char)*c);
		else
			fputc(*c, to);
	fputc('"', to);
}

static const char *truth(bool is)
{
	return is ? "true" : "false";
}

static void gpu_print(FILE *to, const struct helper *h)
{
	const struct gpu *g = &h->reply.report.gpu;
	fprintf(to, "  \"seen\": %s,\n  ", truth(g->seen == GPU_SEEN));
	text_print(to, "why", g->why);
	fputs(",\n  ", to);
	text_print(to, "name", g->name);
	fputs(",\n  ", to);
	text_print(to, "driver", g->driver);
	fputs(",\n  ", to);
	text_print(to, "uuid", g->uuid);
	fprintf(to, ",\n  \"minor\": %d, \"memory\": %u, \"mig_capable\": %s, \"mig\": %s, ",
		g->minor, g->memory, truth(g->mig_capable), truth(g->mig));
	fprintf(to, "\"mig_pending\": %s, \"vgpu\": %s, \"calls\": %u", truth(g->mig_pending),
		truth(g->vgpu), h->reply.calls);
	fprintf(to,
		",\n  \"mixed_capable\": %s, \"mixed\": %s, \"scheduler\": %u, \"schedulers\": %u",
		truth(g->mixed_capable), truth(g->mixed), g->scheduler, g->schedulers);
}

static void profile_print(FILE *to, const struct gpu_profile *p)
{
	const char *comma = "";
	fputs("    {", to);
	text_print(to, "name", p->name);
	fprintf(to, ", \"id\": %u, \"slices\": %u, \"most\": %u, \"size\": %u, \"memory\": %u, ",
		p->id, p->slices, p->most, p->size, p->memory);
	fprintf(to, "\"multiprocessors\": %u, \"copy_engines\": %u, \"decoders\": %u, ",
		p->multiprocessors, p->copy_engines, p->decoders);
	fprintf(to, "\"encoders\": %u, \"jpeg\": %u, \"optical_flow\": %u, \"starts\": [",
		p->encoders, p->jpeg, p->optical_flow);
	for (unsigned i = 0; i < 64; i++)
		if (p->starts >> i & 1) {
			fprintf(to, "%s%u", comma, i);
			comma = ", ";
		}
	fputs("]}", to);
}

static void part_print(FILE *to, const struct gpu_part *p)
{
	fprintf(to, "    {\"id\": %u, \"profile\": %u, \"start\": %u, \"size\": %u, ", p->instance,
		p->profile, p->start, p->size);
	fprintf(to, "\"computes\": %u, \"compute\": %u, \"whole\": %s, ", p->n_computes, p->compute,
		truth(p->compute_whole));
	fprintf(to, "\"minor\": %d, \"compute_minor\": %d, ", p->instance_minor, p->compute_minor);
	text_print(to, "uuid", p->uuid);
	fputs("}", to);
}

static void type_print(FILE *to, const struct vgpu_type *t)
{
	const char *comma = "";
	fputs("    {", to);
	text_print(to, "name", t->name);
	fprintf(to,
		", \"id\": %u, \"memory\": %u, \"most\": %u, \"creatable\": %s, \"profile\": %lld",
		t->id, t->memory, t->most, truth(t->creatable),
		t->profile == GPU_NO_PROFILE ? -1LL : (long long)t->profile);
	fprintf(to, ", \"size\": %u, \"placements\": [", t->size);
	for (unsigned i = 0; i < VGPU_PLACEMENTS; i++)
		if (t->starts[i / 32] >> i % 32 & 1) {
			fprintf(to, "%s%u", comma, i);
			comma = ", ";
		}
	fputs("]}", to);
}

#define ARRAY_PRINT(to, name, items, n, print)                                                     \
	do {                                                                                       \
		fprintf((to), ",\n  \"%s\": [", (name));                                           \
		for (uint32_t i_ = 0; i_ < (n); i_++) {                                            \
			fputs(i_ ? ",\n" : "\n", (to));                                            \
			print((to), &(items)[i_]);                                                 \
		}                                                                                  \
		fputs((n) ? "\n  ]" : "]", (to));                                                  \
	} while (0)

void helper_print(const struct helper *h, FILE *to)
{
	const struct gpu_report *r = &h->reply.report;
	fputs("{\n  ", to);
	text_print(to, "address", h->request->addr);
	fputs(",\n", to);
	gpu_print(to, h);
	ARRAY_PRINT(to, "profiles", h->profiles, r->n_profiles, profile_print);
	ARRAY_PRINT(to, "instances", h->parts, r->n_parts, part_print);
	ARRAY_PRINT(to, "vgpu_types", h->types, r->n_types, type_print);
	fputs("\n}\n", to);
}
