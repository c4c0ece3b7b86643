/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Does what a scenario says to the kernel's files and prints what came of it, one line each, in
 * words that are the same on every machine with the same devices: tests/lab/suites/truth.sh
 * compares those of a real kernel and of the simulator.
 *
 *	probe SCENARIO
 *
 *	write PATH TEXT      one write; \n in TEXT is a newline
 *	write& PATH TEXT     the same in a process of its own, for "running" and "joined"
 *	running N, joined N  whether the Nth of these is still at it; joined waits long for its end
 *	read PATH            the value
 *	link PATH            last component of the target
 *	exists PATH
 *	list DIR PATTERN     names, sorted
 *	modes DIR            names, each with its type and mode
 *	group FUNCTION       members of its IOMMU group
 *	node FUNCTION        whether its group has a node below /dev/vfio
 *	hold WHAT, drop      a virtual machine has it open, until drop
 *	settle               events since the last one, in their order for each device
 *
 * A path that begins with an address or UUID is of that function or mediated device, others are
 * below /sys. The environment: PROBE_HOLD, a program that holds its argument, says a line once it
 * does, and ends at the end of its input; PROBE_QUIET_MS, how long it is quiet once all events have
 * come.
 */
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/str.h"
#include "model/pci.h"
#include "sys/clock.h"
#include "sys/sysfs.h"

enum {
	BACKGROUND_MAX = 32,
	EVENTS_MAX = 4096,
	GROUPS_MAX = 256,
	NAMES_MAX = 256,
	PATH_SIZE = 512,
	VALUE_SIZE = 4096,
	SHORT_MS = 3000, /* what has not ended by then waits for something */
	LONG_MS = 60000,
};

/* What happened to one device. */
struct event {
	char owner[VALUE_SIZE / 4]; /* address, UUID, "group of ...", or a parent's name */
	char text[NAME_SIZE * 4];
};

struct group {
	unsigned number;
	char members[VALUE_SIZE / 4];
};

struct probe {
	int sys, events_fd, quiet_ms;
	pid_t background[BACKGROUND_MAX];
	int background_fd[BACKGROUND_MAX];
	unsigned n_background;
	pid_t holder;
	int holder_fd; /* its input */
	struct event events[EVENTS_MAX];
	size_t n_events;
	struct group groups[GROUPS_MAX];
	size_t n_groups;
};

struct names {
	char items[NAMES_MAX][NAME_SIZE];
	size_t n;
};

static int name_add(const char *name, void *userdata)
{
	struct names *names = userdata;
	if (names->n < NAMES_MAX && STR_COPY(names->items[names->n], name) == 0)
		names->n++;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static int names_read(const struct probe *p, const char *dir, struct names *ret)
{
	ret->n = 0;
	int r = sysfs_list(p->sys, dir, name_add, ret);
	qsort(ret->items, ret->n, sizeof(*ret->items), compare);
	return r;
}

/* "0000:01:00.0/enable" is below bus/pci/devices. */
static void path_expand(const char *text, char ret[PATH_SIZE])
{
	char first[UUID_SIZE];
	bool fits = STR_FORMAT(first, "%.*s", (int)strcspn(text, "/"), text) == 0;
	const char *bus = !fits			  ? ""
			  : pci_addr_valid(first) ? "bus/pci/devices/"
			  : uuid_valid(first)	  ? "bus/mdev/devices/"
						  : "";
	(void)str_format(ret, PATH_SIZE, "%s%s", bus, text);
}

/* --- groups ---------------------------------------------------------------------------------- */

static void group_members(const struct probe *p, const char *number, char *ret, size_t size)
{
	char dir[PATH_SIZE];
	struct names names;
	size_t at = 0;
	(void)STR_FORMAT(dir, "kernel/iommu_groups/%s/devices", number);
	(void)names_read(p, dir, &names);
	ret[0] = '\0';
	for (size_t i = 0; i < names.n; i++)
		if (str_format(ret + at, size - at, "%s%s", i ? " " : "", names.items[i]) == 0)
			at += strlen(ret + at);
}

/* Numbers differ between machines, members do not; they are gone when the node's end is told. */
static void groups_read(struct probe *p)
{
	struct names names;
	uint32_t number;
	(void)names_read(p, "kernel/iommu_groups", &names);
	for (size_t i = 0; i < names.n; i++) {
		size_t at = 0;
		if (num_parse_u32(names.items[i], 10, &number) < 0)
			continue;
		while (at < p->n_groups && p->groups[at].number != number)
			at++;
		if (at == GROUPS_MAX)
			continue;
		p->n_groups += at == p->n_groups;
		p->groups[at].number = number;
		char members[sizeof(p->groups[at].members)];
		group_members(p, names.items[i], members, sizeof(members));
		if (*members)
			(void)STR_COPY(p->groups[at].members, members);
	}
}

/* As it is now, else as it was. */
static void group_known(const struct probe *p, const char *text, char *ret, size_t size)
{
	uint32_t number;
	group_members(p, text, ret, size);
	for (size_t i = 0; !*ret && num_parse_u32(text, 10, &number) == 0 && i < p->n_groups; i++)
		if (p->groups[i].number == number)
			(void)str_copy(ret, size, p->groups[i].members);
}

/* --- events ---------------------------------------------------------------------------------- */

static const char *variable(const char *text, size_t len, const char *name)
{
	for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
		const char *value = str_after(text + at, name);
		if (value && *value == '=')
			return value + 1;
	}
	return "";
}

