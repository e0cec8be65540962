"""What a flight leaves for people and programs to read: its record, its tables, its explanation of a failure."""
