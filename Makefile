# Everything runs in .venv; it is made on first use and again when what is to be installed changes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
EXTRAS := train,real,viewer,tracking,distributed,dev,docs

# Tests run in WORKERS processes with one thread each. DEMO_ARGS, GAP_ARGS, GENERAL_ARGS and PYTEST_ARGS are passed on, e.g. DEMO_ARGS="--episodes 8".
WORKERS ?= 2
DEMO_ARGS ?=
SERVO_LOGS ?= ../shared/data/xl330
BENCH_ARGS ?=
BENCH_SIM_ARGS ?=
BENCH_GPU_ARGS ?=
BENCH_MAP_ARGS ?=
BENCH_TRANSFER_ARGS ?=
BENCH_TRACKER_ARGS ?=
MUTANTS_ARGS ?=
SOAK_ARGS ?=
PYTEST_ARGS ?=
GAP_ARGS ?=
GENERAL_ARGS ?=
PYTEST := $(BIN)/python -m pytest -q -n $(WORKERS) --dist loadfile $(PYTEST_ARGS)

.DEFAULT_GOAL := help
.PHONY: help install demo test test-slow lint coverage mutants dist bench-gap bench-general bench-servo bench-servo-subsets bench-correction bench-bus bench-sim bench-gpu bench-gpu-learning bench-transfer bench-map bench-train bench-tracker bench-view bench-teleop soak pages docs clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(INSTALLED) ## Install the package and what it needs into .venv

$(INSTALLED): setup.cfg pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed; try make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	@touch $@

demo: $(INSTALLED) ## Run the main job: simulation, virtual hand, data, fit, corrected run
	$(BIN)/dexndm demo $(DEMO_ARGS)

bench-servo: $(INSTALLED) ## Replay logs of a real servo (SERVO_LOGS) on the virtual hand's servo; writes build/bench-servo.json
	@mkdir -p build
	$(BIN)/python benchmarks/servo_replay.py $(SERVO_LOGS) --json build/bench-servo.json

bench-servo-subsets: $(INSTALLED) ## Fit a real servo to every subset of its logs (SERVO_LOGS); writes build/bench-servo-subsets.json
	@mkdir -p build
	$(BIN)/python benchmarks/servo_subsets.py $(SERVO_LOGS) --json build/bench-servo-subsets.json

lint: $(INSTALLED) ## Check style and types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/pyright

test: lint ## Check style and types, then run all tests that are not slow
	$(PYTEST)

test-slow: $(INSTALLED) ## Run the slow tests (minutes each)
	$(PYTEST) -m slow

coverage: $(INSTALLED) ## Run all tests that are not slow and print which lines they left out; writes build/coverage
	@mkdir -p build
	COVERAGE_FILE=$(CURDIR)/build/.coverage $(PYTEST) --cov --cov-report=term --cov-report=html:build/coverage

# 15 mutants per module, drawn at random. Others, or of fewer modules: MUTANTS_ARGS="--sample 5 --seed 1 task/reward"
mutants: $(INSTALLED) ## Change the code in small ways and count the changes that no test notices: an hour
	@$(BIN)/python -c 'import cosmic_ray' 2>/dev/null || $(BIN)/python -m pip install --quiet -c constraints.txt -e ".[mutants]"
	$(BIN)/python tools/mutants.py $(MUTANTS_ARGS)

dist: $(INSTALLED) ## Build wheel and source distribution into dist, and run the README's program in an empty environment
	$(BIN)/python tools/check_dist.py

bench-gap: $(INSTALLED) ## Measure the reality gap over 16 virtual hands: hours for every correction, minutes with GAP_ARGS="--baselines default --policy palm_up"
	$(BIN)/dexndm evaluate --suite gap --hands 0-15 --episodes 32 --json runs/gap.json --plot runs/gap.png $(GAP_ARGS)

bench-general: $(INSTALLED) ## Measure the shipped policy over wrists, axes and objects, an hour; goes on from runs/general.json
	$(BIN)/dexndm evaluate --suite general --json runs/general.json --plot runs/general.png $(GENERAL_ARGS)

bench-train: $(INSTALLED) ## Time training from nothing to turning at 0.5 rad/s, ten minutes; writes build/bench-train.json
	@mkdir -p build
	$(BIN)/python benchmarks/time_to_train.py --json build/bench-train.json

bench-tracker: $(INSTALLED) ## Measure how exactly trackers see an object, on a virtual camera and without one; writes build/bench-tracker.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_tracker.py --json build/bench-tracker.json $(BENCH_TRACKER_ARGS)

bench-correction: $(INSTALLED) ## Time a correction, and fits to an hour of recordings; writes build/bench-correction.json
	$(BIN)/python benchmarks/bench_correction.py --json build/bench-correction.json

bench-bus: $(INSTALLED) ## Time a control cycle through the driver and through the bare SDK
	$(BIN)/python benchmarks/bench_bus.py $(BENCH_ARGS)

# All of it: BENCH_SIM_ARGS="--memory-steps 1000000"; the comparison with EnvPool needs $(BIN)/pip install -e ".[bench]"
bench-sim: $(INSTALLED) ## Time simulated environments against the physics in them, and against EnvPool; writes build/bench-sim.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_sim.py --json build/bench-sim.json $(BENCH_SIM_ARGS)

# Needs a GPU and $(BIN)/pip install -e ".[gpu]"; without a GPU: BENCH_GPU_ARGS="--device cpu --worlds 4 --steps 2 --objects cube"
bench-gpu: $(INSTALLED) ## Time simulation on a GPU, and on all CPU cores beside it; writes build/bench-gpu.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_gpu.py --json build/bench-gpu.json $(BENCH_GPU_ARGS)

bench-view: $(INSTALLED) ## Time what viewing costs a control step; writes build/bench-view.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_view.py --json build/bench-view.json

bench-teleop: $(INSTALLED) ## Time from key press to changed command; writes build/bench-teleop.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_teleop.py --json build/bench-teleop.json

pages: $(INSTALLED) ## Take pictures of every page of dexndm view and teleop, with Chromium; writes build/pages
	$(BIN)/python tools/view_pictures.py build/pages

# Half an hour on an idle machine; shorter: BENCH_MAP_ARGS="--hands 4 --episodes 8"
bench-map: $(INSTALLED) ## Time the gap suite on two processes against one; writes build/bench-map.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_map.py --json build/bench-map.json $(BENCH_MAP_ARGS)

# As bench-gpu; without a GPU: BENCH_GPU_ARGS="--device cpu --worlds 12 --steps 2 --updates 1 --objects cube"
bench-gpu-learning: $(INSTALLED) ## Time training on a GPU, in parts; writes build/bench-gpu-learning.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_gpu_learning.py --json build/bench-gpu-learning.json $(BENCH_GPU_ARGS)

# As bench-gpu; other teachers: BENCH_TRANSFER_ARGS="--teachers runs/teacher/teacher.safetensors"
bench-transfer: $(INSTALLED) ## Play teachers on the simulators of CPU and GPU; writes build/bench-transfer.json
	@mkdir -p build
	$(BIN)/python benchmarks/bench_transfer.py --json build/bench-transfer.json $(BENCH_TRANSFER_ARGS)

# All of it: SOAK_ARGS="--pairs 200 --steps 500 --packets 1000000"
soak: $(INSTALLED) ## Run the driver through faults and mangled packets
	$(BIN)/python benchmarks/soak.py $(SOAK_ARGS)

# Warnings are errors. The pages end up in docs/_build/html.
docs: $(INSTALLED) ## Build the documentation site
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build/html

clean: ## Remove .venv and everything that was built
	rm -rf $(VENV) build dist docs/_build docs/reference/generated docs/reference/commands.md *.egg-info .coverage* .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
