"""Write tests/encoder/hub: small folders of random weights, and what transformers computes of them.

    python -m venv ref && ref/bin/pip install torch transformers numpy
    ref/bin/python tests/encoder/make_hub_fixture.py
"""

from pathlib import Path

import numpy as np
import torch
import transformers as t

FOLDER = Path(__file__).parent / "hub"
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "cat", "##s", "dog", "ran", "."]
SMALL = {"vocab_size": len(WORDS), "max_position_embeddings": 12}
USUAL = {"hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
         "intermediate_size": 12, "initializer_range": 0.5}  # fmt: skip
DISTIL = {"dim": 8, "n_layers": 2, "n_heads": 2, "hidden_dim": 12, "initializer_range": 0.5}
MODELS = {
    "bert": t.BertModel(t.BertConfig(**SMALL, **USUAL)),
    "bert_head": t.BertForMaskedLM(t.BertConfig(**SMALL, **USUAL, type_vocab_size=3)),
    "roberta": t.RobertaModel(t.RobertaConfig(**SMALL, **USUAL, type_vocab_size=1)),
    "roberta_head": t.RobertaForSequenceClassification(
        t.RobertaConfig(**SMALL, **USUAL, type_vocab_size=1)
    ),
    "distilbert": t.DistilBertModel(t.DistilBertConfig(**SMALL, **DISTIL)),
    "bert_classes": t.BertForSequenceClassification(t.BertConfig(
        **SMALL, **USUAL, id2label={0: "ham", 1: "spam", 2: "other"}
    )),
    "roberta_words": t.RobertaForMaskedLM(t.RobertaConfig(
        **SMALL, **USUAL, type_vocab_size=1, tie_word_embeddings=False
    )),
    "distilbert_words": t.DistilBertForMaskedLM(t.DistilBertConfig(**SMALL, **DISTIL)),
    "distilbert_classes": t.DistilBertForSequenceClassification(
        t.DistilBertConfig(**SMALL, **DISTIL, num_labels=3)
    ),
}  # fmt: skip
TAGS = {"id2label": {0: "O", 1: "B-PER", 2: "I-PER"}}
GRADE = {"num_labels": 1, "problem_type": "regression"}
CONFIGS = {  # of the families, for heads that all of them have
    "bert": lambda **o: t.BertConfig(**SMALL, **USUAL, **o),
    "roberta": lambda **o: t.RobertaConfig(**SMALL, **USUAL, type_vocab_size=1, **o),
    "distilbert": lambda **o: t.DistilBertConfig(**SMALL, **DISTIL, **o),
}
for name, config in CONFIGS.items():
    MODELS[f"{name}_tags"] = t.AutoModelForTokenClassification.from_config(config(**TAGS))
    MODELS[f"{name}_grades"] = t.AutoModelForSequenceClassification.from_config(config(**GRADE))
MODELS["bert_pretraining"] = t.BertForPreTraining(CONFIGS["bert"]())
MODELS["bert_pairs"] = t.BertForNextSentencePrediction(CONFIGS["bert"]())
IDS = [2, 5, 6, 7, 9, 10, 3]  # [CLS] the cat ##s ran . [SEP]

if __name__ == "__main__":
    torch.manual_seed(0)
    for name, model in MODELS.items():
        with torch.no_grad():
            for p in model.parameters():  # also biases and norms, which begin at 0 and 1
                p.copy_(torch.randn(p.shape) * 0.5)
        model.eval().save_pretrained(FOLDER / name)
        body = getattr(model, model.base_model_prefix, model)
        ids = torch.tensor([IDS])
        with torch.no_grad():
            given = {"input_ids": ids}
            if name.startswith("bert"):
                given["token_type_ids"] = torch.tensor([[0, 0, 0, 0, 1, 1, 1]])
            out = body(**given)
            said = model(**given)
            for field in ("logits", "prediction_logits", "seq_relationship_logits"):
                if field in said:
                    np.save(FOLDER / name / f"{field}.npy", said[field][0].numpy())
        np.save(FOLDER / name / "hidden.npy", out.last_hidden_state[0].numpy())
        if name.startswith("bert"):
            (FOLDER / name / "vocab.txt").write_text("\n".join(WORDS) + "\n")
