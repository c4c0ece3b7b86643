build-san/src/policy/schema.o: src/policy/schema.c src/policy/option.h \
 src/policy/policy.h src/base/err.h src/model/slice.h src/model/step.h \
 src/model/pci.h src/policy/value.h
src/policy/option.h:
src/policy/policy.h:
src/base/err.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/policy/value.h:
