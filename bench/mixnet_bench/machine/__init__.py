"""What this machine is: its processor, its cores, its load."""
