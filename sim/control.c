/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See control.h. */
#include "sim/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "sim/fault.h"
#include "sim/fs.h"
#include "sim/nvidia-vgpu.h"
#include "sim/trace.h"
#include "sim/world.h"

#define WORDS_MAX 16
#define REQUEST_MAX 4096
#define ANSWER_PIECE 32768

struct connection {
	struct machine *m;
	int fd;
	struct device
		*held; /* let go when the connection ends; while it is held the machine keeps it, */
	unsigned boots; /* up to a reboot */
};

struct request {
	struct connection *connection;
	struct machine *m;
	const char *words[WORDS_MAX];
	size_t n;
	struct str_buf out;
};

static int no(struct request *r, const char *why)
{
	str_buf_addf(&r->out, "%s", why);
	return -EINVAL;
}

static struct device *device_find(struct machine *m, const char *name)
{
	struct pci *f = bus_find(m, name);
	const char *below = str_after(name, "/dev/");
	if (f)
		return &f->dev;
	struct device *d = mdev_find(m, name);
	return d ? d : vfio_find(m, below ? below : name);
}

static int do_fault(struct request *r)
{
	struct err err _cleanup_err_ = { 0 };
	unsigned id;
	if (fault_add(r->m, r->words + 1, r->n - 1, &id, &err) < 0) {
		str_buf_addf(&r->out, "%s; %s", err.what, err.todo ? err.todo : "");
		return -EINVAL;
	}
	str_buf_addf(&r->out, "%u\n", id);
	return 0;
}

static int do_faults(struct request *r)
{
	fault_list(r->m, &r->out);
	return 0;
}

static int do_clear(struct request *r)
{
	uint32_t id = 0;
	if (r->n > 1 && num_parse_u32(r->words[1], 10, &id) < 0)
		return no(r, "the number of a fault is wanted");
	return fault_clear(r->m, id) || !id ? 0 : no(r, "there is no such fault");
}

static int do_hold(struct request *r)
{
	struct device *d = r->n > 1 ? device_find(r->m, r->words[1]) : NULL;
	char node[64];
	if (!d || !d->vfio)
		return no(r, d ? "it is not driven by VFIO: it has no node to hold"
			       : "there is no such function, mdev or node");
	if (!nvidia_vgpu_starts(d))
		return no(r, "the plugin of the driver does not start its vGPU there");
	int q = vfio_open(d);
	if (q < 0)
		return no(r, q == -EPERM
				     ? "another member of its group has a driver that is not VFIO's"
				     : "Device or resource busy: its group is open already");
	r->connection->held = d;
	r->connection->boots = r->m->boots;
	(void)vfio_node(d, node, sizeof(node));
	str_buf_addf(&r->out, "%s\n", node);
	return 0;
}

static struct pci *wanted_function(struct request *r)
{
	struct pci *f = r->n > 1 ? bus_find(r->m, r->words[1]) : NULL;
	if (!f)
		(void)no(r, "there is no such function");
	return f;
}

static int do_pull(struct request *r)
{
	struct pci *f = wanted_function(r);
	if (!f)
		return -ENODEV;
	if (f->pf)
		return no(r, "a VF cannot be pulled, only the card that it is on");
	return bus_pull(f) < 0 ? no(r, "no thread can be started") : 0;
}

/* What was pulled is put back: all places that are empty. */
static int do_plug(struct request *r)
{
	return bus_rescan(r->m, NULL);
}

/* Of the script that stands for the vendor's. */
static int do_sriov_manage(struct request *r)
{
	return sriov_manage(r->m, r->words + 1, r->n - 1, &r->out);
}

/* Buses are numbered anew as if there were another bridge in front of each root's. Fixed numbers stay. */
static int do_reboot(struct request *r)
{
	if (r->n > 1 && !str_eq(r->words[1], "renumber"))
		return no(r, "\"renumber\" is the only word that goes with it");
	if (r->n > 1)
		r->m->shift = bus_can_shift(r->m) ? r->m->shift + 1 : 0;
	r->m->hooks->reboot(r->m);
	return 0;
}

static int do_trace(struct request *r)
{
	uint32_t since = 0;
	if (r->n > 1 && num_parse_u32(r->words[1], 10, &since) < 0)
		return no(r, "the number of an entry is wanted");
	trace_list(r->m, since, &r->out);
	return 0;
}

static int do_pace(struct request *r)
{
	uint32_t percent;
	if (r->n < 2 || num_parse_u32(r->words[1], 10, &percent) < 0)
		return no(
			r,
			"per cent are wanted: 100 is the pace of a real machine, 0 takes no time");
	r->m->pace = percent / 100.0;
	machine_wake(r->m);
	return 0;
}

static void lock_text(struct request *r, const char *name, const struct klock *l)
{
	if (l->held)
		str_buf_addf(&r->out, "locked %s by pid %d: %s\n", name, l->by, l->what);
}

static int do_status(struct request *r)
{
	const struct machine *m = r->m;
	size_t functions = 0, bound = 0;
	for (const struct pci *f = m->functions; f; f = f->next) {
		functions++;
		bound += f->driver != NULL;
	}
	str_buf_addf(&r->out, "host %s\nboots %u\nfunctions %zu\ndriven %zu\nwrites %llu\n",
		     m->host->name, m->boots, functions, bound, (unsigned long long)m->writes);
	if (m->nvml_calls)
		str_buf_addf(&r->out, "nvml-calls %llu\n", (unsigned long long)m->nvml_calls);
	lock_text(r, "rescan", &m->rescan);
	lock_text(r, "rtnl", &m->rtnl);
	for (const struct pci *f = m->functions; f; f = f->next) {
		lock_text(r, f->dev.name, &f->dev.lock);
		lock_text(r, f->dev.name, &f->config_lock);
	}
	return 0;
}

static const struct {
	const char *word;
	int (*run)(struct request *r);
} requests[] = {
	{ "fault", do_fault },
	{ "faults", do_faults },
	{ "clear", do_clear },
	{ "hold", do_hold },
	{ "pull", do_pull },
	{ "plug", do_plug },
	{ "reboot", do_reboot },
	{ "trace", do_trace },
	{ "pace", do_pace },
	{ "status", do_status },
	{ "sriov-manage", do_sriov_manage },
};

static int request_perform(struct request *r)
{
	for (size_t i = 0; r->n && i < sizeof(requests) / sizeof(*requests); i++)
		if (str_eq(requests[i].word, r->words[0]))
			return requests[i].run(r);
	return no(r, "no such request");
}

static void request_split(struct request *r, const char *text, size_t len)
{
	for (size_t at = 0; at < len && r->n < WORDS_MAX; at += strlen(text + at) + 1)
		r->words[r->n++] = text + at;
}

static void send_all(int fd, const char *text, size_t len)
{
	/* Each is a message of its own, as large as a socket takes. */
	for (ssize_t n; len > 0; text += n, len -= (size_t)n) {
		n = send(fd, text, len < ANSWER_PIECE ? len : ANSWER_PIECE, MSG_NOSIGNAL);
		if (n <= 0)
			return;
	}
}

static void request_serve(struct connection *c, const char *text, size_t len)
{
	struct request r = { .connection = c, .m = c->m };
	request_split(&r, text, len);
	machine_enter(c->m, 0);
	int q = request_perform(&r);
	fs_settle(c->m);
	machine_leave(c->m);
	send_all(c->fd, q < 0 ? "no\n" : "ok\n", 3);
	if (r.out.text)
		send_all(c->fd, r.out.text, r.out.len);
	str_buf_done(&r.out);
}

static void *connection_run(void *userdata)
{
	struct connection *c = userdata;
	char text[REQUEST_MAX];
	ssize_t n = recv(c->fd, text, sizeof(text) - 1, 0);
	if (n > 0) {
		text[n] = '\0';
		request_serve(c, text, (size_t)n);
	}
	if (!c->held)
		(void)shutdown(c->fd, SHUT_WR);
	while (n > 0 && c->held)
		n = recv(c->fd, text, sizeof(text), 0);
	if (c->held) {
		machine_enter(c->m, 0);
		if (c->boots == c->m->boots)
			vfio_close(c->held);
		machine_leave(c->m);
	}
	close(c->fd);
	free(c);
	return NULL;
}

struct server {
	struct machine *m;
	int fd;
};

