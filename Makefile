# The one build file. `make help` lists what it can do.
#
#   sources (by wildcard)               products
#   ext/base ext/parquet vfs ---------> build/so/*.o ----> build/tarn.so   (loadable extension)
#   the rest of ext ------------------> build/so/*.o --'
#         `-- again, -DSQLITE_CORE ---> build/core/*.o --> build/libtarn.a (to embed; also tests)
#   tui ------------------------------> build/tarn        (console)
#
# Variants (ASan, fuzzing, lint) are this same file run again with another BUILD.

BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
SECONDS ?= 60
SAN     ?=
WERROR  ?=
ifeq ($(origin CC),default)
CC := gcc
endif

# What is linked, named as pkg-config names it; tests/setup.sh has the Debian packages of the same
# libraries. SQLite is headers only for tarn.so: the host process brings its own.
PKGS := libzstd snappy zlib liblz4 libbrotlidec jansson libcrypto
PKGS += $(if $(wildcard vfs/http*.c vfs/s3*.c),libcurl expat)
PKGS_TUI := ncursesw

DIRS := ext/base ext/parquet ext/lake ext/cdc ext/sql vfs include
SRC  := $(sort $(wildcard ext/*.c ext/*/*.c vfs/*.c))
TUI  := $(sort $(wildcard tui/*.c))
# Files that never see SQLite are compiled once for both products.
PURE := $(filter ext/base/% ext/parquet/%,$(SRC)) $(filter vfs/%,$(SRC))
PURE := $(filter-out $(if $(wildcard vfs/*.c),$(shell grep -lE '"sqlite3(ext)?[.]h"|<sqlite3(ext)?[.]h>' vfs/*.c)),$(PURE))
HOST := $(filter-out $(PURE),$(SRC))

UNIT     := $(sort $(wildcard tests/unit/test_*.c))
FAULT    := $(sort $(wildcard tests/fault/test_*.c))
FUZZ     := $(sort $(wildcard tests/fuzz/fuzz_*.c))
BENCH    := $(sort $(wildcard tests/bench/bench_*.c))
EXAMPLES := $(sort $(wildcard examples/*.c))
SEEDS    := tests/fuzz/seeds_cdc.c tests/fuzz/seeds_nested.c tests/unit/raw_nested.c tests/unit/raw_parquet.c
HELPERS  := $(filter-out $(UNIT),$(sort $(wildcard tests/unit/*.c)))
FAULT_HELPERS := $(filter-out $(FAULT),$(sort $(wildcard tests/fault/*.c)))

# These need no library to be there yet: they install what is missing, or touch no C at all.
LIGHT := help setup demo test asan fault fuzz bench lint format clean
GOALS := $(filter-out $(LIGHT),$(or $(MAKECMDGOALS),all))

ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -r -j$(shell nproc 2>/dev/null || echo 2)
endif
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif

ifneq ($(GOALS),)
ifneq ($(shell pkg-config --exists sqlite3 $(PKGS) 2>/dev/null && echo yes),yes)
$(error libraries are missing: need sqlite3 $(PKGS) as pkg-config knows them; `make setup` installs them on Debian and Ubuntu)
endif
PKG_CFLAGS := $(shell pkg-config --cflags sqlite3 $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS))
endif

WARN     := -Wall -Wextra -Wshadow -Wconversion -Wvla
OPT      := $(if $(SAN),-O1 -fno-omit-frame-pointer -fsanitize=$(SAN) -fno-sanitize-recover=all,-O2)
CFLAGS   ?= $(OPT) -g
CPPFLAGS ?=
LDFLAGS  ?=
# -Werror stays out of the stamp below: it changes no object, so it is no reason to compile again.
STD       = -std=c11 -D_GNU_SOURCE -fPIC -fvisibility=hidden -pthread $(WARN) $(addprefix -I,$(DIRS))
COMPILE   = $(CC) $(STD) $(PKG_CFLAGS) $(CPPFLAGS) $(CFLAGS)
LINK      = $(CC) $(CFLAGS) -pthread $(LDFLAGS)
LIBS      = -Wl,--as-needed $(PKG_LIBS) -lm

# Objects depend on this file, which changes when and only when the flags do.
ifneq ($(GOALS),)
STAMP := $(COMPILE) | $(LINK) | $(LIBS)
ifneq ($(STAMP),$(file <$(BUILD)/flags))
$(shell mkdir -p $(BUILD))
$(file >$(BUILD)/flags,$(STAMP))
endif
endif

SO_OBJ   := $(SRC:%.c=$(BUILD)/so/%.o)
CORE_OBJ := $(PURE:%.c=$(BUILD)/so/%.o) $(HOST:%.c=$(BUILD)/core/%.o)
TUI_OBJ  := $(TUI:%.c=$(BUILD)/so/%.o)
HELP_OBJ := $(HELPERS:%.c=$(BUILD)/core/%.o)
PROGRAMS := $(UNIT:%.c=$(BUILD)/%) $(EXAMPLES:%.c=$(BUILD)/%)

.PHONY: all help setup demo test asan fault fuzz bench lint format install clean
.PHONY: programs unit-programs fault-programs fuzz-programs replay-programs bench-programs objects
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BUILD)/tarn.so $(BUILD)/libtarn.a $(if $(TUI),$(BUILD)/tarn) ## build everything into build/ (the default)

help: ## this list
	@echo "Targets:"
	@sed -nE 's/^([a-z]+):.*## (.*)/\1\t\2/p' Makefile | awk -F'\t' '{printf "  %-9s %s\n", $$1, $$2}'

setup: ## install the Debian packages that building and testing need
	@tests/setup.sh test

demo: ## install what is missing, build, and show a lake at work, step by step
	@tests/setup.sh build
	@$(MAKE) --no-print-directory all
	@examples/demo.sh

test: ## install what is missing, build, run every suite; ends with "N passed, N failed"
	@tests/setup.sh test
	@ROUNDS=$(or $(ROUNDS),10) tests/run.sh --build $(or $(SUITES),unit sql replay fault examples interop newer $(if $(wildcard tests/s3/test_*),s3) $(if $(wildcard tests/tui/test_*),tui) lint)

asan: ## the unit, sql and replay suites (SUITES=fault: others) under AddressSanitizer and UBSan
	@tests/setup.sh test
	@BUILD=build/asan SAN=address,undefined ROUNDS=$(or $(ROUNDS),10) tests/run.sh --build $(or $(SUITES),unit sql replay)

fault: ## failing allocations, full disks, 200 kills (ROUNDS=100 of each kind, LONG=1 for all failures)
	@tests/setup.sh test
	@LONG=$(LONG) ROUNDS=$(or $(ROUNDS),100) LIMIT=$(if $(LONG),3600,240) tests/run.sh --build fault

fuzz: ## every fuzzer for SECONDS=60 each, under ASan and UBSan
	@tests/setup.sh test
	@BUILD=build/fuzz CC=clang SAN=fuzzer-no-link,address,undefined SECONDS_EACH=$(SECONDS) tests/run.sh --build fuzz

bench: ## measure; prints figures, passes or fails nothing
	@tests/setup.sh test
	@LONG=$(LONG) tests/run.sh --build bench

lint: ## format, layers, headers, banned functions, sizes, warnings of two compilers
	@tests/setup.sh test
	@tests/run.sh lint

format: ## rewrite the C files as .clang-format says
	@clang-format -i $(wildcard ext/*.[ch] ext/*/*.[ch] vfs/*.[ch] tui/*.[ch] include/*.h tests/*/*.[ch] examples/*.[ch])

install: all ## copy the products to PREFIX=/usr/local (and DESTDIR)
	install -d $(DESTDIR)$(PREFIX)/lib/pkgconfig $(DESTDIR)$(PREFIX)/include
	install -m 755 $(BUILD)/tarn.so $(DESTDIR)$(PREFIX)/lib/tarn.so
	install -m 644 $(BUILD)/libtarn.a $(DESTDIR)$(PREFIX)/lib/libtarn.a
	install -m 644 include/tarn.h $(DESTDIR)$(PREFIX)/include/tarn.h
	printf '%s\n' 'prefix=$(PREFIX)' 'Name: tarn' 'Description: a lakehouse for SQLite' 'Version: $(VERSION)' \
	  'Requires: sqlite3' 'Requires.private: $(PKGS)' 'Cflags: -I$${prefix}/include' \
	  'Libs: -L$${prefix}/lib -l:libtarn.a $(PKG_LIBS) -lm -pthread' >$(DESTDIR)$(PREFIX)/lib/pkgconfig/tarn.pc
ifneq ($(TUI),)
	install -d $(DESTDIR)$(PREFIX)/bin
	install -m 755 $(BUILD)/tarn $(DESTDIR)$(PREFIX)/bin/tarn
endif

clean: ## remove what was built; what was downloaded stays (rm -r build removes that too)
	@rm -rf build/so build/core build/tests build/examples build/test build/demo build/asan build/fuzz build/lint
	@rm -f build/tarn build/tarn.so build/libtarn.a

VERSION = $(or $(shell sed -nE 's/^[#]define TARN_VERSION "([^"]+)".*/\1/p' include/tarn.h ext/parquet/version.h 2>/dev/null | head -n 1),0)

objects: $(SO_OBJ) $(TUI_OBJ)
programs: $(PROGRAMS)
unit-programs: $(UNIT:%.c=$(BUILD)/%)
fault-programs: $(FAULT:%.c=$(BUILD)/%)
bench-programs: $(BENCH:%.c=$(BUILD)/%)
fuzz-programs: $(FUZZ:%.c=$(BUILD)/%) $(BUILD)/tests/fuzz/seeds
replay-programs: $(FUZZ:tests/fuzz/fuzz_%.c=$(BUILD)/tests/fuzz/replay_%) $(BUILD)/tests/fuzz/seeds

$(BUILD)/so/%.o: %.c $(BUILD)/flags Makefile
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(COMPILE) $(WERROR) -MMD -MP -c -o $@ $<

$(BUILD)/core/%.o: %.c $(BUILD)/flags Makefile
	@mkdir -p $(@D)
	@echo "  CC   $< (core)"
	@$(COMPILE) -DSQLITE_CORE $(WERROR) -MMD -MP -c -o $@ $<

# -z defs: a SQLite function that is not called through the extension's table is an error here, not
# a crash in some host later.
$(BUILD)/tarn.so: $(SO_OBJ)
	@echo "  LINK $@"
	@$(LINK) -shared -Wl,-z,defs -Wl,-soname,tarn.so -o $@ $^ $(LIBS)

$(BUILD)/libtarn.a: $(CORE_OBJ)
	@echo "  AR   $@"
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/tarn: $(TUI_OBJ) $(BUILD)/libtarn.a
	@echo "  LINK $@"
	@$(LINK) -o $@ $^ -lsqlite3 $(LIBS) $$(pkg-config --libs $(PKGS_TUI))

# Every test program, fuzzer, benchmark and example is one file over the static library; what is in
# tests/unit (tests/fault) beside the test_*.c files is linked to the tests too.
PROGRAM = mkdir -p $(@D) && echo "  TEST $<" && \
  $(COMPILE) -DSQLITE_CORE -Itests/unit $(WERROR) -MMD -MP -MF $@.d -MT $@ -o $@ $< $(filter %.o %.a,$^) \
  $(LDFLAGS) -lsqlite3 $(LIBS)

$(BUILD)/tests/unit/test_%: tests/unit/test_%.c $(HELP_OBJ) $(BUILD)/libtarn.a $(BUILD)/flags
	@$(PROGRAM) -lcmocka
$(BUILD)/tests/fault/test_%: tests/fault/test_%.c $(FAULT_HELPERS:%.c=$(BUILD)/core/%.o) $(BUILD)/libtarn.a $(BUILD)/flags
	@$(PROGRAM) -lcmocka
$(BUILD)/tests/bench/bench_%: tests/bench/bench_%.c $(HELP_OBJ) $(BUILD)/libtarn.a $(BUILD)/flags
	@$(PROGRAM) -lcmocka
$(BUILD)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(BUILD)/libtarn.a $(BUILD)/flags
	@$(PROGRAM) -fsanitize=fuzzer
$(BUILD)/tests/fuzz/replay_%: tests/fuzz/fuzz_%.c $(BUILD)/core/tests/fuzz/replay.o $(BUILD)/libtarn.a $(BUILD)/flags
	@$(PROGRAM)
$(BUILD)/tests/fuzz/seeds: tests/fuzz/seeds.c $(SEEDS:%.c=$(BUILD)/core/%.o) $(BUILD)/libtarn.a $(BUILD)/flags
	@$(PROGRAM)
$(BUILD)/examples/%: examples/%.c $(BUILD)/libtarn.a $(BUILD)/flags
	@$(PROGRAM)

-include $(wildcard $(BUILD)/so/*/*.d $(BUILD)/so/*/*/*.d $(BUILD)/core/*/*.d $(BUILD)/core/*/*/*.d \
  $(BUILD)/tests/*/*.d $(BUILD)/examples/*.d)
