# Kyu's face: each verb calls one script or one CMake preset, and the work is done there.
#
#   make soak ARGS='--transfers 5000 --wire tap'      arguments go to `kyu soak`
#   make test STAGE='lint host'                       only these stages of ci/test
#   make NO_INSTALL=1 …                               tells what is missing instead of installing it

.DEFAULT_GOAL := help
.PHONY: help soak bench sdcard test setup-test ahead fuzz firmware wheel check format doctor clean
export KYU_NO_INSTALL := $(NO_INSTALL)
MAKEFLAGS += --no-print-directory

help:
	@echo 'make soak       set up, build, boot the emulated board, run 200 transfers and judge them'
	@echo 'make bench      set up, build and measure: transfers, streams, instructions a byte'
	@echo 'make sdcard     build/sdcard.img: an SD card for a real board that boots by itself'
	@echo 'make test       set up, build and run every test'
	@echo 'make fuzz       set up, build and fuzz every parser and a whole board, all night'
	@echo 'make firmware   build/board/kyu.elf, and build/defects/kyu.elf with planted failures'
	@echo 'make wheel      dist/kyu_rig-*.whl: the rig with both images, for pip install elsewhere'
	@echo 'make check      format, lint and layout only'
	@echo 'make format     lay out C++ and Python as the check wants it'
	@echo 'make doctor     what this machine lacks, why it is needed, and the command that mends it'
	@echo 'make clean      remove what the verbs made'

soak: firmware
	@ci/setup soak
	@.venv/bin/kyu soak $(ARGS)

bench: firmware
	@ci/setup soak
	@.venv/bin/kyu bench $(ARGS)

sdcard: firmware
	@ci/setup card
	@.venv/bin/kyu sdcard $(ARGS)

test:
	@ci/setup firmware
	@$(MAKE) -j2 setup-test $(if $(STAGE),,ahead)
	@.venv/bin/python ci/test.py $(STAGE)

setup-test:
	@ci/setup test

# The images, while packages are fetched, which takes one core. What does not compile, its stage tells.
ahead:
	@for image in board defects; do \
	    cmake --preset $$image && cmake --build --preset $$image -- --quiet || exit 0; done >/dev/null 2>&1

fuzz:
	@ci/setup test
	@cmake --preset fuzz >/dev/null && cmake --build --preset fuzz -- --quiet
	@.venv/bin/python -m ci.fuzz $(ARGS)

firmware:
	@ci/setup firmware
	@for image in board defects; do \
	    cmake --preset $$image >/dev/null && cmake --build --preset $$image || exit 1; done

wheel: firmware
	@ci/setup soak
	@ci/wheel

check:
	@ci/setup check
	@.venv/bin/python ci/test.py lint

format:
	@ci/setup check
	@find firmware bindings ci -name '*.[ch]pp' -exec .venv/bin/clang-format -i {} +
	@.venv/bin/ruff format --quiet rig bindings ci

doctor:
	@/usr/bin/python3 -m rig.doctor

clean:
	rm -rf build .venv .mypy_cache .pytest_cache .ruff_cache .hypothesis
