"""Ten tasks with gold labels: ``figures/tasks.json``."""

from saying import Said, of, read, spread, table

# name in the page and number of labels (figures/tasks.py, SETTINGS)
TASKS = {
    "topic": ("topic", 8), "sentiment": ("sentiment", 1500), "pos": ("parts of speech", 120),
    "entities": ("entities", 120), "senses": ("senses", 2000), "nli": ("entailment", 8000),
    "next_sentence": ("next sentence", 2000), "questions": ("questions", 8000),
    "similarity_synonyms": ("similarity, synonyms only", 8000),
    "similarity_words": ("similarity, shared words", 8000),
}  # fmt: skip


def claims():
    cells = read("tasks")

    def shown(task, name, as_mean=False):
        values = [c[name] for c in of(cells, task=task) if c[name] is not None]
        if not values:
            return ""
        said = spread(values)
        return said.split(" ")[0] if as_mean or not any(values) else said

    yield table(
        ["task", "labels", "words alone", "order lost (2 seeds)", "tuned"],
        *([name, f"{labels:,}", shown(task, "words"), shown(task, "blind", True),
           shown(task, "tuned")] for task, (name, labels) in TASKS.items()),
    )
    yield Said("neither helpless nor perfect (0.80 to 0.98)")  # LOW and HIGH of figures/tasks.py
