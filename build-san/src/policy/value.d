build-san/src/policy/value.o: src/policy/value.c src/policy/value.h \
 src/policy/option.h src/policy/policy.h src/base/err.h src/model/slice.h \
 src/model/step.h src/model/pci.h src/base/num.h src/base/str.h
src/policy/value.h:
src/policy/option.h:
src/policy/policy.h:
src/base/err.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/base/num.h:
src/base/str.h:
