"""Flow control, written once inside the application of lab 3, and carried below it ever since."""
