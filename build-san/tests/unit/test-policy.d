build-san/tests/unit/test-policy.o: tests/unit/test-policy.c \
 tests/support/test.h src/base/cleanup.h src/base/str.h \
 src/policy/option.h src/policy/policy.h src/base/err.h src/model/slice.h \
 src/model/step.h src/model/pci.h src/policy/value.h
tests/support/test.h:
src/base/cleanup.h:
src/base/str.h:
src/policy/option.h:
src/policy/policy.h:
src/base/err.h:
src/model/slice.h:
src/model/step.h:
src/model/pci.h:
src/policy/value.h:
