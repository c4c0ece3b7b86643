build-san/src/policy/policy.o: src/policy/policy.c src/policy/policy.h \
 src/base/err.h src/model/slice.h src/model/step.h src/model/pci.h \
 src/base/cleanup.h src/base/str.h src/policy/match.h src/policy/option.h \
 src/policy/value.h
src/policy/policy.h:
src/base/err.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/base/cleanup.h:
src/base/str.h:
src/policy/match.h:
src/policy/option.h:
src/policy/value.h:
