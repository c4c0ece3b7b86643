build-san/src/policy/option.o: src/policy/option.c src/policy/option.h \
 src/policy/policy.h src/base/err.h src/model/slice.h src/model/step.h \
 src/model/pci.h src/base/str.h src/policy/match.h
src/policy/option.h:
src/policy/policy.h:
src/base/err.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/base/str.h:
src/policy/match.h:
