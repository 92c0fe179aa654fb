"""Reading web archives (WARC): finding records, decoding HTTP responses, and the source built on both."""
