"""Set-up and checks of a checkout. Standard library only: they run before anything is installed."""
