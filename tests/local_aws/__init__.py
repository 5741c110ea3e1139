"""Tests of the local AWS, over HTTP as any client reaches it."""
