"""fastText's supervised models without fastText: read a model file, score the labels of whole Arrow columns.

find.py            where a model lies: a path, the cache, a model hub
reader.py          the file format -> tables                 model.py          a model in memory, and what it predicts
hidden_kernel.py   text -> mean of rows                      labels_kernel.py  mean of rows -> scores of the labels
rows_kernel.py     adding rows of a matrix                   token_cache_kernel.py  sums of tokens that are kept
sample_kernel.py   long texts -> pieces of them              training.py       labelled texts -> a model file
"""
