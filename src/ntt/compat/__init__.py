"""The integration guide's constructor, YAML files and key names."""
