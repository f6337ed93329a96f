"""What a user does with a trained model: program a synth from a sound."""
