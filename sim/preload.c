/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libcarve-sim.so, loaded into the programs of a simulated machine's world (/etc/ld.so.preload). A
 * real socket of rtnetlink would show the interfaces of the world's network namespace, of which
 * there is only lo: a file of the machine takes its place (rtnetlink.c). What is not about such a
 * descriptor goes to the C library as it came. Nothing is done that a sandboxed program may not: a
 * file is opened, read and written.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define ROUTE_FILE "/dev/.carve-sim/route"
/* Stand-ins for vendors' libraries. */
#define CARVE_SIM_LIBRARIES "/run/carve-sim/lib"

#define ROUTES_MAX 64
#define REQUEST_MAX 65536
#define ANSWER_STEP 65536
#define EXPORT __attribute__((visibility("default")))

/* A descriptor that a program takes for a socket. Whether it still is one is seen by its file: they
 * are closed without our knowing, by close_range(2) for one. */
struct route {
	_Atomic int user; /* the descriptor and 1; 0: free */
	dev_t device;
	ino_t inode;
	uint32_t port, groups;
	unsigned char *data; /* answers that were not received yet, from at on */
	size_t len, at;
};

/* The C library's own. Looked up once: close(2) must be safe in the child of a threaded program. */
struct real {
	int (*socket)(int, int, int);
	int (*bind)(int, __CONST_SOCKADDR_ARG, socklen_t);
	int (*connect)(int, __CONST_SOCKADDR_ARG, socklen_t);
	int (*getsockname)(int, __SOCKADDR_ARG, socklen_t *);
	int (*getpeername)(int, __SOCKADDR_ARG, socklen_t *);
	int (*getsockopt)(int, int, int, void *, socklen_t *);
	int (*setsockopt)(int, int, int, const void *, socklen_t);
	ssize_t (*send)(int, const void *, size_t, int);
	ssize_t (*sendto)(int, const void *, size_t, int, __CONST_SOCKADDR_ARG, socklen_t);
	ssize_t (*sendmsg)(int, const struct msghdr *, int);
	ssize_t (*recv)(int, void *, size_t, int);
	ssize_t (*recvfrom)(int, void *, size_t, int, __SOCKADDR_ARG, socklen_t *);
	ssize_t (*recvmsg)(int, struct msghdr *, int);
	ssize_t (*recv_chk)(int, void *, size_t, size_t, int);
	ssize_t (*recvfrom_chk)(int, void *, size_t, size_t, int, __SOCKADDR_ARG, socklen_t *);
	int (*close)(int);
	void *(*dlopen)(const char *, int);
};

/* A library has no context that callers could pass. */
static struct {
	struct route routes[ROUTES_MAX];
	struct real real;
} lib;

#define RESOLVE(function, symbol) (*(void **)&lib.real.function = dlsym(RTLD_NEXT, symbol))
/* Constructors of other libraries may call before ours ran. */
#define REAL(function) (lib.real.function ? (void)0 : lib_init(), lib.real.function)

__attribute__((constructor)) static void lib_init(void)
{
	RESOLVE(socket, "socket");
	RESOLVE(bind, "bind");
	RESOLVE(connect, "connect");
	RESOLVE(getsockname, "getsockname");
	RESOLVE(getpeername, "getpeername");
	RESOLVE(getsockopt, "getsockopt");
	RESOLVE(setsockopt, "setsockopt");
	RESOLVE(send, "send");
	RESOLVE(sendto, "sendto");
	RESOLVE(sendmsg, "sendmsg");
	RESOLVE(recv, "recv");
	RESOLVE(recvfrom, "recvfrom");
	RESOLVE(recvmsg, "recvmsg");
	RESOLVE(recv_chk, "__recv_chk");
	RESOLVE(recvfrom_chk, "__recvfrom_chk");
	RESOLVE(close, "close");
	RESOLVE(dlopen, "dlopen");
}

/* --- descriptors ------------------------------------------------------------------------------ */

static void route_drop(struct route *r)
{
	free(r->data);
	r->data = NULL;
	r->len = r->at = 0;
	atomic_store(&r->user, 0);
}

