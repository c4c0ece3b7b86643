build-san/src/model/have.o: src/model/have.c src/base/str.h \
 src/model/pci.h
src/base/str.h:
src/model/pci.h:
