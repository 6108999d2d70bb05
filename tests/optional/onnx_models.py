#!/usr/bin/env python3
"""Models of torchvision, exported by PyTorch with random weights, through `tandem net`.

    tests/optional/onnx_models.py build/release/tandem [NAME...]

Compares parameters with PyTorch's own count (all digits) and MACs with the figure that torchvision
publishes for its weights ("GFLOPS" in its documentation, which are MACs, two decimals). Batch norms
are kept as they are. Skips (exit code 77) without torch and torchvision: on Debian they are
python3-torch and python3-torchvision. Exports of one operator set each; some 2 GB of files come and
go in a temporary folder.
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

try:
    import torch
    import torchvision
except ImportError:
    print("skipped: there is no torch or torchvision")
    sys.exit(77)

# name: published G MACs, operator set, side
MODELS = {
    "alexnet": (0.71, 9, 224),
    "vgg16": (15.47, 9, 224),
    "squeezenet1_0": (0.82, 10, 224),
    "googlenet": (1.50, 11, 224),
    "inception_v3": (5.71, 11, 299),
    "resnet18": (1.81, 10, 224),
    "resnet50": (4.09, 12, 224),
    "resnext50_32x4d": (4.23, 13, 224),
    "densenet121": (2.83, 11, 224),
    "densenet161": (7.73, 13, 224),
    "mobilenet_v2": (0.30, 13, 224),
    "mobilenet_v3_large": (0.22, 14, 224),
    "mnasnet1_0": (0.31, 12, 224),
    "shufflenet_v2_x1_0": (0.14, 13, 224),
    "regnet_y_400mf": (0.40, 15, 224),
    "efficientnet_b0": (0.39, 14, 224),
    "convnext_tiny": (4.46, 16, 224),
    "swin_t": (4.49, 16, 224),
    "vit_b_16": (17.56, 14, 224),
    "vit_b_32": (4.41, 17, 224),
}
# Exporting folds these models' look-ups of relative positions, so the tables (and buffers made of
# them) have other sizes in the file.
OTHER_PARAMETERS = {"swin_t"}


def count(tandem, path):
    out = subprocess.run([tandem, "net", path, "--format", "json"], capture_output=True, text=True)
    if out.returncode != 0:
        raise RuntimeError(out.stderr.strip())
    return json.loads(out.stdout)


def main():
    warnings.filterwarnings("ignore")
    tandem, names = sys.argv[1], sys.argv[2:] or list(MODELS)
    wrong = 0
    torch.manual_seed(1)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            published, opset, side = MODELS[name]
            make = getattr(torchvision.models, name)
            extra = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
            model = make(weights=None, **extra).eval()
            path = os.path.join(folder, name + ".onnx")
            torch.onnx.export(model, torch.zeros(1, 3, side, side), path, opset_version=opset,
                              training=torch.onnx.TrainingMode.PRESERVE,
                              input_names=["image"], dynamic_axes={"image": {0: "batch"}})
            if name in ("googlenet", "inception_v3"):  # heads that are for training only
                model.aux1 = model.aux2 = model.AuxLogits = None
            parameters = sum(p.numel() for p in model.parameters())
            try:
                got = count(tandem, path)
            except RuntimeError as e:
                print(f"{name:20} opset {opset}: WRONG: {e}")
                wrong += 1
                continue
            macs = got["macs"] / 1e9
            good = abs(macs - published) <= 0.0051
            same = got["parameters"] == parameters or name in OTHER_PARAMETERS
            wrong += not (good and same)
            print(f"{name:20} opset {opset}: {macs:6.3f} G MACs ({published}), "
                  f"{got['parameters']:,} parameters ({parameters:,})"
                  f"{'' if good and same else '  WRONG'}", flush=True)
            os.remove(path)
    print(f"{len(names) - wrong} passed, {wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
