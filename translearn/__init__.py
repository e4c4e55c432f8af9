"""translearn: an experiment runner for transfer learning."""

__version__ = "0.2.0"
