build-san/tests/unit/test-policy-pin.o: tests/unit/test-policy-pin.c \
 tests/support/test.h src/base/cleanup.h src/base/str.h \
 src/policy/policy.h src/base/err.h src/model/slice.h src/model/step.h \
 src/model/pci.h
tests/support/test.h:
src/base/cleanup.h:
src/base/str.h:
src/policy/policy.h:
src/base/err.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
