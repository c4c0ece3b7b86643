build-san/src/policy/check.o: src/policy/check.c src/policy/check.h \
 src/policy/source.h src/base/err.h src/policy/policy.h src/model/slice.h \
 src/model/step.h src/model/pci.h src/base/str.h
src/policy/check.h:
src/policy/source.h:
src/base/err.h:
src/policy/policy.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/base/str.h:
