"""Policies that wrap a policy."""
