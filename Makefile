# make demo    install, make notes, train for minutes, listen        make test   install and run the tests
# make comparison   train three representations under equal terms and score them: under an hour on two cores
# make comparison-full   all ten representations with three seeds: hours; needs Debian's package timgm6mb-soundfont
# make check   lint and types        make slow   the long tests       make bench  the README's figures
# make browser   Debian's chromium for the browser tests (root)
# make setup-tensorflow   also what reads VGGish from TensorFlow's files
# make lowest    the tests with the oldest versions that requirements.txt admits
# make lock      what is installed becomes requirements-lock.txt
# Another Python: make demo PYTHON=python3.12. The newest packages instead of the tested ones: make demo CONSTRAINTS=
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --disable-pip-version-check
RUN := demo/runs/mag-if_quick
COMPARISON := config_files/comparisons/octave.json
TEN := config_files/comparisons/ten.json
TEN_FONT ?= /usr/share/sounds/sf2/TimGM6mb.sf2
JOBS ?= 2
TRAIN_FLAGS ?=
CONSTRAINTS ?= -c requirements-lock.txt
PYTEST_FLAGS ?= -n 2

.PHONY: demo demo-notes comparison comparison-full test check slow bench browser clean setup-tensorflow lowest lock

demo: demo-notes
	$(BIN)/python train.py -c config_files/mag-if/quick.json --preview-notes 6 $(TRAIN_FLAGS)
	$(BIN)/python generate.py random -d $(RUN) --count 24 --pitches 60-71
	$(BIN)/python generate.py from_midi -d $(RUN)
	$(BIN)/python generate.py page -d $(RUN) pretrained/mag-if -o demo/page
	@echo
	@echo "Rendered notes:              demo/notes/audio"
	@echo "Notes the network made up:   $(RUN)/generated/random   (rainbowgrams.png shows them)"
	@echo "A piece played on it:        $(RUN)/generated/from_midi/fur_elise.wav"
	@echo "How it learned:              $(RUN)/previews"
	@echo "All of it to hear and see, beside a run that trained for longer: open demo/page/index.html in a browser"
	@echo "Try next:"
	@echo "  $(BIN)/python generate.py serve -d pretrained/mag-if   # and play what trained for longer"
	@echo "  $(BIN)/python eval.py all --real demo/notes --run $(RUN) --count 200 --pitches 60-71 -d demo/scores"
	@echo "  $(BIN)/tensorboard --logdir demo/runs"
	@echo "  $(BIN)/python train.py -c config_files/stft/quick.json   # the same notes as complex spectrograms"

comparison: demo-notes
	$(BIN)/python train.py -c $(COMPARISON) --jobs $(JOBS) $(TRAIN_FLAGS)
	$(BIN)/python eval.py comparison $(COMPARISON) -d demo/comparison

comparison-full: demo/ten/reference/examples.json
	$(BIN)/python train.py -c $(TEN) --jobs $(JOBS) --loss-iter 20 $(TRAIN_FLAGS)
	$(BIN)/python eval.py comparison $(TEN) -d demo/ten/scores

# a font that no classifier of ours has heard, divided by instrument
demo/ten/reference/examples.json: | $(VENV)/.ready
	$(BIN)/python -m data.render_notes --output demo/ten/notes --soundfont $(TEN_FONT) --pitches 60-71 \
		--velocities 50 75 100 127 --sources acoustic --families brass flute reed string
	$(BIN)/python -m data.split_notes demo/ten/notes --training demo/ten/training --reference demo/ten/reference --in-tune

demo-notes: $(VENV)/.ready
	$(BIN)/python -m data.render_notes --output demo/notes --pitches 60-71 --velocities 75 127 --sources acoustic

test: $(VENV)/.ready-dev
	$(BIN)/python -m pytest $(PYTEST_FLAGS)

slow: $(VENV)/.ready-dev
	$(BIN)/python -m pytest -m slow

check: $(VENV)/.ready-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(VENV)/.ready-dev
	$(BIN)/python eval.py in-tune --run $(RUN) --count 192 --pitches 60-71 -d demo/in-tune
	$(BIN)/python eval.py in-tune --run $(RUN) --count 192 --pitches 60-71 --truncation 1 -d demo/in-tune
	$(BIN)/python -m benchmarks.transforms
	$(BIN)/python -m benchmarks.scores
	$(BIN)/python -m benchmarks.generation
	$(BIN)/python -m benchmarks.train_step
	$(BIN)/python -m benchmarks.train_step --full-scale --nets readme small darkgan
	$(BIN)/python -m benchmarks.train_step --parts

browser:
	command -v chromium && command -v chromedriver || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium chromium-driver; }

setup-tensorflow: $(VENV)/.ready requirements-tensorflow.txt
	$(PIP) -r requirements-tensorflow.txt $(CONSTRAINTS)

# Old versions use what newer ones of their dependencies deprecate.
lowest:
	mkdir -p $(VENV)-lowest
	sed -n 's/>=/==/p' requirements.txt > $(VENV)-lowest/constraints.txt
	$(MAKE) test VENV=$(VENV)-lowest CONSTRAINTS='-c $(VENV)-lowest/constraints.txt' \
		PYTEST_FLAGS='$(PYTEST_FLAGS) -W ignore::DeprecationWarning'

lock: $(VENV)/.ready-dev
	sed -n '/^#/p' requirements-lock.txt > $(VENV)/lock.txt
	$(BIN)/python -m pip freeze --exclude-editable | sed 's/+.*//' >> $(VENV)/lock.txt
	mv $(VENV)/lock.txt requirements-lock.txt

clean:
	rm -rf $(VENV) $(VENV)-lowest .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.ready: requirements.txt requirements-soundfont.txt requirements-lock.txt
	$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "needs Python 3.11 or newer: make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(PIP) -r requirements.txt $(CONSTRAINTS)
	@$(PIP) --no-deps -r requirements-soundfont.txt $(CONSTRAINTS) > $(VENV)/soundfont.log 2>&1 \
		|| echo "No tinysoundfont, so data.render_notes and make demo will not work (see $(VENV)/soundfont.log). Python 3.11 and 3.12 have it ready-made: make clean, then make PYTHON=python3.12"
	touch $@

$(VENV)/.ready-dev: $(VENV)/.ready requirements-dev.txt
	$(PIP) -r requirements.txt -r requirements-dev.txt $(CONSTRAINTS)
	touch $@
