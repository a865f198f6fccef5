"""What a verification found, told to people (terminal, HTML) and to machines (JSON, JUnit). Pure."""

from .model import Framework, Report, to_json

__all__ = ["Framework", "Report", "to_json"]
