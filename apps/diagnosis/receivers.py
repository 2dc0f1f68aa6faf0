"""What diagnosis does when studies receive something."""
