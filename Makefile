# Two commands for a fresh machine (python3.11, venv, pip and make): make demo, make test.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SAMPLE := 早停与岭回归差多少
STAMP := $(VENV)/.installed

.PHONY: demo test check clean lock

# uv where it is there (seconds), else venv and pip; both from the same hashed lock.
$(STAMP): requirements.lock pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	  uv venv -q --allow-existing --python $(PYTHON) $(VENV) && \
	  uv pip install -q --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install -q --python $(BIN)/python --no-deps -e .; \
	else \
	  $(PYTHON) -m venv $(VENV) && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps -e .; \
	fi
	@touch $(STAMP)

# Replays the recording that ships, whatever keys are set. Falling short (exit code 1) is a result, not a failure.
demo: $(STAMP)
	@if [ -f "outputs/$(SAMPLE)/draft.md" ]; then \
	  echo '$$ $(BIN)/expand status'; $(BIN)/expand status; \
	  echo "The draft is there: outputs/$(SAMPLE)/draft.md"; \
	  echo "To see it written again: $(BIN)/expand run $(SAMPLE) --model replay:recordings/$(SAMPLE).jsonl"; \
	else \
	  echo '$$ $(BIN)/expand next --model replay:recordings/$(SAMPLE).jsonl'; \
	  $(BIN)/expand next --model "replay:recordings/$(SAMPLE).jsonl" || test $$? -eq 1; \
	fi

test: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -n auto --dist loadfile

lock:
	uv lock -q && uv export -q --frozen --no-emit-project --format requirements-txt --no-header -o requirements.lock && rm -f uv.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
