"""Sound files: decoding of any file in any state, and deterministic encoding of MP3 and FLAC."""
