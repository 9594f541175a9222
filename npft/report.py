"""The results of a verb as lines to read."""

from __future__ import annotations

from typing import Any


PRETRAINED = {  # held-out figures of a pretraining run, and what they are called
    "mlm_loss": "masked-token loss (nats)",
    "mlm_acc": "masked-token accuracy",
    "nsp_acc": "pair accuracy",
    "sbo_loss": "boundary loss (nats)",
    "clm_loss": "next-token loss (nats)",
    "clm_acc": "next-token accuracy",
    "rtd_loss": "detection loss (nats)",
    "rtd_acc": "detection accuracy",
    "rtd_true": "share of true tokens",
}


def report(verb: str, results: dict[str, Any]) -> str:
    """The results of a verb as lines to read."""
    if verb == "predict":
        rows = results["predictions"]
        return "\n".join(f"{r['label']}\t{r['probability']:.3f}\t{r['text']}" for r in rows)
    if verb == "tour":
        return results["table"]
    if "languages" in results:
        width = max(map(len, results["languages"]))
        return "\n".join(
            f"{name:{width}}  share {row['share']:.3f}  {_losses(row)}"
            for name, row in results["languages"].items()
        )
    if "before" in results:
        before, after = results["before"], results["after"]
        return "\n".join(
            f"{name:22} {before[name]:.3f} before, {after[name]:.3f} after"
            for name in before
            if name.endswith(("_loss", "gap"))
        )
    if verb == "pretrain":
        known = [key for key in PRETRAINED if key in results]
        lines = [f"{PRETRAINED[key]:26} {results[key]:.3f}" for key in known]
        if "below_unigram" in results:
            below = results["below_unigram"]
            lines.append(
                f"{'unigram loss':26} {results['unigram_loss']:.3f} nats: the model is "
                f"{abs(below):.3f} {'below' if below > 0 else 'above'}"
            )
        if results["unread"]:
            lines.append(
                f"never read: {results['unread']:.1%} of the tokens, the ends of sentences longer "
                "than a segment; --objective roberta reads all"
            )
        return "\n".join(lines)
    if verb == "embed":
        cosine = results["mean_cosine"]
        said = "" if cosine is None else f"; mean cosine of two lines {cosine:.3f}"
        return f"{results['texts']} vectors of {results['width']} numbers in {results['out']}{said}"
    lines = []
    if results["truncated"]:
        lines.append(f"cut to {results['max_length']} tokens: {results['truncated']} texts")
    if verb == "finetune":
        lines.append(
            f"{results['train_examples']} training and {results['test_examples']} test texts, "
            f"{results['repeats_dropped']} repeats dropped; "
            f"{results['trained_weights']:,} of {results['weights']:,} weights trained"
        )
    if "rise" in results:
        lines.append(
            f"held-out masked-token loss {results['mlm_loss_before']:.3f} before, "
            f"{results['mlm_loss_after']:.3f} after: a rise of {results['rise']:.3f} nats "
            f"(unigram {results['unigram_loss']:.3f})"
        )
    names = results["label_names"]
    which = f"of {names[1]!r}" if len(names) == 2 else "mean over the classes"
    lines.append(
        f"precision {results['precision']:.3f}  recall {results['recall']:.3f}  "
        f"F1 {results['f1']:.3f}  ({which});  accuracy {results['accuracy']:.3f}"
    )
    width = max(map(len, names))
    lines.append("confusion matrix (rows: true class, columns: predicted class)")
    lines.append(" " * (width + 2) + "  ".join(f"{n:>{max(6, len(n))}}" for n in names))
    for name, row in zip(names, results["confusion"]):
        cells = "  ".join(f"{c:>{max(6, len(n))}}" for c, n in zip(row, names))
        lines.append(f"{name:>{width}}  {cells}")
    return "\n".join(lines)


def _losses(row: dict[str, Any]) -> str:
    """The held-out losses of a language on one line."""
    shown = [k for k in row if k.endswith("_loss") or k == "unigram"]
    return ", ".join(f"{k.replace('_', ' ')} {row[k]:.3f}" for k in shown)
