"""What touches a phone. Nothing is here yet: latencies are measured on the host."""