/* Names of interfaces are udev's choice, and what virtio makes of a function is no part of this. */
static bool is_told(const char *subsystem, const char *action)
{
	static const char *const whole[] = { "pci", "mdev", "vfio", "vfio-dev", "mtty", "mdpy" };
	static const char *const come_and_go[] = { "net", "nvme" };
	for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++)
		if (str_eq(subsystem, whole[i]))
			return true;
	for (size_t i = 0; i < sizeof(come_and_go) / sizeof(*come_and_go); i++)
		if (str_eq(subsystem, come_and_go[i]))
			return str_eq(action, "add") || str_eq(action, "remove");
	return false;
}

/* The last part of a path that is a function or mediated device, else the last part. */
static void owner_of(const struct probe *p, const char *devpath, char *ret, size_t size)
{
	const char *group = str_after(devpath, "/devices/virtual/vfio/");
	char part[SYS_PATH_SIZE];
	bool found = false;
	if (group) {
		char members[VALUE_SIZE / 4];
		group_known(p, group, members, sizeof(members));
		(void)str_format(ret, size, "group of %s", members);
		return;
	}
	for (devpath++; *devpath; devpath += strspn(devpath, "/")) {
		size_t len = strcspn(devpath, "/");
		(void)STR_FORMAT(part, "%.*s", (int)len, devpath);
		devpath += len;
		bool is_device = pci_addr_valid(part) || uuid_valid(part);
		if (is_device || !found)
			(void)str_copy(ret, size, part);
		found = found || is_device;
	}
}

static void event_keep(struct probe *p, const char *text, size_t len)
{
	const char *action = variable(text, len, "ACTION");
	const char *subsystem = variable(text, len, "SUBSYSTEM");
	const char *driver = variable(text, len, "DRIVER");
	const char *state = variable(text, len, "MDEV_STATE");
	if (!is_told(subsystem, action) || p->n_events == EVENTS_MAX)
		return;
	struct event *e = &p->events[p->n_events++];
	owner_of(p, variable(text, len, "DEVPATH"), e->owner, sizeof(e->owner));
	(void)STR_FORMAT(e->text, "%s %s%s%s%s%s", action, subsystem, *driver ? " DRIVER=" : "",
			 driver, *state ? " MDEV_STATE=" : "", state);
}

/* True: something came, of interest or not. */
static bool event_receive(struct probe *p, int limit_ms)
{
	char text[16384];
	struct pollfd poll_fd = { .fd = p->events_fd, .events = POLLIN };
	if (poll(&poll_fd, 1, limit_ms) <= 0)
		return false;
	ssize_t n = recv(p->events_fd, text, sizeof(text) - 1, 0);
	if (n < 0)
		return errno == ENOBUFS;
	text[n] = '\0';
	event_keep(p, text, (size_t)n);
	return true;
}

/* A stable sort by owner. */
static void events_sort(struct probe *p)
{
	for (size_t i = 1; i < p->n_events; i++)
		for (size_t j = i; j > 0; j--) {
			struct event *a = &p->events[j - 1], *b = &p->events[j], swap;
			if (strcmp(a->owner, b->owner) <= 0)
				break;
			swap = *a;
			*a = *b;
			*b = swap;
		}
}

static void settle(struct probe *p)
{
	int64_t until = clock_monotonic_ms() + LONG_MS;
	while (clock_monotonic_ms() < until && event_receive(p, p->quiet_ms))
		;
	events_sort(p);
	for (size_t i = 0; i < p->n_events; i++)
		printf("  %s: %s\n", p->events[i].owner, p->events[i].text);
	p->n_events = 0;
}

static int events_open(void)
{
	const int size = 4 << 20;
	struct sockaddr_nl at = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return TAKE_FD(fd);
}

/* --- operations, each in a child: all of them may block in the kernel ------------------------- */

struct operation {
	const char *word;
	void (*act)(const struct probe *p, const char *path, const char *text, struct str_buf *out);
};

static void result(struct str_buf *out, ssize_t r)
{
	const char *name = r < 0 ? strerrorname_np((int)-r) : "ok";
	str_buf_add(out, name ? name : "?");
}

