"""A cantilever of steel, 1 m long, with 1 kN at its tip."""
import json
import sys

LENGTH, LOAD, MODULUS, DENSITY = 1000.0, 1000.0, 210e3, 7.85e-6

for line in sys.stdin:
    trial = json.loads(line)
    p = trial["parameters"]
    width, height, wall = p["width"], p["height"], p.get("wall")
    area, moment = width * height, width * height**3 / 12
    if p["profile"] == "box":
        inner = (width - 2 * wall, height - 2 * wall)
        if min(inner) <= 0:
            print(json.dumps({"trial": trial["trial"], "infeasible": "walls meet"}), flush=True)
            continue
        area -= inner[0] * inner[1]
        moment -= inner[0] * inner[1]**3 / 12
    print(json.dumps({
        "trial": trial["trial"],
        "objectives": {
            "mass": DENSITY * area * LENGTH,
            "stiffness": 3 * MODULUS * moment / LENGTH**3,
        },
        "constraints": {"stress": LOAD * LENGTH * height / 2 / moment},
    }), flush=True)
