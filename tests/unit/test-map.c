/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pictures of devices: tests/golden/map/host.json, an answer of GetMap with all that occurs, becomes the files beside it
 * (CARVE_GOLDEN_UPDATE=1 writes them); and whatever names and layouts there are, lines and boxes keep their shape.
 */
#include "support/test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "cli/map.h"
#include "cli/table.h"
#include "cli/width.h"
#include "support/alloc-fail.h"

#define GOLDEN "tests/golden/map"

static json_t *host_load(void)
{
	json_error_t e;
	json_t *reply = json_load_file(GOLDEN "/host.json", 0, &e);
	if (!reply)
		fail_msg("host.json:%d: %s", e.line, e.text);
	return reply;
}

static char *file_text(const char *path)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char *text = calloc(1, 256 * 1024);
	assert_non_null(text);
	if (f)
		assert_true(fread(text, 1, 256 * 1024 - 1, f) < 256 * 1024 - 1);
	return text;
}

static char *text_of(const json_t *devices, bool utf8, bool color)
{
	struct map_style style = { .utf8 = utf8, .color = color };
	struct str_buf b = { 0 };
	assert_int_equal(map_text(devices, &style, &b), 0);
	char *text = str_buf_take(&b);
	assert_non_null(text);
	return text;
}

static char *svg_of(const json_t *devices)
{
	struct str_buf b = { 0 };
	assert_int_equal(map_svg(devices, &b), 0);
	char *text = str_buf_take(&b);
	assert_non_null(text);
	return text;
}

static void check_golden(const char *got, const char *path)
{
	if (getenv("CARVE_GOLDEN_UPDATE")) {
		_cleanup_fclose_ FILE *f = fopen(path, "we");
		assert_non_null(f);
		fputs(got, f);
	}
	_cleanup_free_ char *wanted = file_text(path);
	if (!str_eq(got, wanted))
		fail_msg("%s: got\n%s", path, got);
}

static void test_map_text_of_a_host_is_as_in_the_golden_files(void **state)
{
	(void)state;
	json_auto_t *reply = host_load();
	const json_t *devices = json_object_get(reply, "devices");
	_cleanup_free_ char *utf8 = text_of(devices, true, false),
			    *plain = text_of(devices, false, false),
			    *color = text_of(devices, true, true);
	check_golden(utf8, GOLDEN "/host-utf8.txt");
	check_golden(plain, GOLDEN "/host-ascii.txt");
	check_golden(color, GOLDEN "/host-color.txt");
}

static void test_map_svg_of_a_host_is_as_in_the_golden_file(void **state)
{
	(void)state;
	json_auto_t *reply = host_load();
	_cleanup_free_ char *svg = svg_of(json_object_get(reply, "devices"));
	check_golden(svg, GOLDEN "/host.svg");
	assert_null(strstr(svg, "<script"));
	assert_null(strstr(svg, "href"));
	assert_null(strstr(svg, "url(h"));
}

/* What has no colour is the same text. */
static void test_map_text_with_colours_differs_by_colours_only(void **state)
{
	(void)state;
	json_auto_t *reply = host_load();
	const json_t *devices = json_object_get(reply, "devices");
	_cleanup_free_ char *plain = text_of(devices, true, false),
			    *color = text_of(devices, true, true);
	char *to = color;
	size_t colors = 0;
	for (const char *p = color; *p; p++) {
		if (*p == '\033') {
			p += strcspn(p, "m");
			colors++;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
	assert_string_equal(color, plain);
	assert_true(colors > 50);
}

/* --- whatever there is --------------------------------------------------------------------------- */

static uint64_t chance_state = 1;

static unsigned chance(unsigned below)
{
	chance_state = chance_state * 6364136223846793005ull + 1442695040888963407ull;
	return (unsigned)(chance_state >> 33) % below;
}

static json_t *any_text(void)
{
	static const char *const pieces[] = { "vf",
					      "1g.10gb",
					      " ",
					      "—",
					      "東京",
					      "e\xcc\x81",
					      "\033[31m",
					      "\n",
					      "]]>",
					      "&",
					      "<",
					      "\"",
					      "'",
					      "\xef\xbf\xbe",
					      "\xef\xbf\xbf",
					      "\xf0\x9f\x92\xbb",
					      "a-name-that-goes-on-and-on",
					      "\xc2\x9b",
					      "x" };
	struct str_buf b = { 0 };
	for (unsigned n = chance(9); n > 0; n--)
		str_buf_add(&b, pieces[chance(sizeof(pieces) / sizeof(pieces[0]))]);
	_cleanup_free_ char *text = str_buf_take(&b);
	json_t *o = json_string(text);
	assert_non_null(o);
	return o;
}

static json_t *any_part(unsigned slots)
{
	static const char *const states[] = { "ready",	 "held", "quarantined", "foreign",
					      "planned", "lost", "reclaiming" };
	json_t *o = json_pack("{s:o, s:s, s:i}", "profile", any_text(), "state", states[chance(7)],
			      "count", 1 + (int)chance(3) * (int)chance(200));
	if (chance(2))
		json_object_set_new(o, "claim", any_text());
	if (chance(3) == 0)
		json_object_set_new(o, "reason", any_text());
	if (chance(2))
		json_object_set_new(o, "share", json_integer(chance(1001)));
	if (slots && chance(8)) {
		json_object_set_new(o, "start", json_integer(chance(slots)));
		json_object_set_new(o, "size", json_integer(1 + chance(4)));
	}
	return o;
}

static json_t *any_device(void)
{
	static const unsigned slots[] = { 0, 1, 4, 8, 9, 16, 64 };
	unsigned n = slots[chance(7)];
	json_t *parts = json_array(), *left = json_array();
	for (unsigned i = chance(12); i > 0; i--)
		json_array_append_new(parts, any_part(n));
	for (unsigned i = chance(4); i > 0; i--)
		json_array_append_new(left, json_pack("{s:o, s:i, s:i}", "profile", any_text(),
						      "ready", 0, "more", chance(30)));
	json_t *o = json_pack("{s:o, s:s, s:o, s:o, s:o}", "device", any_text(), "mechanism", "mig",
			      "selection", any_text(), "parts", parts, "free", left);
	if (chance(2))
		json_object_set_new(o, "name", any_text());
	if (n)
		json_object_set_new(o, "slots", json_integer(n));
	return o;
}

static json_t *any_devices(void)
{
	json_t *devices = json_array();
	for (unsigned i = 0; i < 5; i++)
		json_array_append_new(devices, any_device());
	return devices;
}

/* Boxes are four lines of the same width, none of more than 80 columns. Returns how many boxes there are. */
static size_t check_shape(char *text)
{
	size_t width = 0, boxes = 0, row = 0;
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		if (width_of(line) > MAP_COLUMNS)
			fail_msg("%zu columns: %s", width_of(line), line);
		bool begins = str_after(line, "  ┌") != NULL;
		if (begins) {
			assert_int_equal(row, 0);
			width = width_of(line);
			boxes++;
		}
		row = begins ? 1 : row ? row + 1 : 0;
		if (row && width_of(line) != width)
			fail_msg("%zu columns, not %zu: %s", width_of(line), width, line);
		assert_true(row != 4 || str_after(line, "  └"));
		row %= 4;
	}
	return boxes;
}

static void test_map_text_of_any_devices_keeps_its_shape(void **state)
{
	(void)state;
	size_t boxes = 0;
	for (unsigned i = 0; i < 400; i++) {
		json_auto_t *devices = any_devices();
		_cleanup_free_ char *text = text_of(devices, true, false);
		assert_null(strpbrk(text, "\033\t\r"));
		boxes += check_shape(text);
	}
	assert_true(boxes > 1000);
}

/* A strict reader takes it, and each cell is a rectangle with a title within the picture. */
static const char reader[] =
	"import sys, xml.etree.ElementTree as e\n"
	"n = '{http://www.w3.org/2000/svg}'\n"
	"for file in sys.argv[1:]:\n"
	"    root = e.parse(file).getroot()\n"
	"    assert root.tag == n + 'svg', root.tag\n"
	"    width, height = map(int, root.get('viewBox').split()[2:])\n"
	"    parts = root.findall(n + 'g')\n"
	"    assert parts or '--none' in sys.argv\n"
	"    for g in parts:\n"
	"        r = g.find(n + 'rect')\n"
	"        assert g.find(n + 'title').text\n"
	"        x, y, w, h = (int(r.get(k)) for k in ('x', 'y', 'width', 'height'))\n"
	"        assert 0 < w and 0 <= x and x + w <= width and y + h <= height, (file, x, y, w, h)\n"
	"    for t in root.iter(n + 'text'):\n"
	"        assert 0 < int(t.get('y')) <= height\n";

static void test_map_svg_of_any_devices_is_xml(void **state)
{
	(void)state;
	char dir[] = "/tmp/test-map-XXXXXX", path[64], command[256];
	if (WEXITSTATUS(system("python3 -c 'import xml.etree' 2>/dev/null")) != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	for (unsigned i = 0; i < 60; i++) {
		json_auto_t *devices = any_devices();
		_cleanup_free_ char *svg = svg_of(devices);
		assert_true(STR_FORMAT(path, "%s/%u.svg", dir, i) >= 0);
		_cleanup_fclose_ FILE *f = fopen(path, "we");
		assert_non_null(f);
		fputs(svg, f);
	}
	assert_true(STR_FORMAT(path, "%s/reader.py", dir) >= 0);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(reader, f);
	fclose(f);
	assert_true(STR_FORMAT(command, "python3 %s " GOLDEN "/host.svg %s/*.svg && rm -r %s", path,
			       dir, dir) >= 0);
	assert_int_equal(system(command), 0);
}

/* Whatever allocation fails, no picture is made that lacks something. */
static void test_map_pictures_without_memory_fail(void **state)
{
	(void)state;
	const struct map_style style = { .utf8 = true, .color = true };
	json_auto_t *reply = host_load();
	const json_t *devices = json_object_get(reply, "devices");
	unsigned n = 0;
	for (bool failed = true; failed; n++) {
		struct str_buf text = { 0 }, svg = { 0 };
		alloc_fail_at(n);
		int r = map_text(devices, &style, &text);
		failed = alloc_fail_done();
		assert_int_equal(failed, r < 0 || text.failed);
		alloc_fail_at(n);
		r = map_svg(devices, &svg);
		bool failed_svg = alloc_fail_done();
		assert_int_equal(failed_svg, r < 0 || svg.failed);
		failed = failed || failed_svg;
		str_buf_done(&text);
		str_buf_done(&svg);
	}
	assert_true(n > 500);
}

static void test_map_cells_fill_the_row_without_gaps(void **state)
{
	(void)state;
	json_auto_t *device = json_pack(
		"{s:i, s:[{s:s, s:s, s:i, s:i}, {s:s, s:s, s:i, s:i}, {s:s, s:s, s:i, s:i}, {s:s, s:s, s:i, s:i}]}",
		"slots", 8, "parts", "profile", "a", "state", "held", "start", 5, "size", 2,
		"profile", "b", "state", "held", "start", 1, "size", 2, "profile", "c", "state",
		"lost", "start", 2, "size", 2, "profile", "d", "state", "held", "start", 7, "size",
		2);
	struct map_cells m;
	assert_int_equal(map_cells_make(device, &m), 0);
	static const struct {
		const char *profile;
		long start;
		size_t size;
	} wanted[] = { { "", 0, 1 }, { "b", 1, 2 }, { "", 3, 2 },  { "a", 5, 2 },
		       { "", 7, 1 }, { "c", 2, 2 }, { "d", -1, 0 } };
	assert_int_equal(m.n, 7);
	assert_int_equal(m.n_row, 5);
	for (size_t i = 0; i < m.n; i++) {
		assert_string_equal(m.cells[i].profile, wanted[i].profile);
		assert_int_equal(m.cells[i].start, wanted[i].start);
		assert_int_equal(m.cells[i].size, wanted[i].size);
	}
	map_cells_done(&m);
}

static void test_width_counts_columns_of_characters(void **state)
{
	(void)state;
	assert_int_equal(width_of(""), 0);
	assert_int_equal(width_of("Größe —"), 7);
	assert_int_equal(width_of("東京"), 4);
	assert_int_equal(width_of("e\xcc\x81"), 1);
	assert_int_equal(width_of("\033[32mok\033[0m"), 2);
	assert_int_equal(width_of("\xf0\x9f\x92\xbb"), 2);
}

static void test_width_cut_never_cuts_a_character(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t columns;
		const char *wanted;
	} cases[] = { { "web", 3, "web" },
		      { "web1", 3, "w.." },
		      { "東京都", 5, "東.." },
		      { "東京都", 6, "東京都" },
		      { "東京都", 4, "東.." },
		      { "Größe", 4, "Gr.." },
		      { "e\xcc\x81"
			"abc",
			3, "e\xcc\x81.." },
		      { "web1", 1, "." },
		      { "web1", 0, "" } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *cut = width_cut(cases[i].text, cases[i].columns);
		assert_string_equal(cut, cases[i].wanted);
	}
}

static void test_width_cut_middle_keeps_the_end(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t columns;
		const char *wanted;
	} cases[] = { { "web01", 5, "web01" },
		      { "sriov/0000", 6, "sr..00" },
		      { "sriov/0000", 7, "sri..00" },
		      { "東京都東京", 8, "東..京" },
		      { "東京都東京", 6, "東..京" },
		      { "web01", 2, ".." },
		      { "web01", 1, "." } };
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *cut = width_cut_middle(cases[i].text, cases[i].columns);
		assert_string_equal(cut, cases[i].wanted);
	}
}

/* What a table prints; the next call overwrites it. */
static const char *printed(const struct table *t)
{
	static char text[256];
	int screen = dup(STDOUT_FILENO);
	_cleanup_fclose_ FILE *f = tmpfile();
	assert_non_null(f);
	fflush(stdout);
	assert_true(dup2(fileno(f), STDOUT_FILENO) >= 0);
	assert_true(table_print(t));
	fflush(stdout);
	assert_true(dup2(screen, STDOUT_FILENO) >= 0);
	close(screen);
	rewind(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	return text;
}

static void test_table_print_aligns_by_columns_of_characters(void **state)
{
	(void)state;
	static const struct table_column columns[] = { { .title = "FILE" },
						       { .title = "N", .right = true },
						       { .title = "AT" } };
	struct table t = { .columns = columns, .n_columns = 3 };
	static const char *const cells[] = { "東京都", "1", "now", "ab", "東", "then" };
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		table_add(&t, cells[i]);
	assert_string_equal(printed(&t), "FILE     N  AT\n"
					 "東京都   1  now\n"
					 "ab      東  then\n");
	table_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map_text_of_a_host_is_as_in_the_golden_files),
		cmocka_unit_test(test_map_svg_of_a_host_is_as_in_the_golden_file),
		cmocka_unit_test(test_map_text_with_colours_differs_by_colours_only),
		cmocka_unit_test(test_map_text_of_any_devices_keeps_its_shape),
		cmocka_unit_test(test_map_svg_of_any_devices_is_xml),
		cmocka_unit_test(test_map_pictures_without_memory_fail),
		cmocka_unit_test(test_map_cells_fill_the_row_without_gaps),
		cmocka_unit_test(test_width_counts_columns_of_characters),
		cmocka_unit_test(test_width_cut_never_cuts_a_character),
		cmocka_unit_test(test_width_cut_middle_keeps_the_end),
		cmocka_unit_test(test_table_print_aligns_by_columns_of_characters),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