static void value(struct str_buf *out, const char *text)
{
	for (char one[2] = ""; *text; text++) {
		one[0] = *text;
		str_buf_add(out, *text == '\n' ? "\\n" : one);
	}
}

static void act_write(const struct probe *p, const char *path, const char *text,
		      struct str_buf *out)
{
	result(out, sysfs_write(p->sys, path, text));
}

static void act_read(const struct probe *p, const char *path, const char *text, struct str_buf *out)
{
	char read[VALUE_SIZE];
	ssize_t n = sysfs_read(p->sys, path, read, sizeof(read));
	(void)text;
	if (n < 0)
		result(out, n);
	else
		value(out, read);
}

static void act_link(const struct probe *p, const char *path, const char *text, struct str_buf *out)
{
	char name[SYS_PATH_SIZE];
	int r = sysfs_link_name(p->sys, path, name, sizeof(name));
	(void)text;
	if (r < 0)
		result(out, r);
	else
		str_buf_add(out, name);
}

static void act_exists(const struct probe *p, const char *path, const char *text,
		       struct str_buf *out)
{
	(void)text;
	str_buf_add(out, sysfs_exists(p->sys, path) ? "yes" : "no");
}

static void act_list(const struct probe *p, const char *path, const char *text, struct str_buf *out)
{
	struct names names;
	int r = names_read(p, path, &names);
	result(out, r);
	for (size_t i = 0; i < names.n; i++)
		if (fnmatch(text, names.items[i], 0) == 0)
			str_buf_addf(out, " %s", names.items[i]);
}

static char type_of(mode_t mode)
{
	return S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : '-';
}

