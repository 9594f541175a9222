"""The heads: what each task adds to a body, a file a head.

Read in this order: classes, grades, tags, crf, thresholds, span_tags, answers; then those of
pretraining: pairs, words, boundary; and cloze, which classifies with the head for words.
Last hub: the heads of Hugging Face folders.
"""
