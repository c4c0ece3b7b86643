build-san/src/model/step.o: src/model/step.c src/model/step.h \
 src/model/pci.h src/base/cleanup.h src/base/str.h
src/model/step.h:
src/model/pci.h:
src/base/cleanup.h:
src/base/str.h:
