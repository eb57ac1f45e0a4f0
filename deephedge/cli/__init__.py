"""The command line."""

from deephedge.cli.app import main as main
