"""F12: which layers move. The runs are those of forgetting.py, on the hard messages."""

import json
from pathlib import Path

from forgetting import SHOWN

from common import picture

from npft.plots import draw_drift

if __name__ == "__main__":
    here = Path(__file__)
    cells = json.loads(here.with_name("forgetting.json").read_text(encoding="utf-8"))
    drifts = {
        name: [
            c["drift"] for c in cells
            if (c["task"], c["method"], c.get("strength")) == ("hard sms", method, strength)
        ]
        for name, (method, strength) in SHOWN.items() if name != "frozen body"
    }
    picture("drift", draw_drift, drifts, columns=2, width=7)
