"""Programs run on a phone, detached from the cable, and what they bring back."""
