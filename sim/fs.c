/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See fs.h. The kernel keeps names for ever and is told when one goes; that must not happen under the
 * machine's lock, for the kernel takes the lock of the directory for it, and whoever has that may be waiting
 * for an answer from here. So one thread does nothing but tell, in order; an access that changed something is
 * answered after what it changed was told.
 */
#define FUSE_USE_VERSION 312
#include "sim/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <linux/fuse.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <time.h>

#include "base/cleanup.h"
#include "sim/access.h"

#define FOREVER 1e9
#define THREADS_MAX 4096
#ifndef FOPEN_PARALLEL_DIRECT_WRITES
#define FOPEN_PARALLEL_DIRECT_WRITES (1 << 6)
#endif
#define PAGE 4096
#define READ_MAX 8192 /* of one access; the reader asks again */

struct fs {
	struct machine *m;
	struct fuse_session *session;
	int events;
	struct change *late; /* events that others overtake, the next one first */
};

/* An open file: what was read of it first stays the same for later reads, as in the kernel. */
struct open_file {
	struct node *node;
	struct str_buf text;
	bool has_text;
};

static struct machine *machine_of(fuse_req_t req)
{
	return ((struct fs *)fuse_req_userdata(req))->m;
}

static struct node *node_of(struct machine *m, fuse_ino_t ino)
{
	return ino == FUSE_ROOT_ID ? tree_root(m->tree) : (struct node *)(uintptr_t)ino;
}

static struct machine *begin(fuse_req_t req)
{
	struct machine *m = machine_of(req);
	machine_enter(m, fuse_req_ctx(req)->pid);
	return m;
}

/* --- telling ---------------------------------------------------------------------------------- */

int uevent_socket(void)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	_cleanup_close_ int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	if (fd < 0 || connect(fd, (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static void event_send(int fd, const char *data, size_t len)
{
	struct nlmsghdr head = { .nlmsg_len = (uint32_t)NLMSG_LENGTH(len),
				 .nlmsg_type = NLMSG_MIN_TYPE,
				 .nlmsg_flags = NLM_F_REQUEST };
	struct iovec parts[] = { { &head, NLMSG_HDRLEN }, { (void *)(uintptr_t)data, len } };
	struct msghdr message = { .msg_iov = parts, .msg_iovlen = 2 };
	if (fd >= 0 && sendmsg(fd, &message, MSG_NOSIGNAL) < 0)
		fprintf(stderr, "carve-sim: an event could not be told: %m\n");
}

/* CLOCK_MONOTONIC */
static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

/* Takes the change, an event, which becomes due. */
static void late_put(struct fs *fs, struct change *c)
{
	struct change **at = &fs->late;
	c->due_ms = now_ms() + c->delay_ms;
	while (*at && (*at)->due_ms <= c->due_ms)
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

static void late_tell(struct fs *fs)
{
	for (struct change *c; (c = fs->late) && c->due_ms <= now_ms();) {
		fs->late = c->next;
		event_send(fs->events, c->data, c->len);
		tree_change_free(c);
	}
}

/* Takes the change. */
static void change_tell(struct fs *fs, struct change *c)
{
	if (!c->parent && c->delay_ms) {
		late_put(fs, c);
		return;
	}
	if (!c->parent) {
		event_send(fs->events, c->data, c->len);
		tree_change_free(c);
		return;
	}
	fuse_ino_t parent = c->parent == tree_root(fs->m->tree) ? FUSE_ROOT_ID
								: (fuse_ino_t)(uintptr_t)c->parent;
	(void)fuse_lowlevel_notify_inval_entry(fs->session, parent, c->data, c->len);
	tree_change_free(c);
}

/* Until there is something to tell. Lock held, and let go meanwhile. */
static void teller_wait(struct fs *fs)
{
	struct machine *m = fs->m;
	if (!fs->late) {
		pthread_cond_wait(&m->changes, &m->lock);
		return;
	}
	const struct timespec due = { .tv_sec = fs->late->due_ms / 1000,
				      .tv_nsec = fs->late->due_ms % 1000 * 1000000 };
	(void)pthread_cond_timedwait(&m->changes, &m->lock, &due);
}

_Noreturn static void *teller_run(void *userdata)
{
	struct fs *fs = userdata;
	struct machine *m = fs->m;
	machine_lock(m);
	for (;;) {
		struct change *c = tree_changes_take(m->tree);
		uint64_t told = m->told;
		if (!c)
			teller_wait(fs);
		machine_unlock(m);
		for (struct change *next; c; c = next) {
			next = c->next;
			told = c->number;
			change_tell(fs, c);
		}
		late_tell(fs);
		machine_lock(m);
		if (told == m->told)
			continue;
		m->told = told;
		machine_wake(m);
	}
}

void fs_settle(struct machine *m)
{
	uint64_t newest = tree_changes_newest(m->tree);
	if (m->told >= newest)
		return;
	pthread_cond_broadcast(&m->changes);
	while (m->told < newest)
		pthread_cond_wait(&m->changed, &m->lock);
}

/* The end of an access that may have changed something. */
static void end(struct machine *m)
{
	fs_settle(m);
	machine_leave(m);
}

/* --- looking ---------------------------------------------------------------------------------- */

static void stat_fill(const struct node *n, struct stat *st)
{
	static const mode_t types[] = { [NODE_DIR] = S_IFDIR,
					[NODE_LINK] = S_IFLNK,
					[NODE_FILE] = S_IFREG,
					[NODE_CHAR] = S_IFCHR };
	*st = (struct stat){ .st_ino = n->ino,
			     .st_mode = n->mode | types[n->type],
			     .st_nlink = n->type == NODE_DIR ? 2 : 1,
			     .st_uid = n->uid,
			     .st_gid = n->gid,
			     .st_rdev = n->rdev,
			     .st_blksize = 4096 };
	/* As sysfs has it: an attribute is a page, whatever it holds. */
	if (n->type == NODE_FILE)
		st->st_size = 4096;
	if (n->type == NODE_LINK)
		st->st_size = (off_t)strlen(n->text);
}

static void entry_fill(struct node *n, struct fuse_entry_param *e)
{
	*e = (struct fuse_entry_param){ .ino = (fuse_ino_t)(uintptr_t)n,
					.generation = n->ino,
					.attr_timeout = FOREVER,
					.entry_timeout = FOREVER };
	stat_fill(n, &e->attr);
}

static void fs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct machine *m = begin(req);
	struct node *n = node_find(m->tree, node_of(m, parent), name);
	struct fuse_entry_param e;
	if (n) {
		node_seen(n, 1);
		entry_fill(n, &e);
	}
	machine_leave(m);
	if (n)
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENOENT);
}

static void forget_one(struct machine *m, fuse_ino_t ino, uint64_t n)
{
	if (ino != FUSE_ROOT_ID)
		node_forget(node_of(m, ino), n);
}

static void fs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t n)
{
	struct machine *m = begin(req);
	forget_one(m, ino, n);
	machine_leave(m);
	fuse_reply_none(req);
}

static void fs_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	struct machine *m = begin(req);
	for (size_t i = 0; i < count; i++)
		forget_one(m, forgets[i].ino, forgets[i].nlookup);
	machine_leave(m);
	fuse_reply_none(req);
}

static void fs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct machine *m = begin(req);
	struct stat st;
	(void)fi;
	stat_fill(node_of(m, ino), &st);
	machine_leave(m);
	fuse_reply_attr(req, &st, FOREVER);
}

/* Owner and mode are kept; a length that is set (O_TRUNC of a shell) changes nothing, as in sysfs. */
static void fs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	struct machine *m = begin(req);
	struct node *n = node_of(m, ino);
	struct stat st;
	(void)fi;
	if (to_set & FUSE_SET_ATTR_MODE)
		n->mode = attr->st_mode & 07777;
	if (to_set & FUSE_SET_ATTR_UID)
		n->uid = attr->st_uid;
	if (to_set & FUSE_SET_ATTR_GID)
		n->gid = attr->st_gid;
	stat_fill(n, &st);
	machine_leave(m);
	fuse_reply_attr(req, &st, FOREVER);
}

static void fs_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct machine *m = begin(req);
	char text[TREE_PATH_SIZE * 2];
	int r = STR_COPY(text, node_of(m, ino)->text);
	machine_leave(m);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_readlink(req, text);
}

/* --- directories ------------------------------------------------------------------------------ */

struct listing {
	char *data;
	size_t len, room;
};

static bool listing_add(fuse_req_t req, struct listing *l, const char *name, const struct node *n)
{
	struct stat st;
	stat_fill(n, &st);
	size_t size = fuse_add_direntry(req, NULL, 0, name, NULL, 0);
	if (l->len + size > l->room) {
		size_t room = l->room ? l->room * 2 : 4096;
		while (l->len + size > room)
			room *= 2;
		char *more = realloc(l->data, room);
		if (!more)
			return false;
		l->data = more;
		l->room = room;
	}
	fuse_add_direntry(req, l->data + l->len, size, name, &st, (off_t)(l->len + size));
	l->len += size;
	return true;
}

/* What is there at the opening is what is listed. */
static void fs_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct machine *m = begin(req);
	const struct node *n = node_of(m, ino);
	struct listing *l = calloc(1, sizeof(*l));
	bool ok = l && listing_add(req, l, ".", n) && listing_add(req, l, "..", n);
	for (const struct node *c = n->first; ok && c; c = c->next)
		ok = listing_add(req, l, c->name, c);
	machine_leave(m);
	if (!ok) {
		free(l ? l->data : NULL);
		free(l);
		fuse_reply_err(req, ENOMEM);
		return;
	}
	fi->fh = (uint64_t)(uintptr_t)l;
	fuse_reply_open(req, fi);
}

/* struct fuse_dirent of include/uapi/linux/fuse.h: name length at 16, name at 24, then up to a multiple of
 * 8. */
static size_t entry_size(const struct listing *l, size_t at)
{
	uint32_t name_len;
	memcpy(&name_len, l->data + at + 16, sizeof(name_len));
	return (24 + (size_t)name_len + 7) & ~(size_t)7;
}

/* Offsets are those into the listing; only whole entries are given. */
static void fs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
		       struct fuse_file_info *fi)
{
	const struct listing *l = (const struct listing *)(uintptr_t)fi->fh;
	size_t from = 0;
	char piece[READ_MAX];
	(void)ino;
	/* A program may seek to anywhere. */
	while (from < l->len && from < (size_t)at)
		from += entry_size(l, from);
	size_t stop = from;
	if (size > sizeof(piece))
		size = sizeof(piece);
	while (stop < l->len && stop + entry_size(l, stop) - from <= size)
		stop += entry_size(l, stop);
	if (stop > from)
		memcpy(piece, l->data + from, stop - from);
	fuse_reply_buf(req, piece, stop - from);
}

static void fs_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct listing *l = (struct listing *)(uintptr_t)fi->fh;
	(void)ino;
	free(l->data);
	free(l);
	fuse_reply_err(req, 0);
}

/* --- files ------------------------------------------------------------------------------------ */

/* kernfs_fop_open(): a file without show cannot be opened for reading, whoever asks. */
static int open_check(struct node *n, int flags)
{
	const struct file_ops *ops = n->ops;
	int how = flags & O_ACCMODE;
	bool reads = how != O_WRONLY, writes = how != O_RDONLY;
	if (n->gone)
		return -ENODEV;
	if (!ops)
		return -EACCES;
	if (ops->transact)
		return 0;
	if ((reads && !ops->show && !ops->read) || (writes && !ops->store && !ops->write))
		return -EACCES;
	return ops->open ? ops->open(n, flags) : 0;
}

static void fs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct machine *m = begin(req);
	struct node *n = node_of(m, ino);
	int r = open_check(n, fi->flags);
	struct open_file *o = r == 0 ? calloc(1, sizeof(*o)) : NULL;
	if (o) {
		o->node = n;
		node_used(n);
	}
	machine_leave(m);
	if (!o) {
		fuse_reply_err(req, r < 0 ? -r : ENOMEM);
		return;
	}
	/* Two writes to one file do not wait for each other (kernfs_fop_write_iter()): libfuse knows the
	 * flag since 3.15, the kernel since 6.2. */
	const struct fuse_open_out out = { .fh = (uint64_t)(uintptr_t)o,
					   .open_flags = FOPEN_DIRECT_IO | FOPEN_NOFLUSH |
							 FOPEN_PARALLEL_DIRECT_WRITES };
	fuse_reply_buf(req, (const char *)&out, sizeof(out));
}

