"""The tour behind `corpusmill demo`: a crawl of Python's own documentation server, to a trained model."""
