"""The commands of ``mixnet-bench``: options and help; the work is imported when called."""