static bool route_is(const struct route *r, int fd)
{
	struct stat st;
	int saved = errno;
	bool is = fstat(fd, &st) == 0 && st.st_dev == r->device && st.st_ino == r->inode;
	errno = saved;
	return is;
}

static struct route *route_find(int fd)
{
	for (size_t i = 0; fd >= 0 && i < ROUTES_MAX; i++) {
		struct route *r = &lib.routes[i];
		if (atomic_load(&r->user) != fd + 1)
			continue;
		if (route_is(r, fd))
			return r;
		route_drop(r);
	}
	return NULL;
}

/* A number that is taken up again was closed behind our back. */
static struct route *route_add(int fd)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return NULL;
	for (size_t i = 0; i < ROUTES_MAX; i++)
		if (atomic_load(&lib.routes[i].user) == fd + 1)
			route_drop(&lib.routes[i]);
	for (size_t i = 0; i < ROUTES_MAX; i++) {
		struct route *r = &lib.routes[i];
		int nobody = 0;
		if (!atomic_compare_exchange_strong(&r->user, &nobody, fd + 1))
			continue;
		r->device = st.st_dev;
		r->inode = st.st_ino;
		r->port = (uint32_t)getpid();
		r->groups = 0;
		return r;
	}
	errno = EMFILE;
	return NULL;
}

static int route_open(int type)
{
	int flags = O_RDWR | (type & SOCK_CLOEXEC ? O_CLOEXEC : 0) |
		    (type & SOCK_NONBLOCK ? O_NONBLOCK : 0);
	int fd = open(ROUTE_FILE, flags);
	if (fd < 0 || route_add(fd))
		return fd;
	int saved = errno;
	(void)REAL(close)(fd);
	errno = saved;
	return -1;
}

/* --- sending ---------------------------------------------------------------------------------- */

static ssize_t transmit(int fd, const struct iovec *parts, size_t n)
{
	size_t len = 0;
	for (size_t i = 0; i < n; i++)
		len += parts[i].iov_len;
	if (n == 1)
		return write(fd, parts->iov_base, len);
	unsigned char *all = len <= REQUEST_MAX ? malloc(len + 1) : NULL;
	if (!all) {
		errno = len <= REQUEST_MAX ? ENOBUFS : EMSGSIZE;
		return -1;
	}
	len = 0;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].iov_len)
			memcpy(all + len, parts[i].iov_base, parts[i].iov_len);
		len += parts[i].iov_len;
	}
	ssize_t sent = write(fd, all, len);
	free(all);
	return sent;
}

/* --- receiving -------------------------------------------------------------------------------- */

static bool answers_room(struct route *r)
{
	unsigned char *more = realloc(r->data, r->len + ANSWER_STEP);
	if (!more) {
		errno = ENOBUFS;
		return false;
	}
	r->data = more;
	return true;
}

/* Size of the message there; what cannot be one is taken as the last. */
static size_t message_size(const struct route *r, size_t at)
{
	struct nlmsghdr h;
	size_t left = r->len - at;
	if (left < sizeof(h))
		return left;
	memcpy(&h, r->data + at, sizeof(h));
	size_t size = NLMSG_ALIGN((size_t)h.nlmsg_len);
	return size < sizeof(h) || size > left ? left : size;
}

/* Answers are addressed to the port of whoever asked, which only this side knows. */
static void answers_address(struct route *r)
{
	const size_t field = offsetof(struct nlmsghdr, nlmsg_pid);
	for (size_t at = 0; at < r->len; at += message_size(r, at))
		if (r->len - at >= sizeof(struct nlmsghdr))
			memcpy(r->data + at + field, &r->port, sizeof(r->port));
}

/* All that is there. -1: with errno. */
static int answers_fetch(struct route *r, int fd)
{
	r->len = r->at = 0;
	for (ssize_t n = 1; n > 0;) {
		if (!answers_room(r))
			return -1;
		n = read(fd, r->data + r->len, ANSWER_STEP);
		if (n < 0)
			return -1;
		r->len += (size_t)n;
	}
	answers_address(r);
	return 0;
}

