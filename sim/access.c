/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See access.h. */
#include "sim/access.h"

#include <errno.h>

#include "sim/fault.h"
#include "sim/trace.h"

/* The function that a file of its directory belongs to. */
static struct pci *function_of(const struct machine *m, const struct node *n)
{
	for (; n && n != m->sys; n = n->parent)
		if (n->type == NODE_DIR && pci_addr_valid(n->name))
			return bus_find(m, n->name);
	return NULL;
}

/* The function that a write is about: the one whose file it is, or the one that it names. */
static struct pci *target_of(const struct machine *m, const struct node *n, const char *text)
{
	struct pci *f = function_of(m, n);
	return f || !pci_addr_valid(text) ? f : bus_find(m, text);
}

/* --- what faults do --------------------------------------------------------------------------- */

/* Locks that a write holds in the kernel, in their order: drivers/pci/iov.c, pci-sysfs.c and
 * drivers/base/bus.c of Linux 6.12. All others have none that anybody here wants. */
static const struct {
	const char *attribute;
	bool host_first, device, host_last;
} locks_of[] = {
	{ "sriov_numvfs", false, true, true },	 { "remove", true, true, false },
	{ "rescan", true, false, false },	 { "reset", false, true, false },
	{ "enable", false, true, false },	 { "sriov_vf_msix_count", false, true, false },
	{ "bind", false, true, false },		 { "unbind", false, true, false },
	{ "drivers_probe", false, true, false },
};

static size_t hang_locks(struct machine *m, const struct access *a, struct klock *ret[2])
{
	size_t n = 0;
	for (size_t i = 0; a->attribute && i < sizeof(locks_of) / sizeof(*locks_of); i++) {
		if (!str_eq(a->attribute, locks_of[i].attribute))
			continue;
		if (locks_of[i].host_first)
			ret[n++] = &m->rescan;
		if (locks_of[i].device && a->at)
			ret[n++] = &a->at->dev.lock;
		if (locks_of[i].host_last)
			ret[n++] = &m->rescan;
	}
	return n;
}

/* In the middle of a write, with its locks: what else wants them waits as well. */
static int hang(struct machine *m, const struct fault *f, const struct access *a)
{
	struct klock *locks[2];
	size_t all = hang_locks(m, a, locks), n = 0;
	int r = 0;
	for (; r == 0 && n < all; n++)
		r = klock_take(m, locks[n], a->attribute);
	if (r == 0)
		r = fault_hang(m, f->id);
	while (n-- > 0)
		klock_release(m, locks[n]);
	return r;
}

static void pull(struct pci *at)
{
	if (at && !at->dev.gone)
		(void)bus_pull(at);
}

static int effect_before(struct machine *m, const struct fault *f, const struct access *a)
{
	switch (f->effect) {
	case FAULT_FAIL:
		return -f->error;
	case FAULT_HANG:
		return hang(m, f, a);
	case FAULT_SLOW:
		return machine_pause(m, f->ms);
	case FAULT_KILL:
		m->hooks->kill(m, f->text);
		return 0;
	case FAULT_REBOOT:
		m->hooks->reboot(m);
		return -ENOTCONN;
	case FAULT_GONE:
		pull(a->at);
		return -ENODEV;
	case FAULT_NONE:
	case FAULT_FAIL_AFTER:
	case FAULT_KILL_AFTER:
	case FAULT_REBOOT_AFTER:
	case FAULT_GONE_AFTER:
	case FAULT_IGNORE:
	case FAULT_INSTEAD:
	case FAULT_STALE:
	case FAULT_DEAD:
	case FAULT_ANSWER:
	case FAULT_LOST:
	case FAULT_LATE:
		break;
	}
	return 0;
}

static int effect_after(struct machine *m, const struct fault *f, const struct access *a,
			int result)
{
	switch (f->effect) {
	case FAULT_FAIL_AFTER:
		return -f->error;
	case FAULT_KILL_AFTER:
		m->hooks->kill(m, f->text);
		return result;
	case FAULT_REBOOT_AFTER:
		m->hooks->reboot(m);
		return -ENOTCONN;
	case FAULT_GONE_AFTER:
		pull(a->at);
		return result;
	case FAULT_DEAD:
		if (a->at)
			a->at->state.off = true;
		return result;
	case FAULT_NONE:
	case FAULT_FAIL:
	case FAULT_HANG:
	case FAULT_SLOW:
	case FAULT_KILL:
	case FAULT_REBOOT:
	case FAULT_GONE:
	case FAULT_IGNORE:
	case FAULT_INSTEAD:
	case FAULT_STALE:
	case FAULT_ANSWER:
	case FAULT_LOST:
	case FAULT_LATE:
		break;
	}
	return result;
}

/* A copy: it may be cleared while something waits. */
static struct fault fault_of(struct machine *m, const char *path, bool read)
{
	const struct fault *met = m->faults ? fault_meet(m, path, read) : NULL;
	return met ? *met : (struct fault){ .effect = FAULT_NONE };
}

/* --- changes ---------------------------------------------------------------------------------- */

/* What is done, and told as it was done. */
static int act(struct machine *m, const struct access *a, const struct fault *f)
{
	bool instead = f->effect == FAULT_INSTEAD && a->replace;
	const char *text = instead ? f->text : a->text;
	if (f->effect == FAULT_IGNORE) {
		trace_add(m, TRACE_IGNORED, a->path, text, 0);
		return 0;
	}
	if (instead)
		a->replace(a->userdata, text);
	tree_keep_links(f->effect == FAULT_STALE);
	int r = a->act(a->userdata);
	tree_keep_links(false);
	trace_add(m, TRACE_WRITE, a->path, text, r);
	return r;
}

int access_change(struct machine *m, const struct access *a)
{
	m->writes++;
	const struct fault f = fault_of(m, a->path, false);
	int r = effect_before(m, &f, a);
	if (r == 0 && a->gone && *a->gone)
		r = -ENODEV;
	if (r == 0)
		r = act(m, a, &f);
	else
		trace_add(m, TRACE_WRITE, a->path, a->text, r);
	/* The power went: what comes after is another boot's. */
	return r == -ENOTCONN ? r : effect_after(m, &f, a, r);
}

struct store {
	struct node *n;
	const char *text; /* of text files, and */
	size_t len;
	off_t at;     /* of binary ones */
	size_t taken; /* of the bytes */
};

static int store_text(void *userdata)
{
	const struct store *s = userdata;
	return s->n->ops->store(s->n, s->text, s->len);
}

static int store_bytes(void *userdata)
{
	struct store *s = userdata;
	ssize_t r = s->n->ops->write(s->n, s->text, s->len, s->at);
	s->taken = r < 0 ? 0 : (size_t)r;
	return r < 0 ? (int)r : 0;
}

static void store_replace(void *userdata, const char *text)
{
	struct store *s = userdata;
	s->text = text;
	s->len = strlen(text);
}

/* Of a function itself, of the bus or of a driver: not of a mediated device, whose words are the same. */
static bool is_kernels(const struct machine *m, const struct node *n)
{
	const struct pci *f = function_of(m, n);
	return !f || f->dev.dir == n->parent;
}

static int store(struct machine *m, struct store *s, const char *text, int (*how)(void *userdata))
{
	char path[TREE_PATH_SIZE];
	if (node_path_of(s->n, m->sys, path) < 0)
		return -ENAMETOOLONG;
	const struct access a = { .path = path,
				  .text = text,
				  .attribute = is_kernels(m, s->n) ? s->n->name : NULL,
				  .at = target_of(m, s->n, text),
				  .gone = &s->n->gone,
				  .act = how,
				  .replace = store_replace,
				  .userdata = s };
	return access_change(m, &a);
}

int access_store(struct machine *m, struct node *n, const char *text, size_t len)
{
	struct store s = { .n = n, .text = text, .len = len };
	return store(m, &s, text, store_text);
}

/* What is told of bytes is where they are and how many. */
ssize_t access_write(struct machine *m, struct node *n, const void *buf, size_t size, off_t at)
{
	struct store s = { .n = n, .text = buf, .len = size, .at = at, .taken = size };
	char text[64];
	(void)STR_FORMAT(text, "%zu bytes at %lld", size, (long long)at);
	int r = store(m, &s, text, store_bytes);
	return r < 0 ? r : (ssize_t)s.taken;
}

/* --- looking ---------------------------------------------------------------------------------- */

int access_look(struct machine *m, const char *path, char ret_answer[NAME_SIZE])
{
	const struct fault f = fault_of(m, path, true);
	const struct access a = { .path = path };
	int r = effect_before(m, &f, &a);
	if (r < 0 || f.effect != FAULT_ANSWER)
		return r;
	(void)str_copy(ret_answer, NAME_SIZE, f.text);
	return 1;
}

/* The file's own path, asked only when a fault may be meant. */
static int look(struct machine *m, const struct node *n, char ret_answer[NAME_SIZE])
{
	char path[TREE_PATH_SIZE];
	if (!m->faults)
		return 0;
	if (node_path_of(n, m->sys, path) < 0)
		return -ENAMETOOLONG;
	int r = access_look(m, path, ret_answer);
	return r == 0 && n->gone ? -ENODEV : r;
}

int access_show(struct machine *m, struct node *n, struct str_buf *out)
{
	char answer[NAME_SIZE];
	int r = look(m, n, answer);
	if (r > 0)
		str_buf_addf(out, "%s\n", answer);
	return r > 0 ? 0 : r < 0 ? r : n->ops->show(n, out);
}

ssize_t access_read(struct machine *m, struct node *n, void *buf, size_t size, off_t at)
{
	char answer[NAME_SIZE];
	int r = look(m, n, answer);
	if (r <= 0)
		return r < 0 ? r : n->ops->read(n, buf, size, at);
	size_t len = strlen(answer);
	if (at < 0 || (size_t)at >= len)
		return 0;
	if (size > len - (size_t)at)
		size = len - (size_t)at;
	memcpy(buf, answer + at, size);
	return (ssize_t)size;
}
