# The commands a person types. `make help` lists them.
#   make PY=python3 …   uses an interpreter that has the packages already and installs nothing
#   make ARGS="…"       passes any option of the pipeline or of Lightning's Trainer

PY        = .venv/bin/python
# The first of these that is new enough makes the virtual environment.
PYTHONS   = python3 python3.13 python3.12 python3.11 python
READY     = $(if $(filter .venv/bin/python,$(PY)),.venv/ready)

# People type these. Only what is typed counts: a variable DATA or RUN that happens to be in the environment
# does not. Make would expand what it hands to the shell ($(shell …) in it would run), and a line end would
# end the command: so none is exported as it is, and each reaches the shell unexpanded as TYPED_<name>.
TYPED     = DATA UNLABELLED RUN RUNS RESUME CKPT SPLIT TEXT INPUT OUTPUT SHARD PROMPT LENGTH PORT \
            SOURCE SUITE TEXTS
$(foreach name,$(TYPED) ARGS,\
  $(if $(filter environment,$(origin $(name))),$(eval $(name) :=)))
$(foreach name,$(TYPED),$(eval export TYPED_$(name) = $$(value $(name))))
unexport $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))

# --<option>=<what was typed>; nothing where nothing was.
option    = $${TYPED_$(2):+"--$(1)=$$TYPED_$(2)"}
# Words of the shell, on one line; make expands nothing in them.
define line_end


endef
as_typed  = $(subst $(line_end), ,$(value $(1)))

train     = $(PY) -m pipelines.$(1) $(call option,data.path,DATA) $(call option,run,RUN) \
            $(call option,resume,RESUME) $(call as_typed,ARGS)
sentiment_best = $(PY) -m pipelines.sentiment_best $(call option,data.path,DATA) \
            $(call option,data.unlabelled,UNLABELLED) $(call option,run,RUN) $(call as_typed,ARGS)
evaluate  = $(PY) -m pipelines.evaluate --task=$(1) $(call option,ckpt,CKPT) $(call option,data.path,DATA) \
            $(call option,split,SPLIT) $(call option,run,RUN) $(call as_typed,ARGS)
predict   = $(PY) -m pipelines.predict --task=$(1) $(call option,ckpt,CKPT) $(call option,text,TEXT) \
            $(call option,input,INPUT) $(call as_typed,ARGS)
engine    = $(PY) -m pipelines.engine $(call option,ckpt,CKPT) $(call option,input,INPUT) \
            $(call option,output,OUTPUT) $(call option,shard,SHARD) $(call as_typed,ARGS)
sample    = $(PY) -m pipelines.sample $(call option,ckpt,CKPT) $(call option,prompt,PROMPT) \
            $(call option,length,LENGTH) $(call as_typed,ARGS)
caption   = $(PY) -m pipelines.caption $(call option,ckpt,CKPT) $(call option,input,INPUT) \
            $(call as_typed,ARGS)
translate = $(PY) -m pipelines.translate $(call option,ckpt,CKPT) $(call option,text,TEXT) \
            $(call option,input,INPUT) $(call as_typed,ARGS)
watch     = $(PY) -m pipelines.watch $(call option,ckpt,CKPT) $(call option,source,SOURCE) \
            $(call as_typed,ARGS)
export    = $(PY) -m pipelines.export $(call option,ckpt,CKPT) $(call option,run,RUN) $(call as_typed,ARGS)
serve     = $(PY) -m pipelines.serve $(call option,ckpt,CKPT) $(call option,port,PORT) \
            $(call as_typed,ARGS)
behave    = $(PY) -m pipelines.behaviour $(call option,ckpt,CKPT) $(call option,suite,SUITE) \
            $(call option,texts,TEXTS) $(call option,run,RUN) $(call option,output,OUTPUT) \
            $(call as_typed,ARGS)
microscope = $(PY) -m pipelines.microscope $(call option,ckpt,CKPT) $(call option,input,INPUT) \
            $(call option,text,TEXT) $(call option,run,RUN) $(call as_typed,ARGS)

.DEFAULT_GOAL = help
.PHONY: help install train-video train-sentiment train-sentiment-best train-language \
        train-translation train-captions \
        evaluate-video evaluate-sentiment evaluate-translation evaluate-captions predict-video \
        predict-sentiment predict-many sample-language translate caption watch export serve \
        compare behave memory-lab \
        microscope doctor test test-slow soak lint bench clean

# The commands of pipelines/runtime/commands.py, as any Python prints them, and those that are marked here.
help: ## list the commands
	@for python in $(PY) $(PYTHONS); do $$python -I pipelines/runtime/commands.py 2>/dev/null && exit; done; \
	  echo "  (no Python found to list the commands of pipelines/runtime/commands.py)"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-20s %s\n", $$1, $$2}' Makefile

install: $(READY) ## make .venv and install what pyproject.toml names (every command does it first)

.venv/ready: pyproject.toml constraints.txt
	@for python in $(PYTHONS); do \
	  if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
	    echo "Installing into .venv (some minutes, about 6 GB)"; \
	    { test -x .venv/bin/python || $$python -m venv .venv; } && \
	    .venv/bin/python -m pip install --quiet --constraint constraints.txt '.[dev]' && \
	    touch .venv/ready && exit 0; \
	    exit 1; \
	  fi; \
	done; \
	echo "error: no Python 3.11 or newer found among: $(PYTHONS); install one" >&2; exit 2

train-video: $(READY)
	@$(call train,video)

train-sentiment: $(READY)
	@$(call train,sentiment)

train-sentiment-best: $(READY)
	@$(sentiment_best)

train-language: $(READY)
	@$(call train,language)

train-translation: $(READY)
	@$(call train,translation)
train-captions: $(READY)
	@$(call train,captions)

evaluate-video: $(READY)
	@$(call evaluate,video)

evaluate-sentiment: $(READY)
	@$(call evaluate,sentiment)

evaluate-translation: $(READY)
	@$(call evaluate,translation)
evaluate-captions: $(READY)
	@$(call evaluate,captions)

predict-video: $(READY)
	@$(call predict,video)

predict-sentiment: $(READY)
	@$(call predict,sentiment)

predict-many: $(READY)
	@$(engine)

sample-language: $(READY)
	@$(sample)

translate: $(READY)
	@$(translate)
caption: $(READY)
	@$(caption)

watch: $(READY)
	@$(watch)

export: $(READY)
	@$(export)

serve: $(READY)
	@$(serve)

compare: $(READY)
	@$(PY) -m pipelines.compare $(call option,runs,RUNS) $(call option,run,RUN) $(call as_typed,ARGS)

behave: $(READY)
	@$(behave)

memory-lab: $(READY)
	@$(PY) -m pipelines.memory_lab $(call option,run,RUN) $(call as_typed,ARGS)

microscope: $(READY)
	@$(microscope)

doctor: $(READY)
	@$(PY) -m pipelines.doctor $(call option,data.path,DATA) $(call as_typed,ARGS)

# Two processes of one thread each: threads that share the cores wait for each other.
test: $(READY) ## the tests (minutes)
	@OMP_NUM_THREADS=1 $(PY) -m pytest -n 2 --dist worksteal $(call as_typed,ARGS)

test-slow: $(READY) ## the long tests
	@$(PY) -m pytest -m slow --timeout=3600 $(call as_typed,ARGS)

soak: $(READY) ## kills again and again, thousands of steps, thirty times the fuzz (half an hour)
	@OMP_NUM_THREADS=1 MANYTOONE_SOAK=1 $(PY) -m pytest -m soak -n 2 --timeout=3600 $(call as_typed,ARGS)

lint: $(READY) ## ruff and mypy
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy data models pipelines

bench: $(READY) ## the benchmarks, each beside its peer
	@for bench in tests/benchmarks/bench_*.py; do echo "$$bench"; $(PY) -m \
	  $$(echo "$${bench%.py}" | tr / .) || exit 1; done

clean: ## remove .venv and tool caches; runs/ stays
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache build *.egg-info