static void fs_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct open_file *o = (struct open_file *)(uintptr_t)fi->fh;
	struct machine *m = begin(req);
	(void)ino;
	node_unused(o->node);
	machine_leave(m);
	str_buf_done(&o->text);
	free(o);
	fuse_reply_err(req, 0);
}

/* As much as there is room for; the rest is for the next read. */
static ssize_t answer_take(struct open_file *o, char *buf, size_t size)
{
	size_t n = o->text.len < size ? o->text.len : size;
	if (!n)
		return 0;
	memcpy(buf, o->text.text, n);
	o->text.len -= n;
	memmove(o->text.text, o->text.text + n, o->text.len);
	return (ssize_t)n;
}

static int text_refresh(struct machine *m, struct open_file *o, off_t at)
{
	if (o->has_text && at > 0)
		return 0;
	/* Another read of the same open file may come while this one waits. */
	struct str_buf text = { 0 };
	int r = o->node->gone ? -ENODEV : access_show(m, o->node, &text);
	if (r == 0 && text.failed)
		r = -ENOMEM;
	str_buf_done(&o->text);
	o->has_text = r == 0;
	if (r == 0)
		o->text = text;
	else
		str_buf_done(&text);
	return r;
}

static void fs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t at,
		    struct fuse_file_info *fi)
{
	struct open_file *o = (struct open_file *)(uintptr_t)fi->fh;
	struct machine *m = begin(req);
	(void)ino;
	if (size > READ_MAX)
		size = READ_MAX;
	char data[READ_MAX];
	ssize_t n;
	if (o->node->ops->transact) {
		n = answer_take(o, data, size);
	} else if (o->node->ops->read) {
		n = o->node->gone ? -ENODEV : access_read(m, o->node, data, size, at);
	} else {
		n = text_refresh(m, o, at);
		if (n == 0 && (size_t)at < o->text.len) {
			n = (ssize_t)(o->text.len - (size_t)at);
			n = (size_t)n > size ? (ssize_t)size : n;
			memcpy(data, o->text.text + at, (size_t)n);
		}
	}
	end(m);
	if (n < 0)
		fuse_reply_err(req, (int)-n);
	else
		fuse_reply_buf(req, data, (size_t)n);
}

/* One write is one value, of a page at most (kernfs_fop_write_iter()); its last newline is not part of it. */
static int text_write(struct machine *m, struct node *n, const char *buf, size_t size)
{
	char text[PAGE + 1];
	memcpy(text, buf, size);
	text[size] = '\0';
	if (size && text[size - 1] == '\n')
		text[--size] = '\0';
	return n->gone ? -ENODEV : access_store(m, n, text, size);
}

static void fs_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size, off_t at,
		     struct fuse_file_info *fi)
{
	struct open_file *o = (struct open_file *)(uintptr_t)fi->fh;
	struct machine *m = begin(req);
	struct node *n = o->node;
	(void)ino;
	ssize_t r;
	if (n->ops->transact) {
		str_buf_done(&o->text); /* an answer that nobody took */
		r = n->gone ? -ENODEV : n->ops->transact(n, buf, size, &o->text);
	} else if (n->ops->write)
		r = n->gone ? -ENODEV : access_write(m, n, buf, size, at);
	else {
		size = size < PAGE ? size : PAGE;
		r = text_write(m, n, buf, size);
	}
	end(m);
	if (r < 0)
		fuse_reply_err(req, (int)-r);
	else
		fuse_reply_write(req, r ? (size_t)r : size);
}

static void fs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned command, void *arg,
		     struct fuse_file_info *fi, unsigned flags, const void *in, size_t in_size,
		     size_t out_size)
{
	struct open_file *o = (struct open_file *)(uintptr_t)fi->fh;
	struct machine *m = begin(req);
	char data[512];
	(void)ino;
	(void)arg;
	int r = -ENOTTY;
	if (o->node->ops->ioctl && !(flags & FUSE_IOCTL_DIR) && in_size <= sizeof(data) &&
	    out_size <= in_size) {
		if (in_size)
			memcpy(data, in, in_size);
		r = o->node->gone ? -ENODEV
				  : o->node->ops->ioctl(o->node, command, data, in_size,
							fuse_req_ctx(req)->pid);
	}
	end(m);
	if (r < 0)
		fuse_reply_err(req, -r);
	else
		fuse_reply_ioctl(req, r, data, out_size);
}

static void fs_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct statvfs st = { .f_bsize = 4096, .f_frsize = 4096, .f_namemax = 255 };
	(void)ino;
	fuse_reply_statfs(req, &st);
}

/* A link never changes its text: another one is another node. */
static void fs_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->want |= conn->capable & FUSE_CAP_CACHE_SYMLINKS;
}

static const struct fuse_lowlevel_ops operations = {
	.init = fs_init,
	.lookup = fs_lookup,
	.forget = fs_forget,
	.forget_multi = fs_forget_multi,
	.getattr = fs_getattr,
	.setattr = fs_setattr,
	.readlink = fs_readlink,
	.opendir = fs_opendir,
	.readdir = fs_readdir,
	.releasedir = fs_releasedir,
	.open = fs_open,
	.read = fs_read,
	.write = fs_write,
	.release = fs_release,
	.ioctl = fs_ioctl,
	.statfs = fs_statfs,
};

/* --- life ------------------------------------------------------------------------------------- */

static void *loop_run(void *userdata)
{
	struct fs *fs = userdata;
	struct fuse_loop_config *c = fuse_loop_cfg_create();
	if (!c)
		return NULL;
	fuse_loop_cfg_set_max_threads(c, THREADS_MAX);
	fuse_loop_cfg_set_idle_threads(c, 16);
	(void)fuse_session_loop_mt(fs->session, c);
	fuse_loop_cfg_destroy(c);
	return NULL;
}

static int failed(struct err *reterr, int error, const char *what, const char *on)
{
	err_set(reterr, "sim.fuse", error, "%s", what);
	err_on(reterr, "%s", on);
	err_because(reterr, "%s", strerror(error));
	return -error;
}

/* Mounted by us: fusermount would be asked otherwise, which knows nothing of our namespaces. Users of the
 * world are others than who started it, so they may enter; nodes for devices are only to be seen. */
static int mount_own(const char *directory, struct err *reterr)
{
	char options[128];
	_cleanup_close_ int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		int e = errno;
		failed(reterr, e, "cannot show a simulated machine", "/dev/fuse");
		err_state(reterr, "nothing of this machine was changed");
		err_todo(reterr, e == ENOENT ? "load the kernel module fuse"
					     : "let this user open /dev/fuse, or run it as root");
		return -e;
	}
	(void)STR_FORMAT(
		options,
		"fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions", fd);
	if (mount("carve-sim", directory, "fuse.carve-sim", MS_NODEV | MS_NOSUID | MS_NOEXEC,
		  options) < 0)
		return failed(reterr, errno, "cannot mount a simulated machine", directory);
	return TAKE_FD(fd);
}

static int session_start(struct fs *fs, const char *directory, struct err *reterr)
{
	char at[32];
	char *argv[] = { (char *)"carve-sim", NULL };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	fs->session = fuse_session_new(&args, &operations, sizeof(operations), fs);
	fuse_opt_free_args(&args);
	if (!fs->session)
		return failed(reterr, ENOMEM, "cannot start the file system", directory);
	int fd = mount_own(directory, reterr);
	if (fd < 0)
		return fd;
	(void)STR_FORMAT(at, "/dev/fd/%d", fd);
	if (fuse_session_mount(fs->session, at) < 0)
		return failed(reterr, EIO, "cannot start the file system", directory);
	return 0;
}

int fs_start(struct machine *m, const char *directory, int events, struct err *reterr)
{
	struct fs *fs = calloc(1, sizeof(*fs));
	if (!fs)
		return failed(reterr, ENOMEM, "cannot start the file system", directory);
	fs->m = m;
	fs->events = events;
	int r = session_start(fs, directory, reterr);
	if (r == 0) {
		pthread_t thread;
		int e = pthread_create(&thread, NULL, teller_run, fs);
		if (e == 0)
			e = pthread_create(&thread, NULL, loop_run, fs);
		if (e != 0)
			return failed(reterr, e, "cannot start the file system", directory);
	}
	if (r < 0)
		free(fs);
	return r;
}
