# What npft/__init__.py loads at first use, for type checkers and editors, which do not run it.

from npft import (
    autograd as autograd, contrast as contrast, embed as embed, encoder as encoder,
    errors as errors, experiments as experiments, files as files, finetune as finetune,
    forgetting as forgetting, heads as heads, loading as loading, metrics as metrics, nn as nn,
    plots as plots, pretrained as pretrained, pretraining as pretraining, search as search,
    senses as senses, serving as serving, text as text, worlds as worlds,
)  # fmt: skip
from npft.autograd.machine import set_threads
from npft.autograd import Tensor, grad, gradcheck, no_grad, primitive, trace
from npft.nn.module import Module, Parameter, freeze, unfreeze
from npft.nn.quantized import quantize
from npft.nn.layers import Dropout, Embedding, LayerNorm, Linear, set_dropout
from npft.nn.optim import SGD, AdamW
from npft.nn.schedules import slanted_triangular, warmup_cosine, warmup_linear
from npft.nn.history import History
from npft.nn.progress import Progress
from npft.nn.repair import Repair
from npft.nn.loop import Loss, Step, train_steps
from npft.metrics.score import perplexity
from npft.metrics.classes import Metrics
from npft.metrics.curves import average_precision, precision_recall, roc_auc
from npft.metrics.tags import tag_metrics
from npft.metrics.answers import squad_scores
from npft.metrics.retrieval import retrieval_metrics
from npft.metrics.clusters import purity, v_measure
from npft.metrics.overlap import bleu, pass_at_k, rouge_l, rouge_n
from npft.metrics.intervals import interval
from npft.text import (
    BPE, Batch, ByteLevelBPE, ByteTokenizer, Examples, FileFormat, TaggedTexts, Unigram,
    WordPiece, batches_by_length, batches_of, drop_duplicates, read_answers, read_conll,
    read_conllu, read_jsonl, read_labelled, read_pairs, read_records, read_scored, read_tagged,
    read_text, split,
)  # fmt: skip
from npft.worlds import (
    TinyWorld, hard_sms_fixture, hard_sms_messages, hard_sms_test, sms_fixture, sms_messages,
    sms_test,
)  # fmt: skip
from npft.encoder.config import EncoderConfig
from npft.encoder.encoder import Encoder
from npft.encoder.additions import add_adapters, add_lora, merge_lora, switched_off
from npft.encoder.pooling import pool
from npft.encoder.profile import attention_profile
from npft.encoder.checkpoint import save
from npft.encoder.head import Head
from npft.encoder.model import Model, Part, copy_of
from npft.heads.classes import Classifier, balanced_weights
from npft.heads.grades import Regressor
from npft.heads.tags import TokenClassifier
from npft.heads.crf import ChainTagger
from npft.heads.thresholds import calibrate, threshold_curve
from npft.heads.span_tags import SpanTagger
from npft.heads.answers import SpanFinder
from npft.heads.words import MaskedLM
from npft.heads.boundary import SpanLM
from npft.heads.cloze import ClozeClassifier
from npft.pretraining.masking import mask_tokens
from npft.pretraining.spans import mask_spans
from npft.pretraining.pairs import next_sentence_pairs
from npft.pretraining.probe import hold_out, make_probe
from npft.pretraining.causal import CausalLM
from npft.pretraining.electra import ReplacedTokens
from npft.pretraining.catalogue import OBJECTIVES
from npft.pretraining.train import pretrain
from npft.pretraining.adapt import adapt
from npft.finetune.regimes import freeze_body, freeze_first, num_trainable, unfreeze_body
from npft.finetune.train import evaluate, fine_tune, train_classifier
from npft.finetune.features import cached
from npft.finetune.gradual import GradualUnfreezing
from npft.finetune.recipes import fine_tune_as
from npft.finetune.trainable import trainable
from npft.finetune.baselines import bag_of_words
from npft.embed.geometry import alignment, mean_cosine, uniformity
from npft.embed.spectrum import effective_rank, iso_score, participation_ratio, partition_score
from npft.embed.transforms import RemoveTop, Standardize, Whiten
from npft.embed.likeness import cka, rdm, rsa
from npft.embed.contexts import context_by_layer, word_states
from npft.embed.sentences import SentenceEncoder
from npft.contrast.in_batch import (
    hardest_share, in_batch_loss, info_nce, negative_weights, nt_xent, supcon_loss,
)  # fmt: skip
from npft.contrast.pair_losses import SiameseSoftmax, cosine_regression_loss, triplet_loss
from npft.contrast.objectives import (
    CosineRegression, InBatch, InfoNCE, NTXent, Objective, Projected, Projection, SiameseClasses,
    SupCon, Triplet,
)  # fmt: skip
from npft.contrast.bi_encoder import BiEncoder, train_bi_encoder
from npft.contrast.simcse import simcse_loss, train_contrastive
from npft.senses.uses import WordUses, sum_of_last, uses_of, word_vectors
from npft.senses.centroids import SenseCentroids, count_senses, most_frequent_senses
from npft.senses.pseudowords import pseudo_words
from npft.senses.static import StaticVectors
from npft.senses.cooccurrence import cooccurrences
from npft.senses.ppmi import ppmi_svd
from npft.senses.glove import glove
from npft.search.bm25 import BM25
from npft.search.index import Index
from npft.search.rerank import rerank
from npft.search.clusters import k_means
from npft.forgetting.measure import ForgettingCurve, forgetting_curve, measure_forgetting
from npft.forgetting.drift import prediction_drift, representation_drift, weight_drift
from npft.forgetting.latent import latent_forgetting, linear_probe, savings
from npft.forgetting.anchors import L2ToInit
from npft.forgetting.fisher import diagonal_fisher
from npft.forgetting.ewc import EWC
from npft.forgetting.recadam import RecAdam
from npft.forgetting.replay import ReplayMixer
from npft.forgetting.agem import AGEM
from npft.forgetting.generate import generate
from npft.forgetting.distill import Distill
from npft.forgetting.lwf import LwF
from npft.forgetting.early_stop import fine_tune_within
from npft.forgetting.interpolate import interpolate
from npft.forgetting.afterwards import refit_head, replay_afterwards
from npft.forgetting.matrix import TaskMatrix
from npft.forgetting.sequence import joint_scores, train_sequence
from npft.forgetting.compare import least_forgetting
from npft.serving.blocks import keep_blocks
from npft.serving.students import train_student
from npft.serving.vectors import train_student_encoder
from npft.pretrained import write_pretrained
from npft.loading import load

__version__: str

__all__ = [
    "AGEM", "AdamW", "BM25", "BPE", "Batch", "BiEncoder", "ByteLevelBPE", "ByteTokenizer",
    "CausalLM", "ChainTagger", "Classifier", "ClozeClassifier", "CosineRegression", "Distill",
    "Dropout", "EWC", "Embedding", "Encoder", "EncoderConfig", "Examples", "FileFormat",
    "ForgettingCurve", "GradualUnfreezing", "Head", "History", "InBatch", "Index", "InfoNCE",
    "L2ToInit", "LayerNorm", "Linear", "Loss", "LwF", "MaskedLM", "Metrics", "Model", "Module",
    "NTXent", "OBJECTIVES", "Objective", "Parameter", "Part", "Progress", "Projected",
    "Projection", "RecAdam", "Regressor", "RemoveTop", "Repair", "ReplacedTokens",
    "ReplayMixer", "SGD", "SenseCentroids", "SentenceEncoder", "SiameseClasses",
    "SiameseSoftmax", "SpanFinder", "SpanLM", "SpanTagger", "Standardize", "StaticVectors",
    "Step", "SupCon", "TaggedTexts", "TaskMatrix", "Tensor", "TinyWorld", "TokenClassifier",
    "Triplet", "Unigram", "Whiten", "WordPiece", "WordUses", "adapt", "add_adapters",
    "add_lora", "alignment", "attention_profile", "average_precision", "bag_of_words",
    "balanced_weights", "batches_by_length", "batches_of", "bleu", "cached", "calibrate", "cka",
    "context_by_layer", "cooccurrences", "copy_of", "cosine_regression_loss", "count_senses",
    "diagonal_fisher", "drop_duplicates", "effective_rank", "errors", "evaluate", "fine_tune",
    "fine_tune_as", "fine_tune_within", "forgetting_curve", "freeze", "freeze_body",
    "freeze_first", "generate", "glove", "grad", "gradcheck", "hard_sms_fixture",
    "hard_sms_messages", "hard_sms_test", "hardest_share", "hold_out", "in_batch_loss",
    "info_nce", "interpolate", "interval", "iso_score", "joint_scores", "k_means",
    "keep_blocks", "latent_forgetting", "least_forgetting", "linear_probe", "load",
    "make_probe", "mask_spans", "mask_tokens", "mean_cosine", "measure_forgetting",
    "merge_lora", "most_frequent_senses", "negative_weights", "next_sentence_pairs", "no_grad",
    "nt_xent", "num_trainable", "participation_ratio", "partition_score", "pass_at_k",
    "perplexity", "plots", "pool", "ppmi_svd", "precision_recall", "prediction_drift",
    "pretrain", "primitive", "pseudo_words", "purity", "quantize", "rdm", "read_answers",
    "read_conll", "read_conllu", "read_jsonl", "read_labelled", "read_pairs", "read_records",
    "read_scored", "read_tagged", "read_text", "refit_head", "replay_afterwards",
    "representation_drift", "rerank", "retrieval_metrics", "roc_auc", "rouge_l", "rouge_n",
    "rsa", "save", "savings", "set_dropout", "set_threads", "simcse_loss", "slanted_triangular",
    "sms_fixture", "sms_messages", "sms_test", "split", "squad_scores", "sum_of_last",
    "supcon_loss", "switched_off", "tag_metrics", "threshold_curve", "trace",
    "train_bi_encoder", "train_classifier", "train_contrastive", "train_sequence",
    "train_steps", "train_student", "train_student_encoder", "trainable", "triplet_loss",
    "unfreeze", "unfreeze_body", "uniformity", "uses_of", "v_measure", "warmup_cosine",
    "warmup_linear", "weight_drift", "word_states", "word_vectors",
    "write_pretrained",
]
