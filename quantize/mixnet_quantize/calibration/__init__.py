"""From what observers saw to the range of each tensor."""
