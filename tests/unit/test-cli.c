/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The command carve as people see it. Each tests/golden/cli/NAME.case is a run of the real program
 * against a service made up here: its arguments, the calls it must make, the answers it gets, its exit
 * code, whether its output is a terminal, its locale, whether it has colours. NAME.out and NAME.err are what it must print. CARVE_GOLDEN_UPDATE=1 writes these two.
 */
#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define GOLDEN "tests/golden/cli"
#define ARGS_MAX 32
#define OUTPUT_MAX (256 * 1024)

struct run {
	char dir[64]; /* temporary, holds everything else */
	char socket[108];
	char carve[512];
};

static int setup(void **state)
{
	struct run *r = calloc(1, sizeof(*r));
	assert_non_null(r);
	assert_true(STR_COPY(r->dir, "/tmp/carve-test-cli-XXXXXX") >= 0);
	assert_non_null(mkdtemp(r->dir));
	assert_true(STR_FORMAT(r->socket, "%s/socket", r->dir) >= 0);
	/* The program of the same build: BUILD/tests/unit/test-cli -> BUILD/carve */
	char self[400];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	assert_true(n > 0);
	self[n] = '\0';
	for (int i = 0; i < 3; i++)
		*strrchr(self, '/') = '\0';
	assert_true(STR_FORMAT(r->carve, "%s/carve", self) >= 0);
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	struct run *r = *state;
	char command[128];
	(void)STR_FORMAT(command, "rm -rf %s", r->dir);
	assert_int_equal(system(command), 0);
	free(r);
	return 0;
}

/* The made-up service; it runs in a child and exits 0 when all calls came as they should. */
static int receive(int fd, char *ret, size_t size)
{
	size_t len = 0;
	while (len < size) {
		ssize_t n = recv(fd, ret + len, 1, 0);
		if (n <= 0)
			return -1;
		if (ret[len] == '\0')
			return 0;
		len += (size_t)n;
	}
	return -1;
}

static void reply_send(int fd, json_t *reply)
{
	_cleanup_free_ char *text = json_dumps(reply, JSON_COMPACT);
	(void)!write(fd, text, strlen(text) + 1);
}

/* Sends the replies of one call, all but the last continued; "hang" keeps the client waiting. */
static void replies_send(int fd, const json_t *call)
{
	const json_t *replies = json_object_get(call, "replies"),
		     *error = json_object_get(call, "error");
	bool hang = json_is_true(json_object_get(call, "hang"));
	size_t i;
	json_t *p;
	json_array_foreach((json_t *)replies, i, p) {
		bool last = i + 1 == json_array_size(replies) && !hang;
		reply_send(fd, json_pack("{s:O, s:b}", "parameters", p, "continues", !last));
	}
	if (error)
		reply_send(fd, json_pack("{s:s, s:{s:O}}", "error", "io.carve.Failed", "parameters",
					 "error", error));
	if (json_object_get(call, "raw"))
		reply_send(fd, json_object_get(call, "raw"));
	char byte;
	if (hang)
		(void)!read(fd, &byte, 1);
}

/* Where a file is depends on where the tests run. */
static void path_shorten(json_t *sent)
{
	_cleanup_free_ char *cwd = realpath(".", NULL);
	const char *path = json_string_value(json_object_get(sent, "path"));
	const char *rest = cwd && path ? str_after(path, cwd) : NULL;
	if (rest)
		json_object_set_new(sent, "path", json_sprintf("@CWD@%s", rest));
}

static int serve(int listener, const json_t *calls)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	static char text[1024 * 1024];
	size_t i;
	json_t *call;
	json_array_foreach((json_t *)calls, i, call) {
		json_t *got = receive(fd, text, sizeof(text)) == 0 ? json_loads(text, 0, NULL)
								   : NULL;
		char method[64];
		(void)STR_FORMAT(method, "io.carve.%s",
				 json_string_value(json_object_get(call, "method")));
		json_t *params = json_object_get(call, "parameters"), *empty = json_object();
		json_t *sent = json_object_get(got, "parameters");
		path_shorten(sent);
		if (!got || !str_eq(method, json_string_value(json_object_get(got, "method"))) ||
		    !json_equal(sent ? sent : empty, params ? params : empty)) {
			fprintf(stderr, "call %zu is %s\n", i, got ? text : "missing");
			return 1;
		}
		replies_send(fd, call);
	}
	return 0;
}

static int listener_open(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	assert_true(STR_COPY(addr.sun_path, path) >= 0);
	unlink(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

static pid_t service_start(const struct run *r, const json_t *calls)
{
	if (json_array_size(calls) == 0) {
		unlink(r->socket);
		return 0;
	}
	int fd = listener_open(r->socket);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		_exit(serve(fd, calls));
	close(fd);
	return pid;
}

static void output_to(const char *path, int fd)
{
	int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (file < 0 || dup2(file, fd) < 0)
		_exit(99);
}

/* Arguments with @DIR@ replaced by the temporary folder; this runs in the child, which ends. */
static const char *argument(const struct run *r, const char *text)
{
	const char *at = strstr(text, "@DIR@");
	char *path = NULL;
	if (at &&
	    asprintf(&path, "%.*s%s%s", (int)(at - text), text, r->dir, at + strlen("@DIR@")) > 0)
		return path;
	return text;
}

/* A terminal of 80 columns that changes nothing of what is written to it. */
static void terminal_open(int *ret_master, int *ret_slave)
{
	struct termios raw = { 0 };
	struct winsize size = { .ws_row = 24, .ws_col = 80 };
	cfmakeraw(&raw);
	assert_int_equal(openpty(ret_master, ret_slave, NULL, &raw, &size), 0);
}

static void terminal_copy(int master, const char *path)
{
	char text[4096];
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	for (ssize_t n; (n = read(master, text, sizeof(text))) > 0;)
		assert_int_equal(fwrite(text, 1, (size_t)n, f), n);
	fclose(f);
	close(master);
}

/* terminal: standard output is one. locale: instead of "C". */
static int carve_run(const struct run *r, const json_t *k, const char *out, const char *err)
{
	bool terminal = json_is_true(json_object_get(k, "terminal"));
	const char *locale = json_string_value(json_object_get(k, "locale"));
	int master = -1, slave = -1;
	if (terminal)
		terminal_open(&master, &slave);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid > 0) {
		int status = 0;
		if (terminal) {
			close(slave);
			terminal_copy(master, out);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
	}
	const char *argv[ARGS_MAX + 2] = { "carve" };
	size_t i;
	json_t *a;
	json_array_foreach(json_object_get(k, "args"), i, a)
		if (i < ARGS_MAX)
			argv[i + 1] = argument(r, json_string_value(a));
	setenv("CARVE_SOCKET", r->socket, 1);
	setenv("TZ", "UTC", 1);
	setenv("LC_ALL", locale ? locale : "C", 1);
	int null = open("/dev/null", O_RDONLY);
	dup2(null, STDIN_FILENO);
	if (!terminal)
		output_to(out, STDOUT_FILENO);
	else if (setenv("NO_COLOR", "1", 1) < 0 || dup2(slave, STDOUT_FILENO) < 0)
		_exit(99);
	output_to(err, STDERR_FILENO);
	execv(r->carve, (char **)argv);
	_exit(98);
}

static char *file_text(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char *text = calloc(1, OUTPUT_MAX);
	assert_non_null(text);
	if (f)
		assert_true(fread(text, 1, OUTPUT_MAX - 1, f) < OUTPUT_MAX - 1);
	return text;
}

/* The folder's and the socket's names differ from run to run. */
static void name_replace(char *text, const char *name, const char *with)
{
	size_t n = strlen(name), m = strlen(with);
	for (char *p = text; (p = strstr(p, name)); p += m) {
		memcpy(p, with, m);
		memmove(p + m, p + n, strlen(p + n) + 1);
	}
}

static void check_output(const struct run *r, const json_t *k, const char *got_path,
			 const char *golden, bool tables)
{
	_cleanup_free_ char *got = file_text(got_path);
	name_replace(got, r->dir, "@DIR@");
	if (getenv("CARVE_GOLDEN_UPDATE")) {
		unlink(golden);
		_cleanup_fclose_ FILE *f = *got ? fopen(golden, "we") : NULL;
		if (f)
			fputs(got, f);
	}
	_cleanup_free_ char *wanted = file_text(golden);
	if (!str_eq(got, wanted))
		fail_msg("%s: got\n%swanted\n%s", golden, got, wanted);
	if (!json_is_true(json_object_get(k, "colors")))
		assert_null(strchr(got, '\033'));
	for (const char *p = got; tables && *p; p += strcspn(p, "\n"), p += *p == '\n')
		if (strcspn(p, "\n") > 80)
			fail_msg("%s: more than 80 columns: %.*s", golden, (int)strcspn(p, "\n"),
				 p);
}

static void check_case(struct run *r, const char *name)
{
	char path[512], out[128], err[128];
	assert_true(STR_FORMAT(path, GOLDEN "/%s.case", name) >= 0);
	assert_true(STR_FORMAT(out, "%s/out", r->dir) >= 0);
	assert_true(STR_FORMAT(err, "%s/err", r->dir) >= 0);
	json_error_t e;
	json_t *k = json_load_file(path, 0, &e);
	if (!k)
		fail_msg("%s:%d: %s", path, e.line, e.text);

	pid_t service = service_start(r, json_object_get(k, "calls"));
	int code = carve_run(r, k, out, err);
	int status = 0;
	if (service > 0)
		assert_int_equal(waitpid(service, &status, 0), service);
	assert_true(STR_FORMAT(path, GOLDEN "/%s.out", name) >= 0);
	check_output(r, k, out, path, !json_is_true(json_object_get(k, "wide")));
	assert_true(STR_FORMAT(path, GOLDEN "/%s.err", name) >= 0);
	check_output(r, k, err, path, false);
	if (code != json_integer_value(json_object_get(k, "exit")))
		fail_msg("%s: exit code %d", name, code);
	if (status != 0)
		fail_msg("%s: the calls are not as they should be", name);
	json_decref(k);
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* In the order of their names: later ones may build on files that earlier ones wrote. */
static void test_carve_golden_runs_print_what_they_should(void **state)
{
	struct dirent **all = NULL;
	int n = scandir(GOLDEN, &all, NULL, by_name), ran = 0;
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		char name[256];
		assert_true(STR_COPY(name, all[i]->d_name) >= 0);
		free(all[i]);
		if (!str_ends(name, ".case"))
			continue;
		*strrchr(name, '.') = '\0';
		check_case(*state, name);
		ran++;
	}
	free(all);
	assert_true(ran > 40);
}

/* Rules name a function by its path without bus numbers and by its ids; never the boot display. */
static void test_f41_integrate_boot_names_functions_by_path_and_ids(void **state)
{
	check_case(*state, "boot-1-plan");
}

static void test_carve_full_device_is_a_failure(void **state)
{
	const struct run *r = *state;
	char command[1024], text[256];
	assert_true(STR_FORMAT(command, "%s policy schema 2>&1 >/dev/full", r->carve) >= 0);
	FILE *f = popen(command, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	int status = pclose(f);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_non_null(strstr(text, "cannot write the output"));
}

/* Runs carve list slices on a terminal and returns what it wrote there. */
static void terminal_run(struct run *r, const char *no_color, char *ret, size_t size)
{
	json_t *calls = json_pack("[{s:s, s:[{s:[{s:s, s:s, s:s, s:s, s:s}]}]}]", "method",
				  "ListSlices", "replies", "slices", "name", "s", "device", "d",
				  "mechanism", "mdev", "profile", "p", "state", "ready");
	assert_non_null(calls);
	pid_t service = service_start(r, calls);
	json_decref(calls);
	int terminal = -1;
	pid_t pid = forkpty(&terminal, NULL, NULL, NULL);
	assert_true(pid >= 0);
	if (pid == 0) {
		setenv("CARVE_SOCKET", r->socket, 1);
		if (no_color)
			setenv("NO_COLOR", no_color, 1);
		else
			unsetenv("NO_COLOR");
		execl(r->carve, "carve", "list", "slices", (char *)NULL);
		_exit(98);
	}
	size_t len = 0;
	for (ssize_t n; len < size - 1 && (n = read(terminal, ret + len, size - 1 - len)) > 0;)
		len += (size_t)n;
	ret[len] = '\0';
	close(terminal);
	int status = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(waitpid(service, &status, 0), service);
}

static void test_carve_colours_only_on_a_terminal_without_no_color(void **state)
{
	char text[4096];
	terminal_run(*state, NULL, text, sizeof(text));
	assert_non_null(strstr(text, "\033[32mready\033[0m"));
	terminal_run(*state, "", text, sizeof(text));
	assert_non_null(strchr(text, '\033'));
	terminal_run(*state, "1", text, sizeof(text));
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "ready"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_carve_golden_runs_print_what_they_should),
		cmocka_unit_test(test_f41_integrate_boot_names_functions_by_path_and_ids),
		cmocka_unit_test(test_carve_full_device_is_a_failure),
		cmocka_unit_test(test_carve_colours_only_on_a_terminal_without_no_color),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
