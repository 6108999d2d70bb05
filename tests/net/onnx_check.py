#!/usr/bin/env python3
"""Runs ONNX files that tandem wrote in ONNX Runtime and compares with tandem's reference pass.

    TANDEM_ONNX_OUT=/some/folder build/tests/test_onnx     # leaves models, inputs and logits there
    TANDEM_ONNX_OUT=/some/folder build/tests/test_qdq_onnx # quantised ones: NAME.qdq.onnx
    python3 tests/net/onnx_check.py /some/folder           # needs onnxruntime, onnx, numpy
    python3 tests/net/onnx_check.py model.onnx input.f32 logits.f32

Inputs and logits are raw little-endian float32, one batch. Every model is also checked by
onnx.checker with full shape inference. Exit status 1 if any differs by more than 1e-4 of the
largest logit; of quantised ones by more than 3 %, which is some steps of a word: sums that end
next to the middle between two words may be rounded to either.
"""

import glob
import os
import sys

import numpy as np
import onnx
import onnxruntime

TOLERANCE, TOLERANCE_QDQ = 1e-4, 0.03


def check(model_path, input_path, logits_path):
    """Largest difference, relative to the largest logit."""
    onnx.checker.check_model(onnx.load(model_path), full_check=True)
    session = onnxruntime.InferenceSession(model_path, providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0]
    assert entry.name == "input" and entry.shape[0] == "N", (entry.name, entry.shape)
    assert session.get_outputs()[0].name == "logits"
    x = np.fromfile(input_path, "<f4").reshape(-1, *entry.shape[1:])
    wanted = np.fromfile(logits_path, "<f4").reshape(x.shape[0], -1)
    got = session.run(["logits"], {"input": x})[0]
    assert list(got.shape[1:]) == session.get_outputs()[0].shape[1:]
    got = got.reshape(x.shape[0], -1)
    assert got.shape == wanted.shape, (got.shape, wanted.shape)
    one = session.run(["logits"], {"input": x[:1]})[0]  # the batch is symbolic
    assert one.shape[0] == 1
    return float(np.abs(got - wanted).max() / max(np.abs(wanted).max(), 1e-30))


def main(arguments):
    if len(arguments) == 1 and os.path.isdir(arguments[0]):
        stems = sorted(p[: -len(".onnx")] for p in glob.glob(os.path.join(arguments[0], "*.onnx")))
        cases = [(s + ".onnx", s + ".input.f32", s + ".logits.f32") for s in stems]
    elif len(arguments) == 3:
        cases = [tuple(arguments)]
    else:
        sys.exit(__doc__)
    if not cases:
        sys.exit("no models found")
    worst, failed = 0.0, 0
    for case in cases:
        error = check(*case)
        worst = max(worst, error)
        failed += error > (TOLERANCE_QDQ if ".qdq." in case[0] else TOLERANCE)
        print(f"{os.path.basename(case[0]):36} {error:.2e}")
    print(f"{len(cases)} models, largest relative difference {worst:.2e}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
