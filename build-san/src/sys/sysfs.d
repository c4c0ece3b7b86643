build-san/src/sys/sysfs.o: src/sys/sysfs.c src/sys/sysfs.h \
 src/base/cleanup.h src/base/num.h src/base/str.h
src/sys/sysfs.h:
src/base/cleanup.h:
src/base/num.h:
src/base/str.h:
