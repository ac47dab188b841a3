"""Tumour growth in mice: volumes, growth rates by a mixed model, treatment to control, time to doubling, toxicity."""
