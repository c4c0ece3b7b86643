build-san/src/model/slice.o: src/model/slice.c src/model/slice.h \
 src/model/step.h src/model/pci.h src/base/str.h
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/base/str.h:
