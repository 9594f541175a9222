"""npft: the whole life of a language encoder in NumPy - pretrain, adapt, forget, repair, embed.

A pretrained encoder comes with it. What it learnt, where its words lie, and the head swap:

>>> import numpy as np
>>> from npft import Classifier, evaluate, fine_tune, load, sms_fixture
>>> mlm = load("tinyworld")
>>> [word for word, _ in mlm.fill_mask("the teller counts the money [MASK] emil", k=2)[0]]
['with', 'for']
>>> train, test = sms_fixture()
>>> model = Classifier(mlm.body, 2, label_names=train.label_names, rng=np.random.default_rng(0))
>>> history = fine_tune(model, model.batch_of(train), epochs=2, rng=np.random.default_rng(1))
>>> bool(evaluate(model, model.batch_of(test)).f1 > 0.8)
True

The rooms, in the order to read them; ``help(npft.ROOM)`` says in which order to read its files:

    autograd      tensors, the graph, ops with their gradients, and the check of these
    nn            modules, layers, AdamW, schedules, the one training loop
    metrics       figures of merit, each by a hand-worked case
    text          texts into ragged batches: tokenizers, and readers of files
    worlds        TinyWorld: seeded text with gold labels, and the messages of the head swap
    encoder       the transformer, models with heads on it, and their files
    heads         what each task adds: classes, grades, tags, spans, answers, words
    pretraining   masked words and other objectives; a new domain
    finetune      what trains and how fast: regimes, rates by layer, gradual unfreezing
    embed         sentence vectors, and how to read the cloud they form
    contrast      training of vectors by what belongs together
    senses        word senses in vectors, and word vectors by counting
    search        by words, by vectors, and by reading again
    forgetting    what fine-tuning forgets, and what keeps or repairs it
    serving       smaller models: fewer blocks, and students of a larger one
    experiments   what each figure measures
    plots         figures from arrays
    files         what the command line does with your files

Each public name has an example in its help that can be done by hand: ``help(npft.LayerNorm)``.
Each says what it raises; all of npft's errors are ``npft.errors.NpftError``. What is not public is
imported from its file: ``from npft.encoder.profile import flops``.

Symbols used everywhere: B sequences in a batch, T tokens of a sequence, N real tokens in a batch,
D width, H heads, L blocks, F feed-forward width, V vocabulary, K classes, M masked tokens.
"""

from importlib import import_module

__version__ = "0.1.0"

# Where each public name is made: rooms and files in the order to read them. A file is loaded when
# one of its names is first asked for, so that a command loads no more than it needs. Tools that
# read code without running it find the same names in __init__.pyi.
_CONTENTS = {
    "errors": "",
    "autograd.machine": "set_threads",
    "autograd": "Tensor grad gradcheck no_grad primitive trace",
    "nn.module": "Module Parameter freeze unfreeze",
    "nn.quantized": "quantize",
    "nn.layers": "Dropout Embedding LayerNorm Linear set_dropout",
    "nn.optim": "SGD AdamW",
    "nn.schedules": "slanted_triangular warmup_cosine warmup_linear",
    "nn.history": "History",
    "nn.progress": "Progress",
    "nn.repair": "Repair",
    "nn.loop": "Loss Step train_steps",
    "metrics.score": "perplexity",
    "metrics.classes": "Metrics",
    "metrics.curves": "average_precision precision_recall roc_auc",
    "metrics.tags": "tag_metrics",
    "metrics.answers": "squad_scores",
    "metrics.retrieval": "retrieval_metrics",
    "metrics.clusters": "purity v_measure",
    "metrics.overlap": "bleu pass_at_k rouge_l rouge_n",
    "metrics.intervals": "interval",
    "text":
        "BPE Batch ByteLevelBPE ByteTokenizer Examples FileFormat TaggedTexts Unigram "
        "WordPiece batches_by_length batches_of drop_duplicates read_answers read_conll "
        "read_conllu read_jsonl read_labelled read_pairs read_records read_scored read_tagged "
        "read_text split",
    "worlds":
        "TinyWorld hard_sms_fixture hard_sms_messages hard_sms_test sms_fixture sms_messages "
        "sms_test",
    "encoder.config": "EncoderConfig",
    "encoder.encoder": "Encoder",
    "encoder.additions": "add_adapters add_lora merge_lora switched_off",
    "encoder.pooling": "pool",
    "encoder.profile": "attention_profile",
    "encoder.checkpoint": "save",
    "encoder.head": "Head",
    "encoder.model": "Model Part copy_of",
    "heads.classes": "Classifier balanced_weights",
    "heads.grades": "Regressor",
    "heads.tags": "TokenClassifier",
    "heads.crf": "ChainTagger",
    "heads.thresholds": "calibrate threshold_curve",
    "heads.span_tags": "SpanTagger",
    "heads.answers": "SpanFinder",
    "heads.words": "MaskedLM",
    "heads.boundary": "SpanLM",
    "heads.cloze": "ClozeClassifier",
    "pretraining.masking": "mask_tokens",
    "pretraining.spans": "mask_spans",
    "pretraining.pairs": "next_sentence_pairs",
    "pretraining.probe": "hold_out make_probe",
    "pretraining.causal": "CausalLM",
    "pretraining.electra": "ReplacedTokens",
    "pretraining.catalogue": "OBJECTIVES",
    "pretraining.train": "pretrain",
    "pretraining.adapt": "adapt",
    "finetune.regimes": "freeze_body freeze_first num_trainable unfreeze_body",
    "finetune.train": "evaluate fine_tune train_classifier",
    "finetune.features": "cached",
    "finetune.gradual": "GradualUnfreezing",
    "finetune.recipes": "fine_tune_as",
    "finetune.trainable": "trainable",
    "finetune.baselines": "bag_of_words",
    "embed.geometry": "alignment mean_cosine uniformity",
    "embed.spectrum": "effective_rank iso_score participation_ratio partition_score",
    "embed.transforms": "RemoveTop Standardize Whiten",
    "embed.likeness": "cka rdm rsa",
    "embed.contexts": "context_by_layer word_states",
    "embed.sentences": "SentenceEncoder",
    "contrast.in_batch":
        "hardest_share in_batch_loss info_nce negative_weights nt_xent supcon_loss",
    "contrast.pair_losses": "SiameseSoftmax cosine_regression_loss triplet_loss",
    "contrast.objectives":
        "CosineRegression InBatch InfoNCE NTXent Objective Projected Projection "
        "SiameseClasses SupCon Triplet",
    "contrast.bi_encoder": "BiEncoder train_bi_encoder",
    "contrast.simcse": "simcse_loss train_contrastive",
    "senses.uses": "WordUses sum_of_last uses_of word_vectors",
    "senses.centroids": "SenseCentroids count_senses most_frequent_senses",
    "senses.pseudowords": "pseudo_words",
    "senses.static": "StaticVectors",
    "senses.cooccurrence": "cooccurrences",
    "senses.ppmi": "ppmi_svd",
    "senses.glove": "glove",
    "search.bm25": "BM25",
    "search.index": "Index",
    "search.rerank": "rerank",
    "search.clusters": "k_means",
    "forgetting.measure": "ForgettingCurve forgetting_curve measure_forgetting",
    "forgetting.drift": "prediction_drift representation_drift weight_drift",
    "forgetting.latent": "latent_forgetting linear_probe savings",
    "forgetting.anchors": "L2ToInit",
    "forgetting.fisher": "diagonal_fisher",
    "forgetting.ewc": "EWC",
    "forgetting.recadam": "RecAdam",
    "forgetting.replay": "ReplayMixer",
    "forgetting.agem": "AGEM",
    "forgetting.generate": "generate",
    "forgetting.distill": "Distill",
    "forgetting.lwf": "LwF",
    "forgetting.early_stop": "fine_tune_within",
    "forgetting.interpolate": "interpolate",
    "forgetting.afterwards": "refit_head replay_afterwards",
    "forgetting.matrix": "TaskMatrix",
    "forgetting.sequence": "joint_scores train_sequence",
    "forgetting.compare": "least_forgetting",
    "serving.blocks": "keep_blocks",
    "serving.students": "train_student",
    "serving.vectors": "train_student_encoder",
    "pretrained": "write_pretrained",
    "loading": "load",
    "experiments": "",
    "plots": "",
    "files": "",
}
_FILE_OF = {name: file for file, names in _CONTENTS.items() for name in names.split()}
_ROOMS = {file.split(".")[0] for file in _CONTENTS}

__all__ = sorted([*_FILE_OF, "errors", "plots"])


def __getattr__(name: str) -> object:
    """Load a public name or a room at its first use (PEP 562)."""
    if name in _FILE_OF:
        globals()[name] = getattr(import_module(f"npft.{_FILE_OF[name]}"), name)
        return globals()[name]
    if name in _ROOMS:
        return import_module(f"npft.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What can be asked for, loaded or not."""
    return sorted({*__all__, *_ROOMS, "__version__"})
