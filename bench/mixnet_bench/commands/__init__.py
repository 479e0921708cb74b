"""One module a command: options, call, print, exit status. Nothing below imports it."""
