"""Access to phones: adb, the parsers of its output, files on the phone, runs, conditions."""
