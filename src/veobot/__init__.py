"""A Discord bot that makes videos with Vertex AI Veo and never loses a request."""

__version__ = "0.1.0"
