"""translearn: an experiment runner for transfer learning."""

__version__ = "0.1.0"
