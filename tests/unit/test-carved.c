/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The real carved on a made-up machine: what it answers, and that whoever misbehaves harms only
 * himself. The real executor joins where it is needed.
 */
#include "support/test.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/idl.h"
#include "api/interface.h"
#include "api/varlink.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "daemon/daemon.h"
#include "daemon/methods.h"
#include "support/service.h"

#define NIC "pci0000:00/0000:00:03.0/0000:01:00.0"
#define NIC_KEY "pci:0000:00/03.0/00.0"
#define NOBODY 65534

static int setup(void **state)
{
	static const struct tree_function functions[] = {
		{ "pci0000:00/0000:00:03.0", 0x1b36, 0x000c, 0x060400, "pcieport", 1, 0 },
		{ NIC, 0x8086, 0x10c9, 0x020000, "igb", 2, 0 },
	};
	struct service *s = calloc(1, sizeof(*s));
	assert_non_null(s);
	service_init(s);
	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		tree_function(&s->sys, &functions[i]);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct service *s = *state;
	service_done(s);
	free(s);
	return 0;
}

static const char *text(const json_t *o, const char *name)
{
	const char *value = json_string_value(json_object_get(o, name));
	return value ? value : "";
}

/* The reply has exactly the shape the interface promises. */
static void assert_fits(const char *method, const json_t *reply)
{
	_cleanup_(idl_freep) struct idl *idl = idl_parse(interface_carve_text(), NULL);
	const struct idl_member *m = idl_find(idl, IDL_METHOD, method);
	const char *where = NULL;
	assert_non_null(m);
	if (!idl_check(idl, &m->out, reply, &where))
		fail_msg("%s: member %s", method, where);
}

static void assert_answers(const struct service *s)
{
	json_t *reply = service_call(s, "GetInfo");
	assert_fits("GetInfo", reply);
	json_decref(reply);
}

/* Calls a method that must be refused with that id. */
static void assert_refused(const struct service *s, const char *method, json_t *params,
			   const char *id)
{
	_cleanup_err_ struct err e = { 0 };
	struct api_client *c = service_connect(s);
	json_t *reply = NULL;
	assert_true(api_call(c, method, params, 0, &reply, NULL, &e) < 0);
	assert_string_equal(e.id, id);
	api_close(c);
}

/* Hung up on, within the 10 s that a socket of the tests waits. */
static void assert_hung_up(int fd)
{
	char bytes[512];
	ssize_t n;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		;
	assert_true(n == 0 || errno == ECONNRESET);
}

static json_t *claim_params(void)
{
	return json_pack("{s:s, s:s}", "class", "lan", "owner", "manual:test");
}

/* --- answers --------------------------------------------------------------------------------- */

static void test_get_info_without_executor_answers(void **state)
{
	struct service *s = *state;
	service_start(s);
	json_t *reply = service_call(s, "GetInfo");
	assert_fits("GetInfo", reply);
	assert_string_equal(text(reply, "ledger"), "good");
	assert_string_equal(text(reply, "executor"), "away");
	assert_string_equal(text(reply, "policy_file"), "none");
	assert_int_equal(json_integer_value(json_object_get(reply, "devices")), 2);
	json_decref(reply);
}

static void test_look_methods_fit_the_interface(void **state)
{
	static const char *const looks[] = { "ListDevices", "ListSlices",     "ListClasses",
					     "ListClaims",  "ListQuarantine", "ListPolicies" };
	struct service *s = *state;
	service_start(s);
	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
		json_t *reply = service_call(s, looks[i]);
		assert_fits(looks[i], reply);
		json_decref(reply);
	}
}

static void test_list_devices_shows_the_machine(void **state)
{
	struct service *s = *state;
	tree_file(&s->root, "etc/devices", NIC_KEY " 8086:10c9 -\n");
	service_start(s);
	json_t *reply = service_call(s, "ListDevices");
	const json_t *devices = json_object_get(reply, "devices");
	assert_int_equal(json_array_size(devices), 2);
	const json_t *nic = json_array_get(devices, 1);
	assert_string_equal(text(nic, "key"), NIC_KEY);
	assert_string_equal(text(nic, "address"), "0000:01:00.0");
	assert_string_equal(text(nic, "driver"), "igb");
	assert_true(json_is_true(json_object_get(nic, "enrolled")));
	assert_int_equal(json_integer_value(json_object_get(nic, "iommu_group")), 2);
	json_decref(reply);
}

static void test_interface_description_equals_the_file(void **state)
{
	struct service *s = *state;
	service_start(s);
	struct api_client *c = service_connect(s);
	json_t *reply = NULL;
	assert_int_equal(api_call(c, "org.varlink.service.GetInterfaceDescription",
				  json_pack("{s:s}", "interface", INTERFACE_CARVE), 0, &reply, NULL,
				  NULL),
			 0);
	assert_string_equal(text(reply, "description"), interface_carve_text());
	json_decref(reply);
	api_close(c);
}

static void test_methods_and_interface_name_the_same(void **state)
{
	(void)state;
	_cleanup_(idl_freep) struct idl *idl = idl_parse(interface_carve_text(), NULL);
	size_t n = 0;
	for (size_t i = 0; i < idl->n_members; i++)
		n += idl->members[i].kind == IDL_METHOD;
	assert_int_equal(n, methods_n);
	for (size_t i = 0; i < methods_n; i++)
		assert_non_null(idl_find(idl, IDL_METHOD, methods[i].name));
}

static void test_call_with_wrong_parameters_names_them(void **state)
{
	struct service *s = *state;
	service_start(s);
	struct api_client *c = service_connect(s);
	static const char *const bad[][2] = {
		{ "{\"class\": \"lan\"}", "owner" },
		{ "{\"class\": \"lan\", \"owner\": 1}", "owner" },
		{ "{\"class\": \"lan\", \"owner\": \"x\", \"colour\": 1}", "colour" }
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		_cleanup_err_ struct err e = { 0 };
		json_t *reply = NULL;
		assert_true(api_call(c, "Claim", json_loads(bad[i][0], 0, NULL), 0, &reply, NULL,
				     &e) < 0);
		assert_string_equal(e.id, "api.parameter");
		assert_non_null(strstr(e.because, bad[i][1]));
	}
	api_close(c);
	assert_refused(s, "Nothing", NULL, "api.method");
	assert_refused(s, "io.other.GetInfo", NULL, "api.method");
	assert_refused(s, "Events", NULL, "api.protocol");
}

static void test_unknown_names_are_refused(void **state)
{
	struct service *s = *state;
	service_start(s);
	assert_refused(s, "ListDevices", json_pack("{s:s}", "device", "0000:99:00.0"),
		       "device.unknown");
	assert_refused(s, "GetHandle", json_pack("{s:s}", "claim", "nobody"), "claim.unknown");
	assert_refused(s, "ListClaims", json_pack("{s:s}", "claim", "nobody"), "claim.unknown");
}

/* --- those who misbehave --------------------------------------------------------------------- */

static void test_malformed_costs_only_its_sender(void **state)
{
	static const char *const bad[] = { "", "nonsense", "[]", "{\"method\": 1}" };
	struct service *s = *state;
	service_start(s);
	struct api_client *other = service_connect(s);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int fd = service_connect_raw(s);
		size_t n = strlen(bad[i]) + 1;
		assert_int_equal(send(fd, bad[i], n, MSG_NOSIGNAL), n);
		assert_hung_up(fd);
		close(fd);
	}
	json_t *reply = NULL;
	assert_int_equal(api_call(other, "GetInfo", NULL, 0, &reply, NULL, NULL), 0);
	json_decref(reply);
	api_close(other);
}

static void test_oversized_costs_only_its_sender(void **state)
{
	struct service *s = *state;
	service_start(s);
	int fd = service_connect_raw(s);
	_cleanup_free_ char *blanks = malloc(65536);
	memset(blanks, ' ', 65536);
	ssize_t n = 0;
	for (size_t sent = 0; n >= 0 && sent <= VARLINK_MESSAGE_MAX_MANAGER + 65536; sent += 65536)
		n = send(fd, blanks, 65536, MSG_NOSIGNAL);
	assert_hung_up(fd);
	close(fd);
	assert_answers(s);
}

static void test_half_sent_is_dropped_after_a_while(void **state)
{
	struct service *s = *state;
	service_start(s);
	int half = service_connect_raw(s), idle = service_connect_raw(s);
	assert_int_equal(send(half, "{\"method\":", 10, MSG_NOSIGNAL), 10);
	assert_answers(s);
	assert_hung_up(half);
	close(half);
	/* Who is merely silent stays. */
	struct api_client *c = NULL;
	json_t *reply = NULL;
	assert_int_equal(api_attach(idle, &c, NULL), 0);
	assert_int_equal(api_call(c, "GetInfo", NULL, 0, &reply, NULL, NULL), 0);
	json_decref(reply);
	api_close(c);
}

static void test_one_who_does_not_read_is_dropped(void **state)
{
	static const char call[] = "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				   "\"parameters\":{\"interface\":\"io.carve\"}}";
	struct service *s = *state;
	service_start(s);
	int fd = service_connect_raw(s);
	for (int i = 0; i < 200; i++)
		if (send(fd, call, sizeof(call), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	struct pollfd p = { .fd = fd };
	assert_int_equal(poll(&p, 1, 10000), 1);
	assert_true(p.revents & POLLHUP);
	close(fd);
	assert_answers(s);
}

static void test_pipelined_calls_are_answered_in_order(void **state)
{
	static const char calls[] = "{\"method\":\"io.carve.GetInfo\"}\0"
				    "{\"method\":\"io.carve.ListClaims\"}\0"
				    "{\"method\":\"io.carve.Nothing\"}";
	struct service *s = *state;
	service_start(s);
	int fd = service_connect_raw(s);
	assert_int_equal(send(fd, calls, sizeof(calls), MSG_NOSIGNAL), sizeof(calls));
	/* A half-closed connection is answered still. */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	char bytes[8192];
	size_t n = 0;
	for (ssize_t got; (got = recv(fd, bytes + n, sizeof(bytes) - n, 0)) > 0;)
		n += (size_t)got;
	const char *first = bytes, *second = first + strlen(first) + 1;
	const char *third = second + strlen(second) + 1;
	assert_non_null(strstr(first, "boot_id"));
	assert_non_null(strstr(second, "claims"));
	assert_non_null(strstr(third, "MethodNotFound"));
	assert_ptr_equal(third + strlen(third) + 1, bytes + n);
	close(fd);
}

static void test_64_clients_at_once_are_answered(void **state)
{
	struct service *s = *state;
	service_start(s);
	int fds[64];
	static const char call[] = "{\"method\":\"io.carve.ListDevices\"}";
	for (int i = 0; i < 64; i++) {
		fds[i] = service_connect_raw(s);
		assert_true(fds[i] >= 0);
	}
	for (int i = 0; i < 64; i++)
		assert_int_equal(send(fds[i], call, sizeof(call), MSG_NOSIGNAL), sizeof(call));
	for (int i = 0; i < 64; i++) {
		struct api_client *c = NULL;
		json_t *reply = NULL;
		assert_int_equal(api_attach(fds[i], &c, NULL), 0);
		assert_int_equal(api_next(c, &reply, NULL, NULL), 0);
		assert_fits("ListDevices", reply);
		json_decref(reply);
		api_close(c);
	}
}

/* --- other users ----------------------------------------------------------------------------- */

/* Runs fn as another user; only root can. */
static void as_nobody(const struct service *s, int (*fn)(const struct service *s))
{
	if (getuid() != 0)
		skip();
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(99);
		_exit(fn(s));
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static int look_and_claim(const struct service *s)
{
	struct api_client *c = NULL;
	json_t *reply = NULL;
	_cleanup_err_ struct err e = { 0 };
	if (api_connect(s->socket, &c, &e) < 0)
		return 1;
	if (api_call(c, "ListDevices", NULL, 0, &reply, NULL, &e) < 0)
		return 2;
	json_decref(reply);
	if (api_call(c, "Claim", claim_params(), 0, &reply, NULL, &e) != -EACCES)
		return 3;
	if (!str_eq(e.id, "api.denied"))
		return 4;
	/* It may be asked of any policy, and takes the service's time. */
	return api_call(c, "Plan", NULL, 0, &reply, NULL, NULL) == -EACCES ? 0 : 5;
}

static void open_to_all(const struct service *s)
{
	assert_int_equal(chmod(s->root.path, 0755), 0);
}

static void test_nobody_may_look_and_not_claim(void **state)
{
	struct service *s = *state;
	open_to_all(s);
	service_start(s);
	as_nobody(s, look_and_claim);
}

static int connect_33(const struct service *s)
{
	struct api_client *c[33] = { NULL };
	json_t *reply = NULL;
	for (int i = 0; i < 33; i++)
		if (api_connect(s->socket, &c[i], NULL) < 0)
			return 1;
	if (api_call(c[31], "GetInfo", NULL, 0, &reply, NULL, NULL) < 0)
		return 2;
	json_decref(reply);
	_cleanup_err_ struct err e = { 0 };
	if (api_call(c[32], "GetInfo", NULL, 0, &reply, NULL, &e) != -EDQUOT)
		return 3;
	return str_eq(e.id, "api.limit") ? 0 : 4;
}

static void test_a_user_has_32_connections_and_others_still_theirs(void **state)
{
	struct service *s = *state;
	open_to_all(s);
	service_start(s);
	as_nobody(s, connect_33);
	assert_answers(s);
}

/* --- what goes wrong ------------------------------------------------------------------------- */

static void test_killed_carved_starts_again_over_its_socket(void **state)
{
	struct service *s = *state;
	service_start(s);
	service_kill(&s->carved, SIGKILL);
	service_start(s);
	assert_answers(s);
}

/* It says "daemon.socket". */
static void test_second_carved_does_not_take_the_socket(void **state)
{
	struct service *s = *state;
	service_start(s);
	pid_t first = s->carved;
	service_start(s);
	int status;
	assert_int_equal(waitpid(s->carved, &status, 0), s->carved);
	assert_int_equal(WEXITSTATUS(status), 1);
	s->carved = first;
	assert_answers(s);
}

static void test_start_that_is_impossible_says_why(void **state)
{
	char said[2048];
	(void)state;
	if (getuid() == 0) {
		assert_int_equal(
			service_run("carved", "--user=carve-none-such", said, sizeof(said)), 1);
		assert_non_null(strstr(said, "[daemon.user]"));
	}
	assert_int_equal(service_run("carve-executor", "--sys=/nonexistent", said, sizeof(said)),
			 1);
	assert_non_null(strstr(said, "[executor.start]"));
}

static void test_start_without_sysfs_says_so(void **state)
{
	(void)state;
	struct daemon *d = NULL;
	_cleanup_err_ struct err e = { 0 };
	const struct daemon_config c = { .sys = "/nonexistent", .dev = "/dev", .proc = "/proc" };
	assert_int_equal(daemon_new(&c, &d, &e), -ENOENT);
	assert_string_equal(e.id, "daemon.start");
	assert_string_equal(e.on, "/nonexistent");
	daemon_free(d);
}

static void test_damaged_ledger_stays_up_and_refuses_changes(void **state)
{
	struct service *s = *state;
	static const char garbage[] =
		"this is no data base, and it is longer than a header of one is, "
		"so that nobody takes it for an empty file by mistake";
	tree_file(&s->root, "state/ledger.db", garbage);
	service_start(s);
	json_t *reply = service_call(s, "GetInfo");
	assert_string_equal(text(reply, "ledger"), "damaged");
	assert_true(text(reply, "ledger_reason")[0]);
	json_decref(reply);
	reply = service_call(s, "ListDevices");
	assert_int_equal(json_array_size(json_object_get(reply, "devices")), 2);
	json_decref(reply);
	service_executor_start(s);
	assert_refused(s, "Claim", claim_params(), "ledger.damaged");
}

static void test_read_only_state_directory_stays_up(void **state)
{
	struct service *s = *state;
	service_state_mount(s, MS_RDONLY);
	service_start(s);
	json_t *reply = service_call(s, "GetInfo");
	assert_string_equal(text(reply, "ledger"), "read-only");
	json_decref(reply);
	reply = service_call(s, "ListDevices");
	assert_int_equal(json_array_size(json_object_get(reply, "devices")), 2);
	json_decref(reply);
}

static void test_change_without_executor_is_refused_after_its_grace(void **state)
{
	struct service *s = *state;
	service_start(s);
	/* Held until the service knows that nobody comes. */
	assert_refused(s, "Claim", claim_params(), "executor.away");
	json_t *reply = service_call(s, "Doctor");
	assert_fits("Doctor", reply);
	json_decref(reply);
}

/* --- with the executor ----------------------------------------------------------------------- */

/* A PCIe function with FLR and an SR-IOV capability for 7 VFs. Offsets: pci_regs.h, Linux 6.12. */
static void write_config(const struct service *s)
{
	unsigned char c[4096] = { 0 };
	c[0x00] = 0x86, c[0x01] = 0x80, c[0x02] = 0xc9, c[0x03] = 0x10;
	c[0x06] = 0x10;		       /* status: capability list */
	c[0x34] = 0x40;		       /* first capability */
	c[0x40] = 0x10, c[0x42] = 2;   /* PCI Express, version 2 */
	c[0x47] = 0x10;		       /* DEVCAP: FLR */
	c[0x100] = 0x10, c[0x102] = 1; /* SR-IOV, version 1, last */
	c[0x10e] = 7;		       /* TotalVFs */
	tree_bytes(&s->sys, "devices/" NIC "/config", c, sizeof(c));
}

static void test_executor_completes_the_picture(void **state)
{
	struct service *s = *state;
	if (getuid() != 0)
		skip();
	write_config(s);
	service_executor_start(s);
	service_start(s);
	/* Waits for the first complete look. */
	json_t *reply = service_call(s, "Doctor");
	json_decref(reply);
	reply = service_call(s, "GetInfo");
	assert_string_equal(text(reply, "executor"), "connected");
	json_decref(reply);
	reply = service_call(s, "ListDevices");
	assert_fits("ListDevices", reply);
	const json_t *nic = json_array_get(json_object_get(reply, "devices"), 1);
	assert_int_equal(json_integer_value(json_object_get(nic, "vfs_max")), 7);
	json_decref(reply);
	assert_refused(s, "Claim", claim_params(), "claim.no-policy");
	assert_refused(s, "Apply", json_pack("{s:s}", "policy", "version: 1\nnonsense: 1\n"),
		       "policy.unknown-key");
}

static void test_claim_for_somebody_else_is_checked(void **state)
{
	struct service *s = *state;
	if (getuid() != 0)
		skip();
	service_executor_start(s);
	service_start(s);
	json_t *gone = claim_params(), *nobody = claim_params();
	json_object_set_new(gone, "pid", json_integer(INT32_MAX));
	json_object_set_new(nobody, "uid", json_integer(-1));
	assert_refused(s, "Claim", gone, "claim.process");
	assert_refused(s, "Claim", nobody, "claim.account");
	assert_refused(s, "Plan", NULL, "policy.none");
}

/* A reservation waits for its device; until then it has no handle. */
static void test_reservation_without_device_has_no_handle(void **state)
{
	static const char policy[] =
		"version: 1\n"
		"devices:\n  nic: {match: {id: \"8086:10c9\"}}\n"
		"divide:\n  - {use: nic, as: sriov, count: 2}\n"
		"classes:\n  lan: {from: nic}\n"
		"reservations:\n  - {name: web, class: lan, for: \"vm:web\"}\n";
	struct service *s = *state;
	if (getuid() != 0)
		skip();
	write_config(s);
	tree_file(&s->root, "etc/devices", NIC_KEY " 8086:10c9 -\n");
	service_executor_start(s);
	service_start(s);
	struct api_client *c = service_connect(s);
	json_t *reply = NULL;
	_cleanup_err_ struct err e = { 0 };
	if (api_call(c, "Apply", json_pack("{s:s}", "policy", policy), API_MORE, &reply, NULL, &e) <
	    0)
		fail_msg("%s", e.what);
	json_decref(reply);
	api_close(c);
	assert_refused(s, "GetHandle", json_pack("{s:s}", "claim", "web"), "claim.not-held");
	tree_file(&s->sys, "class/net", "");
	assert_refused(s, "Plan", NULL, "daemon.look");
}

static json_t *explained(const struct service *s, const char *device, const char *policy)
{
	_cleanup_err_ struct err e = { 0 };
	struct api_client *c = service_connect(s);
	json_t *reply = NULL;
	if (api_call(c, "Explain",
		     json_pack("{s:s, s:s, s:s}", "device", device, "policy", policy, "file",
			       "p.yaml"),
		     0, &reply, NULL, &e) < 0)
		fail_msg("%s", e.what);
	api_close(c);
	assert_fits("Explain", reply);
	return reply;
}

static void test_explain_says_what_was_tried_and_why(void **state)
{
	static const char policy[] =
		"version: 1\n"
		"devices:\n"
		"  disk: {match: {class: storage}}\n"
		"  nic: {match: {labels: lab}}\n"
		"divide:\n"
		"  - {use: nic, when: {driver: vfio-pci}, as: passthrough}\n"
		"  - {use: nic, as: sriov, count: 2}\n"
		"classes:\n"
		"  lan: {from: nic, profiles: vf}\n"
		"  whole: {from: nic, profiles: passthrough}\n"
		"reservations:\n  - {name: web, class: lan, for: \"vm:web\"}\n";
	struct service *s = *state;
	tree_file(&s->root, "etc/devices", NIC_KEY " 8086:10c9 - labels=rack-7,lab\n");
	service_start(s);
	json_t *reply = explained(s, "0000:01:00.0", policy);
	const json_t *tried = json_object_get(reply, "selections");
	assert_int_equal(json_array_size(tried), 2);
	assert_string_equal(text(json_array_get(tried, 0), "why"),
			    "class is network, wanted storage");
	assert_string_equal(text(json_array_get(tried, 1), "why"), "labels is rack-7 lab");
	assert_string_equal(text(reply, "selection"), "nic");
	tried = json_object_get(reply, "divides");
	assert_int_equal(json_array_size(tried), 2);
	assert_string_equal(text(json_array_get(tried, 0), "why"),
			    "driver is igb, wanted vfio-pci");
	assert_string_equal(text(reply, "divided_by"), "p.yaml:7");
	assert_string_equal(text(reply, "makes"), "2 VFs");
	const json_t *classes = json_object_get(reply, "classes");
	assert_int_equal(json_array_size(classes), 1);
	assert_string_equal(text(json_array_get(classes, 0), "name"), "lan");
	assert_int_equal(json_array_size(json_object_get(reply, "reservations")), 1);
	assert_string_equal(json_string_value(json_array_get(json_object_get(reply, "differs"), 0)),
			    "not divided by the applied policy, now sriov");
	assert_null(json_object_get(reply, "pinned"));
	json_decref(reply);
}

/* What root wrote of another card is nothing that a policy goes by. */
static void test_f23_explain_labels_of_another_card_do_not_hold(void **state)
{
	struct service *s = *state;
	tree_file(&s->root, "etc/devices", NIC_KEY " 8086:10ca - labels=lab\n");
	service_start(s);
	json_t *reply = explained(s, NIC_KEY, "version: 1\ndevices: {x: {match: {labels: lab}}}\n");
	const json_t *tried = json_array_get(json_object_get(reply, "selections"), 0);
	assert_string_equal(text(tried, "why"), "it has no labels, wanted lab");
	assert_null(json_object_get(reply, "selection"));
	json_decref(reply);
}

static void test_explain_of_no_device_names_the_nearest(void **state)
{
	struct service *s = *state;
	_cleanup_err_ struct err e = { 0 };
	json_t *reply = NULL;
	service_start(s);
	struct api_client *c = service_connect(s);
	assert_true(api_call(c, "Explain", json_pack("{s:s}", "device", "01:00.0"), 0, &reply, NULL,
			     &e) < 0);
	assert_string_equal(e.id, "device.unknown");
	assert_string_equal(e.todo,
			    "did you mean 0000:01:00.0? carve list --all shows what there is");
	api_close(c);
	assert_refused(s, "Explain", json_pack("{s:s}", "device", NIC_KEY), "policy.none");
	assert_refused(s, "Explain",
		       json_pack("{s:s, s:s}", "device", NIC_KEY, "policy", "version: 2\n"),
		       "policy.version");
}

static void test_holders_without_executor_are_unknown(void **state)
{
	struct service *s = *state;
	service_start(s);
	assert_refused(s, "Holders", json_pack("{s:s}", "device", NIC_KEY), "holders.unknown");
}

/* A host with more than one proposal takes: what is left out is said. */
static void test_propose_of_very_many_devices_says_how_many_are_left_out(void **state)
{
	struct service *s = *state;
	for (unsigned i = 0; i < 70; i++) {
		char path[64];
		(void)STR_FORMAT(path, "pci0000:00/0000:00:%02x.%x", 8 + i / 8, i % 8);
		const struct tree_function gpu = { path, 0x10de,      0x2330, 0x030200,
						   NULL, 20 + (int)i, 0 };
		tree_function(&s->sys, &gpu);
	}
	service_start(s);
	json_t *reply = service_call(s, "Propose");
	const json_t *notes = json_object_get(reply, "notes");
	bool said = false;
	for (size_t i = 0; i < json_array_size(notes); i++)
		said = said || strstr(json_string_value(json_array_get(notes, i)),
				      "devices: 6 more left out, only 64 are looked at");
	assert_true(said);
	json_decref(reply);
}

static void test_executor_that_comes_back_is_used_again(void **state)
{
	struct service *s = *state;
	if (getuid() != 0)
		skip();
	service_executor_start(s);
	service_start(s);
	json_t *reply = service_call(s, "Propose");
	assert_fits("Propose", reply);
	json_decref(reply);
	service_kill(&s->executor, SIGKILL);
	assert_answers(s);
	service_executor_start(s);
	for (int i = 0; i < 200; i++) {
		const struct timespec t = { .tv_nsec = 50000000 };
		reply = service_call(s, "GetInfo");
		bool back = str_eq(text(reply, "executor"), "connected");
		json_decref(reply);
		if (back)
			return;
		(void)nanosleep(&t, NULL);
	}
	fail();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_get_info_without_executor_answers),
		TEST(test_look_methods_fit_the_interface),
		TEST(test_list_devices_shows_the_machine),
		TEST(test_propose_of_very_many_devices_says_how_many_are_left_out),
		TEST(test_interface_description_equals_the_file),
		cmocka_unit_test(test_methods_and_interface_name_the_same),
		TEST(test_call_with_wrong_parameters_names_them),
		TEST(test_unknown_names_are_refused),
		TEST(test_malformed_costs_only_its_sender),
		TEST(test_oversized_costs_only_its_sender),
		TEST(test_half_sent_is_dropped_after_a_while),
		TEST(test_one_who_does_not_read_is_dropped),
		TEST(test_pipelined_calls_are_answered_in_order),
		TEST(test_64_clients_at_once_are_answered),
		TEST(test_nobody_may_look_and_not_claim),
		TEST(test_a_user_has_32_connections_and_others_still_theirs),
		TEST(test_killed_carved_starts_again_over_its_socket),
		TEST(test_second_carved_does_not_take_the_socket),
		cmocka_unit_test(test_start_that_is_impossible_says_why),
		cmocka_unit_test(test_start_without_sysfs_says_so),
		TEST(test_damaged_ledger_stays_up_and_refuses_changes),
		TEST(test_read_only_state_directory_stays_up),
		TEST(test_change_without_executor_is_refused_after_its_grace),
		TEST(test_executor_completes_the_picture),
		TEST(test_claim_for_somebody_else_is_checked),
		TEST(test_reservation_without_device_has_no_handle),
		TEST(test_explain_says_what_was_tried_and_why),
		TEST(test_f23_explain_labels_of_another_card_do_not_hold),
		TEST(test_explain_of_no_device_names_the_nearest),
		TEST(test_holders_without_executor_are_unknown),
		TEST(test_executor_that_comes_back_is_used_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