/* Nobody tells of anything here unasked: without a request, another thread's, it waits for ever. */
static int answers_wait(struct route *r, int fd, int flags)
{
	while (r->at == r->len) {
		if (answers_fetch(r, fd) < 0)
			return -1;
		if (r->len)
			return 0;
		if (flags & MSG_DONTWAIT || fcntl(fd, F_GETFL) & O_NONBLOCK) {
			errno = EAGAIN;
			return -1;
		}
		if (poll(NULL, 0, 100) < 0)
			return -1;
	}
	return 0;
}

/* One message is one datagram, of which too little room takes the rest. */
static ssize_t receive(struct route *r, int fd, const struct iovec *parts, size_t n, int flags,
		       int *ret_flags)
{
	if (answers_wait(r, fd, flags) < 0)
		return -1;
	size_t size = message_size(r, r->at), given = 0;
	for (size_t i = 0; i < n && given < size; i++) {
		size_t part = parts[i].iov_len < size - given ? parts[i].iov_len : size - given;
		if (part)
			memcpy(parts[i].iov_base, r->data + r->at + given, part);
		given += part;
	}
	*ret_flags = given < size ? MSG_TRUNC : 0;
	if (!(flags & MSG_PEEK))
		r->at += size;
	return (ssize_t)(flags & MSG_TRUNC ? size : given);
}

/* As much of an address as there is room for, and its whole size. */
static void address_give(void *to, socklen_t *size, uint32_t port, uint32_t groups)
{
	const struct sockaddr_nl at = { .nl_family = AF_NETLINK,
					.nl_pid = port,
					.nl_groups = groups };
	if (!size)
		return;
	if (to)
		memcpy(to, &at, *size < sizeof(at) ? *size : sizeof(at));
	*size = sizeof(at);
}

/* --- sockets ---------------------------------------------------------------------------------- */

EXPORT int socket(int domain, int type, int protocol)
{
	if (domain == AF_NETLINK && protocol == NETLINK_ROUTE) {
		int saved = errno, fd = route_open(type);
		if (fd >= 0 || (errno != ENOENT && errno != ENOTDIR))
			return fd;
		errno = saved;
	}
	return REAL(socket)(domain, type, protocol);
}

EXPORT int bind(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	struct route *r = route_find(fd);
	struct sockaddr_nl at;
	if (!r)
		return REAL(bind)(fd, address, size);
	if (size < sizeof(at)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&at, address.__sockaddr__, sizeof(at));
	if (at.nl_family != AF_NETLINK) {
		errno = EINVAL;
		return -1;
	}
	if (at.nl_pid)
		r->port = at.nl_pid;
	r->groups = at.nl_groups;
	return 0;
}

EXPORT int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t size)
{
	return route_find(fd) ? 0 : REAL(connect)(fd, address, size);
}

EXPORT int getsockname(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
	const struct route *r = route_find(fd);
	if (!r)
		return REAL(getsockname)(fd, address, size);
	address_give(address.__sockaddr__, size, r->port, r->groups);
	return 0;
}

EXPORT int getpeername(int fd, __SOCKADDR_ARG address, socklen_t *size)
{
	if (!route_find(fd))
		return REAL(getpeername)(fd, address, size);
	address_give(address.__sockaddr__, size, 0, 0);
	return 0;
}

static int option_of(int level, int option)
{
	if (level != SOL_SOCKET)
		return 0;
	switch (option) {
	case SO_TYPE:
		return SOCK_RAW;
	case SO_DOMAIN:
		return AF_NETLINK;
	case SO_PROTOCOL:
		return NETLINK_ROUTE;
	case SO_SNDBUF:
	case SO_RCVBUF:
		return REQUEST_MAX;
	default: /* of the kernel's many */
		return 0;
	}
}

EXPORT int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	if (!route_find(fd))
		return REAL(getsockopt)(fd, level, option, value, size);
	int is = option_of(level, option);
	socklen_t len = *size < sizeof(is) ? *size : (socklen_t)sizeof(is);
	memcpy(value, &is, len);
	*size = len;
	return 0;
}

EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	return route_find(fd) ? 0 : REAL(setsockopt)(fd, level, option, value, size);
}

