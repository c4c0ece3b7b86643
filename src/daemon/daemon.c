/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See daemon.h. */
#include "daemon/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

#include "api/interface.h"
#include "base/cleanup.h"
#include "base/log.h"
#include "base/str.h"
#include "sys/clock.h"
#include "sys/sysfs.h"

/* --- executor -------------------------------------------------------------------------------- */

static void executor_stuck(void *userdata, const char *device, const struct step_result *r)
{
	struct daemon *d = userdata;
	const char *why = r->detail[0] ? r->detail : "a write on it does not end";
	picture_set_stuck(d, device, why);
	engine_device_stuck(d->engine, device, why);
	turn_need(d);
}

static void executor_connected(void *userdata)
{
	struct daemon *d = userdata;
	d->executor_lost_at = 0;
	picture_executor_connected(d);
	turn_executor_connected(d);
}

static void executor_lost(void *userdata)
{
	struct daemon *d = userdata;
	d->executor_lost_at = clock_monotonic_ms();
	picture_executor_lost(d);
	turn_executor_lost(d);
}

static void executor_result(void *userdata, const struct step_result *r, const void *data)
{
	struct daemon *d = userdata;
	if (!picture_look_result(d, r, data))
		turn_step_result(d, r, data);
}

static const struct executor_client_calls executor_calls = {
	.stuck = executor_stuck,
	.connected = executor_connected,
	.lost = executor_lost,
	.result = executor_result,
};

/* --- state ----------------------------------------------------------------------------------- */

const char *daemon_ledger_state(const struct daemon *d, const char **ret_why)
{
	static const char *const names[] = {
		[LEDGER_GOOD] = "good",
		[LEDGER_READ_ONLY] = "read-only",
		[LEDGER_DAMAGED] = "damaged",
		[LEDGER_NEWER] = "newer",
	};
	return names[ledger_health(d->ledger, ret_why)];
}

int daemon_check_ledger(const struct daemon *d, struct err *reterr)
{
	const char *why = NULL;
	enum ledger_health health = ledger_health(d->ledger, &why);
	if (health != LEDGER_DAMAGED && health != LEDGER_NEWER)
		return 0;
	err_set(reterr, health == LEDGER_NEWER ? "ledger.newer" : "ledger.damaged", EROFS,
		"carved changes nothing now");
	err_on(reterr, "ledger in %s", d->config->state_dir);
	err_because(reterr, "%s", why ? why : strerror(EROFS));
	err_state(reterr, "nothing was changed; what is handed out stays handed out");
	err_todo(reterr, health == LEDGER_NEWER ? "install that version of carve again"
						: "see carved(8), RECOVERY");
	return -EROFS;
}

static bool grace_over(const struct daemon *d)
{
	return d->executor_lost_at &&
	       clock_monotonic_ms() - d->executor_lost_at >= DAEMON_EXECUTOR_GRACE_MS;
}

int daemon_check_changes(const struct daemon *d, struct err *reterr)
{
	int r = daemon_check_ledger(d, reterr);
	if (r < 0 || executor_client_connected(d->executor) || !grace_over(d))
		return r;
	err_set(reterr, "executor.away", ENOTCONN, "nothing can be changed now");
	err_because(reterr, "carve-executor does not answer on %s/executor", d->config->run_dir);
	err_state(reterr, "nothing was changed");
	err_todo(reterr, "systemctl status carve-executor");
	return -ENOTCONN;
}

int daemon_enrollment(const struct daemon *d, struct enrollment *ret, struct err *reterr)
{
	char path[4096];
	if (STR_FORMAT(path, "%s/devices", d->config->config_dir) < 0)
		return err_set(reterr, "daemon.start", ENAMETOOLONG, "cannot use the directory");
	return enrollment_read(path, ret, reterr);
}

int daemon_services(const struct daemon *d, struct service_list *ret, struct err *reterr)
{
	char path[4096];
	if (STR_FORMAT(path, "%s/services", d->config->config_dir) < 0)
		return err_set(reterr, "daemon.start", ENAMETOOLONG, "cannot use the directory");
	return services_read(path, ret, reterr);
}

bool daemon_starting(const struct daemon *d)
{
	return !d->picture.observed && !grace_over(d);
}

void daemon_started(struct daemon *d)
{
	(void)sd_event_source_set_enabled(d->grace, SD_EVENT_OFF);
	malloc_trim(0);
	server_resume(d);
	if (d->ready_said)
		return;
	d->ready_said = true;
	(void)sd_notify(0, "READY=1");
}

static int grace_due(sd_event_source *source, uint64_t usec, void *userdata)
{
	(void)source;
	(void)usec;
	struct daemon *d = userdata;
	if (executor_client_connected(d->executor))
		log_notice(
			"carve-executor still reads the devices; until then answers may lack facts");
	else
		log_warning("carve-executor does not answer; nothing can be changed until it does");
	picture_gpus_late(d);
	daemon_started(d);
	return 0;
}

/* --- start ----------------------------------------------------------------------------------- */

static int open_root(const char *path, struct err *reterr)
{
	int fd = sysfs_open(path);
	if (fd < 0) {
		err_set(reterr, "daemon.start", -fd, "cannot open the directory");
		err_on(reterr, "%s", path);
		err_because(reterr, "%s", strerror(-fd));
	}
	return fd;
}

static int roots_open(struct daemon *d, struct err *reterr)
{
	const struct daemon_config *c = d->config;
	struct daemon_roots *r = &d->roots;
	if ((r->sysfs = open_root(c->sys, reterr)) < 0)
		return r->sysfs;
	if ((r->dev = open_root(c->dev, reterr)) < 0)
		return r->dev;
	if ((r->proc = open_root(c->proc, reterr)) < 0)
		return r->proc;
	if ((r->root = open_root("/", reterr)) < 0)
		return r->root;
	int k = clock_boot_id(r->proc, d->boot_id);
	return k < 0 ? err_set(reterr, "daemon.start", -k, "cannot read the id of this boot") : 0;
}

static void roots_close(struct daemon_roots *r)
{
	cleanup_closep(&r->sysfs);
	cleanup_closep(&r->dev);
	cleanup_closep(&r->proc);
	cleanup_closep(&r->root);
}

static void random_fill(void *userdata, uint8_t bytes[16])
{
	(void)userdata;
	/* Up to 256 bytes are never cut short once the kernel's pool is ready: getrandom(2). */
	while (getrandom(bytes, 16, 0) != 16)
		;
}

static int record_open(struct daemon *d, struct err *reterr)
{
	if (mkdir(d->config->state_dir, 0700) < 0 && errno != EEXIST && errno != EROFS)
		log_warning("cannot make %s: %s", d->config->state_dir, strerror(errno));
	int r = ledger_open(d->config->state_dir, &d->ledger, reterr);
	if (r < 0)
		return r;
	struct record rec = { 0 };
	_cleanup_err_ struct err err = { 0 };
	r = ledger_load(d->ledger, &rec, &err);
	if (r < 0 && daemon_check_ledger(d, NULL) >= 0) {
		err_move(reterr, &err);
		return r;
	}
	if (r < 0)
		log_err(LOG_ERR, &err);
	r = engine_load(d->engine, &rec, d->boot_id, reterr);
	record_done(&rec);
	return r;
}

static int engine_start(struct daemon *d, struct err *reterr)
{
	char cmdline[2048];
	bool override = sysfs_read(d->roots.proc, "cmdline", cmdline, sizeof(cmdline)) >= 0 &&
			strstr(cmdline, "pcie_acs_override=");
	const struct engine_config c = { .mechs = daemon_mechs,
					 .random = random_fill,
					 .acs_override = override };
	d->engine = engine_new(&c);
	if (!d->engine)
		return err_set(reterr, "base.memory", ENOMEM, "cannot start");
	engine_now(d->engine, clock_monotonic_ms(), clock_wall_seconds());
	return record_open(d, reterr);
}

static int loop_start(struct daemon *d, struct err *reterr)
{
	sigset_t signals;
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	/* A limit on file sizes is met as EFBIG, which the ledger knows. */
	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return err_set(reterr, "daemon.start", errno, "cannot prepare the loop");
	int r = sigprocmask(SIG_BLOCK, &signals, NULL) < 0 ? -errno : 0;
	if (r >= 0)
		r = sd_event_new(&d->loop);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGTERM, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_signal(d->loop, NULL, SIGINT, NULL, NULL);
	if (r >= 0)
		r = sd_event_add_time_relative(d->loop, &d->grace, CLOCK_MONOTONIC,
					       DAEMON_EXECUTOR_GRACE_MS * 1000ull, 0, grace_due, d);
	return r < 0 ? err_set(reterr, "daemon.start", -r, "cannot prepare the loop") : 0;
}

static int start(struct daemon *d, struct err *reterr)
{
	d->executor_lost_at = clock_monotonic_ms();
	int r = roots_open(d, reterr);
	if (r >= 0)
		r = loop_start(d, reterr);
	if (r >= 0 && !(d->idl = idl_parse(interface_carve_text(), reterr)))
		r = -EINVAL;
	if (r >= 0)
		r = engine_start(d, reterr);
	if (r >= 0)
		r = turn_start(d, reterr);
	if (r >= 0)
		r = picture_start(d, reterr);
	if (r >= 0)
		r = server_start(d, reterr);
	if (r >= 0)
		r = executor_client_new(d->loop, d->config->run_dir, &executor_calls, d,
					&d->executor, reterr);
	if (r >= 0)
		policy_file_follow(d);
	return r;
}

int daemon_new(const struct daemon_config *config, struct daemon **ret, struct err *reterr)
{
	struct daemon *d = calloc(1, sizeof(*d));
	if (!d)
		return err_set(reterr, "base.memory", ENOMEM, "cannot start");
	d->config = config;
	d->roots = (struct daemon_roots){ -1, -1, -1, -1 };
	d->server.fd = -1;
	int r = start(d, reterr);
	if (r < 0) {
		daemon_free(d);
		return r;
	}
	*ret = d;
	return 0;
}

struct daemon *daemon_free(struct daemon *d)
{
	if (!d)
		return NULL;
	/* Turns first: nothing that ends below may ask for another. */
	turn_stop(d);
	policy_file_stop(d);
	server_stop(d);
	executor_client_free(d->executor);
	consumers_stop(d);
	drift_stop(d);
	picture_stop(d);
	facts_done(&d->facts);
	engine_free(d->engine);
	ledger_close(d->ledger);
	idl_free(d->idl);
	sd_event_source_disable_unref(d->grace);
	sd_event_unref(d->loop);
	roots_close(&d->roots);
	free(d);
	return NULL;
}

int daemon_run(struct daemon *d)
{
	const char *why = NULL;
	const char *ledger = daemon_ledger_state(d, &why);
	if (!str_eq(ledger, "good"))
		log_warning("the ledger is %s: %s", ledger, why ? why : "nothing can be recorded");
	int r = sd_event_loop(d->loop);
	(void)sd_notify(0, "STOPPING=1");
	return r;
}
