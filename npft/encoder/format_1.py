"""Reading files of format 1, in which each kind of model had names of its own for its weights.

Since format 2 a model is an encoder and heads by name, whose weights stand under ``heads.NAME.``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from npft.errors import CheckpointError, quoted

# For each kind: how names of weights that begin in one way begin today.
RENAMED: dict[str, tuple[tuple[str, str], ...]] = {
    "encoder": (),
    "masked_lm": (("predictions.", "heads.mlm."), ("seq_relationship.", "heads.nsp.linear.")),
    "span_lm": (("predictions.", "heads.mlm."), ("boundary.", "heads.sbo.")),
    "causal_lm": (("bias", "heads.clm.bias"),),
    "replaced_tokens": (
        ("dense.", "heads.rtd.dense."),
        ("detector.", "heads.rtd.detector."),
        ("generator.predictions.", "generator.heads.mlm."),
    ),
    "classifier": (("classifier.", "heads.classes.linear."),),
    "regressor": (("regressor.", "heads.grades.linear."),),
    "token_classifier": (("classifier.", "heads.tags.linear."),),
    "span_finder": (("qa_outputs.", "heads.answers.linear."),),
    "sentence_encoder": (("embeddings.", "encoder.embeddings."), ("encoder.", "encoder.encoder."),
                         ("layernorm.", "encoder.layernorm.")),
}  # fmt: skip


def heads_of(kind: str, options: dict[str, Any]) -> dict[str, tuple[str, dict[str, Any]]]:
    """The heads of a model of format 1: {name: (kind, options)} in the words of format 2."""
    if kind == "masked_lm":
        words = {"mlm": ("words", {"tied": options["tied"]})}
        return words | ({"nsp": ("pairs", {})} if options["nsp"] else {})
    if kind == "span_lm":
        return {"mlm": ("words", {"tied": options["tied"]}), "sbo": ("boundary", {})}
    if kind == "token_classifier":
        return {"tags": ("tags", {"label_names": options["tag_names"]})}
    named = {
        "causal_lm": ("clm", "next_words"), "replaced_tokens": ("rtd", "detector"),
        "classifier": ("classes", "classes"), "regressor": ("grades", "grades"),
        "span_finder": ("answers", "answers"), "sentence_encoder": ("vectors", "vectors"),
    }  # fmt: skip
    return {} if kind == "encoder" else {named[kind][0]: (named[kind][1], options)}


def upgraded(
    manifest: dict[str, Any], weights: dict[str, np.ndarray]
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The manifest and the weights of a file of format 1 as format 2 has them.

    Raises ``CheckpointError`` for a kind that format 1 did not have, or other options.
    """
    kind = manifest["kind"]
    if not isinstance(kind, str) or kind not in RENAMED:
        raise CheckpointError(f"holds {quoted(kind)}, expected {sorted(RENAMED)}")
    try:
        heads = heads_of(kind, manifest["options"])
    except (KeyError, TypeError):
        raise CheckpointError(
            f"the options {manifest['options']!r} are not those of a {kind}"
        ) from None
    weight = 50.0 if kind == "replaced_tokens" else 1.0  # as ELECTRA's detector always had
    options = {
        name: {"kind": of, "weight": weight, "options": made} for name, (of, made) in heads.items()
    }

    def today(name: str) -> str:
        for old, new in RENAMED[kind]:
            if name.startswith(old):
                return new + name.removeprefix(old)
        return name

    new = {today(name): array for name, array in weights.items()}
    return manifest | {"version": 2, "options": options}, new