EXPORT ssize_t send(int fd, const void *data, size_t len, int flags)
{
	const struct iovec part = { (void *)(uintptr_t)data, len };
	return route_find(fd) ? transmit(fd, &part, 1) : REAL(send)(fd, data, len, flags);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t len, int flags, __CONST_SOCKADDR_ARG to,
		      socklen_t size)
{
	const struct iovec part = { (void *)(uintptr_t)data, len };
	return route_find(fd) ? transmit(fd, &part, 1)
			      : REAL(sendto)(fd, data, len, flags, to, size);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return route_find(fd) ? transmit(fd, message->msg_iov, message->msg_iovlen)
			      : REAL(sendmsg)(fd, message, flags);
}

EXPORT ssize_t recv(int fd, void *data, size_t room, int flags)
{
	struct route *r = route_find(fd);
	const struct iovec part = { data, room };
	int cut;
	return r ? receive(r, fd, &part, 1, flags, &cut) : REAL(recv)(fd, data, room, flags);
}

EXPORT ssize_t recvfrom(int fd, void *restrict data, size_t room, int flags, __SOCKADDR_ARG from,
			socklen_t *restrict size)
{
	struct route *r = route_find(fd);
	const struct iovec part = { data, room };
	int cut;
	if (!r)
		return REAL(recvfrom)(fd, data, room, flags, from, size);
	ssize_t n = receive(r, fd, &part, 1, flags, &cut);
	if (n >= 0 && from.__sockaddr__)
		address_give(from.__sockaddr__, size, 0, 0);
	return n;
}

EXPORT ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	struct route *r = route_find(fd);
	if (!r)
		return REAL(recvmsg)(fd, message, flags);
	ssize_t n =
		receive(r, fd, message->msg_iov, message->msg_iovlen, flags, &message->msg_flags);
	if (n < 0)
		return n;
	if (message->msg_name)
		address_give(message->msg_name, &message->msg_namelen, 0, 0);
	message->msg_controllen = 0;
	return n;
}

/* What _FORTIFY_SOURCE makes of them. The C library ends a program whose buffer is too small. */
EXPORT ssize_t __recv_chk(int fd, void *data, size_t room, size_t buffer, int flags);
ssize_t __recv_chk(int fd, void *data, size_t room, size_t buffer, int flags)
{
	return room <= buffer && route_find(fd) ? recv(fd, data, room, flags)
						: REAL(recv_chk)(fd, data, room, buffer, flags);
}

EXPORT ssize_t __recvfrom_chk(int fd, void *restrict data, size_t room, size_t buffer, int flags,
			      __SOCKADDR_ARG from, socklen_t *restrict size);
ssize_t __recvfrom_chk(int fd, void *restrict data, size_t room, size_t buffer, int flags,
		       __SOCKADDR_ARG from, socklen_t *restrict size)
{
	return room <= buffer && route_find(fd)
		       ? recvfrom(fd, data, room, flags, from, size)
		       : REAL(recvfrom_chk)(fd, data, room, buffer, flags, from, size);
}

EXPORT int close(int fd)
{
	struct route *r = route_find(fd);
	if (r)
		route_drop(r);
	return REAL(close)(fd);
}

/* --- libraries -------------------------------------------------------------------------------- */

static bool library_path(const char *name, char *ret, size_t size)
{
	if (!name || !*name || strchr(name, '/'))
		return false;
	int n = snprintf(ret, size, "%s/%s", CARVE_SIM_LIBRARIES, name);
	return n > 0 && (size_t)n < size;
}

static bool library_is_ours(const char *name)
{
	char path[512];
	int saved = errno;
	bool is = library_path(name, path, sizeof(path)) && access(path, R_OK) == 0;
	errno = saved;
	return is;
}

static void *library_open(const char *name, int mode)
{
	char path[512];
	return library_path(name, path, sizeof(path)) ? REAL(dlopen)(path, mode) : NULL;
}

/* The last call is a jump: the C library looks at who calls, for its DT_RUNPATH. */
EXPORT void *dlopen(const char *name, int mode)
{
	if (library_is_ours(name))
		return library_open(name, mode);
	return REAL(dlopen)(name, mode);
}
