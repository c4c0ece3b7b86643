/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs a fuzz target over the files of a directory and reports in TAP, so that inputs once found
 * stay tests with any compiler. A target is tests/fuzz/fuzz-NAME.c with LLVMFuzzerTestOneInput(),
 * its files are tests/fuzz/corpus/NAME/; FUZZER=1 builds it with libFuzzer's main() instead.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (1 << 20)

static int is_input(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* A buffer of exactly the size read, so that a sanitizer sees one byte too far. */
static int input_run(const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL;
	if (asprintf(&path, "%s/%s", dir, name) < 0)
		return -ENOMEM;
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	if (!f)
		return -errno;
	_cleanup_free_ char *text = malloc(INPUT_MAX);
	if (!text)
		return -ENOMEM;
	size_t size = fread(text, 1, INPUT_MAX, f);
	if (ferror(f) || size == INPUT_MAX)
		return -EFBIG;
	char *exact = realloc(text, size ? size : 1);
	if (exact)
		text = exact;
	LLVMFuzzerTestOneInput((const uint8_t *)text, size);
	return 0;
}

int main(int argc, char **argv)
{
	struct dirent **inputs;
	int n = argc == 2 ? scandir(argv[1], &inputs, is_input, alphasort) : -1;
	if (n <= 0) {
		fprintf(stderr, "usage: %s DIRECTORY, with at least one file in it\n", argv[0]);
		return 2;
	}

	int bad = 0;
	printf("1..%d\n", n);
	for (int i = 0; i < n; i++) {
		/* Known before a crash. */
		fprintf(stderr, "# %s\n", inputs[i]->d_name);
		int r = input_run(argv[1], inputs[i]->d_name);
		printf("%s %d - %s\n", r < 0 ? "not ok" : "ok", i + 1, inputs[i]->d_name);
		fflush(stdout);
		bad += r < 0;
		free(inputs[i]);
	}
	free(inputs);
	return bad > 0;
}
