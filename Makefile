# Two commands do everything on a fresh machine: `make bench` and `make test`.
# They need Python 3.11 or later; the environment is made in .venv.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
OUT    := out

.PHONY: bench test test-long lint test-peers wheel clean

bench: $(READY) ## export MixNet-S in both formats and precisions, count, time, compare with the paper
	$(BIN)/mixnet-export tflite mixnet-s -o $(OUT)
	$(BIN)/mixnet-export onnx   mixnet-s -o $(OUT)
	$(BIN)/mixnet-export tflite mixnet-s -o $(OUT) --precision int8
	$(BIN)/mixnet-export onnx   mixnet-s -o $(OUT) --precision int8
	$(BIN)/mixnet-bench count mixnet-s $(OUT)/mixnet-s.tflite $(OUT)/mixnet-s.onnx $(OUT)/mixnet-s-int8.tflite $(OUT)/mixnet-s-int8.onnx
	$(BIN)/mixnet-bench paper > $(OUT)/paper.txt
	$(BIN)/mixnet-bench latency $(OUT)/mixnet-s.tflite $(OUT)/mixnet-s.onnx $(OUT)/mixnet-s-int8.tflite $(OUT)/mixnet-s-int8.onnx -o $(OUT)/latency.json
	@echo "the paper's MixNet-S: 4.1M parameters, 256M FLOPS, 75.8 % top-1; compared figure by figure in $(OUT)/paper.txt"

test: $(READY) ## run the tests, but for those that take minutes
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not long"

test-long: $(READY) ## run the tests that `make test` leaves out
	$(BIN)/python -m pytest -n 2 --dist loadfile -m long

lint: $(READY) ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test-peers: $(READY) ## hold exports against TensorFlow, timm and others, each in an environment of its own
	$(BIN)/python tests/peers/run.py

wheel: $(READY)
	rm -rf build dist
	$(BIN)/python -m build --wheel

clean:
	rm -rf $(OUT) build dist

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable ".[dev]"
	@touch $@
