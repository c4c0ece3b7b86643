build-san/src/model/pci.o: src/model/pci.c src/model/pci.h src/base/str.h
src/model/pci.h:
src/base/str.h:
