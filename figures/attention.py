"""F1 and F24: who looks at whom with and without a causal mask; attention against distance.

The bodies are those of the other figures; the causal model is trained here, for 800 steps.
"""

import numpy as np
from common import SEEDS, body_folder, picture, pretrain_seed, results

from npft import EncoderConfig, TinyWorld, load, pretrain
from npft.autograd.machine import threads
from npft.encoder.encoder import Encoder
from npft.encoder.profile import attention_profile
from npft.experiments.bodies import DOCUMENTS, MAX_POSITIONS
from npft.experiments.sweep import sweep
from npft.plots import draw_attention, draw_decay
from npft.plots.attention import FALLING
from npft.pretraining.catalogue import OBJECTIVES
from npft.pretraining.start import PRETRAIN_LR, new_encoder

SENTENCE = 3  # of the first held-out documents: the one that is drawn
LONGEST = 24


def profile_of(encoder: Encoder, texts: list[str]) -> dict:
    batch = encoder.tokenizer(texts, max_length=MAX_POSITIONS)
    found = attention_profile(encoder, batch, LONGEST)
    return {
        "distance": found.distance.tolist(),
        "attention": found.attention.reshape(-1, len(found.distance)).tolist(),
        "gamma": found.gamma.ravel().tolist(),
        "reach": found.reach.ravel().tolist(),
        "regime": sum(found.regime, []),
    }


@threads(1)
def profiles(seed: int) -> dict:
    """Heads of a random and of a pretrained body on held-out documents of its world."""
    body = load(body_folder(seed)).body
    rng = np.random.default_rng(seed)
    random = Encoder(EncoderConfig(**body.config.as_dict()), tokenizer=body.tokenizer, rng=rng)
    documents = TinyWorld(seed).documents(200, start=DOCUMENTS)
    texts = [" ".join(d.sentences) for d in documents]
    return {"random": profile_of(random, texts), "pretrained": profile_of(body, texts)}


@threads(1)
def maps() -> dict:
    """Mean attention of the last block's heads for one sentence, bidirectional and causal."""
    body = load(body_folder(0)).body
    documents = [d.sentences for d in TinyWorld(0).documents(DOCUMENTS)]
    clm = OBJECTIVES["clm"]
    rng = np.random.default_rng(0)
    model = clm.model(new_encoder(body.tokenizer, MAX_POSITIONS, rng, causal=True), rng=rng)
    pretrain(
        model, documents, steps=800, lr=PRETRAIN_LR, layout=clm.layout, corrupt=clm.corrupt, rng=rng
    )
    text = TinyWorld(0, noise=0).documents(1, start=DOCUMENTS)[0].sentences[SENTENCE]
    batch = body.tokenizer([text])
    return {
        "words": [body.tokenizer.vocab[i] for i in batch.ids],
        "bidirectional": body.attentions(batch)[-1][0].mean(axis=0).tolist(),
        "causal": model.encoder.attentions(batch)[-1][0].mean(axis=0).tolist(),
    }


def compute() -> dict:
    sweep(pretrain_seed, list(SEEDS))
    return {"profiles": sweep(profiles, list(SEEDS)), "maps": maps()}


def draw_pair(axes, found: dict) -> None:
    most = max(np.max(found[name]) for name in ("bidirectional", "causal"))
    for ax, name in zip(axes, ("bidirectional", "causal")):
        title = "A masked model sees all" if name == "bidirectional" else "A causal one, the past"
        draw_attention(ax, found[name], found["words"], title, most)
    axes[1].set(ylabel="", yticklabels=[])  # those of the first
    axes[0].figure.colorbar(
        axes[1].images[0], ax=list(axes), shrink=0.6, label="attention (mean of 4 heads)"
    )


def draw_all_heads(ax, found: list) -> None:
    names = ("random", "pretrained")
    heads = {n: np.concatenate([f[n]["attention"] for f in found]) for n in names}
    gamma = {n: np.concatenate([f[n]["gamma"] for f in found]) for n in names}
    draw_decay(ax, np.array(found[0]["random"]["distance"]), heads, gamma)
    falling = {n: int((g > FALLING).sum()) for n, g in gamma.items()}
    ax.set_title(
        f"Pretraining makes heads local: {falling['pretrained']} of {len(gamma['pretrained'])} fall"
        f" with distance,\nof random ones {falling['random']} ({len(found)} seeds; bands: range)"
    )


if __name__ == "__main__":
    cached = results(__file__, compute)
    picture("attention", draw_pair, cached["maps"], columns=2, width=6)
    picture("attention_decay", draw_all_heads, cached["profiles"])
