"""The tokenizer of a Hugging Face folder, in and out: WordPiece, or byte-level BPE.

    vocab.txt                  the pieces of a WordPiece, one a line
    tokenizer.json             the same, or the pieces and merges of a byte-level BPE, with options
    vocab.json, merges.txt     a byte-level BPE as GPT-2 and RoBERTa were published
    tokenizer_config.json      whether text is made lower case, whether it gets a space before it

An option that means something else than what is computed here is refused: a text that is cut in
another way would become other numbers, and nothing would show it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from npft.atomic import shown, write_bytes
from npft.encoder.hub_files import read_json
from npft.errors import CheckpointError, ConfigError, DataError, NpftError, listed, quoted
from npft.text.byte_level import ByteLevelBPE
from npft.text.byte_level import SPECIALS as ROBERTA_SPECIALS
from npft.text.tokenizer import Tokenizer
from npft.text.wordpiece import SPECIALS as BERT_SPECIALS
from npft.text.wordpiece import WordPiece

OPTIONS, VOCAB, WHOLE = "tokenizer_config.json", "vocab.txt", "tokenizer.json"
PIECES, MERGES = "vocab.json", "merges.txt"
SENTENCEPIECE = ("sentencepiece.bpe.model", "spiece.model", "spm.model", "tokenizer.model")
ROLES = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")  # as both SPECIALS
WORDPIECE = {  # how a WordPiece cuts a word, in tokenizer.json
    "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
    "max_input_chars_per_word": 100,
}  # fmt: skip
BASIC = {  # how it finds the words, in tokenizer_config.json
    "do_basic_tokenize": True, "tokenize_chinese_chars": True, "word_tokenizer_type": "basic",
    "subword_tokenizer_type": "wordpiece",
}  # fmt: skip
EXPECTED = "expected WordPiece (vocab.txt) or byte-level BPE (vocab.json and merges.txt)"


def read_tokenizer(folder: Path) -> Tokenizer | None:
    """The tokenizer of a folder; None where there is none.

    Raises ``CheckpointError`` or ``DataError`` that names the file, for a kind of tokenizer or an
    option that npft does not have, or a vocabulary that cannot be used.
    """
    options = read_json(folder / OPTIONS) if (folder / OPTIONS).is_file() else {}
    whole = read_json(folder / WHOLE) if (folder / WHOLE).is_file() else {}
    whole = {name: _unwrapped(part) for name, part in whole.items()}
    _check_added(folder / WHOLE, whole.get("added_tokens"))
    if (folder / VOCAB).is_file():
        lowercase = _checked_wordpiece(folder, options, whole)
        tok = WordPiece.from_vocab(folder / VOCAB, lowercase=lowercase)
        _check_same(folder, tok.vocab, whole)
        return tok
    if (folder / PIECES).is_file() and (folder / MERGES).is_file():
        return _byte_level(folder, folder / PIECES, options, whole, *_two_files(folder))
    if whole:
        return _of_one_file(folder, options, whole)
    for name in SENTENCEPIECE:
        if (folder / name).is_file():
            raise CheckpointError(f"{shown(folder / name)}: is of SentencePiece, {EXPECTED}")
    return None


def _of_one_file(folder: Path, options: dict[str, Any], whole: dict[str, Any]) -> Tokenizer:
    """The tokenizer that tokenizer.json describes alone."""
    path, model = folder / WHOLE, whole.get("model")
    kind = model.get("type") if isinstance(model, dict) else None
    if not isinstance(model, dict) or kind not in ("WordPiece", "BPE"):
        of = " (SentencePiece)" if kind == "Unigram" else ""
        raise CheckpointError(f"{shown(path)}: its model is {quoted(kind)}{of}, {EXPECTED}")
    vocab = _in_order(path, model.get("vocab"), whole.get("added_tokens"))
    if kind == "WordPiece":
        lowercase = _checked_wordpiece(folder, options, whole)
        return _made(path, lambda: WordPiece(vocab, lowercase=lowercase))
    merges = model.get("merges")
    if not isinstance(merges, list):
        raise CheckpointError(f"{shown(path)}: has no list of merges")
    pairs = [tuple(m.split(" ")) if isinstance(m, str) else tuple(m) if isinstance(m, list) else m
             for m in merges]  # fmt: skip
    return _byte_level(folder, path, options, whole, vocab, pairs)


def _in_order(path: Path, vocab: Any, added: Any = None) -> list[str]:
    """The pieces of a vocabulary {piece: number}, and those that were added to it, by number."""
    numbers = _numbers(vocab, added) if isinstance(vocab, dict) else None
    try:
        if numbers is None or sorted(numbers.values()) != list(range(len(numbers))):
            raise ValueError
        return sorted(numbers, key=numbers.__getitem__)
    except (ValueError, TypeError):
        raise CheckpointError(
            f"{shown(path)}: its vocabulary does not number pieces from 0 on"
        ) from None


def _numbers(vocab: dict[str, Any], added: Any) -> dict[str, Any]:
    """The numbers of the pieces of a vocabulary, and of those added that it has not."""
    return {token["content"]: token.get("id") for token in added or []} | vocab


def _check_added(path: Path, added: Any) -> None:
    """Raise ``CheckpointError`` unless all tokens that were added are special: no text makes one.

    One that is not special would be looked for in a text before it is cut.
    """
    if added is None:
        return
    if not isinstance(added, list) or not all(
        isinstance(token, dict) and isinstance(token.get("content"), str) for token in added
    ):
        raise CheckpointError(
            f"{shown(path)}: added_tokens is no list of tokens, each with its content"
        )
    for token in added:
        if token.get("special") is not True:
            raise CheckpointError(
                f"{shown(path)}: the added token {quoted(token.get('content'))} is not special; "
                "npft has no tokens beside those of the vocabulary"
            )


def _check(path: Path, given: dict[str, Any], usual: dict[str, Any], part: str = "") -> None:
    """Raise ``CheckpointError`` for an option that is there and says something else.

    part: the part of the file that it stands in, for the message.
    """
    for name, value in usual.items():
        if given.get(name, value) != value:
            where = f"{part}.{name}" if part else name
            raise CheckpointError(
                f"{shown(path)}: {where} is {quoted(given[name])}, npft cuts text by {value!r}"
            )


def _unwrapped(part: Any) -> Any:
    """A part of tokenizer.json; of a sequence of one part, that part, which does the same."""
    while isinstance(part, dict) and part.get("type") == "Sequence":
        inner = part.get("pretokenizers", part.get("normalizers"))
        if not isinstance(inner, list) or len(inner) != 1:
            break
        part = inner[0]
    return part


def _part(whole: dict[str, Any], name: str) -> dict[str, Any]:
    """A part of tokenizer.json, empty where there is none."""
    found = whole.get(name)
    return found if isinstance(found, dict) else {}


def _checked_wordpiece(folder: Path, options: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether a WordPiece makes text lower case, once its options are known to be those of BERT.

    What is not there is as usual; what is there and null is not: it does nothing to a text.
    """
    path = folder / WHOLE
    usual = {"normalizer": "BertNormalizer", "pre_tokenizer": "BertPreTokenizer"}
    for name, kind in usual.items():
        if name in whole and not isinstance(whole[name], dict):
            _check(path, whole, {name: kind})
    words = {"type": usual["pre_tokenizer"]}
    _check(path, _part(whole, "pre_tokenizer"), words, "pre_tokenizer")
    _check(path, _part(whole, "model"), WORDPIECE, "model")
    _check(folder / OPTIONS, options, BASIC)
    if options.get("never_split"):
        _check(folder / OPTIONS, options, {"never_split": None})
    _check_specials(folder / OPTIONS, options, BERT_SPECIALS)
    return _lowercase(folder, options, whole)


def _check_specials(path: Path, options: dict[str, Any], usual: tuple[str, ...]) -> None:
    """Raise ``CheckpointError`` for special tokens of other names; each may be an object of one."""
    for role, name in zip(ROLES, usual):
        given = options.get(role)
        content = given.get("content") if isinstance(given, dict) else given
        if content is not None:
            _check(path, {role: content}, {role: name})


def _check_same(folder: Path, vocab: tuple[str, ...], whole: dict[str, Any]) -> None:
    """Raise ``CheckpointError`` unless the vocabulary of tokenizer.json, if any, is this one.

    A token that was added there may stand in both files, or in tokenizer.json alone.
    """
    other = _part(whole, "model").get("vocab")
    if not isinstance(other, dict):
        return
    added = [token for token in whole.get("added_tokens") or [] if token["content"] in vocab]
    numbers = _numbers(other, added)
    other = {piece.rstrip() or piece: number for piece, number in numbers.items()}  # as from_vocab
    unlike = [i for i, piece in enumerate(vocab) if other.get(piece) != i]
    if unlike or len(other) != len(vocab):
        i = unlike[0] if unlike else len(vocab)
        there = [piece for piece, number in other.items() if number == i]
        raise CheckpointError(
            f"{shown(folder / VOCAB)}: piece {i} is {listed(map(quoted, vocab[i : i + 1])) or None}"
            f", in {WHOLE} {listed(map(quoted, there)) or None}; one of both is of another model; "
            f"remove {WHOLE} if {VOCAB} is right"
        )


def _lowercase(folder: Path, options: dict[str, Any], whole: dict[str, Any]) -> bool:
    """Whether a WordPiece makes text lower case; its accents go where its capitals go."""
    normalizer = _part(whole, "normalizer")
    lowercase = options.get("do_lower_case", normalizer.get("lowercase", True))
    path = folder / (OPTIONS if "do_lower_case" in options else WHOLE)
    if not isinstance(lowercase, bool):
        raise CheckpointError(f"{shown(path)}: lower case is {quoted(lowercase)}")
    if normalizer:
        accents = {True: (None, True), False: (None, False)}[lowercase]
        usual = {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True}
        _check(folder / WHOLE, normalizer, usual, "normalizer")
        if normalizer.get("strip_accents") not in accents:
            _check(folder / WHOLE, normalizer, {"strip_accents": lowercase}, "normalizer")
    if options.get("strip_accents") not in (None, lowercase):
        _check(folder / OPTIONS, options, {"strip_accents": lowercase})
    return lowercase


def _two_files(folder: Path) -> tuple[list[str], list[tuple[str, ...]]]:
    """The pieces of vocab.json and the pairs of merges.txt."""
    path = folder / MERGES
    try:
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{shown(path)}: cannot be read: {error!s:.200}") from None
    pairs = []
    for i, line in enumerate(lines):
        if line and not line.startswith("#version"):
            pairs.append(tuple(line.split(" ")))
            if len(pairs[-1]) != 2:
                raise DataError(f"is {quoted(line)}, expected two pieces", path=path, line=i + 1)
    return _in_order(folder / PIECES, read_json(folder / PIECES)), pairs


def _byte_level(
    folder: Path, path: Path, options: dict[str, Any], whole: dict[str, Any], vocab: list[str],
    merges: Any,
) -> ByteLevelBPE:  # fmt: skip
    """A byte-level BPE, once its options are known to be those of GPT-2 and RoBERTa."""
    model, cut = _part(whole, "model"), _part(whole, "pre_tokenizer")
    usual = {"dropout": None, "byte_fallback": False, "ignore_merges": False}
    _check(folder / WHOLE, model, usual, "model")
    for name in ("continuing_subword_prefix", "end_of_word_suffix"):
        _check(folder / WHOLE, {name: model.get(name) or ""}, {name: ""}, "model")
    if whole:
        _check(folder / WHOLE, {"pre_tokenizer": cut.get("type")}, {"pre_tokenizer": "ByteLevel"})
        _check(folder / WHOLE, cut, {"use_regex": True}, "pre_tokenizer")
        _check(folder / WHOLE, {"normalizer": whole.get("normalizer")}, {"normalizer": None})
    missing = [name for name in ROBERTA_SPECIALS if name not in vocab]
    if missing:
        raise CheckpointError(
            f"{shown(path)}: has no {' '.join(missing)}; npft reads the byte-level BPE of RoBERTa"
        )
    _check_specials(folder / OPTIONS, options, ROBERTA_SPECIALS)
    space = options.get("add_prefix_space", cut.get("add_prefix_space", False))
    return _made(path, lambda: ByteLevelBPE(vocab, merges, add_prefix_space=space))


def _made(path: Path, make: Any) -> Any:
    """What ``make`` makes; its errors name the file."""
    try:
        return make()
    except NpftError as error:
        raise CheckpointError(f"{shown(path)}: {error!s:.500}") from None


def tokenizer_files(tok: Tokenizer | None) -> tuple[str, ...]:
    """The names of the files that ``write_tokenizer`` writes; of none, none."""
    if tok is None:
        return ()
    return (VOCAB, OPTIONS) if isinstance(tok, WordPiece) else (PIECES, MERGES, OPTIONS)


def write_tokenizer(folder: Path, tok: Tokenizer, longest: int) -> None:
    """Write the files from which ``transformers`` makes the same tokenizer.

    Raises ``ConfigError`` for a kind that it does not have, and for a piece that a line of a file
    cannot hold: what is read would have other pieces behind it.
    """
    files: dict[str, bytes]
    options: dict[str, Any] = {"model_max_length": longest}
    if isinstance(tok, WordPiece):
        _refuse_lines(VOCAB, [p for p in tok.vocab if not p or (p.rstrip() or p) != p
                              or "\n" in p or "\r" in p])  # fmt: skip
        files = {VOCAB: "".join(f"{piece}\n" for piece in tok.vocab).encode()}
        options |= {"tokenizer_class": "BertTokenizer", "do_lower_case": tok.lowercase}
    elif isinstance(tok, ByteLevelBPE):
        pairs = tok.to_dict()["merges"]
        _refuse_lines(MERGES, [f"{a} {b}" for a, b in pairs if f"{a} {b}".split() != [a, b]
                               or a.startswith("#version")])  # fmt: skip
        merges = "".join(f"{a} {b}\n" for a, b in pairs)
        numbers = {piece: i for i, piece in enumerate(tok.vocab)}
        files = {PIECES: json.dumps(numbers, ensure_ascii=False).encode(),
                 MERGES: f"#version: 0.2\n{merges}".encode()}  # fmt: skip
        options |= {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": tok.add_prefix_space}
    else:
        raise ConfigError(
            f"write_pretrained: the tokenizer is {type(tok).__name__}, {EXPECTED}"
        )
    files[OPTIONS] = (json.dumps(options, indent=2) + "\n").encode()
    for name, content in files.items():
        write_bytes(folder / name, content)


def _refuse_lines(name: str, lines: list[str]) -> None:
    """Raise ``ConfigError`` if there are such lines, which would be read as others, or as none."""
    if lines:
        raise ConfigError(
            f"write_pretrained: the tokenizer has {listed(map(quoted, lines))}, which cannot stand "
            f"in a line of {name}; make a tokenizer without it"
        )
