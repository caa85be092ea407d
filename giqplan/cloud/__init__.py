"""The only room that imports google.* and kubernetes: sessions, endpoints, credentials, retries."""
