"""Training sequences from documents: single segments, and pairs for next-sentence prediction.

    [CLS] A [SEP]              a run of sentences of one document
    [CLS] A [SEP] B [SEP]      B follows A (label 1), or comes from elsewhere (label 0)

(Devlin et al. 2019, section 3.1; Jurafsky & Martin, section 11.2.2.) All sentences are tokenized
once and stand end to end in one array; a sequence is a few slices of it.
"""

from __future__ import annotations

import numpy as np

from npft.errors import ConfigError, DataError, check_items, check_rng, check_strings
from npft.text.batch import Batch
from npft.text.tokenizer import Tokenizer

Documents = list[list[str]]


def document_lists(documents: Documents) -> Documents:
    """Documents as lists of sentences, which can be read more than once, as generators cannot.

    Raises ``DataError`` for a document that is a string, whose sentences would be its letters, and
    ``DtypeError`` for what is no list, or a sentence that is no string.

    >>> document_lists(iter([("one", "two")]))
    [['one', 'two']]
    """
    if isinstance(documents, str):
        documents = [documents]  # told below, as one of the same mistakes
    documents = list(check_items("documents", documents, "documents"))
    if any(isinstance(d, str) for d in documents):
        raise DataError(
            "pretraining: a document is a string, expected a list of sentences: "
            '[["First one.", "Second."], ["Another document."]]'
        )
    return [check_strings(f"document {d}", sentences) for d, sentences in enumerate(documents)]


def gather_spans(source: np.ndarray, starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """The slices source[start : start + length], end to end, without a loop.

    >>> gather_spans(np.array([10, 11, 12, 13]), np.array([2, 0]), np.array([2, 1]))
    array([12, 13, 10])
    """
    ends = np.cumsum(lengths)
    return source[np.arange(ends[-1]) + np.repeat(starts - ends + lengths, lengths)]


class Corpus:
    """Documents as one array of tokens, with the borders of sentences and documents.

    tokens (N,), sentence (S + 1,) where each sentence begins, document (S,) the document each
    sentence is in.
    Raises ``DataError`` if there is no sentence with a token, and what ``document_lists`` raises.
    """

    def __init__(self, documents: Documents, tokenizer: Tokenizer) -> None:
        encoded = [
            (d, ids)
            for d, sentences in enumerate(document_lists(documents))
            for ids in map(tokenizer.encode, sentences)
            if ids
        ]
        if not encoded:
            raise DataError("pretraining: the documents hold no token; give some text")
        self.tokenizer = tokenizer
        self.document = np.array([d for d, _ in encoded])
        self.sentence = np.cumsum([0] + [len(ids) for _, ids in encoded])
        self.tokens = np.concatenate([np.array(ids, dtype=np.int64) for _, ids in encoded])
        last = np.searchsorted(self.document, self.document, side="right")
        self.document_end = self.sentence[last]  # (S,) where the sentence's document ends

    def __len__(self) -> int:
        return len(self.document)

    def starts(self, followed: bool) -> np.ndarray:
        """The sentences a sequence may begin with; ``followed``: only those with a next one."""
        if not followed:
            return np.arange(len(self))
        starts = np.flatnonzero(self.document[:-1] == self.document[1:])
        if len(starts) == 0:
            raise DataError(
                "next-sentence pairs: no document has two sentences; put the sentences of a "
                "document on lines of their own, or train without next-sentence prediction"
            )
        return starts

    def fill(self, starts: np.ndarray, room: int) -> np.ndarray:
        """From each starting sentence, as many whole sentences as fit into ``room`` tokens.

        At least one, and none of another document. Returns the sentence after the last one (n,).
        """
        limit = np.minimum(self.sentence[starts] + room, self.document_end[starts])
        stop = np.searchsorted(self.sentence, limit, side="right") - 1
        return np.maximum(stop, starts + 1)

    def segments(self, starts: np.ndarray, max_length: int) -> Batch:
        """[CLS] A [SEP] for each starting sentence, cut to ``max_length`` tokens."""
        room = self.room(max_length, 2)
        a = self.sentence[starts]
        length = np.minimum(self.sentence[self.fill(starts, room)] - a, room)
        return self._assemble([a], [length], None)

    def pairs(self, starts: np.ndarray, max_length: int, *, rng: np.random.Generator) -> Batch:
        """[CLS] A [SEP] B [SEP] for each starting sentence, with label 1 where B follows A.

        A and B each take up to half the room. Half of the pairs, by the toss of a coin, get a B
        that begins at a random sentence of another document (of the same one if there is only
        one document), which never is the sentence that follows A.
        """
        room = self.room(max_length, 3) // 2
        middle = self._middle(starts, room)
        follows = rng.random(len(starts)) < 0.5
        second = np.where(follows, middle, self._elsewhere(starts, middle, rng))
        a, b = self.sentence[starts], self.sentence[second]
        la = np.minimum(self.sentence[middle] - a, room)
        lb = np.minimum(self.sentence[self.fill(second, room)] - b, room)
        return self._assemble([a, b], [la, lb], follows.astype(np.int64))

    def ordered(self, starts: np.ndarray, max_length: int, *, rng: np.random.Generator) -> Batch:
        """[CLS] A [SEP] B [SEP] of neighbouring segments: label 1 in their order, 0 exchanged.

        Both come from one place, so their topic gives nothing away, as it does of a random B
        (Lan et al. 2020, "ALBERT", section 3.1: sentence-order prediction).
        """
        room = self.room(max_length, 3) // 2
        middle = self._middle(starts, room)
        a, b = self.sentence[starts], self.sentence[middle]
        la = np.minimum(b - a, room)
        lb = np.minimum(self.sentence[self.fill(middle, room)] - b, room)
        kept = rng.random(len(starts)) < 0.5
        first, second = np.where(kept, a, b), np.where(kept, b, a)
        sizes = np.where(kept, la, lb), np.where(kept, lb, la)
        return self._assemble([first, second], list(sizes), kept.astype(np.int64))

    def _middle(self, starts: np.ndarray, room: int) -> np.ndarray:
        """The sentence after segment A; a document must not end with A."""
        middle = self.fill(starts, room)
        same = self.document[np.minimum(middle, len(self) - 1)] == self.document[starts]
        return np.where((middle < len(self)) & same, middle, starts + 1)

    def _elsewhere(self, starts: np.ndarray, middle: np.ndarray, rng) -> np.ndarray:
        """A random sentence of another document for each start; never the sentence ``middle``."""
        first = np.searchsorted(self.document, self.document[starts])
        size = np.searchsorted(self.document, self.document[starts], side="right") - first
        outside = len(self) - size
        u = rng.random(len(starts))
        pick = np.floor(u * outside).astype(np.int64)
        pick += np.where(pick >= first, size, 0)  # step over the document
        if np.all(outside > 0):
            return pick
        within = np.floor(u * (len(self) - 1)).astype(np.int64)
        within += within >= middle  # step over the true next sentence
        return np.where(outside > 0, pick, within)

    def room(self, max_length: int, specials: int) -> int:
        room = max_length - specials
        if room < 2:
            raise ConfigError(
                f"pretraining: max_length is {max_length}, expected at least {specials + 2}"
            )
        return room

    def _assemble(self, starts: list, lengths: list, labels: np.ndarray | None) -> Batch:
        """Put [CLS] before and [SEP] after the slices of each sequence; types 0 and 1."""
        n, n_tokens = len(starts[0]), len(self.tokens)
        source = np.append(self.tokens, [self.tokenizer.cls_id, self.tokenizer.sep_id])
        one, cls, sep = np.ones(n, np.int64), np.full(n, n_tokens), np.full(n, n_tokens + 1)
        begin, size, types = [cls], [one], [0]
        for segment, (start, length) in enumerate(zip(starts, lengths)):
            begin += [start, sep]
            size += [length, one]
            types += [segment, segment]
        sizes = np.stack(size, axis=1)  # (n, slices)
        ids = gather_spans(source, np.stack(begin, axis=1).ravel(), sizes.ravel())
        token_types = np.repeat(np.tile(types, n), sizes.ravel())
        return Batch(ids, np.append(0, np.cumsum(sizes.sum(axis=1))), token_types, labels)


def next_sentence_pairs(
    documents: Documents, tokenizer: Tokenizer, *, max_length: int = 64, rng: np.random.Generator
) -> Batch:
    """One pair for each sentence that has a next one, half of them true, in random order.

    Label 1: the second segment follows the first. Label 0: it comes from another document.
    Raises ``DataError`` if no document has two sentences.

    >>> from npft.text.bytes import ByteTokenizer
    >>> tok = ByteTokenizer()
    >>> pairs = next_sentence_pairs(
    ...     [["ab", "cd"], ["ef", "gh"]], tok, rng=np.random.default_rng(2))
    >>> [tok.decode(pairs[[i]].ids) for i in range(2)], pairs.labels.tolist()
    (['abcd', 'efcd'], [1, 0])
    """
    check_rng("next_sentence_pairs: rng", rng)
    corpus = Corpus(documents, tokenizer)
    starts = rng.permutation(corpus.starts(followed=True))
    return corpus.pairs(starts, max_length, rng=rng)