static void act_modes(const struct probe *p, const char *path, const char *text,
		      struct str_buf *out)
{
	struct names names;
	struct stat st;
	_cleanup_close_ int dir = sysfs_openat(p->sys, path, O_RDONLY | O_DIRECTORY);
	(void)text;
	(void)names_read(p, path, &names);
	result(out, dir);
	for (size_t i = 0; i < names.n; i++)
		if (fstatat(dir, names.items[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
			str_buf_addf(out, "\n  %s %c%04o", names.items[i], type_of(st.st_mode),
				     st.st_mode & 07777);
}

static int group_number(const struct probe *p, const char *path, char *ret, size_t size)
{
	char link[PATH_SIZE + 16];
	(void)STR_FORMAT(link, "%s/iommu_group", path);
	return sysfs_link_name(p->sys, link, ret, size);
}

static void act_group(const struct probe *p, const char *path, const char *text,
		      struct str_buf *out)
{
	char number[NAME_SIZE], members[VALUE_SIZE];
	int r = group_number(p, path, number, sizeof(number));
	(void)text;
	if (r < 0) {
		result(out, r);
		return;
	}
	group_members(p, number, members, sizeof(members));
	str_buf_add(out, members);
}

static void act_node(const struct probe *p, const char *path, const char *text, struct str_buf *out)
{
	char number[NAME_SIZE], node[NAME_SIZE * 2];
	struct stat st;
	int r = group_number(p, path, number, sizeof(number));
	(void)text;
	(void)STR_FORMAT(node, "/dev/vfio/%s", number);
	str_buf_add(out, r < 0 ? "no group" : stat(node, &st) < 0 ? "no" : "yes");
}

static const struct operation operations[] = {
	{ "write", act_write }, { "write&", act_write },  { "read", act_read },
	{ "link", act_link },	{ "exists", act_exists }, { "list", act_list },
	{ "modes", act_modes }, { "group", act_group },	  { "node", act_node },
};

/* In the child, which may outlive the holder: it must not keep its input open. */
static void operation_run(const struct probe *p, const struct operation *o, const char *path,
			  const char *text, int fd)
{
	struct str_buf out = { 0 };
	if (p->holder > 0)
		close(p->holder_fd);
	o->act(p, path, text, &out);
	ssize_t n = out.text ? write(fd, out.text, out.len) : 0;
	_exit(n < 0);
}

static pid_t operation_start(const struct probe *p, const struct operation *o, const char *path,
			     const char *text, int *ret_fd)
{
	int fds[2];
	fflush(stdout);
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	pid_t pid = fork();
	if (pid == 0)
		operation_run(p, o, path, text, fds[1]);
	close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}

/* Prints what the child says, or that it said nothing in time. */
static bool operation_result(int fd, int limit_ms, const char *otherwise)
{
	char text[VALUE_SIZE * 4];
	size_t len = 0;
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	if (poll(&poll_fd, 1, limit_ms) <= 0) {
		printf(" = %s\n", otherwise);
		return false;
	}
	for (ssize_t n; len < sizeof(text) && (n = read(fd, text + len, sizeof(text) - len)) > 0;)
		len += (size_t)n;
	printf(" = %.*s\n", (int)len, text);
	return true;
}

static void background_keep(struct probe *p, pid_t pid, int fd)
{
	if (p->n_background == BACKGROUND_MAX) {
		close(fd);
		return;
	}
	p->background[p->n_background] = pid;
	p->background_fd[p->n_background++] = fd;
	printf("  as %u\n", p->n_background);
}

static void operation(struct probe *p, const struct operation *o, char *rest)
{
	char path[PATH_SIZE], unquoted[VALUE_SIZE];
	char *text = rest + strcspn(rest, " ");
	size_t len = 0;
	int fd = -1;
	if (*text)
		*text++ = '\0';
	for (const char *c = text; *c && len < sizeof(unquoted) - 1; c++)
		unquoted[len++] = c[0] == '\\' && c[1] == 'n' ? (c++, '\n') : *c;
	unquoted[len] = '\0';
	path_expand(rest, path);
	pid_t pid = operation_start(p, o, path, unquoted, &fd);
	if (pid < 0) {
		printf(" = no process\n");
		return;
	}
	if (str_eq(o->word, "write&")) {
		background_keep(p, pid, fd);
		return;
	}
	int limit = str_eq(o->word, "write") ? LONG_MS : SHORT_MS;
	if (operation_result(fd, limit, "blocked"))
		(void)waitpid(pid, NULL, 0);
	close(fd);
}

/* --- those that are no operations on a file --------------------------------------------------- */

static void joined(struct probe *p, const char *number, int limit_ms)
{
	uint32_t i;
	if (num_parse_u32(number, 10, &i) < 0 || i < 1 || i > p->n_background) {
		printf(" = no such process\n");
		return;
	}
	if (operation_result(p->background_fd[i - 1], limit_ms, "running"))
		(void)waitpid(p->background[i - 1], NULL, 0);
}

static void drop(struct probe *p)
{
	if (p->holder <= 0)
		return;
	close(p->holder_fd);
	(void)waitpid(p->holder, NULL, 0);
	p->holder = 0;
}

static void holder_exec(const char *what, int in, int out)
{
	const char *program = getenv("PROBE_HOLD");
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	if (program)
		execlp(program, program, what, (char *)NULL);
	_exit(127);
}

static bool hold(struct probe *p, const char *what)
{
	int in[2], out[2];
	char said[256];
	drop(p);
	if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
		return false;
	fflush(stdout);
	p->holder = fork();
	if (p->holder == 0)
		holder_exec(what, in[0], out[1]);
	p->holder_fd = in[1];
	close(in[0]);
	close(out[1]);
	ssize_t n = read(out[0], said, sizeof(said));
	close(out[0]);
	if (n > 0)
		return true;
	drop(p);
	return false;
}

static void line_run(struct probe *p, char *line)
{
	char *rest = line + strcspn(line, " ");
	while (event_receive(p, 0))
		;
	groups_read(p);
	printf("%s", line);
	if (*rest)
		*rest++ = '\0';
	if (str_eq(line, "settle")) {
		printf("\n");
		settle(p);
		return;
	}
	if (str_eq(line, "hold")) {
		printf(" = %s\n", hold(p, rest) ? "ok" : "refused");
		return;
	}
	if (str_eq(line, "drop")) {
		printf("\n");
		drop(p);
		return;
	}
	if (str_eq(line, "joined") || str_eq(line, "running")) {
		joined(p, rest, str_eq(line, "joined") ? LONG_MS : SHORT_MS);
		return;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		if (str_eq(line, operations[i].word)) {
			operation(p, &operations[i], rest);
			return;
		}
	printf(" = no such word\n");
}

static int quiet_wanted(void)
{
	const char *text = getenv("PROBE_QUIET_MS");
	uint32_t ms;
	return text && num_parse_u32(text, 10, &ms) == 0 && ms < LONG_MS ? (int)ms : 300;
}

int main(int argc, char **argv)
{
	static struct probe p;
	char line[VALUE_SIZE];
	_cleanup_fclose_ FILE *f = argc == 2 ? fopen(argv[1], "re") : NULL;
	if (!f) {
		fputs("usage: probe SCENARIO\n", stderr);
		return 2;
	}
	p.sys = sysfs_open("/sys");
	p.events_fd = events_open();
	p.quiet_ms = quiet_wanted();
	if (p.sys < 0 || p.events_fd < 0) {
		fprintf(stderr, "probe: %s\n", strerror(p.sys < 0 ? -p.sys : -p.events_fd));
		return 1;
	}
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (*line && *line != '#')
			line_run(&p, line);
	}
	printf("end\n");
	settle(&p);
	drop(&p);
	return fflush(stdout) == 0 ? 0 : 1;
}
