"""What touches a phone: adb, the parsers of what it says, files put there, runs, conditions."""
