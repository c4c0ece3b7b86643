build-san/src/host/scan.o: src/host/scan.c src/host/scan.h src/base/err.h \
 src/model/step.h src/model/pci.h src/base/cleanup.h src/base/num.h \
 src/base/str.h src/sys/sysfs.h
src/host/scan.h:
src/base/err.h:
src/model/step.h:
src/model/pci.h:
src/base/cleanup.h:
src/base/num.h:
src/base/str.h:
src/sys/sysfs.h:
