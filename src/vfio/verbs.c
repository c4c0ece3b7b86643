/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Binding and reset in the executor. driver_override names one driver for one function; new_id
 * would claim every like device. A write to drivers_probe succeeds even when nothing bound, so the
 * driver link is what counts (Documentation/ABI/testing/sysfs-bus-pci; drivers/base/bus.c). What
 * fails is undone.
 */
#include "vfio/verbs.h"

#include <errno.h>
#include <stdio.h>

#include "base/str.h"
#include "sys/sysfs.h"
#include "vfio/driver.h"
#include "vfio/node.h"
#include "vfio/vfio.h"

static int attribute_write(const struct verb_context *c, const char *name, const char *text)
{
	char path[VERB_PATH_SIZE];
	int r = verb_path(path, c->path, name);
	return r < 0 ? r : sysfs_write(c->sysfs, path, text);
}

/* Read back: "(null)" or nothing stands for none (drivers/pci/pci-sysfs.c driver_override_show()). */
static int override_write(const struct verb_context *c, const char *driver)
{
	char path[VERB_PATH_SIZE], now[NAME_SIZE];
	int r = attribute_write(c, "driver_override", driver[0] ? driver : "\n");
	if (r >= 0)
		r = verb_path(path, c->path, "driver_override");
	if (r < 0)
		return r;
	ssize_t n = sysfs_read(c->sysfs, path, now, sizeof(now));
	if (n < 0)
		return (int)n;
	bool none = !now[0] || now[0] == '\n' || str_eq(now, "(null)");
	return driver[0] ? (str_after(now, driver) ? 0 : -EIO) : (none ? 0 : -EIO);
}

/* The driver a function has now; empty: none. */
static int driver_now(const struct verb_context *c, char ret[NAME_SIZE])
{
	char path[VERB_PATH_SIZE];
	int r = verb_path(path, c->path, "driver");
	if (r < 0)
		return r;
	r = sysfs_link_name(c->sysfs, path, ret, NAME_SIZE);
	if (r == -ENOENT) {
		ret[0] = '\0';
		return 0;
	}
	return r;
}

static int driver_unbind(const struct verb_context *c, const char *driver)
{
	char path[VERB_PATH_SIZE];
	if (!driver[0])
		return 0;
	int r = STR_FORMAT(path, "bus/pci/drivers/%s/unbind", driver);
	return r < 0 ? r : sysfs_write(c->sysfs, path, c->addr);
}

/* Lets the named driver take the function: only the override makes a VF without autoprobe bind at
 * all. */
static int driver_attach(const struct verb_context *c, const char *driver, char ret_now[NAME_SIZE])
{
	int r = override_write(c, driver);
	if (r < 0)
		return r;
	int probed = sysfs_write(c->sysfs, "bus/pci/drivers_probe", c->addr);
	r = driver_now(c, ret_now);
	if (r < 0)
		return r;
	return driver[0] && str_eq(driver, ret_now) ? 0 : probed;
}

/* As it was before. When that fails, too, its words are what people must know. */
static void bind_undo(const struct verb_context *c, const char *former, struct step_result *r)
{
	char now[NAME_SIZE] = "";
	int e = former[0] ? driver_attach(c, former, now) : driver_now(c, now);
	int cleared = override_write(c, "");

	(void)STR_COPY(r->text, now);
	if (e >= 0 && cleared >= 0 && str_eq(now, former)) {
		(void)STR_COPY(r->reason, "not-bound");
		return;
	}
	(void)STR_COPY(r->reason, "not-restored");
	(void)STR_FORMAT(r->detail, "it should have gone back to %s and has %s",
			 former[0] ? former : "no driver", now[0] ? now : "no driver");
}

/* D3cold takes power away and some devices never come back from it. No such file: no ACPI power. */
static int power_pin(const struct verb_context *c, uint32_t allowed)
{
	char path[VERB_PATH_SIZE];
	uint64_t now;
	int r = verb_path(path, c->path, "d3cold_allowed");
	if (r < 0)
		return r;
	r = sysfs_read_u64(c->sysfs, path, 10, &now);
	if (r == -ENOENT)
		return 0;
	if (r < 0 || now == allowed)
		return r;
	r = sysfs_write(c->sysfs, path, allowed ? "1" : "0");
	if (r >= 0)
		r = sysfs_read_u64(c->sysfs, path, 10, &now);
	if (r >= 0 && now == allowed)
		return 1;
	(void)sysfs_write(c->sysfs, path, allowed ? "0" : "1");
	return r < 0 ? r : -EIO;
}

static bool has_vfs(const struct verb_context *c)
{
	char path[VERB_PATH_SIZE];
	return verb_path(path, c->path, "virtfn0") == 0 && sysfs_exists(c->sysfs, path);
}

/* Which driver is meant; false: r is filled. */
static bool bind_driver(const struct verb_context *c, const struct step *s, char ret[NAME_SIZE],
			struct step_result *r)
{
	bool best = str_eq(s->text, "vfio");
	int e = 0;

	if (!best && !driver_is_vfio(s->text)) {
		verb_refused(r, "not-vfio", "%.64s is no VFIO driver", s->text);
		return false;
	}
	if (best)
		e = driver_choose(c, c->path, ret);
	else if (driver_registered(c, s->text))
		e = str_copy(ret, NAME_SIZE, s->text);
	else
		e = driver_load(c, s->text, ret);
	if (e >= 0 && driver_registered(c, ret))
		return true;
	verb_failed(r, e < 0 ? -e : ENOENT, "bus/pci/drivers",
		    "no driver %.64s, and no module of it", best ? "vfio-pci" : s->text);
	(void)STR_COPY(r->reason, "no-driver");
	return false;
}

static void bind_write(const struct verb_context *c, const char *driver, const char *former,
		       struct step_result *r)
{
	char now[NAME_SIZE] = "";
	int e = override_write(c, driver);
	if (e < 0) {
		verb_failed(r, -e, "driver_override", NULL);
		(void)override_write(c, "");
		return;
	}
	e = driver_unbind(c, former);
	if (e < 0) {
		verb_failed(r, -e, "unbind", NULL);
		bind_undo(c, former, r);
		return;
	}
	e = driver_attach(c, driver, now);
	if (e < 0 || !str_eq(now, driver)) {
		verb_failed(r, e < 0 ? -e : ENODEV, "drivers_probe", "%s did not take it", driver);
		bind_undo(c, former, r);
		return;
	}
	(void)STR_COPY(r->text, now);
	r->status = STEP_DONE;
}

static void verb_bind(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char former[NAME_SIZE], driver[NAME_SIZE];
	int e = driver_now(c, former);
	if (e < 0) {
		verb_failed(r, -e, "driver", NULL);
		return;
	}
	(void)STR_COPY(r->before, former);
	bool there = str_eq(s->text, "vfio") ? driver_is_vfio(former) : str_eq(s->text, former);
	if (!there && has_vfs(c)) {
		verb_refused(r, "has-vfs", "VFs of it exist: vfio-pci would refuse it");
		return;
	}
	if (!there && !bind_driver(c, s, driver, r))
		return;
	int pinned = power_pin(c, 0);
	r->number = pinned > 0;
	if (pinned < 0) {
		verb_failed(r, -pinned, "d3cold_allowed", NULL);
	} else if (there) {
		(void)STR_COPY(r->text, former);
		r->status = pinned ? STEP_DONE : STEP_NOTHING;
	} else {
		bind_write(c, driver, former, r);
		if (r->status == STEP_FAILED && pinned)
			r->number = power_pin(c, 1) < 0;
	}
}

static bool unbind_reached(const char *now, const char *goal)
{
	if (str_eq(goal, "-"))
		return !now[0];
	return goal[0] ? str_eq(now, goal) : !driver_is_vfio(now);
}

/* No override is left behind: it would keep the function from its own driver after a rescan. */
static int unbind_write(const struct verb_context *c, const char *former, const char *goal,
			char now[NAME_SIZE])
{
	int e = override_write(c, "");
	if (e >= 0)
		e = driver_unbind(c, former);
	if (e < 0 || str_eq(goal, "-"))
		return e < 0 ? e : driver_now(c, now);
	e = driver_attach(c, goal, now);
	if (!goal[0])
		return e;
	int cleared = override_write(c, "");
	return e < 0 ? e : cleared;
}

static void verb_unbind(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char former[NAME_SIZE], goal[NAME_SIZE], now[NAME_SIZE] = "";
	int e = driver_now(c, former);
	if (e < 0 || (e = STR_COPY(goal, s->text)) < 0) {
		verb_failed(r, -e, "driver", NULL);
		return;
	}
	(void)STR_COPY(r->before, former);
	(void)STR_COPY(r->text, former);
	if (former[0] && !driver_is_vfio(former)) {
		if (unbind_reached(former, goal))
			r->status = STEP_NOTHING;
		else
			verb_refused(r, "other-driver", "%s has it, not VFIO", former);
		return;
	}
	if (!former[0] && unbind_reached("", goal) && goal[0]) {
		r->status = STEP_NOTHING;
		return;
	}
	e = unbind_write(c, former, goal, now);
	(void)STR_COPY(r->text, now);
	if (e < 0 || !unbind_reached(now, goal)) {
		verb_failed(r, e < 0 ? -e : ENODEV, "drivers_probe", "it has %s now",
			    now[0] ? now : "no driver");
		(void)STR_COPY(r->reason, "not-given-back");
		return;
	}
	/* It is given back; a setting that did not take is tried again by itself. */
	r->number = s->flag && power_pin(c, 1) >= 0;
	r->status = STEP_DONE;
}

/* Not all ones, and awake: the function answers. Reading config space wakes it
 * (drivers/pci/pci-sysfs.c). */
static void reset_check(const struct verb_context *c, struct step_result *r)
{
	uint8_t config[64];
	char path[VERB_PATH_SIZE], power[32] = "";
	int e = verb_path(path, c->path, "config");
	ssize_t n = e < 0 ? e : sysfs_read_bytes(c->sysfs, path, config, sizeof(config));
	if (n < 0 || (size_t)n < sizeof(config)) {
		verb_failed(r, n < 0 ? (int)-n : EIO, "config",
			    "config space could not be read back");
		return;
	}
	bool ones = true;
	for (size_t i = 0; i < sizeof(config); i++)
		ones = ones && config[i] == 0xff;
	/* One that does not fit is no state of the kernel's. */
	if (verb_path(path, c->path, "power_state") == 0 &&
	    sysfs_read(c->sysfs, path, power, sizeof(power)) < 0)
		power[0] = '\0';
	if (ones) {
		verb_failed(r, EIO, "config", "config space reads all ones after the reset%s%s",
			    power[0] ? "; power state " : "", power);
		(void)STR_COPY(r->reason, "config-all-ones");
		return;
	}
	r->status = STEP_DONE;
}

/* The kernel tries its methods in the order of reset_method; naming one is for quirks. */
static void verb_reset(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char path[VERB_PATH_SIZE], methods[128] = "";
	if (verb_path(path, c->path, "reset_method") == 0 &&
	    sysfs_read(c->sysfs, path, methods, sizeof(methods)) < 0)
		methods[0] = '\0';
	(void)snprintf(r->text, sizeof(r->text), "%.*s", (int)strcspn(methods, " "), methods);

	int e = s->text[0] ? attribute_write(c, "reset_method", s->text) : 0;
	if (e < 0) {
		verb_failed(r, -e, "reset_method", "it does not offer that method");
		return;
	}
	e = attribute_write(c, "reset", "1");
	if (s->text[0]) {
		(void)attribute_write(c, "reset_method", methods[0] ? methods : "default");
		(void)snprintf(r->text, sizeof(r->text), "%.*s", (int)sizeof(r->text) - 1, s->text);
	}
	if (e < 0) {
		verb_failed(r, -e, "reset", NULL);
		if (e == -ENOENT || e == -ENOTTY)
			(void)STR_COPY(r->reason, "no-reset");
		return;
	}
	reset_check(c, r);
}

static void verb_load(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	char driver[NAME_SIZE] = "";
	int e = driver_load(c, s->text, driver);
	if (e == -EPERM && !str_after(s->text, "vfio_pci:") && !str_eq(s->text, "vfio-pci")) {
		verb_refused(r, "not-vfio", "only VFIO drivers are loaded");
		return;
	}
	if (e < 0) {
		verb_failed(r, -e, "module", "no module of that name, or it is blacklisted");
		(void)STR_COPY(r->reason, "no-driver");
		return;
	}
	(void)STR_COPY(r->text, driver);
	r->status = e ? STEP_DONE : STEP_NOTHING;
}

static void verb_power(const struct verb_context *c, const struct step *s, struct step_result *r)
{
	int e = power_pin(c, s->number);
	if (e < 0)
		verb_failed(r, -e, "d3cold_allowed", NULL);
	else
		r->status = e ? STEP_DONE : STEP_NOTHING;
}

#define GUARDS_ALL (GUARD_ENROLLED | GUARD_NEVER_TOUCH | GUARD_HOLDERS)

const struct verb_entry vfio_verbs[] = {
	{ VERB_BIND, VERB_CLASS_MODULE, LANE_DEVICE, GUARDS_ALL, 20000, verb_bind },
	{ VERB_UNBIND, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED | GUARD_HOLDERS, 20000,
	  verb_unbind },
	/* The kernel waits up to 60 s for a function to come back (PCIE_RESET_READY_POLL_MS). */
	{ VERB_RESET, VERB_CLASS_WRITE, LANE_DEVICE, GUARDS_ALL, 75000, verb_reset },
	{ VERB_GRANT, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED | GUARD_NEVER_TOUCH, 5000,
	  node_grant },
	{ VERB_REVOKE, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED, 5000, node_revoke },
	{ VERB_MODULE_LOAD, VERB_CLASS_MODULE, LANE_NONE, 0, 20000, verb_load },
	{ VERB_PIN_POWER, VERB_CLASS_WRITE, LANE_DEVICE, GUARD_ENROLLED, 5000, verb_power },
};
const size_t vfio_verbs_n = sizeof(vfio_verbs) / sizeof(*vfio_verbs);
