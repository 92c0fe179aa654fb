"""Text of benchmarks in documents: found, reported, cut out; importing this loads nothing.

benchmark_files.py   JSONL files -> items          word_characters.py   what words are made of
ngrams_kernel.py     words, n-grams, look-ups      index.py             items -> table; a document -> matched items
cutting.py           what is left of a text        stage.py             columns, rules and edits
"""
