"""What the tests share: fixtures and small tools, each in the file that its subject names."""
