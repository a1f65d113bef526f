"""What this plugin gives the core; imports nothing heavy."""

mirctl_api = 1
