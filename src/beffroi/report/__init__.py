"""What a verification found, told to people (terminal, HTML) and to machines (JSON, JUnit). Pure."""

from .model import Report, to_json

__all__ = ["Report", "to_json"]
