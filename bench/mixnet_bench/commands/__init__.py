"""One module per command: options, call, print, exit status. Lower layers do not import it."""
