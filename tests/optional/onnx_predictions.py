"""Predictions of an ONNX file by onnxruntime on the Fashion-MNIST test images against ours.

usage: onnx_predictions.py network.onnx labels.bin [percent]   (labels.bin: one byte per image, from predict_labels)
Exits 0 if at least so many percent of the predictions agree (99.9), with the run-time library's
optimisations (quantised operators) and without any (the graph as it stands).
"""

import gzip
import os
import sys

import numpy as np
import onnxruntime


def idx(path, header):
    with gzip.open(path) as f:
        return np.frombuffer(f.read(), np.uint8, offset=header)


def main():
    folder = os.path.join(os.environ.get("TANDEM_DATASETS", "/usr/share/datasets"), "fashion-mnist")
    images = idx(f"{folder}/t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)
    truth = idx(f"{folder}/t10k-labels-idx1-ubyte.gz", 8)
    ours = np.fromfile(sys.argv[2], np.uint8)
    least = float(sys.argv[3]) / 100 if len(sys.argv) > 3 else 0.999
    failed = 0
    for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name
        theirs = np.concatenate(
            [
                session.run(None, {name: batch.astype(np.float32) / np.float32(255)})[0].argmax(1)
                for batch in np.array_split(images, 37)  # uneven batches: any batch size works
            ]
        )
        same = int((ours == theirs).sum())
        print(f"same predictions: {same} of {len(truth)} ({level})")
        print(f"accuracy: onnxruntime {np.mean(theirs == truth):.4f}, tandem {np.mean(ours == truth):.4f}")
        failed += same < least * len(truth)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
