# Deep Dream for sound: `make help` lists the targets.
# A target's recipe ends with `touch`, because a stage that finds nothing to do leaves its files as they are.

DATA ?= data
RUN ?= run
STEPS ?= 1500
PYTHON ?= python3
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

BIN := .venv/bin
SETUP := .venv/installed

help:  ## list the targets
	@sed -n 's/^\([a-z]*\):.*  ## \(.*\)/make \1	\2/p' Makefile

demo: $(RUN)/map/index.html  ## render notes into DATA (data), run stages 1-7 into RUN (run)
	@echo; echo 'files written:'; ls -d $(DATA)/*.* $(DATA)/*/* $(RUN)/*.* $(RUN)/map/index.html
	@echo; echo 'the sound map: open $(abspath $(RUN))/map/index.html in a browser'

nsynth: $(DATA)/train/examples.json  ## the same stages on NSynth, downloaded before: make nsynth DATA=... RUN=...
	@$(MAKE) --no-print-directory demo STEPS=10000 NOTES=$(DATA)/train/examples.json

test: $(SETUP)  ## ruff and pytest
	$(BIN)/ruff check .
	$(BIN)/python -m pytest

clean:  ## remove DATA, RUN and .venv
	rm -rf $(DATA) $(RUN) .venv

.PHONY: help demo nsynth test clean

# Set-up.

$(SETUP): requirements.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(not (3, 11) <= v < (3, 14) and f"Python 3.11 to 3.13 is needed, {sys.executable} is {v[0]}.{v[1]}: give another one, as in make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# The stages: each depends on its script and on the stage before.

NOTES ?= $(DATA)/render.json

$(DATA)/render.json: render_notes.py general_midi.csv | $(SETUP)
	$(BIN)/python render_notes.py --data $(DATA)
	@touch $@

$(DATA)/train/examples.json:
	@echo '$@ is missing: run `python download_nsynth.py --data $(DATA)` first' >&2; exit 1

$(DATA)/train_samples.txt: gather_information.py labels.txt $(NOTES) | $(SETUP)
	$(BIN)/python gather_information.py --data $(DATA)
	@touch $@

$(DATA)/spectrum.json: extract_spectrum.py $(DATA)/train_samples.txt
	$(BIN)/python extract_spectrum.py --data $(DATA)
	@touch $@

$(RUN)/model.keras: train.py model.py data_provider.py $(DATA)/spectrum.json
	$(BIN)/python train.py --data $(DATA) --run $(RUN) --steps $(STEPS) --replace
	@touch $@

$(RUN)/activation.npy: activation.py $(RUN)/model.keras
	$(BIN)/python activation.py --data $(DATA) --run $(RUN)
	@touch $@

$(RUN)/act_tsne_3d.npy: tsne.py $(RUN)/activation.npy
	$(BIN)/python tsne.py --data $(DATA) --run $(RUN)
	@touch $@

# The embeddings come before it only so that the tables of accuracy are the last to be seen.
$(RUN)/metrics.json: evaluate.py $(RUN)/model.keras | $(RUN)/act_tsne_3d.npy
	$(BIN)/python evaluate.py --data $(DATA) --run $(RUN)
	@touch $@

$(RUN)/map/index.html: sound_map.py map_data.py map_pictures.py previews.py $(wildcard page/*) $(RUN)/act_tsne_3d.npy $(RUN)/metrics.json
	$(BIN)/python sound_map.py --data $(DATA) --run $(RUN)
	@touch $@
