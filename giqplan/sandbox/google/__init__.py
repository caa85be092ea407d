"""The Google Cloud APIs of the sandbox, by their REST wire formats."""
