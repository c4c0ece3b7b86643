build-san/tests/support/alloc-fail.o: tests/support/alloc-fail.c \
 tests/support/alloc-fail.h
tests/support/alloc-fail.h:
