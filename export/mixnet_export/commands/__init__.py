"""The commands of ``mixnet-export``: options, call, print, exit status."""
