"""The commands of ``mixnet-bench devices``: what they do and print."""