static void *server_run(void *userdata)
{
	const struct server *s = userdata;
	for (;;) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			/* Out of descriptors: those who hold something have them all. */
			const struct timespec t = { .tv_nsec = 50000000 };
			(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &t, NULL);
			continue;
		}
		struct connection *c = calloc(1, sizeof(*c));
		pthread_t thread;
		if (!c)
			abort();
		c->m = s->m;
		c->fd = fd;
		if (pthread_create(&thread, NULL, connection_run, c) == 0) {
			pthread_detach(thread);
			continue;
		}
		close(fd);
		free(c);
	}
	return NULL;
}

static int address(const char *path, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return STR_COPY(ret->sun_path, path);
}

int control_start(struct machine *m, const char *path, struct err *reterr)
{
	struct sockaddr_un at;
	pthread_t thread;
	struct server *s = calloc(1, sizeof(*s));
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int r = !s ? -ENOMEM : address(path, &at);
	if (r == 0 &&
	    (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) < 0 || listen(fd, 64) < 0))
		r = -errno;
	if (r == 0) {
		*s = (struct server){ m, fd };
		r = -pthread_create(&thread, NULL, server_run, s);
	}
	if (r == 0) {
		(void)TAKE_FD(fd);
		return 0;
	}
	free(s);
	err_set(reterr, "sim.control", -r, "cannot listen for requests");
	err_on(reterr, "%s", path);
	err_because(reterr, "%s", strerror(-r));
	return r;
}

/* --- the other side --------------------------------------------------------------------------- */

static int control_connect(void)
{
	struct sockaddr_un at;
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && address(WORLD_CONTROL, &at) == 0 &&
	    connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return TAKE_FD(fd);
	fputs("carve-sim: this is not inside a simulated machine; \"carve-sim shell\" makes one\n",
	      stderr);
	return -1;
}

static bool request_send(int fd, const char *const *words)
{
	char text[REQUEST_MAX];
	size_t len = 0;
	for (; *words; words++) {
		size_t n = strlen(*words) + 1;
		if (len + n > sizeof(text))
			return false;
		memcpy(text + len, *words, n);
		len += n;
	}
	return send(fd, text, len, MSG_NOSIGNAL) == (ssize_t)len;
}

/* What has been said so far comes in pieces; the first one says whether it went well. */
static int answer_print(int fd, FILE **ret_to)
{
	char text[65536];
	ssize_t n = recv(fd, text, sizeof(text), 0);
	bool good = n == 3 && memcmp(text, "ok\n", 3) == 0;
	*ret_to = good ? stdout : stderr;
	if (!good)
		fputs("carve-sim: ", stderr);
	return good ? 0 : 1;
}

int control_ask(const char *const *words)
{
	_cleanup_close_ int fd = control_connect();
	char text[65536];
	FILE *to;
	if (fd < 0 || !request_send(fd, words))
		return 1;
	int r = answer_print(fd, &to);
	for (ssize_t n; (n = recv(fd, text, sizeof(text), 0)) > 0;)
		fwrite(text, 1, (size_t)n, to);
	if (r)
		fputc('\n', stderr);
	return fflush(to) == 0 ? r : 1;
}

/* A descriptor of the path alone: it counts as open for all who look, and no device is touched. */
static int node_open(const char *answer)
{
	char path[128];
	int r = STR_FORMAT(path, "/dev/%.*s", (int)strcspn(answer, "\n"), answer);
	return r < 0 ? r : open(path, O_PATH);
}

int control_hold(const char *what, const char *name, char **argv)
{
	const char *const words[] = { "hold", what, NULL };
	char text[256] = "";
	FILE *to;
	int fd = control_connect();
	if (fd < 0 || !request_send(fd, words))
		return 1;
	int r = answer_print(fd, &to);
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (r) {
		fprintf(stderr, "%s\n", text);
		return r;
	}
	if (node_open(text) < 0) {
		fprintf(stderr, "carve-sim: cannot open /dev/%s", text);
		return 1;
	}
	(void)prctl(PR_SET_NAME, name ? name : "qemu-system-x86", 0, 0, 0);
	printf("%s", text);
	fflush(stdout);
	if (argv && *argv) {
		(void)fcntl(fd, F_SETFD, 0);
		execvp(*argv, argv);
		fprintf(stderr, "carve-sim: %s: %m\n", *argv);
		return 127;
	}
	for (;;)
		pause();
}
