"""A real encoder beside others: ``hub`` of ``figures/measured.json``."""

from saying import Said, measured, table


def claims():
    found = measured("hub")

    def ratio(name, threads, better_above=False):
        middle, low, high = found[name][threads]
        bold = "**" if not better_above and middle > 1 else ""
        return f"{bold}{middle:.2f}{bold} [{low:.2f}, {high:.2f}]"

    def against(threads):
        ours, theirs = found["texts_a_second"][threads]
        return f"{ratio('sentence_transformers', threads, True)} ({ours} for {theirs})"

    far = f"{found['difference']:.0e}".replace("e-0", "e-")
    load, low, high = found["load"]
    spearman, int8 = found["spearman"], found["spearman_int8"]
    yield Said("{:.1f} times the texts of sentence-transformers",
               found["sentence_transformers"]["1"][0])
    yield Said("on {:,} text messages: tokenised, encoded, pooled", found["texts"])
    yield table(
        ["", "1 thread", "2 threads", "aim"],
        ["texts a second / sentence-transformers 6.2 (PyTorch)", against("1"), against("2"),
         "1.8, 1.6"],
        ["texts a second / onnxruntime 1.32, sorted, batches of 32",
         ratio("onnxruntime", "1", True), ratio("onnxruntime", "2", True), "0.75, 0.60"],
        ["time of a full fine-tuning step of 32 messages / PyTorch, padded",
         f"{ratio('step', '1')} ({found['step_seconds']:.1f} s)", ratio("step", "2"), "0.6, 0.7"],
        ["largest difference of two vectors", far, far, "1e-5"],
        ["peak memory / sentence-transformers",
         f"{found['memory']:.2f} ({found['memory_mb']} MB)", "", "1.0"],
        ["time to load, import included / sentence-transformers",
         f"{load:.2f} [{low:.2f}, {high:.2f}] ({found['load_seconds']:.1f} s)", "", "0.2"],
        ["Spearman on the STS benchmark, test part", f"{spearman:.4f}, as sentence-transformers",
         f"int8: {int8:.4f}", "equal; -0.005"],
    )
