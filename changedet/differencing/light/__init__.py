"""What light does between two dates: radiometry, brightness and colour, moved shadows."""
