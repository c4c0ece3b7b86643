build-san/src/policy/source.o: src/policy/source.c src/policy/source.h \
 src/base/err.h src/policy/policy.h src/model/slice.h src/model/step.h \
 src/model/pci.h src/base/cleanup.h src/base/str.h
src/policy/source.h:
src/base/err.h:
src/policy/policy.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/base/cleanup.h:
src/base/str.h:
