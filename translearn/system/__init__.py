"""What stands between a command and the machine: its terminal, signals, disks and locks."""
