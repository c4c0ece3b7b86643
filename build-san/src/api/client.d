build-san/src/api/client.o: src/api/client.c src/api/client.h \
 src/base/err.h src/api/varlink.h src/base/cleanup.h src/base/str.h
src/api/client.h:
src/base/err.h:
src/api/varlink.h:
src/base/cleanup.h:
src/base/str.h:
