build-san/src/base/num.o: src/base/num.c src/base/num.h src/base/str.h
src/base/num.h:
src/base/str.h:
