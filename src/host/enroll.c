/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The list of enrolled devices; the format is in enroll.h. It is the only text that the executor
 * parses, so it is strict: a line that is not understood makes the whole file invalid, and then
 * nothing is enrolled.
 */
#include "host/enroll.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "host/resolve.h"

#define ENROLL_FILE_MAX (1024u * 1024u)
#define ENROLL_ENTRIES_MAX 8192u
#define ENROLL_LINE_MAX 512u
#define LABEL_MAX 48

void enrollment_done(struct enrollment *e)
{
	if (!e)
		return;
	free(e->entries);
	*e = (struct enrollment){ 0 };
}

/* Where a fault is, for the message. */
struct place {
	const char *file;
	unsigned line, column;
};

__attribute__((format(printf, 3, 4))) static int fault(struct err *reterr, const struct place *at,
						       const char *fmt, ...)
{
	char text[256];
	va_list ap;
	va_start(ap, fmt);
	int n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(reterr, "enroll.syntax", EINVAL, "cannot use the list of enrolled devices");
	err_on(reterr, "%s:%u:%u", at->file, at->line, at->column);
	err_because(reterr, "%s", n < 0 ? "" : text);
	err_state(reterr, "no device is enrolled until the file is corrected");
	err_todo(reterr, "correct that line; its form is in carve-devices(5)");
	return -EINVAL;
}

static int parse_ids(const char *text, struct enrolled *ret)
{
	if (str_eq(text, "-"))
		return 0;
	if (strlen(text) != 9 || text[4] != ':')
		return -EINVAL;

	char vendor[5], device[5];
	memcpy(vendor, text, 4);
	vendor[4] = '\0';
	memcpy(device, text + 5, 5);
	uint64_t v, d;
	if (num_parse(vendor, 16, UINT16_MAX, &v) < 0 || num_parse(device, 16, UINT16_MAX, &d) < 0)
		return -EINVAL;
	ret->vendor = (uint16_t)v;
	ret->device = (uint16_t)d;
	ret->has_ids = true;
	return 0;
}

static int parse_serial(const char *text, struct enrolled *ret)
{
	if (str_eq(text, "-"))
		return 0;
	const char *digits = str_after(text, "serial=");
	if (!digits || strlen(digits) > 16 || num_parse(digits, 16, UINT64_MAX, &ret->serial) < 0)
		return -EINVAL;
	ret->has_serial = true;
	return 0;
}

/* As names in policies. */
static bool label_valid(const char *label, size_t len)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	return len > 0 && len <= LABEL_MAX && !strchr("._-", *label) &&
	       strspn(label, letters) >= len;
}

static int parse_labels(const char *text, struct enrolled *ret)
{
	const char *list = str_after(text, "labels=");
	if (!list)
		return -EINVAL;
	if (STR_COPY(ret->labels, list) < 0)
		return -E2BIG;
	for (char *p = ret->labels;; p++) {
		size_t len = strcspn(p, ",");
		if (!label_valid(p, len))
			return -EINVAL;
		p += len;
		if (*p == '\0')
			return 0;
		*p = ' ';
	}
}

static const char blanks[] = " \t";

/* Cuts line (modified) into at most max fields. Returns their number, or -E2BIG. */
static int split_fields(char *line, char *ret_fields[], int max)
{
	int n = 0;
	for (char *p = line + strspn(line, blanks); *p; p += strspn(p, blanks)) {
		if (n == max)
			return -E2BIG;
		ret_fields[n++] = p;
		p += strcspn(p, blanks);
		if (*p)
			*p++ = '\0';
	}
	return n;
}

static int take_labels(const char *field, const char *line, struct place *at, struct enrolled *ret,
		       struct err *reterr)
{
	int r = parse_labels(field, ret);
	at->column = (unsigned)(field - line) + 1;
	if (r == -E2BIG)
		return fault(reterr, at, "the labels are longer than %d bytes",
			     ENROLL_LABELS_SIZE - 1);
	if (r < 0)
		return fault(reterr, at, "\"%.80s\" is not like labels=rack-7,train", field);
	return 1;
}

/* Returns 1 when the line has an entry, 0 when it is blank. */
static int parse_line(char *line, struct place *at, struct enrolled *ret, struct err *reterr)
{
	line[strcspn(line, "#")] = '\0';
	char *fields[4];
	int n = split_fields(line, fields, 4);
	if (n == 0)
		return 0;
	if (n < 0)
		return fault(reterr, at, "more than four fields");

	*ret = (struct enrolled){ 0 };
	at->column = (unsigned)(fields[0] - line) + 1;
	if (!device_key_valid(fields[0]) || STR_COPY(ret->key, fields[0]) < 0)
		return fault(reterr, at, "\"%.160s\" is not the key of a device", fields[0]);
	if (n > 1) {
		at->column = (unsigned)(fields[1] - line) + 1;
		if (parse_ids(fields[1], ret) < 0)
			return fault(reterr, at,
				     "\"%.32s\" is not a pair of ids like 8086:10c9, or -",
				     fields[1]);
	}
	if (n > 2) {
		at->column = (unsigned)(fields[2] - line) + 1;
		if (parse_serial(fields[2], ret) < 0)
			return fault(reterr, at,
				     "\"%.32s\" is not like serial=525400ffffe00001, or -",
				     fields[2]);
	}
	return n > 3 ? take_labels(fields[3], line, at, ret, reterr) : 1;
}

/* Room for what so many lines can enrol. */
static int entries_make(struct enrollment *e, const char *text)
{
	size_t lines = 1;
	for (const char *p = text; lines < ENROLL_ENTRIES_MAX && (p = strchr(p, '\n')); p++)
		lines++;
	e->entries = calloc(lines, sizeof(*e->entries));
	return e->entries ? 0 : -ENOMEM;
}

static int by_key(const void *a, const void *b)
{
	const struct enrolled *x = a, *y = b;
	int r = strcmp(x->key, y->key);
	return r ? r : x->line < y->line ? -1 : x->line > y->line;
}

/* And refuses a key that is there twice, where it stands again. */
static int sort(struct enrollment *e, struct place *at, struct err *reterr)
{
	if (e->n)
		qsort(e->entries, e->n, sizeof(*e->entries), by_key);
	for (size_t i = 1; i < e->n; i++) {
		if (!str_eq(e->entries[i - 1].key, e->entries[i].key))
			continue;
		*at = (struct place){ at->file, e->entries[i].line, 1 };
		return fault(reterr, at, "%s is there twice", e->entries[i].key);
	}
	return 0;
}

int enrollment_parse(const char *text, const char *file, struct enrollment *ret, struct err *reterr)
{
	_cleanup_(enrollment_done) struct enrollment list = { 0 };
	struct place at = { .file = file, .line = 1, .column = 1 };
	int r = 0;

	if (entries_make(&list, text) < 0)
		return err_set(reterr, "base.memory", ENOMEM,
			       "cannot keep the list of enrolled devices");
	for (const char *p = text; *p; at.line++) {
		size_t len = (size_t)(strchrnul(p, '\n') - p);
		char line[ENROLL_LINE_MAX];
		at.column = 1;
		if (len >= sizeof(line))
			return fault(reterr, &at, "the line is longer than %u bytes",
				     ENROLL_LINE_MAX - 1);
		memcpy(line, p, len);
		line[len] = '\0';
		p += len + (p[len] == '\n');

		struct enrolled entry;
		r = parse_line(line, &at, &entry, reterr);
		if (r < 0)
			return r;
		if (r == 0)
			continue;
		entry.line = at.line;
		if (list.n == ENROLL_ENTRIES_MAX)
			return fault(reterr, &at, "more than %u devices", ENROLL_ENTRIES_MAX);
		list.entries[list.n++] = entry;
	}
	r = sort(&list, &at, reterr);
	if (r < 0)
		return r;
	*ret = list;
	list = (struct enrollment){ 0 };
	return 0;
}

/* Reads fd whole; NUL bytes and more than the limit are refused. */
static int read_text(int fd, char **ret)
{
	_cleanup_free_ char *text = malloc(ENROLL_FILE_MAX + 1);
	if (!text)
		return -ENOMEM;
	size_t len = 0;
	for (;;) {
		ssize_t n = read(fd, text + len, ENROLL_FILE_MAX + 1 - len);
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > ENROLL_FILE_MAX)
			return -EFBIG;
	}
	text[len] = '\0';
	if (strlen(text) != len)
		return -EINVAL;
	*ret = TAKE_PTR(text);
	return 0;
}

/* Group carve-admin is not meant to write it: whoever can, decides what root writes to. */
static bool owner_trusted(const struct stat *st)
{
	return S_ISREG(st->st_mode) && (st->st_uid == 0 || st->st_uid == geteuid()) &&
	       (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int unreadable(struct err *reterr, const char *file, int r, const char *why)
{
	err_set(reterr, "enroll.unreadable", -r, "cannot read the list of enrolled devices");
	err_on(reterr, "%s", file);
	err_because(reterr, "%s", why);
	err_state(reterr, "no device is enrolled");
	err_todo(reterr, "make it a regular file of root that nobody else can write");
	return r;
}

int enroll_text_read(const char *file, char **ret, const char **ret_why)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 && errno == ENOENT)
		return 0;
	struct stat st;
	int r = fd < 0 || fstat(fd, &st) < 0 ? -errno : 0;
	if (r == 0 && !owner_trusted(&st)) {
		*ret_why = "somebody other than root can write it";
		return -EPERM;
	}
	if (r == 0)
		r = read_text(fd, ret);
	if (r < 0)
		*ret_why = strerror(-r);
	return r;
}

int enrollment_read(const char *file, struct enrollment *ret, struct err *reterr)
{
	_cleanup_free_ char *text = NULL;
	const char *why = NULL;
	int r = enroll_text_read(file, &text, &why);
	if (r < 0)
		return unreadable(reterr, file, r, why);
	return enrollment_parse(text ? text : "", file, ret, reterr);
}

const struct enrolled *enrollment_find(const struct enrollment *e, const char *key)
{
	size_t low = 0, high = e->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int r = strcmp(e->entries[middle].key, key);
		if (r == 0)
			return &e->entries[middle];
		if (r < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

bool enrolled_matches(const struct enrolled *e, const struct function *f)
{
	if (!f)
		return !e->has_ids && !e->has_serial;
	if (e->has_ids && (e->vendor != f->vendor || e->device != f->device))
		return false;
	return !e->has_serial || (f->caps.has_serial && e->serial == f->caps.serial);
}

int enrolled_format(const struct enrolled *e, char *ret, size_t size)
{
	char ids[16] = "-", serial[32] = "-";
	if (e->has_ids)
		(void)STR_FORMAT(ids, "%04x:%04x", e->vendor, e->device);
	if (e->has_serial)
		(void)STR_FORMAT(serial, "serial=%016llx", (unsigned long long)e->serial);
	char labels[ENROLL_LABELS_SIZE];
	memcpy(labels, e->labels, sizeof(labels));
	for (char *p = labels; (p = strchr(p, ' '));)
		*p = ',';
	return str_format(ret, size, "%s  %s  %s%s%s", e->key, ids, serial,
			  labels[0] ? "  labels=" : "", labels);
}
