build-san/src/policy/load.o: src/policy/load.c src/base/cleanup.h \
 src/base/str.h src/policy/check.h src/policy/source.h src/base/err.h \
 src/policy/policy.h src/model/slice.h src/model/step.h src/model/pci.h \
 src/policy/match.h src/policy/option.h src/policy/value.h
src/base/cleanup.h:
src/base/str.h:
src/policy/check.h:
src/policy/source.h:
src/base/err.h:
src/policy/policy.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/policy/match.h:
src/policy/option.h:
src/policy/value.h:
