build-san/src/base/err.o: src/base/err.c src/base/err.h \
 src/base/cleanup.h src/base/str.h
src/base/err.h:
src/base/cleanup.h:
src/base/str.h:
