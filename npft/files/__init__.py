"""What the command line does with a user's files: from files to models and figures of merit.

Each verb is one function that returns its results as one dict of plain numbers and lists, ready
for JSON, and beside it stands the function that puts them into lines to read. Results depend on
the input and the seed alone; times are kept apart, in ``timings.json``.

Read in this order: lock, output, ending, pretrain, domains, memory, tasks, report, vectors,
finetune, forgetting, evaluate, predict, embed, search, similarity, arguments.
"""
