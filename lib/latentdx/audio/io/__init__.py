"""Sound files: robust decoding of any file, and deterministic encoding as MP3 and FLAC."""
