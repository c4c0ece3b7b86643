build-san/src/api/varlink.o: src/api/varlink.c src/api/varlink.h \
 src/base/cleanup.h
src/api/varlink.h:
src/base/cleanup.h:
