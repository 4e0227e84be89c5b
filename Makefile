# Deep Dream for sound: `make help` lists the targets.
DATA ?= data
RUN ?= run
STEPS ?= 2500
TRAINING ?=
MAPPING ?=
PYTHON ?= python3
.DEFAULT_GOAL := help

# The network that comes with the repository dreams, but nothing here trains or removes it.
PRETRAINED := $(or $(filter pretrained,$(RUN)),$(shell test '$(RUN)' -ef pretrained && echo yes))
ifneq ($(and $(PRETRAINED),$(filter-out dream map help test test-all,$(MAKECMDGOALS))),)
$(error $(RUN) comes with the repository, so that only `make dream` and `make map` take it: give another RUN)
endif

BIN := .venv/bin
SETUP := .venv/installed
SETUP_DEV := .venv/installed_dev
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*  ## \(.*\)/make \1	\2/p' Makefile

demo: $(RUN)/.mapped  ## render notes into DATA (data), run stages 1-7 into RUN (run)
	@echo; echo 'files written:'; ls -d $(DATA)/*.* $(DATA)/*/* $(RUN)/*.* $(RUN)/map/index.html
	@echo; echo 'the sound map: open $(abspath $(RUN))/map/index.html in a browser'

nsynth: $(DATA)/train/examples.json  ## the same stages on NSynth, downloaded before: make nsynth DATA=... RUN=...
	@$(MAKE) --no-print-directory demo STEPS=20000 NOTES=$(DATA)/train/examples.json

dream: $(RUN)/.dreamed  ## the neuron atlas of RUN: after demo, or at once with RUN=pretrained
	@echo; echo 'the neuron atlas: open $(abspath $(RUN))/atlas/index.html in a browser'

# A folder whose name has blanks goes as one word; other words are several folders, and may start with ~.
map: $(SETUP)  ## a map of any folder of sounds: make map SOUNDS=~/samples [OUT=samples_map]
	@$(if $(strip $(SOUNDS)),,$(error name a folder of sounds, as in make map SOUNDS=~/samples))
	$(BIN)/python sound_map.py --sounds $(if $(shell test -d "$(SOUNDS)" && echo yes),"$(SOUNDS)",$(SOUNDS)) \
		$(if $(filter-out file,$(origin RUN)),--run $(RUN)) $(if $(OUT),--output "$(OUT)") $(MAPPING)

# Two processes that each compute on all cores get in each other's way: 12 % more processor time.
ONE_THREAD = OMP_NUM_THREADS=1 TF_NUM_INTRAOP_THREADS=1

test: $(SETUP_DEV)  ## ruff and pytest
	$(BIN)/ruff check .
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile -m 'not thorough'

test-all: $(SETUP_DEV)  ## the same with the tests that take long: playing and selecting on the map, Dask's workers, more dreams
	$(BIN)/ruff check .
	$(ONE_THREAD) $(BIN)/python -m pytest -n 2 --dist loadfile

tutorial: $(SETUP_DEV)  ## the outputs and the pictures of docs/tutorial.md anew: its blocks on all notes of the demo
	folder=$$(mktemp -u -d) && $(BIN)/python docs/run_tutorial.py --folder $$folder --write && \
		$(BIN)/python docs/pictures/make.py --folder $$folder

tutorial-test: $(SETUP_DEV)  ## run every block of docs/tutorial.md on all notes of the demo, as a reader does
	$(BIN)/python docs/run_tutorial.py --folder $$(mktemp -u -d)
	$(BIN)/python -m pytest tests/test_tutorial.py

clean:  ## remove DATA, RUN and .venv
	rm -rf $(DATA) $(RUN) .venv

.PHONY: help demo nsynth dream map test test-all tutorial tutorial-test clean FORCE

# Set-up.

$(SETUP): requirements.txt requirements_no_deps.txt constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v < (3, 14) and f"Python 3.11 to 3.13 is needed, {sys.executable} is {v[0]}.{v[1]}: give another one, as in make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(PIP) -r requirements.txt
	$(PIP) --no-deps -r requirements_no_deps.txt
	@$(BIN)/python -c 'from deepdream.pitch import compile_librosa; compile_librosa()'
	@touch $@

$(SETUP_DEV): $(SETUP) requirements_dev.txt requirements_cluster.txt
	$(PIP) -r requirements_dev.txt
	@touch $@

# The stages: each depends on its script, on the parts and on the stages it reads from. An empty file tells make that a
# stage is done, because a stopped stage has written some of its own files, and a stage with nothing to do writes none.
# After a change in a part all stages run, and a stage that finds its work done says so at once.

missing = $(foreach file,$(1),$(if $(wildcard $(file)),,FORCE))
PARTS := model.py data_provider.py $(wildcard deepdream/*.py deepdream/*.csv)
NOTES ?= $(DATA)/.rendered

$(DATA)/.rendered: render_notes.py $(PARTS) $(call missing,$(DATA)/train/examples.json) | $(SETUP)
	$(BIN)/python render_notes.py --data $(DATA)
	@touch $@

$(DATA)/train/examples.json:
	@echo '$@ is missing: run `python download_nsynth.py --data $(DATA)` first' >&2; exit 1

$(DATA)/.gathered: gather_information.py labels.txt $(NOTES) $(call missing,$(DATA)/train_samples.txt) | $(SETUP)
	$(BIN)/python gather_information.py --data $(DATA)
	@touch $@

$(DATA)/.extracted: extract_spectrum.py $(PARTS) $(DATA)/.gathered \
		$(call missing,$(DATA)/data_mean.npy $(DATA)/data_std.npy)
	$(BIN)/python extract_spectrum.py --data $(DATA)
	@touch $@

# train.py trains anew only for other settings, data, another network or version; it measures the calibration and the
# distances each time.
$(RUN)/.trained: train.py $(PARTS) $(DATA)/.extracted \
		$(call missing,$(RUN)/model.keras $(RUN)/calibration.json $(RUN)/novelty.npz)
	@rm -f $(RUN)/calibration.json $(RUN)/novelty.npz
	$(BIN)/python train.py --data $(DATA) --run $(RUN) --steps $(STEPS) $(TRAINING) --replace
	@touch $@

$(RUN)/.activated: activation.py $(RUN)/.trained $(call missing,$(RUN)/activation.npy $(RUN)/activation.json)
	$(BIN)/python activation.py --data $(DATA) --run $(RUN)
	@touch $@

$(RUN)/.embedded: tsne.py $(RUN)/.activated $(call missing,$(addprefix $(RUN)/,act_pca.npy act_tsne.npy tsne.json))
	$(BIN)/python tsne.py --data $(DATA) --run $(RUN)
	@touch $@

# The embeddings come before it only so that the tables of accuracy are the last to be seen.
$(RUN)/.evaluated: evaluate.py $(RUN)/.trained $(call missing,$(RUN)/metrics.json) | $(RUN)/.embedded
	$(BIN)/python evaluate.py --data $(DATA) --run $(RUN)
	@touch $@

$(RUN)/.mapped: sound_map.py $(wildcard deepdream/map/*.py pages/map/* pages/shared/*) \
		$(RUN)/.embedded $(RUN)/.evaluated $(call missing,$(RUN)/map/index.html)
	$(BIN)/python sound_map.py --data $(DATA) --run $(RUN)
	@touch $@

$(RUN)/.dreamed: dream.py $(wildcard deepdream/dreams/*.py deepdream/map/*.py pages/atlas/* pages/shared/*) \
		$(if $(PRETRAINED),$(RUN)/model.keras $(DATA)/.extracted,$(RUN)/.mapped) $(call missing,$(RUN)/atlas/index.html)
	$(BIN)/python dream.py atlas --data $(DATA) --run $(RUN)
	@touch $@

FORCE:
